//! `gtn import`: a model from PyTorch files.

use std::path::{Path, PathBuf};

use gtn_models::{Model, StateDict, TorchImport};
use gtn_run::{AutoencoderCard, CoordinatesCard, HCard, ModelCard, RunFolder};

use crate::args::Import;
use crate::commands::export;
use crate::console;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &Import) -> Result<(), Failure> {
    let file = destination(&args.out, args.force)?;
    let h = StateDict::read(&args.torch_h)?;
    let autoencoder = args.torch_autoencoder.as_deref().map(StateDict::read).transpose()?;
    let TorchImport { model, unused_layers } = Model::from_torch(h, autoencoder, args.hidden_layers)?;
    let card = model.card();
    console::status(&describe(card));
    if let (Some(first), Some(last)) = (unused_layers.first(), unused_layers.last()) {
        let layers = match card.h {
            HCard::Mlp(h) => h.hidden_layers,
            HCard::Residual(h) => h.blocks,
        };
        console::status(&format!(
            "note: the layers {first} to {last} are left out, because ĥ applies {layers} hidden layers; --hidden-layers changes \
             this"
        ));
    }
    export::note_missing_encoder(card);
    let parent = gtn_io::atomic::parent_folder(&file);
    std::fs::create_dir_all(parent).map_err(gtn_io::Error::io("create", parent))?;
    let mut artifact = model.to_artifact()?;
    artifact.write(&file)?;
    console::print(&args.out.display().to_string());
    Ok(())
}

/// The file to write. A folder must be new or empty, or contain a model that may be overwritten.
fn destination(out: &Path, force: bool) -> Result<PathBuf, Failure> {
    if export::is_safetensors(out) {
        output::refuse_existing(out, force)?;
        return Ok(out.to_path_buf());
    }
    let (shown, file) = (out.display(), out.join(ModelCard::FILE_NAME));
    if RunFolder::at(out).config().exists() {
        return Err(Failure::users(format!("{shown} contains a run; choose another folder with --out")));
    }
    if out.is_dir() {
        let mut entries = std::fs::read_dir(out).map_err(gtn_io::Error::io("read", out))?.flatten();
        let is_other = |name: &str| name != ModelCard::FILE_NAME && !gtn_io::atomic::is_temporary(name);
        if entries.any(|entry| is_other(&entry.file_name().to_string_lossy())) {
            return Err(Failure::users(format!(
                "folder {shown} contains other files; choose another one, or a name that ends in .safetensors"
            )));
        }
        output::refuse_existing(&file, force)?;
    } else if out.exists() || out.extension().is_some_and(|ending| ["pt", "pth"].iter().any(|pt| ending == *pt)) {
        return Err(Failure::users(format!(
            "--out {shown}: use a name that ends in .safetensors, or that of a folder"
        )));
    }
    Ok(file)
}

/// The architecture in a line.
fn describe(card: &ModelCard) -> String {
    let mut text = match &card.h {
        HCard::Mlp(h) => format!(
            "ĥ: {} → {}, {} hidden layers of {}, {} with BatchNorm",
            h.input, h.output, h.hidden_layers, h.width, h.batch_norm_layers
        ),
        HCard::Residual(h) => format!("ĥ: {} → {}, {} residual blocks of {}", h.dim, h.dim, h.blocks, h.width),
    };
    if let Some(CoordinatesCard { system, components }) = card.coordinates {
        let s = if components == 1 { "" } else { "s" };
        text.push_str(&format!("; {components} component{s} in {system} coordinates"));
    }
    match &card.autoencoder {
        None => text.push_str("; no autoencoder"),
        Some(AutoencoderCard { channels, side, .. }) => {
            text.push_str(&format!("; images of {channels} × {side} × {side}"));
        }
    }
    text
}
