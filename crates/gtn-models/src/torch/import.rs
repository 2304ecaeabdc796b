//! A model from the authors' PyTorch files.

use gtn_run::{AutoencoderCard, HCard, ImportedFile, ModelCard, Origin};

use super::StateDict;
use super::names::{self, AUTOENCODER_PREFIX, H_PREFIX, MEAN, NORM_PARTS, Name, OUTPUT, STD};
use crate::autoencoder::INNER_CHANNELS;
use crate::model::ENCODER;
use crate::{AutoencoderShape, Error, HShape, MlpShape, Model, NamedArrays, Normalizer, Result};

/// Hidden layers that the authors' network for CelebA and 11K Hands applies. It defines 40.
const APPLIED_LAYERS: usize = 25;
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
    /// `encoder.{conv1,conv2,fc}` and `decoder.{fc,conv2,conv1}`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if a tensor is missing, left over, or has another shape or type, and if the files
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
        let layers = HLayers::of(&h, hidden_layers, applies_all)?;
        let shape = layers.shape(&h, negative_slope)?;
        let unused_layers = layers.discard_unused(&mut h);
        let h_weights = take_all(&mut h, names::of_h(&shape, &layers.output))?;
        let normalizer = match h.shape(MEAN) {
            None => None,
            Some(_) => Some(take_normalizer(&mut h, shape.output)?),
        };
        let path = h.path().to_path_buf();
        h.finish()?;

        let (card, autoencoder) = match autoencoder {
            None => (None, NamedArrays::new()),
            Some((exported, mut file)) => {
                let missing_encoder = exported.as_ref().and_then(ModelCard::missing_encoder).map(str::to_owned);
                let AutoencoderShape { channels, side, dim } = autoencoder_shape(&file)?;
                if dim != shape.output {
                    return Err(file.malformed(format!(
                        "its latents have dimension {dim}, and the output of ĥ in '{}' has {}; pass files of one model",
                        path.display(),
                        shape.output
                    )));
                }
                let mut names = names::of_autoencoder(&AutoencoderShape { channels, side, dim });
                names.retain(|name| missing_encoder.is_none() || !name.torch.starts_with(ENCODER));
                let weights = take_all(&mut file, names)?;
                file.finish()?;
                (Some(AutoencoderCard { channels, side, dim, missing_encoder }), weights)
            }
        };
        let card = ModelCard::new(HShape::Mlp(shape).into(), normalizer.is_some(), card, Origin::Files(files));
        Ok(TorchImport { model: Model::new(card, h_weights, normalizer, autoencoder)?, unused_layers })
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
fn take_all(file: &mut StateDict, names: Vec<Name>) -> Result<NamedArrays> {
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

/// Rows and columns of a matrix.
fn matrix_shape(file: &StateDict, name: &str) -> Result<(usize, usize)> {
    match file.shape(name) {
        Some(&[rows, columns]) if rows > 0 && columns > 0 => Ok((rows, columns)),
        Some(shape) => Err(file.malformed(format!(
            "tensor `{name}` has shape {shape:?}, expected a matrix; pass weights of this network"
        ))),
        None => Err(missing_layer(file, name)),
    }
}

fn missing_layer(file: &StateDict, name: &str) -> Error {
    let known = "`fc1`, ..., `fc_out` for ĥ, `encoder.conv1`, ..., `decoder.conv1` for the autoencoder";
    file.malformed(format!("tensor `{name}` is missing; layers must be named as in the authors' code: {known}"))
}

/// Which layers of a file are those of ĥ.
struct HLayers {
    /// Numbered linear layers in the file.
    count: usize,
    /// How many of them are hidden layers that the forward pass applies.
    applied: usize,
    /// The name of the output layer.
    output: String,
}

impl HLayers {
    fn of(file: &StateDict, hidden_layers: Option<usize>, applies_all: bool) -> Result<Self> {
        let has = |layer: &str| file.shape(&format!("{layer}.weight")).is_some();
        let count = (0..).take_while(|layer| has(&names::linear(*layer))).count();
        if has(OUTPUT) {
            let applied = match hidden_layers {
                Some(hidden_layers) => hidden_layers,
                None if count > APPLIED_LAYERS && !applies_all => APPLIED_LAYERS,
                None => count,
            };
            require_layers(file, applied, count)?;
            return Ok(Self { count, applied, output: OUTPUT.to_owned() });
        }
        let last = count.checked_sub(1).ok_or_else(|| missing_layer(file, "fc1.weight"))?;
        let applied = hidden_layers.unwrap_or(last);
        require_layers(file, applied, last)?;
        Ok(Self { count, applied, output: names::linear(applied) })
    }

    /// The architecture, inferred from the shapes.
    fn shape(&self, file: &StateDict, negative_slope: f64) -> Result<MlpShape> {
        let (output, before_output) = matrix_shape(file, &format!("{}.weight", self.output))?;
        let (width, input) = match self.applied {
            0 => (output, before_output),
            _ => matrix_shape(file, "fc1.weight")?,
        };
        let has_norm = |layer: &usize| file.shape(&format!("{}.weight", names::norm(*layer))).is_some();
        let batch_norm_layers = (0..self.applied).take_while(has_norm).count();
        Ok(MlpShape { input, hidden_layers: self.applied, width, output, negative_slope, batch_norm_layers })
    }

    /// Removes layers between the last applied one and `fc_out`. Returns their names.
    fn discard_unused(&self, file: &mut StateDict) -> Vec<String> {
        if self.output != OUTPUT {
            return Vec::new();
        }
        let mut unused = Vec::new();
        for layer in self.applied..self.count {
            for name in [names::linear(layer), names::norm(layer)] {
                let parts = NORM_PARTS.map(|part| file.discard(&format!("{name}.{part}")));
                if parts.contains(&true) {
                    unused.push(name);
                }
            }
        }
        unused
    }
}

fn require_layers(file: &StateDict, wanted: usize, available: usize) -> Result<()> {
    if wanted <= available {
        return Ok(());
    }
    Err(file
        .malformed(format!("it has {available} hidden layers, and {wanted} were requested; pass at most {available}")))
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
