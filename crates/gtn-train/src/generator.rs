//! A trained GTN from its run.

use std::path::Path;

use gtn_models::{Autoencoder, AutoencoderShape, Device, Generator, Mlp, MlpShape, Streams};
use gtn_run::config::AutoencoderWeights;
use gtn_run::schema::checkpoint as keys;
use gtn_run::{Artifact, Config, Network, RunFolder};

use crate::handoff::read_normalizer;
use crate::{Error, Result};

/// Loads the best weights of a run's networks to a device.
///
/// # Errors
///
/// [`Error::NotTrained`] if the run has no weights yet, [`Error::Run`] if the folder is not a run or is damaged.
pub fn load_generator(run: &RunFolder, device: &Device) -> Result<Generator> {
    let config = run.record()?.config;
    // The initial weights are overwritten, so any seed works.
    let streams = Streams::new(config.seed);
    let path = run.best_checkpoint(Network::H);
    let weights = read(run, &path, Network::H)?;
    let shape = mlp_shape(&config);
    check_hidden_layers(&weights, &path, &shape)?;
    let h = Mlp::new(&shape, &streams, device)?;
    h.parameters().load_state_dict(&weights.group(&keys::WEIGHTS))?;
    let normalizer = read_normalizer(&weights, &keys::MEAN, &keys::STD)?;
    if !config.data.are_images() {
        return Ok(Generator::new(h, Some(normalizer), None)?);
    }

    let autoencoder = read_autoencoder(run, &config, device)?;
    Ok(Generator::new(h, Some(normalizer), Some(autoencoder.decoder().clone()))?)
}

/// Loads a run's autoencoder: the encoder of its latents and the decoder of its samples. Under the `repo` protocol they come
/// from different epochs.
///
/// # Errors
///
/// [`Error::NoAutoencoder`] if the run's data are not images; otherwise as [`load_generator`].
pub fn load_autoencoder(run: &RunFolder, device: &Device) -> Result<Autoencoder> {
    let config = run.record()?.config;
    let Some(settings) = &config.autoencoder else {
        return Err(Error::NoAutoencoder { run: run.root().to_path_buf() });
    };
    let autoencoder = read_autoencoder(run, &config, device)?;
    if settings.weights == AutoencoderWeights::LastEncoderBestDecoder {
        let last = read(run, &run.last_checkpoint(Network::Autoencoder), Network::Autoencoder)?;
        let mut weights = autoencoder.parameters().state_dict()?;
        weights.extend(last.group(&keys::WEIGHTS).into_iter().filter(|(name, _)| name.starts_with("encoder.")));
        autoencoder.parameters().load_state_dict(&weights)?;
    }
    Ok(autoencoder)
}

/// The autoencoder with its best weights, whose decoder generates the run's samples.
pub(crate) fn read_autoencoder(run: &RunFolder, config: &Config, device: &Device) -> Result<Autoencoder> {
    let path = run.best_checkpoint(Network::Autoencoder);
    let weights = read(run, &path, Network::Autoencoder)?;
    let shape = autoencoder_shape(&weights, &path, config.dim)?;
    let autoencoder = Autoencoder::new(&shape, &Streams::new(config.seed), device)?;
    autoencoder.parameters().load_state_dict(&weights.group(&keys::WEIGHTS))?;
    Ok(autoencoder)
}

pub(crate) fn mlp_shape(config: &Config) -> MlpShape {
    MlpShape {
        input: config.dim,
        hidden_layers: config.h.hidden_layers,
        width: config.h.width,
        output: config.dim,
        negative_slope: config.h.negative_slope,
        batch_norm_layers: config.h.batch_norm_layers,
    }
}

/// Checks that the hidden layers exist before memory is allocated for as many as the configuration has.
fn check_hidden_layers(weights: &Artifact, path: &Path, shape: &MlpShape) -> Result<()> {
    let mut input = shape.input;
    for layer in 0..shape.hidden_layers {
        let found = weights.group_tensor(&keys::WEIGHTS, &format!("hidden.{layer:03}.linear.weight"))?.shape();
        if found != [shape.width, input] {
            let reason =
                format!("hidden layer {layer} has shape {found:?}, and config.toml expects {:?}", [shape.width, input]);
            return Err(Error::ForeignWeights { path: path.to_path_buf(), reason });
        }
        input = shape.width;
    }
    Ok(())
}

/// The sizes of the autoencoder, inferred from the weights, so that they cannot exceed the size of the file.
fn autoencoder_shape(weights: &Artifact, path: &Path, dim: usize) -> Result<AutoencoderShape> {
    let convolution = weights.group_tensor(&keys::WEIGHTS, "encoder.conv1.weight")?.shape();
    let linear = weights.group_tensor(&keys::WEIGHTS, "decoder.linear.weight")?.shape();
    match (convolution, linear) {
        (&[64, channels, 4, 4], &[flat, columns]) if columns == dim && channels > 0 && flat > 0 => {
            Ok(AutoencoderShape { channels, side: 4 * (flat / 128).isqrt(), dim })
        }
        _ => Err(Error::ForeignWeights {
            path: path.to_path_buf(),
            reason: format!(
                "tensors of shape {convolution:?} and {linear:?} do not belong to an autoencoder with latent dimension {dim}"
            ),
        }),
    }
}

fn read(run: &RunFolder, path: &Path, network: Network) -> Result<Artifact> {
    if !path.exists() {
        return Err(Error::NotTrained { run: run.root().to_path_buf(), network, missing: path.to_path_buf() });
    }
    Ok(Artifact::read(path)?)
}
