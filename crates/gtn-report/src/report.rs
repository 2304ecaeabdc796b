//! The report of a run: its figures as files, and everything there is to say in one HTML file.

mod facts;
mod page;
mod text;

use std::fs;
use std::path::{Path, PathBuf};

use gtn_run::{Artefact, MetricsLog, RunFolder, RunRecord, Stage, atomic};
use ndarray::{ArrayView4, Axis, Ix4, Slice};

use crate::{Error, Picture, Result, curves, grid};

/// Most images of a grid, and its columns.
const SHOWN: usize = 100;
const COLUMNS: usize = 10;

/// Width that an image of a grid has at least, in pixels: small digits are enlarged until they can be seen.
const LEAST_WIDTH: usize = 84;

/// What the page is made from.
struct Contents {
    record: RunRecord,
    /// `config.toml` as it is.
    toml: String,
    log: MetricsLog,
    generated: Grid,
    decoded: Grid,
    autoencoder: Option<String>,
    h: Option<String>,
}

/// A grid of images as it is shown.
struct Grid {
    images: usize,
    width: usize,
    height: usize,
    png: Vec<u8>,
}

/// Writes the figures of `run` (`figures/generated.png`, `decoded.png`, `loss-autoencoder.svg`, `loss-h.svg`) and then
/// `report.html`, each whole or not at all; gives the path of the report.
///
/// It needs `config.toml` and the samples (`generated` and `decoded`, images of shape (n, C, H, W); the first 100 are
/// shown). Of `metrics.jsonl` it shows what is there; curves without epochs are left out. The same run gives the same
/// bytes.
///
/// # Errors
///
/// [`Error::NoSamples`] and [`Error::Samples`] if there are no samples or they are no images; [`Error::Run`] if a file
/// cannot be read or written, is damaged, or there is no run.
pub fn write_report(run: &RunFolder) -> Result<PathBuf> {
    let record = run.record()?;
    let toml = fs::read_to_string(run.config()).map_err(gtn_run::Error::io("read", run.config()))?;
    let log = MetricsLog::open(&run.metrics())?;
    let path = run.samples();
    let samples = match Artefact::read(&path) {
        Err(gtn_run::Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NoSamples { path });
        }
        samples => samples?,
    };
    let contents = Contents {
        generated: Grid::of(&samples, &path, "generated")?,
        decoded: Grid::of(&samples, &path, "decoded")?,
        autoencoder: curves::loss_svg("autoencoder", log.epochs(Stage::Autoencode))?,
        h: curves::loss_svg("network ĥ", log.epochs(Stage::Fit))?,
        record,
        toml,
        log,
    };
    let figures = [
        ("generated.png", Some(contents.generated.png.as_slice())),
        ("decoded.png", Some(contents.decoded.png.as_slice())),
        ("loss-autoencoder.svg", contents.autoencoder.as_deref().map(str::as_bytes)),
        ("loss-h.svg", contents.h.as_deref().map(str::as_bytes)),
    ];
    for (name, bytes) in figures {
        let path = run.figure(name);
        if let (Some(bytes), Some(folder)) = (bytes, path.parent()) {
            fs::create_dir_all(folder).map_err(gtn_run::Error::io("create", folder))?;
            atomic::write_bytes(&path, bytes)?;
        }
    }
    let report = run.report();
    atomic::write_bytes(&report, page::html(&contents).as_bytes())?;
    Ok(report)
}

impl Grid {
    fn of(samples: &Artefact, path: &Path, tensor: &'static str) -> Result<Self> {
        let fail = |reason: String| Error::Samples { path: path.to_path_buf(), tensor, reason };
        let array = samples.f32(tensor)?.view();
        let shape = array.shape().to_vec();
        let mut images: ArrayView4<'_, f32> = array
            .into_dimensionality::<Ix4>()
            .map_err(|_| fail(format!("has shape {shape:?}, and images have (n, C, H, W)")))?;
        images.slice_axis_inplace(Axis(0), Slice::from(..SHOWN.min(shape[0])));
        let factor = LEAST_WIDTH.checked_div(shape[3]).unwrap_or(1).clamp(1, LEAST_WIDTH);
        let picture: Result<Picture> = grid::grid(images, COLUMNS).and_then(|picture| picture.upscaled(factor));
        let picture = picture.map_err(|error| fail(format!("cannot be shown: {error}")))?;
        Ok(Self {
            images: images.len_of(Axis(0)),
            width: picture.width(),
            height: picture.height(),
            png: picture.to_png()?,
        })
    }
}
