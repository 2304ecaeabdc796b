//! What is compared: real samples, generated ones, and those of simpler generators.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use gtn_data::ImageCollection;
use gtn_io::{ArrayFile, arrays, feature_statistics};
use gtn_metrics::SampleMoments;
use gtn_models::{Autoencoder, Device, Generator, Model, Streams, purpose};
use gtn_run::RunFolder;
use gtn_run::schema::Baseline;
use gtn_train::{FittedBaselines, HeldOut, HeldOutImages};
use ndarray::Array2;

use super::image_stream::ImageStream;
use crate::args::Evaluate;
use crate::commands::sample::check_amount;
use crate::failure::Failure;
use crate::output::Format;
use crate::progress::Progress;

/// Images that are drawn from a run if the number of real ones is unknown.
const DRAWN_FOR_STATISTICS: usize = 10_000;

/// One side of the comparison.
pub(super) enum Side {
    /// Mean and covariance of features.
    Statistics(SampleMoments),
    Vectors(Array2<f32>),
    Images(ImageStream),
}

/// Both sides.
pub(super) struct Comparison {
    pub(super) real: Side,
    /// What it is, for the user.
    pub(super) real_description: String,
    pub(super) generated: Option<(Side, String)>,
    pub(super) baselines: Baselines,
    /// Whether the generated samples were drawn from a run. Then there are enough of them for any comparison.
    pub(super) is_drawn: bool,
}

/// Samples beside the generated ones, if the real ones are the held-out data of a run.
pub(super) enum Baselines {
    None,
    /// Latents of the fitted baselines.
    Latents(FittedBaselines),
    Images {
        autoencoder: Rc<Autoencoder>,
        held_out: Rc<HeldOutImages>,
        /// `None` for a run without latents, or with too few.
        fitted: Option<FittedBaselines>,
    },
}

/// A path of the command line, before it is read.
enum Opened {
    Statistics(SampleMoments),
    /// A run, weights, or a model file.
    Model(PathBuf),
    Vectors(Array2<f32>),
    Images(ImageCollection),
}

pub(super) fn open(args: &Evaluate, device: &Device, progress: &mut Progress) -> Result<Comparison, Failure> {
    let generated = args.generated.as_deref().map(Opened::open).transpose()?;
    let name = args.real.display();
    let (real, real_description, baselines) = match Opened::open(&args.real)? {
        Opened::Model(path) => {
            let run = RunFolder::at(&path);
            if !run.config().is_file() {
                return Err(Failure::users(format!(
                    "--real {name}: a model file has no held-out data; pass the run that it was exported from, or the data"
                )));
            }
            let of_generated = match &generated {
                Some(Opened::Vectors(rows)) => Some(rows.ncols()),
                _ => None,
            };
            held_out(&run, of_generated, args, device, progress)?
        }
        Opened::Statistics(moments) => (Side::Statistics(moments), name.to_string(), Baselines::None),
        Opened::Vectors(rows) => (Side::Vectors(rows), name.to_string(), Baselines::None),
        Opened::Images(images) => {
            (Side::Images(ImageStream::of_files(checked(images, progress)?)), name.to_string(), Baselines::None)
        }
    };
    let is_drawn = matches!(generated, Some(Opened::Model(_)));
    let generated = match (generated, &args.generated) {
        (Some(generated), Some(path)) => {
            let description = path.display().to_string();
            let side = match generated {
                Opened::Model(path) => draw(&path, &real, args.seed, device)?,
                Opened::Statistics(moments) => Side::Statistics(moments),
                Opened::Vectors(rows) => Side::Vectors(rows),
                Opened::Images(images) => Side::Images(ImageStream::of_files(checked(images, progress)?)),
            };
            Some((side, if is_drawn { format!("samples of {description}") } else { description }))
        }
        _ => None,
    };
    Ok(Comparison { real, real_description, generated, baselines, is_drawn })
}

/// Images, after a warning if their values are unlikely.
fn checked(images: ImageCollection, progress: &Progress) -> Result<ImageCollection, Failure> {
    if let Some(unlikely) = images.unlikely_range()? {
        progress.line(&format!("warning: {unlikely}"));
    }
    Ok(images)
}

impl Opened {
    fn open(path: &Path) -> Result<Self, Failure> {
        if feature_statistics::is_statistics(path)? {
            let (mu, sigma) = feature_statistics::read(path)?;
            // The file does not say of how many samples; no formula here uses it.
            let moments = SampleMoments::new(mu, sigma, 2)
                .map_err(|error| Failure::users(format!("cannot read '{}': {error}", path.display())))?;
            return Ok(Opened::Statistics(moments));
        }
        if Model::is_at(path) {
            return Ok(Opened::Model(path.to_path_buf()));
        }
        let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_ascii_lowercase);
        let is_files = path.is_dir() || matches!(extension.as_deref(), Some("zip" | "png" | "jpg" | "jpeg"));
        if !is_files && ArrayFile::open(path)?.shape().len() != 4 {
            return Ok(Opened::Vectors(arrays::read_matrix(path)?));
        }
        Ok(Opened::Images(ImageCollection::open(path)?))
    }
}

