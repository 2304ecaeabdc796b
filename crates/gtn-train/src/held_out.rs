//! The held-out data of a run, and simpler generators of the same latents, for comparisons with samples outside of the run.

use std::path::Path;

use gtn_data::Images;
use gtn_models::{Streams, purpose};
use gtn_run::config::Data;
use gtn_run::schema::{Split, latents};
use gtn_run::{Artifact, Observer, RunFolder, RunRecord};
use ndarray::{Array2, Array4};

use crate::baselines::FittedBaselines;
use crate::datasets::{self, Reader};
use crate::handoff::{Targets, TestTargets, to_matrix};
use crate::{Error, Result};

/// The data of a run that nothing was trained on: its validation data.
#[derive(Debug, Clone)]
pub enum HeldOut {
    /// Images.
    Images(HeldOutImages),
    /// Points of the known distribution, or own latents, shape (n, d), in their own units.
    Points(Array2<f32>),
}

/// The validation images of a run, in the order of its split. They may be in a memory-mapped file, so read them in parts.
#[derive(Debug, Clone)]
pub struct HeldOutImages {
    images: Images,
    indices: Vec<usize>,
}

impl HeldOutImages {
    /// Number of images.
    #[must_use]
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Whether there are no images.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// Channels, height and width of each image.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        [self.images.channels(), self.images.side(), self.images.side()]
    }

    /// The images at these positions, 0 ≤ position < [`len`](Self::len), as f32 in [−1, 1], shape (n, C, H, W).
    ///
    /// # Panics
    ///
    /// If a position is out of bounds.
    #[must_use]
    pub fn read(&self, positions: &[usize]) -> Array4<f32> {
        let indices: Vec<usize> = positions.iter().map(|&position| self.indices[position]).collect();
        self.images.batch(&indices)
    }
}

/// Reads the held-out data of a run as its own stages read them: images from `data_dir`, which must be those that the run was
/// trained on, and points from their known distribution. `cache_dir` is that of [`Job`](crate::Job).
///
/// # Errors
///
/// [`Error::OtherData`] if the run was trained on other data, [`Error::Data`] if they cannot be read, [`Error::Run`] if the
/// folder is not a run.
pub fn read_held_out(
    run: &RunFolder,
    (data_dir, cache_dir): (&Path, &Path),
    observer: &mut dyn Observer,
) -> Result<HeldOut> {
    let RunRecord { config, provenance, .. } = run.record()?;
    let streams = Streams::new(config.split_seed());
    // Own data are where they were.
    let data_dir = provenance.data_path.as_deref().unwrap_or(data_dir);
    match &config.data {
        Data::Images(source) => {
            let reader = &mut Reader { data_dir, cache_dir, streams: &streams, observer };
            let data = datasets::images(source).read(reader)?;
            if provenance.data_sha256.is_some_and(|checksum| checksum != data.checksum) {
                return Err(Error::OtherData { run: run.root().to_path_buf(), data_dir: data_dir.to_path_buf() });
            }
            Ok(HeldOut::Images(HeldOutImages { images: data.images, indices: data.split.validation }))
        }
        Data::Points(source) => {
            let points = datasets::points(source, config.dim);
            let (_, validation) = source.synthetic().sizes();
            let mut stream = streams.stream(&purpose::data(Split::Validation.name()), 0);
            Ok(HeldOut::Points(points.draw(validation, &mut stream)))
        }
        Data::Latents(settings) => {
            let latents = datasets::read_latent_rows(data_dir, provenance.labels_path.as_deref())?;
            if provenance.data_sha256.is_some_and(|checksum| checksum != latents.checksum) {
                return Err(Error::OtherData { run: run.root().to_path_buf(), data_dir: data_dir.to_path_buf() });
            }
            let split = latents.split(settings, &streams)?;
            Ok(HeldOut::Points(latents.select(&split.validation)))
        }
    }
}

/// The latents of a run's validation images, shape (n, d).
///
/// # Errors
///
/// [`Error::NoLatents`] if the run has not encoded them yet, or is a folder of weights without latents; [`Error::Run`] if the
/// folder is not a run or is damaged.
pub fn read_held_out_latents(run: &RunFolder) -> Result<Array2<f32>> {
    Ok(to_matrix(stored_latents(run)?.tensor(&latents::VALIDATION)?))
}

/// The latents of a run, each of shape (n, d).
#[derive(Debug, Clone)]
pub struct RunLatents {
    /// Of the training images.
    pub train: Array2<f32>,
    /// Of the validation images.
    pub validation: Array2<f32>,
    /// Of the official test set, if the run has encoded it.
    pub test: Option<Array2<f32>>,
}

/// All latents of a run.
///
/// # Errors
///
/// As [`read_held_out_latents`].
pub fn read_latents(run: &RunFolder) -> Result<RunLatents> {
    let artifact = stored_latents(run)?;
    let matrix = |key| Ok::<_, Error>(to_matrix(artifact.tensor(key)?));
    let path = run.test_latents();
    let test = if path.exists() { Some(TestTargets::read(&Artifact::read(&path)?)?.rows) } else { None };
    Ok(RunLatents { train: matrix(&latents::TRAIN)?, validation: matrix(&latents::VALIDATION)?, test })
}

/// Fits the baselines of a run to its training latents, as the run itself does: one Gaussian, and a mixture with the best number
/// of components. `None` if there are too few latents.
///
/// # Errors
///
/// As [`read_held_out_latents`]; [`gtn_metrics::Error::Stopped`] if the observer asked to stop.
pub fn fit_baselines(run: &RunFolder, observer: &dyn Observer) -> Result<Option<FittedBaselines>> {
    let seed = run.record()?.config.seed;
    let targets = Targets::read(&stored_latents(run)?)?;
    FittedBaselines::fit(&targets, Streams::new(seed), &|| observer.stop_requested())
}

fn stored_latents(run: &RunFolder) -> Result<Artifact> {
    let has_latents = run.record()?.config.autoencoder.is_some();
    let path = run.latents();
    if !has_latents || !path.exists() {
        return Err(Error::NoLatents { run: run.root().to_path_buf(), missing: path });
    }
    Ok(Artifact::read(&path)?)
}
