//! A model: the weights of trained networks with their model card, before any network is built.

use candle_core::Device;
use gtn_run::schema::model as keys;
use gtn_run::{Artifact, AutoencoderCard, CoordinatesCard, Fingerprint, FlowCard, ModelCard};

use crate::autoencoder::OUTER_CHANNELS;
use crate::error::{require, require_array, require_columns};
use crate::ops::KERNEL;
use crate::{
    Autoencoder, AutoencoderShape, Coordinates, Flow, FlowShape, Generator, H, HShape, MlpShape, NamedArrays,
    Normalizer, ResidualShape, Result, Streams, TIME_FEATURES,
};

/// The weights of a trained model with their model card: all that sampling needs.
///
/// [`Model::load`] reads it from a run, from weights or from a model file, and [`Model::from_torch`] takes it from files of
/// PyTorch. [`to_artifact`](Self::to_artifact) is the model file, and [`to_torch`](Self::to_torch) has the names of a module in
/// PyTorch.
///
/// ```no_run
/// use std::path::Path;
///
/// use gtn_models::{Device, Generator, Model};
///
/// let model = Model::load("runs/mnist-d5-seed1")?;
/// model.to_artifact()?.write(Path::new("mnist.safetensors"))?;
/// let generator = Generator::load("mnist.safetensors")?; // its samples are those of the run
/// # Ok::<(), gtn_models::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    card: ModelCard,
    h: NamedArrays,
    normalizer: Option<Normalizer>,
    coordinates: Option<Coordinates>,
    /// Weights of the velocity network; empty if there is no flow.
    flow: NamedArrays,
    /// Empty if there is no autoencoder; without tensors of the encoder if there is none.
    autoencoder: NamedArrays,
}

/// What the names of an encoder's parameters start with.
pub(crate) const ENCODER: &str = "encoder.";

impl Model {
    /// A model of weights that belong to the architectures in its card.
    ///
    /// # Errors
    ///
    /// [`Error`](crate::Error) with the name of a tensor or a setting if they do not.
    pub(crate) fn new(
        card: ModelCard,
        h: NamedArrays,
        normalizer: Option<Normalizer>,
        autoencoder: NamedArrays,
    ) -> Result<Self> {
        let shape = HShape::from(card.h);
        shape.check()?;
        match &shape {
            HShape::Mlp(shape) => check_mlp(shape, &h)?,
            HShape::Residual(shape) => check_residual(shape, &h)?,
        }
        if let Some(normalizer) = &normalizer {
            require_columns("the normalizer", normalizer.columns(), shape.output())?;
        }
        if let Some(card) = &card.autoencoder {
            check_decoder(&card.into(), &autoencoder)?;
            require_columns("the decoder's latents", card.dim, shape.output())?;
        }
        Ok(Self { card, h, normalizer, coordinates: None, flow: NamedArrays::new(), autoencoder })
    }

    /// The model with the coordinates in which ĥ was trained.
    pub(crate) fn with_coordinates(mut self, coordinates: Coordinates) -> Result<Self> {
        let shape = HShape::from(self.card.h);
        require_columns("the coordinates", coordinates.dim(), shape.output())?;
        let columns = coordinates.dim() + coordinates.indicator_columns();
        require_columns("the coordinates with the indicators of components", columns, shape.input())?;
        let (system, components) = (coordinates.system(), coordinates.components());
        self.card.coordinates = Some(CoordinatesCard { system, components });
        self.coordinates = Some(coordinates);
        Ok(self)
    }

    /// The model with the flow that the pairs of ĥ come from.
    pub(crate) fn with_flow(mut self, card: FlowCard, weights: NamedArrays) -> Result<Self> {
        let shape = flow_shape(&card)?.network();
        shape.check()?;
        check_residual(&shape, &weights)?;
        let h = HShape::from(self.card.h);
        require_columns("the points of the flow", shape.dim, h.output())?;
        require_columns("the input of the flow", shape.dim + shape.condition - TIME_FEATURES, h.input())?;
        self.card.flow = Some(card);
        self.flow = weights;
        Ok(self)
    }

    /// The model card.
    #[must_use]
    pub fn card(&self) -> &ModelCard {
        &self.card
    }

    /// The weights of ĥ, by the names of its parameters.
    pub(crate) fn h(&self) -> &NamedArrays {
        &self.h
    }

    pub(crate) fn normalizer(&self) -> Option<&Normalizer> {
        self.normalizer.as_ref()
    }

    pub(crate) fn coordinates(&self) -> Option<&Coordinates> {
        self.coordinates.as_ref()
    }

    /// The weights of the autoencoder, by the names of its parameters.
    pub(crate) fn autoencoder(&self) -> &NamedArrays {
        &self.autoencoder
    }

    /// The model file.
    ///
    /// # Errors
    ///
    /// [`Error::Run`](crate::Error::Run) if the card has no JSON form.
    pub fn to_artifact(&self) -> Result<Artifact> {
        let mut artifact = Artifact::new(Fingerprint::new("model", &[]));
        artifact.set_metadata(&keys::CARD, &self.card)?;
        artifact.insert_group(&keys::H, self.h.clone());
        artifact.insert_group(&keys::AUTOENCODER, self.autoencoder.clone());
        if let Some(normalizer) = &self.normalizer {
            artifact.insert(&keys::MEAN, normalizer.mean().clone());
            artifact.insert(&keys::STD, normalizer.std().clone());
        }
        if let Some(coordinates) = &self.coordinates {
            artifact.insert_group(&keys::COORDINATES, coordinates.to_arrays());
        }
        artifact.insert_group(&keys::FLOW, self.flow.clone());
        Ok(artifact)
    }