/// The held-out data of a run: its validation images, or their latents if the generated samples have as many columns, or points.
fn held_out(
    run: &RunFolder,
    columns: Option<usize>,
    args: &Evaluate,
    device: &Device,
    progress: &mut Progress,
) -> Result<(Side, String, Baselines), Failure> {
    let config = run.record()?.config;
    let name = run.root().display();
    if config.autoencoder.is_some() && columns == Some(config.dim) {
        let latents = gtn_train::read_held_out_latents(run)?;
        let baselines = gtn_train::fit_baselines(run, progress)?.map_or(Baselines::None, Baselines::Latents);
        return Ok((Side::Vectors(latents), format!("latents of the validation images of {name}"), baselines));
    }
    let held_out = gtn_train::read_held_out(run, (&args.data.data_dir, &args.cache.path()), progress)?;
    progress.end();
    match held_out {
        HeldOut::Points(points) => Ok((Side::Vectors(points), format!("validation points of {name}"), Baselines::None)),
        HeldOut::Images(images) => {
            let held_out = Rc::new(images);
            let baselines = match Autoencoder::load(run.root(), device) {
                // There is nothing to compare with before the autoencoder is trained.
                Err(gtn_models::Error::NotTrained { .. }) => Baselines::None,
                autoencoder => Baselines::Images {
                    autoencoder: Rc::new(autoencoder?),
                    held_out: Rc::clone(&held_out),
                    fitted: match gtn_train::fit_baselines(run, progress) {
                        Err(error @ gtn_train::Error::NoLatents { .. }) => {
                            progress.line(&format!("note: no fitted baselines: {error}"));
                            None
                        }
                        fitted => fitted?,
                    },
                },
            };
            let description = format!("validation images of {name}");
            Ok((Side::Images(ImageStream::held_out(held_out)), description, baselines))
        }
    }
}

/// As many samples of a model as there are real ones: latents if they have the size of a real sample, otherwise images.
fn draw(path: &Path, real: &Side, seed: u64, device: &Device) -> Result<Side, Failure> {
    let generator = Generator::load_on(path, device)?;
    let (n, columns) = match real {
        Side::Statistics(_) => (DRAWN_FOR_STATISTICS, None),
        // The other half of the real samples serves the noise floor.
        Side::Vectors(rows) => (rows.nrows() / 2, Some(rows.ncols())),
        Side::Images(images) => (images.len(), None),
    };
    if n == 0 {
        return Err(Failure::users("one real sample is not enough; pass at least 12"));
    }
    check_amount(n, generator.source_dim(), Format::Npy)?;
    let latents = generator.sample_latents(n, &mut Streams::new(seed).stream(purpose::SAMPLE, 0))?;
    if !generator.generates_images() || columns == Some(latents.ncols()) {
        return Ok(Side::Vectors(latents));
    }
    if columns.is_none() {
        return Ok(Side::Images(ImageStream::generated(generator, latents)?));
    }
    // Real images as rows of their values.
    check_amount(n, generator.values_per_sample(), Format::Npy)?;
    let images = generator.decode(latents.view())?;
    let pixels = images.len() / n;
    Ok(Side::Vectors(images.into_shape_with_order((n, pixels))?))
}

impl Baselines {
    /// Whether they are those of a run on images, whose held-out images are compared.
    pub(super) fn are_of_images(&self) -> bool {
        matches!(self, Baselines::Images { .. })
    }

    /// The number of Gaussians of the mixture, if there is one.
    pub(super) fn mixture_components(&self) -> Option<usize> {
        match self {
            Baselines::Latents(fitted) | Baselines::Images { fitted: Some(fitted), .. } => {
                Some(fitted.mixture_components())
            }
            _ => None,
        }
    }

    /// Those that exist.
    pub(super) fn names(&self) -> Vec<Baseline> {
        match self {
            Baselines::None => Vec::new(),
            Baselines::Latents(_) => vec![Baseline::Gaussian, Baseline::Mixture],
            Baselines::Images { fitted: None, .. } => vec![Baseline::Decoded],
            Baselines::Images { .. } => vec![Baseline::Decoded, Baseline::Gaussian, Baseline::Mixture],
        }
    }

    /// Images: held-out ones at these positions after the autoencoder, or as many decoded latents of a fitted baseline.
    pub(super) fn images(&self, baseline: Baseline, positions: &[usize]) -> Result<Option<ImageStream>, Failure> {
        let Baselines::Images { autoencoder, held_out, fitted } = self else { return Ok(None) };
        let (autoencoder, held_out) = (Rc::clone(autoencoder), Rc::clone(held_out));
        if baseline == Baseline::Decoded {
            return Ok(Some(ImageStream::reconstructed(autoencoder, held_out, positions.to_vec())));
        }
        let Some(fitted) = fitted else { return Ok(None) };
        let latents = of_baseline(fitted, baseline, positions.len());
        Ok(Some(ImageStream::decoded_latents(autoencoder, latents)?))
    }

    /// `n` vectors.
    pub(super) fn vectors(&self, baseline: Baseline, n: usize) -> Option<Array2<f32>> {
        match self {
            Baselines::Latents(fitted) => Some(of_baseline(fitted, baseline, n)),
            _ => None,
        }
    }
}

fn of_baseline(fitted: &FittedBaselines, baseline: Baseline, n: usize) -> Array2<f32> {
    let samples = fitted.sample(n);
    if baseline == Baseline::Gaussian { samples.gaussian } else { samples.mixture }
}
