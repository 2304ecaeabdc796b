//! Where results go.

use std::path::Path;

use gtn_run::atomic::{self, Existing};
use ndarray::{Array2, Array4, Axis};

use crate::failure::Failure;

/// What the name given to `--out` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Png,
    Npy,
    Folder,
}

/// Samples to be written.
pub(crate) enum Samples {
    Images(Array4<f32>),
    Vectors(Array2<f32>),
}

/// Reads the kind off the name and refuses what cannot be written, before any work is done.
pub(crate) fn kind(out: &Path, vectors: bool, force: bool) -> Result<Kind, Failure> {
    let ending = out.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let kind = match ending.as_deref() {
        Some("png") => Kind::Png,
        Some("npy") => Kind::Npy,
        None => Kind::Folder,
        Some(other) => {
            return Err(Failure::users(format!(
                "--out {}: cannot write .{other}; give a name that ends in .png or .npy, or a folder",
                out.display()
            )));
        }
    };
    if vectors && kind != Kind::Npy {
        return Err(Failure::users(format!("--out {}: vectors go into a .npy file", out.display())));
    }
    match kind {
        Kind::Folder => {
            let occupied = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
            if occupied && !force {
                return Err(Failure::users(format!(
                    "folder {} is not empty; choose another, or give --force to write into it",
                    out.display()
                )));
            }
            if out.is_file() {
                return Err(Failure::users(format!("{} is a file, and a folder is needed", out.display())));
            }
        }
        _ => refuse_existing(out, force)?,
    }
    Ok(kind)
}

/// Refuses a file that is there, unless it may be replaced, and a file in a folder that is not there.
pub(crate) fn refuse_existing(out: &Path, force: bool) -> Result<(), Failure> {
    if !force && std::fs::symlink_metadata(out).is_ok() {
        return Err(gtn_run::Error::Exists { path: out.to_path_buf() }.into());
    }
    match out.parent() {
        Some(parent) if parent != Path::new("") && !parent.is_dir() => {
            Err(Failure::users(format!("cannot write {}: there is no folder {}", out.display(), parent.display())))
        }
        _ => Ok(()),
    }
}

/// What an atomic write does with a file that is there.
pub(crate) fn existing(force: bool) -> Existing {
    if force { Existing::Replace } else { Existing::Refuse }
}

/// Writes samples as `kind` says.
pub(crate) fn write(out: &Path, kind: Kind, samples: &Samples, force: bool) -> Result<(), Failure> {
    match (kind, samples) {
        (Kind::Npy, Samples::Images(images)) => {
            atomic::write(out, existing(force), |file| gtn_data::arrays::write_npy(file, images.view()))?;
        }
        (Kind::Npy, Samples::Vectors(vectors)) => {
            atomic::write(out, existing(force), |file| gtn_data::arrays::write_npy(file, vectors.view()))?;
        }
        (Kind::Png, Samples::Images(images)) => {
            let columns = (images.len_of(Axis(0)) as f64).sqrt().ceil() as usize;
            let png = gtn_report::grid::grid(images.view(), columns.max(1))?.to_png()?;
            atomic::write(out, existing(force), |file| file.write_all(&png))?;
        }
        (Kind::Folder, Samples::Images(images)) => {
            std::fs::create_dir_all(out).map_err(gtn_run::Error::io("create", out))?;
            for (index, image) in images.axis_iter(Axis(0)).enumerate() {
                let png = gtn_report::grid::picture(image)?.to_png()?;
                atomic::write(&out.join(format!("{index:05}.png")), existing(force), |file| file.write_all(&png))?;
            }
        }
        (_, Samples::Vectors(_)) => return Err(Failure::users("vectors go into a .npy file")),
    }
    Ok(())
}
