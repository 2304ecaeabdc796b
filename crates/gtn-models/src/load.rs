//! Trained networks from the folder of a run or of published weights, and from model files.

use std::path::{Path, PathBuf};

use candle_core::Device;
use gtn_run::config::AutoencoderWeights;
use gtn_run::schema::{TensorKey, checkpoint as keys};
use gtn_run::{
    Artifact, AutoencoderCard, Config, FlowCard, ModelCard, Network, Origin, Provenance, RunFolder, RunRecord,
};
use ndarray::Array1;

use crate::autoencoder::DECODER;
use crate::error::require_array;
use crate::model::{ENCODER, Model};
use crate::{
    Autoencoder, AutoencoderShape, Coordinates, Error, FlowShape, Generator, HShape, MlpShape, NamedArrays, Normalizer,
    Parameters, Result, Streams,
};

impl Model {
    /// Loads the best weights of a run's networks. `path` is the folder of the run, a folder of weights, which has its
    /// `config.toml` and the best checkpoints, a model file, or a folder that contains `model.safetensors`.
    ///
    /// # Errors
    ///
    /// [`Error::NotTrained`] if the run has no weights yet, [`Error::ForeignWeights`] if they do not belong to its
    /// configuration, [`Error::Run`] if the folder is not a run or is damaged, [`Error::File`] if the file is not a model file or
    /// is damaged.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        match model_file(path.as_ref()) {
            Some(file) => read_model(&file),
            None => read_run(&RunFolder::at(path.as_ref())),
        }
    }

    /// Whether [`load`](Self::load) may find a model at `path`, as opposed to an array or a folder of images.
    #[must_use]
    pub fn is_at(path: &Path) -> bool {
        match model_file(path) {
            Some(file) => matches!(ModelCard::read(&file), Ok(Some(_))),
            None => RunFolder::at(path).config().is_file(),
        }
    }
}

impl Generator {
    /// Loads the best weights of a run's networks, or a model file, to the CPU: whatever [`Model::load`] reads.
    ///
    /// # Errors
    ///
    /// As [`Model::load`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::load_on(path, &Device::Cpu)
    }

    /// As [`load`](Self::load), but to a device.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn load_on(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        Model::load(path)?.generator(device)
    }
}

impl Autoencoder {
    /// Loads a run's autoencoder: the encoder of its latents and the decoder of its samples. Under the `repo` protocol they come
    /// from different epochs. `path` is also a model file, or a folder with one.
    ///
    /// This is possible as soon as the autoencoder is trained, before ĥ is. A decoder that is trained alone is that of the result once its
    /// training is over.
    ///
    /// # Errors
    ///
    /// [`Error::NoAutoencoder`] if the data are not images, [`Error::NoEncoder`] if a model file has no encoder; otherwise as
    /// [`Model::load`].
    pub fn load(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        if let Some(file) = model_file(path.as_ref()) {
            let model = read_model(&file)?;
            if let Some(reason) = model.card().missing_encoder() {
                return Err(Error::NoEncoder { reason: reason.to_owned() });
            }
            return autoencoder_of(&model, path.as_ref(), device);
        }
        let run = RunFolder::at(path.as_ref());
        let record = run.record()?;
        let (shape, mut weights) = read_best(&run, &record.config)?;
        replace_encoder(&mut weights, &run, &record.config)?;
        if record.provenance.decoder_epochs.is_some() {
            replace_decoder(&mut weights, &run, &record.config)?;
        }
        build(&shape, &weights, device)
    }

    /// Loads a run's autoencoder with its best weights, whose decoder generates the run's samples. Unlike with
    /// [`load`](Self::load), under the `repo` protocol the encoder is not that of the latents. A model file needs no encoder; without
    /// one, that of the result has random weights.
    ///
    /// # Errors
    ///
    /// [`Error::NoAutoencoder`] if the data are not images; otherwise as [`Model::load`].
    pub fn load_best(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        if let Some(file) = model_file(path.as_ref()) {
            return autoencoder_of(&read_model(&file)?, path.as_ref(), device);
        }
        let run = RunFolder::at(path.as_ref());
        let RunRecord { config, provenance, .. } = run.record()?;
        let (shape, mut weights) = read_best(&run, &config)?;
        if config.trains_decoder() && config.extension.is_some() && provenance.decoder_epochs.is_none() {
            // The autoencoder may be newer than the decoder that was trained alone.
            return Err(Error::UnfinishedExtension { run: run.root().to_path_buf() });
        }
        replace_decoder(&mut weights, &run, &config)?;
        build(&shape, &weights, device)
    }

