//! Where the weights of the Inception networks are.

use std::path::{Path, PathBuf};

use gtn_models::InceptionVariant;

/// The file of the command line, or the one in the folder of the data sets; otherwise what to do.
pub(super) fn find(option: Option<&Path>, data_dir: &Path, variant: InceptionVariant) -> Result<PathBuf, String> {
    if let Some(path) = option {
        return Ok(path.to_path_buf());
    }
    let (name, option) = match variant {
        InceptionVariant::Fid => ("pt_inception-2015-12-05-6726825d.pth", "--fid-weights"),
        InceptionVariant::Torchvision => ("inception_v3_google-0cc3c7bd.pth", "--is-weights"),
    };
    let found = Some(data_dir.join("inception").join(name)).filter(|path| path.is_file());
    found.ok_or_else(|| {
        format!(
            "the weights of the Inception network are not in {}; download them with `gtn data fetch inception`, or pass {option} \
             FILE",
            data_dir.join("inception").display()
        )
    })
}
