//! A model from the authors' PyTorch files.

use gtn_run::config::CoordinateSystem;
use gtn_run::{AutoencoderCard, HCard, ImportedFile, ModelCard, Origin};

use super::StateDict;
use super::h_layers::{HLayers, matrix_shape};
use super::names::{self, AUTOENCODER_PREFIX, COMPONENTS, H_PREFIX, MEAN, Name, STD};
use crate::autoencoder::INNER_CHANNELS;
use crate::model::ENCODER;
use crate::{AutoencoderShape, Coordinates, HShape, Model, NamedArrays, Normalizer, Result};

/// Slope of LeakyReLU in the authors' networks.
const NEGATIVE_SLOPE: f64 = 0.5;

/// A model from PyTorch files.
#[derive(Debug)]
pub struct TorchImport {
    /// The model.
    pub model: Model,
    /// Layers of ĥ in the file that its forward pass does not apply, such as `fc26`.
    pub unused_layers: Vec<String>,
}

impl Model {
    /// The model in PyTorch files of ĥ and of the autoencoder, if it generates images. Files of [`to_torch`](Self::to_torch)
    /// contain both, and need not be passed twice.
    ///
    /// ĥ consists of hidden layers `fc1`, `fc2`, ..., each with LeakyReLU (negative slope 0.5), the first ones followed by
    /// BatchNorm `bn1`, `bn2`, ..., and of an output layer: `fc_out`, or else the last of the numbered ones. The authors' network
    /// with `fc_out` defines 40 hidden layers and applies 25; `hidden_layers` overrides this number. The autoencoder is
    /// `encoder.{conv1,conv2,fc}` and `decoder.{fc,conv2,conv1}`. Files of [`to_torch`](Self::to_torch) may also have a residual ĥ,
    /// components of the source, and a normalizer.
    ///
    /// # Errors
    ///
    /// [`Error::File`](crate::Error::File) if a tensor is missing, left over, or has another shape or type, and if the files
    /// differ in the dimension of the latents.
    pub fn from_torch(
        h: StateDict,
        autoencoder: Option<StateDict>,
        hidden_layers: Option<usize>,
    ) -> Result<TorchImport> {
        let mut files = vec![imported("h", &h)];
        let exported = exported_card(&h)?;
        // In a file with both networks, ĥ has no layers that it does not apply.
        let applies_all = h.names().any(|name| name.starts_with(H_PREFIX));
        let (mut h, included) = split(h, H_PREFIX, AUTOENCODER_PREFIX)?;
        let autoencoder = match autoencoder {
            Some(file) => {
                files.push(imported("autoencoder", &file));
                Some((exported_card(&file)?, split(file, AUTOENCODER_PREFIX, H_PREFIX)?.0))
            }
            None => included.map(|included| (exported.clone(), included)),
        };

        let negative_slope = match exported.as_ref().map(|card| card.h) {
            Some(HCard::Mlp(card)) => card.negative_slope,
            _ => NEGATIVE_SLOPE,
        };
        let HLayers { shape, names, unused: unused_layers } =
            HLayers::find(&mut h, hidden_layers, applies_all, negative_slope)?;
        let h_weights = take_all(&mut h, names)?;
        let coordinates = take_coordinates(&mut h, shape.output())?;
        check_input(&h, &shape, coordinates.as_ref())?;
        let normalizer = match h.shape(MEAN) {
            None => None,
            Some(_) => Some(take_normalizer(&mut h, shape.output())?),
        };
        let path = h.path().to_path_buf();
        h.finish()?;

        let (card, autoencoder) = match autoencoder {
            None => (None, NamedArrays::new()),
            Some((exported, mut file)) => {
                let missing_encoder = exported.as_ref().and_then(ModelCard::missing_encoder).map(str::to_owned);
                let AutoencoderShape { channels, side, dim } = autoencoder_shape(&file)?;
                if dim != shape.output() {
                    return Err(file.malformed(format!(
                        "its latents have dimension {dim}, and the output of ĥ in '{}' has {}; pass files of one model",
                        path.display(),
                        shape.output()
                    )));
                }
                let mut names = names::of_autoencoder(&AutoencoderShape { channels, side, dim });
                names.retain(|name| missing_encoder.is_none() || !name.torch.starts_with(ENCODER));
                let weights = take_all(&mut file, names)?;
                file.finish()?;
                (Some(AutoencoderCard { channels, side, dim, missing_encoder }), weights)
            }
        };
        let card = ModelCard::new(shape.into(), normalizer.is_some(), card, Origin::Files(files));
        let mut model = Model::new(card, h_weights, normalizer, autoencoder)?;
        if let Some(coordinates) = coordinates {
            model = model.with_coordinates(coordinates)?;
        }
        Ok(TorchImport { model, unused_layers })
    }
}

