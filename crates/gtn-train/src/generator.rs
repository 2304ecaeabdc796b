//! A trained GTN from its run.

use std::path::Path;

use gtn_models::{Autoencoder, AutoencoderShape, Device, Generator, Mlp, MlpShape, Streams};
use gtn_run::{Artefact, Config, RunFolder};
use ndarray::Array1;

use crate::checkpoint::load_weights;
use crate::{Error, Result};

/// The names of the networks' checkpoints.
pub(crate) const AUTOENCODER: &str = "autoencoder";
pub(crate) const H: &str = "h";
/// The tensor beside ĥ's weights that is added to its output.
pub(crate) const CENTRE: &str = "centre";

/// Reads the best weights of a run's networks.
///
/// # Errors
///
/// [`Error::NotTrained`] if the run has not come so far, [`Error::Run`] if the folder holds no run or a damaged one.
pub fn load_generator(run: &RunFolder) -> Result<Generator> {
    let config = run.record()?.config;
    let device = Device::Cpu;
    // The initial weights are overwritten at once; any stream will do.
    let streams = Streams::new(config.seed);
    let h = Mlp::new(&mlp_shape(&config), &streams, &device)?;
    let weights = read(run, &run.best_checkpoint(H), "ĥ")?;
    load_weights(h.parameters(), &weights)?;
    let centre = Array1::from_iter(weights.f32(CENTRE)?.iter().copied());

    let weights = read(run, &run.best_checkpoint(AUTOENCODER), "autoencoder")?;
    let autoencoder = Autoencoder::new(&autoencoder_shape(&weights, config.dim)?, &streams, &device)?;
    load_weights(autoencoder.parameters(), &weights)?;
    Ok(Generator::new(h, Some(centre), Some(autoencoder.decoder().clone()))?)
}

pub(crate) fn mlp_shape(config: &Config) -> MlpShape {
    MlpShape {
        input: config.dim,
        hidden_layers: config.h.hidden_layers,
        width: config.h.width,
        output: config.dim,
        slope: config.h.slope,
        batch_norm_layers: config.h.batch_norm_layers,
    }
}

/// The sizes that the weights speak of.
fn autoencoder_shape(weights: &Artefact, dim: usize) -> Result<AutoencoderShape> {
    let channels = weights.f32("weights.encoder.conv1.weight")?.shape().get(1).copied().unwrap_or(0);
    let flat = weights.f32("weights.decoder.linear.weight")?.shape().first().copied().unwrap_or(0);
    Ok(AutoencoderShape { channels, side: 4 * (flat / 128).isqrt(), dim })
}

fn read(run: &RunFolder, path: &Path, what: &'static str) -> Result<Artefact> {
    if !path.exists() {
        return Err(Error::NotTrained { run: run.root().to_path_buf(), what, missing: path.to_path_buf() });
    }
    Ok(Artefact::read(path)?)
}
