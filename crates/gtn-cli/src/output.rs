//! Output files of samples.

use std::path::Path;

use gtn_io::atomic::{self, Existing};
use gtn_report::grid;
use ndarray::{Array2, Array4, Axis};

use crate::failure::Failure;

/// The format that the name of `--out` selects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Png,
    Gif,
    Npy,
    Folder,
}

/// What to write.
pub(crate) enum Content {
    Images(Array4<f32>),
    Interpolations(Interpolations),
    Vectors(Array2<f32>),
}

/// Images of interpolations, one interpolation after the other.
pub(crate) struct Interpolations {
    pub(crate) images: Array4<f32>,
    /// Generated images in each interpolation.
    pub(crate) steps: usize,
    /// Whether a decoded training image precedes them, and another one follows them.
    pub(crate) real_ends: bool,
}

impl Interpolations {
    /// All images in each interpolation.
    pub(crate) fn columns(&self) -> usize {
        if self.real_ends { self.steps + 2 } else { self.steps }
    }

    /// The images of an animation, frame by frame, and the number of columns. Training images do not move.
    fn frames(&self) -> (Vec<Array4<f32>>, usize) {
        let columns = self.columns();
        let rows = self.images.len_of(Axis(0)) / columns;
        let tiles = if self.real_ends { 3 } else { 1 };
        // Roughly square.
        let side_by_side = (rows as f64 / tiles as f64).sqrt().ceil() as usize;
        let frame = |step: usize| {
            let of_row = |row: usize| match self.real_ends {
                true => vec![row * columns, row * columns + 1 + step, (row + 1) * columns - 1],
                false => vec![row * columns + step],
            };
            self.images.select(Axis(0), &(0..rows).flat_map(of_row).collect::<Vec<_>>())
        };
        ((0..self.steps).map(frame).collect(), tiles * side_by_side)
    }
}

/// The format that a name selects, for samples that can also be animated if `animated` is set. Refuses what cannot be written,
/// before any work is done.
pub(crate) fn format(out: &Path, vectors: bool, force: bool, animated: bool) -> Result<Format, Failure> {
    if out.is_dir() && !vectors {
        return folder(out, force);
    }
    let ending = out.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let format = match ending.as_deref() {
        Some("png") => Format::Png,
        Some("gif") if animated => Format::Gif,
        Some("npy") => Format::Npy,
        None => Format::Folder,
        Some(other) => {
            let endings = if animated { ".png, .gif or .npy" } else { ".png or .npy" };
            return Err(Failure::users(format!(
                "--out {}: unknown format .{other}; use a name that ends in {endings}, or a folder",
                out.display()
            )));
        }
    };
    if vectors && format != Format::Npy {
        return Err(Failure::users(format!(
            "--out {}: this run produces vectors; use a .npy file name",
            out.display()
        )));
    }
    refuse_existing(out, force)?;
    Ok(format)
}

/// An existing folder must be empty, unless its samples may be overwritten.
fn folder(out: &Path, force: bool) -> Result<Format, Failure> {
    let occupied = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    if occupied && !force {
        return Err(Failure::users(format!(
            "folder {} is not empty; choose another one, or pass --force to replace the samples in it",
            out.display()
        )));
    }
    Ok(Format::Folder)
}

/// Refuses an existing file unless it may be overwritten, and a file in a folder that does not exist.
pub(crate) fn refuse_existing(out: &Path, force: bool) -> Result<(), Failure> {
    if !force && std::fs::symlink_metadata(out).is_ok() {
        return Err(gtn_io::Error::Exists { path: out.to_path_buf() }.into());
    }
    let parent = atomic::parent_folder(out);
    if !parent.is_dir() {
        return Err(Failure::users(format!(
            "cannot write {}: folder {} does not exist; create it first",
            out.display(),
            parent.display()
        )));
    }
    Ok(())
}

/// How to treat an existing file.
pub(crate) fn existing(force: bool) -> Existing {
    if force { Existing::Replace } else { Existing::Refuse }
}

/// Writes samples in a format.
pub(crate) fn write(out: &Path, format: Format, samples: &Content, force: bool) -> Result<(), Failure> {
    let write_bytes = |bytes: &[u8]| atomic::write(out, existing(force), |file| file.write_all(bytes));
    match (format, samples) {
        (Format::Npy, Content::Images(images) | Content::Interpolations(Interpolations { images, .. })) => {
            atomic::write(out, existing(force), |file| gtn_io::arrays::write_npy(file, images.view()))?;
        }
        (Format::Npy, Content::Vectors(vectors)) => {
            atomic::write(out, existing(force), |file| gtn_io::arrays::write_npy(file, vectors.view()))?;
        }
        (Format::Png, Content::Images(images) | Content::Interpolations(Interpolations { images, .. })) => {
            let raster = match samples {
                Content::Interpolations(interpolations) => grid::grid(images.view(), interpolations.columns())?,
                _ => grid::square(images.view())?,
            };
            let png = raster.to_png()?;
            write_bytes(&png)?;
        }
        (Format::Gif, Content::Interpolations(interpolations)) => {
            let (frames, columns) = interpolations.frames();
            let frame = |images: &Array4<f32>| grid::grid(images.view(), columns);
            let frames = frames.iter().map(frame).collect::<Result<Vec<_>, _>>()?;
            let gif = gtn_report::animation::back_and_forth(&frames)?;
            write_bytes(&gif)?;
        }
        (Format::Gif, Content::Images(_)) => {
            return Err(Failure::users("samples cannot be animated; use a .png file name"));
        }
        (Format::Folder, Content::Images(images) | Content::Interpolations(Interpolations { images, .. })) => {
            write_folder(out, images)?
        }
        (_, Content::Vectors(_)) => return Err(Failure::users("vectors need a .npy file name")),
    }
    Ok(())
}

/// Writes one PNG file per sample to a temporary folder, then moves all of them to `out`, replacing samples of an earlier call.
fn write_folder(out: &Path, images: &Array4<f32>) -> Result<(), Failure> {
    let parent = atomic::parent_folder(out);
    let temporary = tempfile::Builder::new()
        .prefix(".gtn-")
        .tempdir_in(parent)
        .map_err(gtn_io::Error::io("create a folder in", parent))?;
    let digits = images.len_of(Axis(0)).saturating_sub(1).to_string().len().max(5);
    let mut names = Vec::new();
    for (index, image) in images.axis_iter(Axis(0)).enumerate() {
        let name = format!("{index:0digits$}.png");
        atomic::write_bytes(&temporary.path().join(&name), &grid::single(image)?.to_png()?)?;
        names.push(name);
    }
    std::fs::create_dir_all(out).map_err(gtn_io::Error::io("create", out))?;
    let entries = std::fs::read_dir(out).map_err(gtn_io::Error::io("read", out))?;
    for old in entries.flatten().filter(|entry| is_sample(&entry.file_name().to_string_lossy())) {
        std::fs::remove_file(old.path()).map_err(gtn_io::Error::io("remove", old.path()))?;
    }
    for name in names {
        let path = out.join(&name);
        std::fs::rename(temporary.path().join(&name), &path).map_err(gtn_io::Error::io("write", &path))?;
    }
    Ok(())
}

/// Whether a file name is that of a sample of an earlier call.
fn is_sample(name: &str) -> bool {
    name.strip_suffix(".png").is_some_and(|stem| stem.len() >= 5 && stem.bytes().all(|byte| byte.is_ascii_digit()))
}