    /// Loads a run's autoencoder as the training of both of its parts left it: with the best weights, and without the decoder that was
    /// trained alone afterwards, if there is one.
    ///
    /// # Errors
    ///
    /// As [`load_best`](Self::load_best), except that `path` must be a run.
    pub fn load_before_decoder(path: impl AsRef<Path>, device: &Device) -> Result<Self> {
        let run = RunFolder::at(path.as_ref());
        let (shape, weights) = read_best(&run, &run.record()?.config)?;
        build(&shape, &weights, device)
    }
}

impl MlpShape {
    /// The architecture of the paper's ĥ in a configuration, for a source with one component.
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

impl FlowShape {
    /// The architecture of the flow in a configuration. `indicators` is the number of columns that tell it the component.
    #[must_use]
    pub fn from_config(config: &Config, indicators: usize) -> Self {
        let flow = &config.pairing.flow;
        Self { dim: config.dim, indicators, width: flow.width, blocks: flow.blocks }
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

/// The model file at a path: the file itself, or the one in a folder that is not a run.
fn model_file(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_path_buf());
    }
    let file = path.join(ModelCard::FILE_NAME);
    (!RunFolder::at(path).config().exists() && file.is_file()).then_some(file)
}

/// Reads a model file. An error names the file.
fn read_model(path: &Path) -> Result<Model> {
    let malformed = |error: &dyn std::fmt::Display| gtn_io::Error::malformed(path, error.to_string());
    let (card, artifact) = Artifact::read_model(path).map_err(|error| match error {
        gtn_run::Error::Io(error) => Error::File(error),
        error => error.into(),
    })?;
    artifact.check_values()?;
    Model::from_artifact(card, &artifact).map_err(|error| malformed(&error).into())
}

/// The autoencoder of a model that was read from `path`.
fn autoencoder_of(model: &Model, path: &Path, device: &Device) -> Result<Autoencoder> {
    match &model.card().autoencoder {
        Some(card) => model.build_autoencoder(card, device),
        None => Err(Error::NoAutoencoder { run: path.to_path_buf() }),
    }
}

/// Without the names of the user's files and the machine, which are nobody else's business.
fn without_own_files(provenance: Provenance) -> Provenance {
    let (data_path, labels_path, command, autoencoder_from) = (None, None, None, None);
    let (data_notes, system, begun) = (Vec::new(), None, None);
    Provenance { data_path, labels_path, data_notes, command, system, begun, autoencoder_from, ..provenance }
}

/// The best weights of a run.
fn read_run(run: &RunFolder) -> Result<Model> {
    let RunRecord { config, provenance, .. } = run.record()?;
    if config.extension.is_some() && provenance.h_epochs.is_none() {
        // The autoencoder may be newer than ĥ, whose latents it would not understand.
        return Err(Error::UnfinishedExtension { run: run.root().to_path_buf() });
    }
    let path = run.best_checkpoint(Network::H);
    let checkpoint = read(run, &path, Network::H)?;
    let coordinates = read_coordinates(&checkpoint, config.dim)?;
    let indicators = coordinates.as_ref().map_or(0, Coordinates::indicator_columns);
    let shape = HShape::from_config(&config, indicators);
    if let HShape::Mlp(shape) = &shape {
        check_hidden_layers(&checkpoint, &path, shape)?;
    }
    let normalizer = Normalizer::from_artifact(&checkpoint, &keys::MEAN, &keys::STD)?;
    let (card, autoencoder) = match config.autoencoder {
        None => (None, NamedArrays::new()),
        Some(_) => {
            let (AutoencoderShape { channels, side, dim }, mut weights) = read_best(run, &config)?;
            // Sampling needs the best weights alone, and must not fail without others.
            replace_decoder(&mut weights, run, &config)?;
            let missing_encoder = replace_encoder(&mut weights, run, &config).err().map(|error| error.to_string());
            if missing_encoder.is_some() {
                weights.retain(|name, _| !name.starts_with(ENCODER));
            }
            (Some(AutoencoderCard { channels, side, dim, missing_encoder }), weights)
        }
    };
    let flow = read_flow(run, &config, &checkpoint, indicators)?;
    let provenance = if config.data.are_own() { without_own_files(provenance) } else { provenance };
    let origin = Origin::Run { provenance: Box::new(provenance), config: Box::new(config) };
    let card = ModelCard::new(shape.into(), true, card, origin);
    let mut model = Model::new(card, checkpoint.group(&keys::WEIGHTS), Some(normalizer), autoencoder)?;
    if let Some(coordinates) = coordinates {
        model = model.with_coordinates(coordinates)?;
    }
    if let Some((card, weights)) = flow {
        model = model.with_flow(card, weights)?;
    }
    Ok(model)
}

/// The coordinates beside the weights of ĥ, if there are any.
fn read_coordinates(checkpoint: &Artifact, dim: usize) -> Result<Option<Coordinates>> {
    let Some(system) = checkpoint.metadata(&keys::COORDINATE_SYSTEM) else { return Ok(None) };
    Coordinates::from_arrays(system, dim, &checkpoint.group(&keys::COORDINATES)).map(Some)
}

/// The flow that the pairs of ĥ come from. Sampling needs ĥ alone, so a folder of weights may lack it.
fn read_flow(
    run: &RunFolder,
    config: &Config,
    h: &Artifact,
    indicators: usize,
) -> Result<Option<(FlowCard, NamedArrays)>> {
    let path = run.best_checkpoint(Network::Flow);
    let (true, Some(integration_steps)) = (path.exists(), h.metadata(&keys::INTEGRATION_STEPS)) else {
        return Ok(None);
    };
    let shape = FlowShape::from_config(config, indicators);
    let card = FlowCard { network: shape.network().into(), integration_steps };
    Ok(Some((card, read(run, &path, Network::Flow)?.group(&keys::WEIGHTS))))
}

/// The autoencoder's best weights after the training of both of its parts, and its architecture.
fn read_best(run: &RunFolder, config: &Config) -> Result<(AutoencoderShape, NamedArrays)> {
    if config.autoencoder.is_none() {
        return Err(Error::NoAutoencoder { run: run.root().to_path_buf() });
    }
    let path = run.best_checkpoint(Network::Autoencoder);
    let checkpoint = read(run, &path, Network::Autoencoder)?;
    let shape = autoencoder_shape(&checkpoint, &path, config.dim)?;
    Ok((shape, checkpoint.group(&keys::WEIGHTS)))
}

fn build(shape: &AutoencoderShape, weights: &NamedArrays, device: &Device) -> Result<Autoencoder> {
    // The initial weights are overwritten, so any seed works.
    let autoencoder = Autoencoder::new(shape, &Streams::new(0), device)?;
    autoencoder.parameters().load_state_dict(weights)?;
    Ok(autoencoder)
}

/// Replaces the encoder with the best weights by that of the run's latents, if that is another one.
fn replace_encoder(weights: &mut NamedArrays, run: &RunFolder, config: &Config) -> Result<()> {
    let choice = config.autoencoder.as_ref().map(|settings| settings.weights);
    if choice == Some(AutoencoderWeights::LastEncoderBestDecoder) {
        let last = read(run, &run.last_checkpoint(Network::Autoencoder), Network::Autoencoder)?;
        replace(weights, ENCODER, &last.group(&keys::WEIGHTS))?;
    }
    Ok(())
}

/// Replaces the decoder by the one that was trained alone, if the run has one.
fn replace_decoder(weights: &mut NamedArrays, run: &RunFolder, config: &Config) -> Result<()> {
    if config.decoder_training().is_some() {
        let decoder = read(run, &run.best_checkpoint(Network::Decoder), Network::Decoder)?;
        replace(weights, DECODER, &decoder.group(&keys::WEIGHTS))?;
    }
    Ok(())
}

/// Replaces the weights whose names start with `prefix`.
fn replace(weights: &mut NamedArrays, prefix: &str, others: &NamedArrays) -> Result<()> {
    for (name, array) in weights.iter_mut().filter(|(name, _)| name.starts_with(prefix)) {
        let other = require_array(others, name, array.shape())?;
        array.assign(other);
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
    let artifact = Artifact::read(path)?;
    artifact.check_values()?;
    Ok(artifact)
}