    /// The model in a model file, with its card.
    pub(crate) fn from_artifact(card: ModelCard, artifact: &Artifact) -> Result<Self> {
        let normalizer = match card.is_normalized {
            true => Some(Normalizer::from_artifact(artifact, &keys::MEAN, &keys::STD)?),
            false => None,
        };
        let (coordinates, flow, dim) = (card.coordinates, card.flow, HShape::from(card.h).output());
        let mut model = Self::new(card, artifact.group(&keys::H), normalizer, artifact.group(&keys::AUTOENCODER))?;
        if let Some(card) = coordinates {
            let arrays = artifact.group(&keys::COORDINATES);
            model = model.with_coordinates(Coordinates::from_arrays(card.system, dim, &arrays)?)?;
        }
        if let Some(card) = flow {
            model = model.with_flow(card, artifact.group(&keys::FLOW))?;
        }
        Ok(model)
    }

    /// The networks, on a device.
    ///
    /// # Errors
    ///
    /// [`Error::NotFinite`](crate::Error::NotFinite) if a weight is NaN or infinite, [`Error::Device`](crate::Error::Device) if the
    /// device fails.
    pub fn generator(&self, device: &Device) -> Result<Generator> {
        // The initial weights are overwritten, so any seed works.
        let h = H::new(&self.card.h.into(), &Streams::new(0), device)?;
        h.parameters().load_state_dict(&self.h)?;
        let autoencoder =
            self.card.autoencoder.as_ref().map(|card| self.build_autoencoder(card, device)).transpose()?;
        let mut generator = Generator::new(h, self.normalizer.clone(), autoencoder)?;
        if let Some(coordinates) = &self.coordinates {
            generator = generator.with_coordinates(coordinates.clone())?;
        }
        if let Some(card) = &self.card.flow {
            let flow = Flow::new(&flow_shape(card)?, &Streams::new(0), device)?;
            flow.parameters().load_state_dict(&self.flow)?;
            generator = generator.with_flow(flow, card.integration_steps)?;
        }
        Ok(match self.card.missing_encoder() {
            None => generator,
            Some(reason) => generator.without_encoder(reason.to_owned()),
        })
    }

    /// The autoencoder, on a device. If the model has no encoder, that of the result has random weights.
    pub(crate) fn build_autoencoder(&self, card: &AutoencoderCard, device: &Device) -> Result<Autoencoder> {
        let autoencoder = Autoencoder::new(&card.into(), &Streams::new(0), device)?;
        let parameters = autoencoder.parameters();
        if card.missing_encoder.is_none() {
            parameters.load_state_dict(&self.autoencoder)?;
        } else {
            let mut weights = parameters.state_dict()?;
            weights.extend(self.autoencoder.clone());
            parameters.load_state_dict(&weights)?;
        }
        Ok(autoencoder)
    }
}

/// Checks the weights that decide how large ĥ is, before memory is allocated for it.
fn check_mlp(shape: &MlpShape, weights: &NamedArrays) -> Result<()> {
    let mut input = shape.input;
    for layer in 0..shape.hidden_layers {
        require_array(weights, &format!("hidden.{layer:03}.linear.weight"), &[shape.width, input])?;
        input = shape.width;
    }
    require_array(weights, "output.weight", &[shape.output, input])?;
    require_array(weights, "output.bias", &[shape.output])?;
    Ok(())
}

/// As [`check_mlp`], for a residual network.
fn check_residual(shape: &ResidualShape, weights: &NamedArrays) -> Result<()> {
    let &ResidualShape { dim, condition, width, blocks, .. } = shape;
    require_array(weights, "input.weight", &[width, dim + condition])?;
    for block in 0..blocks {
        require_array(weights, &format!("block.{block:03}.linear1.weight"), &[width, width + condition])?;
        require_array(weights, &format!("block.{block:03}.linear2.weight"), &[width, width])?;
    }
    require_array(weights, "output.weight", &[dim, width])?;
    Ok(())
}

/// The architecture of a flow in a model card.
fn flow_shape(card: &FlowCard) -> Result<FlowShape> {
    let network = card.network;
    let indicators = network.condition.checked_sub(TIME_FEATURES);
    require(indicators.is_some(), "condition", network.condition, "must hold the features of the time")?;
    require(card.integration_steps > 0, "integration_steps", card.integration_steps, "must be at least 1")?;
    let (dim, width, blocks) = (network.dim, network.width, network.blocks);
    Ok(FlowShape { dim, indicators: indicators.unwrap_or_default(), width, blocks })
}

/// Checks the weights that decide how large an autoencoder is. Those of the encoder are as large.
fn check_decoder(shape: &AutoencoderShape, weights: &NamedArrays) -> Result<()> {
    shape.check()?;
    require_array(weights, "decoder.linear.weight", &[shape.flat_len(), shape.dim])?;
    require_array(weights, "decoder.deconv2.weight", &[OUTER_CHANNELS, shape.channels, KERNEL, KERNEL])?;
    Ok(())
}

impl From<&AutoencoderCard> for AutoencoderShape {
    fn from(card: &AutoencoderCard) -> Self {
        Self { channels: card.channels, side: card.side, dim: card.dim }
    }
}
