//! The model card: what a model consists of, and where it comes from.

use serde::{Deserialize, Serialize};

use crate::config::{Config, CoordinateSystem};
use crate::folder::Provenance;

/// The format of model files. A file of another format is refused.
pub(crate) const MODEL_FORMAT: u64 = 1;

/// What a model consists of, and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// The format of the file.
    pub(crate) format: u64,
    /// Version of the program that wrote the file.
    pub version: String,
    /// The architecture of ĥ.
    pub h: HCard,
    /// Whether the output of ĥ is denormalized by a mean and a standard deviation of its targets.
    pub is_normalized: bool,
    /// The components of the source, unless ĥ maps one normal distribution to the normalized data themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<CoordinatesCard>,
    /// The flow that the pairs of ĥ come from, if they come from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flow: Option<FlowCard>,
    /// The autoencoder, if the model generates images.
    pub autoencoder: Option<AutoencoderCard>,
    /// Where the weights come from.
    pub origin: Origin,
}

/// The architecture of ĥ.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum HCard {
    /// The paper's: hidden layers of linear, LeakyReLU, BatchNorm.
    Mlp(MlpCard),
    /// Residual blocks.
    Residual(ResidualCard),
}

/// A multilayer perceptron.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MlpCard {
    /// Columns of the input: the dimension of the normal vectors, and the number of components if there are several.
    pub input: usize,
    /// Number of hidden layers: linear, LeakyReLU, BatchNorm.
    pub hidden_layers: usize,
    /// Units of a hidden layer.
    pub width: usize,
    /// Dimension of the output.
    pub output: usize,
    /// Slope of LeakyReLU for negative inputs.
    pub negative_slope: f64,
    /// Number of hidden layers with BatchNorm, counted from the first.
    pub batch_norm_layers: usize,
}

/// A residual network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResidualCard {
    /// Dimension of input and output.
    pub dim: usize,
    /// Further columns of the input: the number of components if there are several, and features of the time in a velocity
    /// network.
    pub condition: usize,
    /// Units of a hidden layer.
    pub width: usize,
    /// Residual blocks.
    pub blocks: usize,
}

/// The components of the source, and how the data of each are transformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoordinatesCard {
    /// The transformation.
    pub system: CoordinateSystem,
    /// Number of components.
    pub components: usize,
}

/// A flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowCard {
    /// The velocity network.
    pub network: ResidualCard,
    /// Steps of Heun's method from normal vectors to data.
    pub integration_steps: usize,
}

/// The architecture of an autoencoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderCard {
    /// Channels of an image.
    pub channels: usize,
    /// Height and width of an image in pixels.
    pub side: usize,
    /// Latent dimension.
    pub dim: usize,
    /// Why there is no encoder, if there is none.
    pub missing_encoder: Option<String>,
}

/// Where the weights of a model come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A run, as its `config.toml` describes it.
    Run {
        /// What produced it.
        provenance: Box<Provenance>,
        /// Its resolved configuration.
        config: Box<Config>,
    },
    /// Files of weights.
    Files(Vec<ImportedFile>),
}

/// A file of weights that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedFile {
    /// What was read from it.
    pub content: String,
    /// Its name.
    pub name: String,
    /// Its SHA-256.
    pub sha256: String,
}

impl ModelCard {
    /// The file that a folder with an imported model contains.
    pub const FILE_NAME: &'static str = "model.safetensors";

    /// The card of a model that this version of the program writes.
    #[must_use]
    pub fn new(h: HCard, is_normalized: bool, autoencoder: Option<AutoencoderCard>, origin: Origin) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        Self { format: MODEL_FORMAT, version, h, is_normalized, coordinates: None, flow: None, autoencoder, origin }
    }

    /// The configuration of the run that the weights come from, if they come from a run.
    #[must_use]
    pub fn config(&self) -> Option<&Config> {
        match &self.origin {
            Origin::Run { config, .. } => Some(config),
            Origin::Files(_) => None,
        }
    }

    /// The names of the components, if they are the classes of the data and each class is one; otherwise empty.
    #[must_use]
    pub fn component_classes(&self) -> Vec<String> {
        let classes = self.config().map(Config::component_classes).unwrap_or_default();
        let components = self.coordinates.map_or(1, |coordinates| coordinates.components);
        if classes.len() == components { classes } else { Vec::new() }
    }

    /// Why there is no encoder, if there is an autoencoder without one.
    #[must_use]
    pub fn missing_encoder(&self) -> Option<&str> {
        self.autoencoder.as_ref()?.missing_encoder.as_deref()
    }
}