fn imported(content: &str, file: &StateDict) -> ImportedFile {
    let name = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    ImportedFile { content: content.to_owned(), name, sha256: file.sha256().to_owned() }
}

/// The model card of a file of [`Model::to_torch`].
fn exported_card(file: &StateDict) -> Result<Option<ModelCard>> {
    match file.metadata("gtn") {
        Some(_) => Ok(ModelCard::read_torch(file.path())?),
        None => Ok(None),
    }
}

/// The tensors of one network, and those of the other if the file contains both.
fn split(mut file: StateDict, prefix: &str, other: &str) -> Result<(StateDict, Option<StateDict>)> {
    if !file.names().any(|name| name.starts_with(prefix)) {
        return Ok((file, None));
    }
    let (of_network, of_other) = (file.split_off(prefix), file.split_off(other));
    file.finish()?;
    let has_other = of_other.names().next().is_some();
    Ok((of_network, has_other.then_some(of_other)))
}

/// Takes parameters, all of whose values must be finite.
fn take_all(file: &mut StateDict, names: impl IntoIterator<Item = Name>) -> Result<NamedArrays> {
    names.into_iter().map(|name| Ok((name.gtn, take_finite(file, &name.torch, &name.shape)?))).collect()
}

fn take_finite(file: &mut StateDict, name: &str, shape: &[usize]) -> Result<ndarray::ArrayD<f32>> {
    let array = file.take(name, shape)?;
    if array.iter().all(|value| value.is_finite()) {
        return Ok(array);
    }
    Err(file.malformed(format!("tensor `{name}` contains NaN or an infinity; pass weights that did not diverge")))
}

fn take_normalizer(file: &mut StateDict, columns: usize) -> Result<Normalizer> {
    let mut vector = |name| -> Result<_> { Ok(take_finite(file, name, &[columns])?.into_iter().collect()) };
    let (mean, std) = (vector(MEAN)?, vector(STD)?);
    Normalizer::new(mean, std).map_err(|error| file.malformed(error.to_string()))
}

/// The components of the source and their coordinates, if the file has any.
fn take_coordinates(file: &mut StateDict, dim: usize) -> Result<Option<Coordinates>> {
    let name = file.names().find_map(|name| name.strip_prefix(COMPONENTS)).map(str::to_owned);
    let Some(name) = name else { return Ok(None) };
    let system = name.split('.').next().unwrap_or_default().parse::<CoordinateSystem>();
    let system = system.map_err(|error| file.malformed(format!("tensor `{COMPONENTS}{name}`: {error}")))?;
    let [means, ..] = names::of_components(system, 0, dim);
    let count = file.shape(&means.torch).and_then(|shape| shape.first().copied()).unwrap_or(0);
    let arrays = take_all(file, names::of_components(system, count, dim))?;
    Coordinates::from_arrays(system, dim, &arrays).map(Some).map_err(|error| file.malformed(error.to_string()))
}

/// Checks that ĥ takes a normal vector, and beside it a column for each of several components.
fn check_input(file: &StateDict, h: &HShape, coordinates: Option<&Coordinates>) -> Result<()> {
    let columns = h.output() + coordinates.map_or(0, Coordinates::indicator_columns);
    // Without components, the paper's ĥ may map between different dimensions.
    let is_fixed = coordinates.is_some() || matches!(h, HShape::Residual(_));
    if !is_fixed || h.input() == columns {
        return Ok(());
    }
    Err(file.malformed(format!(
        "the input of ĥ has {} columns, and its output and components need {columns}; pass all tensors of a file that \
         `gtn export` wrote",
        h.input()
    )))
}

/// The architecture of an autoencoder, inferred from the shapes of its decoder.
fn autoencoder_shape(file: &StateDict) -> Result<AutoencoderShape> {
    let (flat, dim) = matrix_shape(file, "decoder.fc.weight")?;
    let side = 4 * (flat / INNER_CHANNELS).isqrt();
    let channels = match file.shape("decoder.conv1.weight") {
        Some(&[_, channels, _, _]) if channels > 0 => channels,
        // `take` reports the wrong shape.
        _ => 1,
    };
    let shape = AutoencoderShape { channels, side, dim };
    if side == 0 || shape.flat_len() != flat {
        return Err(file.malformed(format!(
            "tensor `decoder.fc.weight` has {flat} rows, expected {INNER_CHANNELS}·(side/4)² for square images; pass weights of \
             this network"
        )));
    }
    Ok(shape)
}
