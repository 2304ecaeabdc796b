//! A trained GTN from its run.

use std::path::Path;

use gtn_models::{Autoencoder, AutoencoderShape, Device, Generator, Mlp, MlpShape, Streams};
use gtn_run::config::AutoencoderWeights;
use gtn_run::{Artifact, Config, RunFolder};

use crate::checkpoint::{WEIGHTS, load_weights};
use crate::targets::read_normalizer;
use crate::{Error, Result};

/// The names of the networks' checkpoints.
pub(crate) const AUTOENCODER: &str = "autoencoder";
pub(crate) const H: &str = "h";

/// Reads the best weights of a run's networks to a device.
///
/// # Errors
///
/// [`Error::NotTrained`] if the run has not come so far, [`Error::Run`] if the folder holds no run or a damaged one.
pub fn load_generator(run: &RunFolder, device: &Device) -> Result<Generator> {
    let config = run.record()?.config;
    // The initial weights are overwritten at once; any stream will do.
    let streams = Streams::new(config.seed);
    let path = run.best_checkpoint(H);
    let weights = read(run, &path, "ĥ")?;
    let shape = mlp_shape(&config);
    check_hidden(&weights, &path, &shape)?;
    let h = Mlp::new(&shape, &streams, device)?;
    load_weights(h.parameters(), &weights)?;
    let normalizer = read_normalizer(&weights)?;
    if !config.data.are_images() {
        return Ok(Generator::new(h, Some(normalizer), None)?);
    }

    let autoencoder = read_autoencoder(run, &config, device)?;
    Ok(Generator::new(h, Some(normalizer), Some(autoencoder.decoder().clone()))?)
}

/// Reads a run's autoencoder: the encoder that made its latents, and the decoder that makes its samples. Under the `repo`
/// protocol they come from different epochs.
///
/// # Errors
///
/// [`Error::NoAutoencoder`] if the run's data are no images; otherwise as [`load_generator`].
pub fn load_autoencoder(run: &RunFolder, device: &Device) -> Result<Autoencoder> {
    let config = run.record()?.config;
    let Some(settings) = &config.autoencoder else {
        return Err(Error::NoAutoencoder { run: run.root().to_path_buf() });
    };
    let autoencoder = read_autoencoder(run, &config, device)?;
    if settings.weights == AutoencoderWeights::LastEncoderBestDecoder {
        let last = read(run, &run.last_checkpoint(AUTOENCODER), "autoencoder")?;
        let mut weights = autoencoder.parameters().snapshot()?;
        weights.extend(last.f32_below(WEIGHTS).into_iter().filter(|(name, _)| name.starts_with("encoder.")));
        autoencoder.parameters().load(&weights)?;
    }
    Ok(autoencoder)
}

/// The autoencoder with its best weights, whose decoder makes a run's samples.
pub(crate) fn read_autoencoder(run: &RunFolder, config: &Config, device: &Device) -> Result<Autoencoder> {
    let path = run.best_checkpoint(AUTOENCODER);
    let weights = read(run, &path, "autoencoder")?;
    let shape = autoencoder_shape(&weights, &path, config.dim)?;
    let autoencoder = Autoencoder::new(&shape, &Streams::new(config.seed), device)?;
    load_weights(autoencoder.parameters(), &weights)?;
    Ok(autoencoder)
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

/// Checks that the hidden layers are there before memory is asked for as many as the configuration claims.
fn check_hidden(weights: &Artifact, path: &Path, shape: &MlpShape) -> Result<()> {
    let mut input = shape.input;
    for layer in 0..shape.hidden_layers {
        let found = weights.f32(&format!("weights.hidden.{layer:03}.linear.weight"))?.shape();
        if found != [shape.width, input] {
            let reason = format!(
                "hidden layer {layer} has shape {found:?}, and config.toml asks for {:?}",
                [shape.width, input]
            );
            return Err(Error::ForeignWeights { path: path.to_path_buf(), reason });
        }
        input = shape.width;
    }
    Ok(())
}

/// The sizes that the weights speak of. Both tensors are there in full, so that nothing larger than the file is believed.
fn autoencoder_shape(weights: &Artifact, path: &Path, dim: usize) -> Result<AutoencoderShape> {
    let convolution = weights.f32("weights.encoder.conv1.weight")?.shape();
    let linear = weights.f32("weights.decoder.linear.weight")?.shape();
    match (convolution, linear) {
        (&[64, channels, 4, 4], &[flat, columns]) if columns == dim && channels > 0 && flat > 0 => {
            Ok(AutoencoderShape { channels, side: 4 * (flat / 128).isqrt(), dim })
        }
        _ => Err(Error::ForeignWeights {
            path: path.to_path_buf(),
            reason: format!("tensors of shape {convolution:?} and {linear:?} are in no autoencoder of {dim} latents"),
        }),
    }
}

fn read(run: &RunFolder, path: &Path, what: &'static str) -> Result<Artifact> {
    if !path.exists() {
        return Err(Error::NotTrained { run: run.root().to_path_buf(), what, missing: path.to_path_buf() });
    }
    Ok(Artifact::read(path)?)
}
