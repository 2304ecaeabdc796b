//! `gtn export`: a model in one file.

use std::path::Path;

use gtn_models::Model;
use gtn_run::{ModelCard, Origin};

use crate::args::{Export, ModelFormat};
use crate::console;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Export) -> Result<(), Failure> {
    if !is_safetensors(&args.out) {
        return Err(Failure::users(format!(
            "--out {}: use a name that ends in .safetensors; gtn writes no pickles (.pt, .pth), and PyTorch reads the file with \
             safetensors.torch.load_file",
            args.out.display()
        )));
    }
    output::refuse_existing(&args.out, args.force)?;
    let model = Model::load(&args.run)?;
    if let Origin::Run { provenance, .. } = &model.card().origin
        && provenance.h_epochs.is_none()
    {
        console::status("note: the training of ĥ is not finished; the file has its best weights so far");
    }
    note_missing_encoder(model.card());
    match args.format {
        ModelFormat::Gtn => model.to_artifact()?.write(&args.out)?,
        ModelFormat::Torch => {
            if model.card().flow.is_some() {
                console::status(
                    "note: the flow is left out, because the PyTorch module generates by one pass of ĥ; --format gtn keeps it",
                );
            }
            model.to_torch()?.write(&args.out)?;
        }
    }
    console::print(&args.out.display().to_string());
    Ok(())
}

/// Whether the name is that of a safetensors file.
pub(crate) fn is_safetensors(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"))
}

/// Tells the user that images cannot be encoded.
pub(crate) fn note_missing_encoder(card: &ModelCard) {
    if let Some(reason) = card.missing_encoder() {
        console::status(&format!("note: the file has no encoder, because {reason}"));
    }
}
