//! Where the weights of the Inception networks are.

use std::path::{Path, PathBuf};

use gtn_models::InceptionVariant;

/// The file of the command line, or the one in the folder of the data sets; otherwise what to do.
pub(super) fn find(option: Option<&Path>, data_dir: &Path, variant: InceptionVariant) -> Result<PathBuf, String> {
    if let Some(path) = option {
        return Ok(path.to_path_buf());
    }
    let (found, option) = match variant {
        InceptionVariant::Fid => (gtn_data::inception::fid_weights(data_dir), "--fid-weights"),
        InceptionVariant::Torchvision => (gtn_data::inception::is_weights(data_dir), "--is-weights"),
    };
    found.ok_or_else(|| {
        format!(
            "the weights of the Inception network are not in {}; download them with `gtn data fetch inception`, or pass {option} \
             FILE",
            data_dir.join("inception").display()
        )
    })
}
