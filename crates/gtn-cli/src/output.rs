//! Where results go.

use std::path::Path;

use gtn_run::atomic::{self, Existing};
use ndarray::{Array2, Array4, Axis};

use crate::failure::Failure;

/// What the name given to `--out` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Png,
    Gif,
    Npy,
    Folder,
}

/// Samples to be written.
pub(crate) enum Samples {
    Images(Array4<f32>),
    Ways(Ways),
    Vectors(Array2<f32>),
}

/// Images on ways from one place to another, one way after the other.
pub(crate) struct Ways {
    pub(crate) images: Array4<f32>,
    /// Images of one way that the generator made.
    pub(crate) steps: usize,
    /// Whether a real image stands before them, and another one after them.
    pub(crate) real_ends: bool,
}

impl Ways {
    /// Images of one way, all together.
    pub(crate) fn columns(&self) -> usize {
        if self.real_ends { self.steps + 2 } else { self.steps }
    }

    /// The images of an animation, frame by frame, and the columns of each. Real ends stand still beside what moves.
    fn frames(&self) -> (Vec<Array4<f32>>, usize) {
        let columns = self.columns();
        let ways = self.images.len_of(Axis(0)) / columns;
        let tiles = if self.real_ends { 3 } else { 1 };
        // About as wide as high.
        let side_by_side = (ways as f64 / tiles as f64).sqrt().ceil() as usize;
        let frame = |step: usize| {
            let of_way = |way: usize| match self.real_ends {
                true => vec![way * columns, way * columns + 1 + step, (way + 1) * columns - 1],
                false => vec![way * columns + step],
            };
            self.images.select(Axis(0), &(0..ways).flat_map(of_way).collect::<Vec<_>>())
        };
        ((0..self.steps).map(frame).collect(), tiles * side_by_side)
    }
}

/// Reads the kind off the name and refuses what cannot be written, before any work is done.
pub(crate) fn kind(out: &Path, vectors: bool, force: bool) -> Result<Kind, Failure> {
    kind_of(out, vectors, force, false)
}

/// As [`kind`], for samples that can be shown one after the other.
pub(crate) fn kind_of_ways(out: &Path, vectors: bool, force: bool) -> Result<Kind, Failure> {
    kind_of(out, vectors, force, true)
}

fn kind_of(out: &Path, vectors: bool, force: bool, moves: bool) -> Result<Kind, Failure> {
    if out.is_dir() && !vectors {
        return folder(out, force);
    }
    let ending = out.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let kind = match ending.as_deref() {
        Some("png") => Kind::Png,
        Some("gif") if moves => Kind::Gif,
        Some("npy") => Kind::Npy,
        None => Kind::Folder,
        Some(other) => {
            let endings = if moves { ".png, .gif or .npy" } else { ".png or .npy" };
            return Err(Failure::users(format!(
                "--out {}: cannot write .{other}; give a name that ends in {endings}, or a folder",
                out.display()
            )));
        }
    };
    if vectors && kind != Kind::Npy {
        return Err(Failure::users(format!(
            "--out {}: these samples are vectors; they go into a .npy file",
            out.display()
        )));
    }
    refuse_existing(out, force)?;
    Ok(kind)
}

/// A folder that is there already is fine if it is empty, or if samples in it may be replaced.
fn folder(out: &Path, force: bool) -> Result<Kind, Failure> {
    let occupied = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    if occupied && !force {
        return Err(Failure::users(format!(
            "folder {} is not empty; choose another, or give --force to replace the samples in it",
            out.display()
        )));
    }
    Ok(Kind::Folder)
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
        (Kind::Npy, Samples::Images(images) | Samples::Ways(Ways { images, .. })) => {
            atomic::write(out, existing(force), |file| gtn_data::arrays::write_npy(file, images.view()))?;
        }
        (Kind::Npy, Samples::Vectors(vectors)) => {
            atomic::write(out, existing(force), |file| gtn_data::arrays::write_npy(file, vectors.view()))?;
        }
        (Kind::Png, Samples::Images(images) | Samples::Ways(Ways { images, .. })) => {
            let columns = match samples {
                Samples::Ways(ways) => ways.columns(),
                _ => (images.len_of(Axis(0)) as f64).sqrt().ceil() as usize,
            };
            let png = gtn_report::grid::grid(images.view(), columns.max(1))?.to_png()?;
            atomic::write(out, existing(force), |file| file.write_all(&png))?;
        }
        (Kind::Gif, Samples::Ways(ways)) => {
            let (frames, columns) = ways.frames();
            let picture = |images: &Array4<f32>| gtn_report::grid::grid(images.view(), columns);
            let frames = frames.iter().map(picture).collect::<Result<Vec<_>, _>>()?;
            let gif = gtn_report::animation::forth_and_back(&frames)?;
            atomic::write(out, existing(force), |file| file.write_all(&gif))?;
        }
        (Kind::Gif, Samples::Images(_)) => {
            return Err(Failure::users("these samples do not move; no .gif is made of them"));
        }
        (Kind::Folder, Samples::Images(images) | Samples::Ways(Ways { images, .. })) => write_folder(out, images)?,
        (_, Samples::Vectors(_)) => return Err(Failure::users("vectors go into a .npy file")),
    }
    Ok(())
}

/// Writes one PNG for each sample into a folder beside `out`, then moves them all in, in place of the samples of an earlier call.
fn write_folder(out: &Path, images: &Array4<f32>) -> Result<(), Failure> {
    let parent = out.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."));
    let beside = tempfile::Builder::new()
        .prefix(".gtn-")
        .tempdir_in(parent)
        .map_err(gtn_run::Error::io("create a folder in", parent))?;
    let digits = images.len_of(Axis(0)).saturating_sub(1).to_string().len().max(5);
    let mut names = Vec::new();
    for (index, image) in images.axis_iter(Axis(0)).enumerate() {
        let name = format!("{index:0digits$}.png");
        atomic::write_bytes(&beside.path().join(&name), &gtn_report::grid::picture(image)?.to_png()?)?;
        names.push(name);
    }
    std::fs::create_dir_all(out).map_err(gtn_run::Error::io("create", out))?;
    let entries = std::fs::read_dir(out).map_err(gtn_run::Error::io("read", out))?;
    for old in entries.flatten().filter(|entry| is_sample(&entry.file_name().to_string_lossy())) {
        std::fs::remove_file(old.path()).map_err(gtn_run::Error::io("remove", old.path()))?;
    }
    for name in names {
        let path = out.join(&name);
        std::fs::rename(beside.path().join(&name), &path).map_err(gtn_run::Error::io("write", &path))?;
    }
    Ok(())
}

/// Whether a file is named as a sample of an earlier call.
fn is_sample(name: &str) -> bool {
    name.strip_suffix(".png").is_some_and(|stem| stem.len() >= 5 && stem.bytes().all(|byte| byte.is_ascii_digit()))
}
