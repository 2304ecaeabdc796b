//! Trained networks from the folder of a run, or of published weights.

use std::path::Path;

use candle_core::Device;
use gtn_run::config::AutoencoderWeights;
use gtn_run::schema::{TensorKey, checkpoint as keys};
use gtn_run::{Artifact, Config, Network, RunFolder};
use ndarray::Array1;

use crate::{Autoencoder, AutoencoderShape, Error, Generator, Mlp, MlpShape, Normalizer, Parameters, Result, Streams};

impl Generator {
    /// Loads the best weights of a run's networks to the CPU. `path` is the folder of the run, or a folder of weights, which
    /// has its `config.toml` and the best checkpoints.
    ///
    /// # Errors
    ///
    /// [`Error::NotTrained`] if the run has no weights yet, [`Error::ForeignWeights`] if they do not belong to its
    /// configuration, [`Error::Run`] if the folder is not a run or is damaged.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_on(path, &Device::Cpu)
    }

    /// As [`load`](Self::load), but to a device.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_on(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let run = RunFolder::at(path.as_ref());
        let config = run.record()?.config;
        let path = run.best_checkpoint(Network::H);
        let weights = read(&run, &path, Network::H)?;
        let shape = MlpShape::from_config(&config);
        check_hidden_layers(&weights, &path, &shape)?;
        // The initial weights are overwritten, so any seed works.
        let h = Mlp::new(&shape, &Streams::new(config.seed), device)?;
        h.parameters().load_checkpoint(&weights)?;
        let normalizer = Some(Normalizer::from_artifact(&weights, &keys::MEAN, &keys::STD)?);
        if config.autoencoder.is_none() {
            return Self::new(h, normalizer, None);
        }
        let autoencoder = read_best(&run, &config, device)?;
        // Sampling needs the best weights alone, and must not fail without others.
        let encoder = load_encoder(&autoencoder, &run, &config);
        let generator = Self::new(h, normalizer, Some(autoencoder))?;
        Ok(match encoder {
            Ok(()) => generator,
            Err(error) => generator.without_encoder(error.to_string()),
        })
    }
}

impl Autoencoder {
    /// Loads a run's autoencoder: the encoder of its latents and the decoder of its samples. Under the `repo` protocol they come
    /// from different epochs.
    ///
    /// This is possible as soon as the autoencoder is trained, before ĥ is.
    ///
    /// # Errors
    ///
    /// [`Error::NoAutoencoder`] if the run's data are not images; otherwise as [`Generator::load`].
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let run = RunFolder::at(path.as_ref());
        let config = run.record()?.config;
        let autoencoder = read_best(&run, &config, device)?;
        load_encoder(&autoencoder, &run, &config)?;
        Ok(autoencoder)
    }

    /// Loads a run's autoencoder with its best weights, whose decoder generates the run's samples. Unlike
    /// [`load`](Self::load), this reads no other file, and under the `repo` protocol the encoder is not that of the latents.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_best(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let run = RunFolder::at(path.as_ref());
        read_best(&run, &run.record()?.config, device)
    }
}

impl MlpShape {
    /// The architecture of ĥ in a configuration.
    #[must_use]
    pub fn from_config(config: &Config) -> Self {
        Self {
            input: config.dim,
            hidden_layers: config.h.hidden_layers,
            width: config.h.width,
            output: config.dim,
            negative_slope: config.h.negative_slope,
            batch_norm_layers: config.h.batch_norm_layers,
        }
    }
}

impl Normalizer {
    /// The normalizer with the mean and the standard deviation in an artifact: one of latents, or ĥ's checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::Run`] if they are missing; otherwise as [`Normalizer::new`].
    pub fn from_artifact(artifact: &Artifact, mean: &TensorKey<f32>, std: &TensorKey<f32>) -> Result<Self> {
        let vector = |key| -> Result<Array1<f32>> { Ok(Array1::from_iter(artifact.tensor(key)?.iter().copied())) };
        Self::new(vector(mean)?, vector(std)?)
    }
}

impl Parameters {
    /// Sets all parameters and buffers to the weights in a checkpoint of their network.
    ///
    /// # Errors
    ///
    /// As [`load_state_dict`](Self::load_state_dict).
    pub fn load_checkpoint(&self, checkpoint: &Artifact) -> Result<()> {
        self.load_state_dict(&checkpoint.group(&keys::WEIGHTS))
    }
}

/// The autoencoder with its best weights.
fn read_best(run: &RunFolder, config: &Config, device: &Device) -> Result<Autoencoder> {
    if config.autoencoder.is_none() {
        return Err(Error::NoAutoencoder { run: run.root().to_path_buf() });
    }
    let path = run.best_checkpoint(Network::Autoencoder);
    let weights = read(run, &path, Network::Autoencoder)?;
    let shape = autoencoder_shape(&weights, &path, config.dim)?;
    let autoencoder = Autoencoder::new(&shape, &Streams::new(config.seed), device)?;
    autoencoder.parameters().load_checkpoint(&weights)?;
    Ok(autoencoder)
}

/// Replaces the encoder with the best weights by that of the run's latents, if that is another one.
fn load_encoder(autoencoder: &Autoencoder, run: &RunFolder, config: &Config) -> Result<()> {
    let weights = config.autoencoder.as_ref().map(|settings| settings.weights);
    if weights == Some(AutoencoderWeights::LastEncoderBestDecoder) {
        let last = read(run, &run.last_checkpoint(Network::Autoencoder), Network::Autoencoder)?;
        let mut weights = autoencoder.parameters().state_dict()?;
        weights.extend(last.group(&keys::WEIGHTS).into_iter().filter(|(name, _)| name.starts_with("encoder.")));
        autoencoder.parameters().load_state_dict(&weights)?;
    }
    Ok(())
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
