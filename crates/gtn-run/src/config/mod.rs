//! The configuration of an experiment: read from a preset, resolved for one run, stored with its results.
//!
//! A preset is a TOML file that corresponds to a row of the paper's Table 1. Its base is the paper's protocol; the tables
//! `[protocol.repo]` and `[quick]` contain only what differs. A resolved configuration is a preset too, in which `protocol` and
//! `quick` are plain values.

mod check;
mod data;
mod defaults;
mod inception;
mod inception_weights;
mod message;
mod overrides;
mod pairing;
mod preset;
mod reused_autoencoder;
mod settings;
mod time_budget;
mod training;

use gtn_io::names;
use serde::{Deserialize, Serialize};

use crate::Stage;
pub use data::{
    Data, ImageSource, OfficialSplit, OwnImages, OwnLatents, PointSource, RandomSplit, ResizeSetting, Synthetic,
};
use defaults::is_default;
pub use inception::{FidSettings, InceptionOverrides, InceptionScoreSettings, InceptionSettings};
pub(crate) use message::on_one_line;
pub use overrides::{Epochs, Overrides};
pub use pairing::{
    Components, CoordinateSystem, FlowSettings, GreedySettings, Normalize, Pairing, PairingMethod, SimilarityPrecision,
    TimeDistribution,
};
pub use reused_autoencoder::ReusedAutoencoder;
pub use time_budget::TrainingTime;
pub use training::{Optimizer, Schedule, Selection, Training};

names! {
    /// Which description of an experiment to follow where the paper and its code differ.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum Protocol: "protocol" {
        /// The text of the paper.
        #[default]
        Paper => "paper",
        /// The authors' published code.
        Repo => "repo",
        /// This project's own method: pairs from a flow, and a residual ĥ.
        Flow => "flow",
    }
}

names! {
    /// Which weights of the autoencoder encode the data and decode the samples.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum AutoencoderWeights: "choice of weights" {
        /// The epoch with the lowest validation loss, for both.
        Best => "best",
        /// The encoder of the last epoch with the decoder of the best epoch, as in the authors' code. The two need not match.
        LastEncoderBestDecoder => "last-encoder-best-decoder",
    }
}

/// What an autoencoder minimizes in addition to the mean squared error.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ReconstructionLoss {
    /// The weight of the difference of local spectra, which asks for details of the right kind where a latent does not say which.
    pub spectrum: f64,
}

/// The autoencoder between images and latents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AutoencoderSettings {
    /// Which weights to use after training.
    pub weights: AutoencoderWeights,
    /// The trained autoencoder of another run, which replaces training. `loss` and `training` then say how it was trained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reused: Option<ReusedAutoencoder>,
    /// What it minimizes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub loss: ReconstructionLoss,
    /// Its training.
    pub training: Training,
    /// The training of its decoder alone, which follows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoder: Option<DecoderSettings>,
}

impl AutoencoderSettings {
    /// What it minimizes, and what its decoder minimizes alone.
    pub(crate) fn losses(&self) -> impl Iterator<Item = ReconstructionLoss> {
        [Some(self.loss), self.decoder.as_ref().map(|decoder| decoder.loss)].into_iter().flatten()
    }

    /// Takes the settings by which `other` was trained. If its decoder was not trained alone, that of this run still may be.
    pub fn take_training(&mut self, other: &Self) {
        (self.loss, self.training) = (other.loss, other.training.clone());
        if other.decoder.is_some() {
            self.decoder.clone_from(&other.decoder);
        }
    }
}

/// How the decoder is trained alone, on the latents of a trained encoder. What the decoder learns then does not change the latents,
/// so its loss may ask for more than the encoder can keep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecoderSettings {
    /// What it minimizes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub loss: ReconstructionLoss,
    /// The standard deviation of the normal noise that is added to the latents in training, by that of all values of the latents: so
    /// it sees each latent in other places, as generated ones are, and memorizes fewer images.
    #[serde(default, skip_serializing_if = "is_default")]
    pub latent_noise: f64,
    /// Its training.
    pub training: Training,
}

names! {
    /// The architecture of ĥ.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum HArchitecture: "architecture" {
        /// The paper's: hidden layers of linear, LeakyReLU, BatchNorm.
        #[default]
        Mlp => "mlp",
        /// y + g(y), where g consists of residual blocks of LayerNorm, linear, SiLU, linear.
        Residual => "residual",
    }
}

/// The size of a residual ĥ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResidualSettings {
    /// Units of a hidden layer.
    pub width: usize,
    /// Residual blocks.
    pub blocks: usize,
}

impl Default for ResidualSettings {
    fn default() -> Self {
        Self { width: 512, blocks: 4 }
    }
}

names! {
    /// A baseline that is a network, which a run trains on request.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum TrainedBaseline: "baseline" {
        /// A variational autoencoder with the layers, the latent dimension and the training of the run's autoencoder.
        Vae => "vae",
    }
}

/// The network ĥ from normal vectors to data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HSettings {
    /// The architecture. The settings below, up to `residual`, are those of the paper's.
    #[serde(default, skip_serializing_if = "is_default")]
    pub architecture: HArchitecture,
    /// Number of hidden layers: linear, LeakyReLU, BatchNorm.
    pub hidden_layers: usize,
    /// Units of a hidden layer.
    pub width: usize,
    /// Slope of LeakyReLU for negative inputs.
    pub negative_slope: f64,
    /// Number of hidden layers with BatchNorm, counted from the first.
    pub batch_norm_layers: usize,
    /// The size of a residual ĥ. A resolved configuration has it for that architecture alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual: Option<ResidualSettings>,
    /// Its training.
    pub training: Training,
}

impl HSettings {
    /// Whether ĥ has BatchNorm, whose statistics are those of a complete batch.
    #[must_use]
    pub fn has_batch_norm(&self) -> bool {
        self.architecture == HArchitecture::Mlp && self.batch_norm_layers > 0
    }

    /// The size of a residual ĥ, as set or by default.
    #[must_use]
    pub fn residual(&self) -> ResidualSettings {
        self.residual.unwrap_or_default()
    }
}

/// An experiment with all settings resolved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The experiment's name (`mnist`).
    pub experiment: String,
    /// The protocol.
    #[serde(default)]
    pub protocol: Protocol,
    /// Whether the shortened settings of the preset apply.
    #[serde(default)]
    pub quick: bool,
    /// Random seed.
    pub seed: u64,
    /// Dimension of the normal vectors and of the output of ĥ: latents, or the data themselves.
    pub dim: usize,
    /// Time budget in seconds. Each network has a part of it and stops training at the end of an epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_budget: Option<u64>,
    /// Seconds by which the time budget was extended after the run had ended. The autoencoder then trains on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extension: Option<u64>,
    /// Baselines that are trained beside the ones that every run on images has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub baselines: Vec<TrainedBaseline>,
    /// The data.
    pub data: Data,
    /// The autoencoder, if the data are images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoencoder: Option<AutoencoderSettings>,
    /// The pairing.
    pub pairing: Pairing,
    /// ĥ.
    pub h: HSettings,
    /// What is measured with Inception networks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inception: Option<InceptionSettings>,
}

impl Config {
    /// Into how many shards the batches of networks without BatchNorm are divided; see [`Training::shards`].
    #[must_use]
    pub fn shards(&self) -> usize {
        let of_autoencoder = self.autoencoder.as_ref().map_or(1, |autoencoder| autoencoder.training.shards);
        of_autoencoder.max(self.pairing.flow.shards).max(self.h.training.shards)
    }

    /// Divides the batches of all networks without BatchNorm into shards; see [`Training::shards`].
    pub fn set_shards(&mut self, shards: usize) {
        if let Some(autoencoder) = &mut self.autoencoder {
            autoencoder.training.shards = shards;
            if let Some(decoder) = &mut autoencoder.decoder {
                decoder.training.shards = shards;
            }
        }
        if self.pairing.method == PairingMethod::Flow {
            self.pairing.flow.shards = shards;
        }
        if !self.h.has_batch_norm() {
            self.h.training.shards = shards;
        }
    }

    /// The folder name of this run, such as `mnist-d5-seed1` or `mnist-d5-seed1-repo-quick`.
    #[must_use]
    pub fn run_name(&self) -> String {
        let mut name = format!("{}-d{}-seed{}", self.experiment, self.dim, self.seed);
        if self.protocol != Protocol::default() {
            name.push_str(&format!("-{}", self.protocol));
        }
        let usual = if self.protocol == Protocol::Flow { PairingMethod::Flow } else { PairingMethod::Greedy };
        if ![usual, PairingMethod::Sorted].contains(&self.pairing.method) {
            name.push_str(&format!("-{}", self.pairing.method));
        }
        if let Some(components) = self.pairing.components {
            name.push_str(&format!("-components-{components}"));
        }
        if self.quick {
            name.push_str("-quick");
        }
        if let Some(limit) = self.data.limit() {
            name.push_str(&format!("-limit{limit}"));
        }
        if let Some(budget) = self.time_budget {
            name.push_str(&format!("-{budget}s"));
        }
        if let Some(reused) = self.reused_autoencoder() {
            let start = |checksum: &str| checksum.chars().take(8).collect::<String>();
            name.push_str(&format!("-autoencoder-{}", start(&reused.weights)));
            if let Some(decoder) = &reused.decoder {
                name.push_str(&format!("-decoder-{}", start(decoder)));
            }
        }
        for baseline in &self.baselines {
            name.push_str(&format!("-{baseline}"));
        }
        name
    }

    /// The autoencoder of another run, if this run takes one.
    #[must_use]
    pub fn reused_autoencoder(&self) -> Option<&ReusedAutoencoder> {
        self.autoencoder.as_ref()?.reused.as_ref()
    }

    /// The training of the decoder alone, in this run or in the one whose autoencoder it takes; `None` if it is not trained alone.
    #[must_use]
    pub fn decoder_training(&self) -> Option<&DecoderSettings> {
        self.autoencoder.as_ref()?.decoder.as_ref()
    }

    /// Whether this run trains a decoder alone, and does not take one that was.
    #[must_use]
    pub fn trains_decoder(&self) -> bool {
        let takes_one = self.reused_autoencoder().is_some_and(|reused| reused.decoder.is_some());
        self.decoder_training().is_some() && !takes_one
    }

    /// The seed that selects and splits the images, or draws the points: that of the run, or that of the run that trained its
    /// autoencoder.
    #[must_use]
    pub fn split_seed(&self) -> u64 {
        self.reused_autoencoder().map_or(self.seed, |reused| reused.split_seed)
    }

    /// The names of the components of the source, if these are the classes of the data; otherwise empty.
    #[must_use]
    pub fn component_classes(&self) -> Vec<String> {
        if self.pairing.components() == Components::Labels { self.data.classes() } else { Vec::new() }
    }

    /// The stages of its runs, in order.
    #[must_use]
    pub fn stages(&self) -> Vec<Stage> {
        let has = |stage: &Stage| match stage {
            Stage::Autoencode | Stage::Encode => self.data.are_images(),
            Stage::Decoder => self.decoder_training().is_some(),
            Stage::Flow => self.pairing.method == PairingMethod::Flow,
            Stage::Baselines => !self.baselines.is_empty(),
            _ => true,
        };
        Stage::ALL.iter().copied().filter(has).collect()
    }

    /// The configuration of the reference run, which the report compares with: for the swiss roll learned from two dimensions,
    /// the same from one dimension.
    #[must_use]
    pub fn reference_run(&self) -> Option<Self> {
        let time_budget = self.time_budget.map(|budget| (budget / 2).max(1));
        let has_reference = self.is_swiss_roll() && self.dim == 2;
        has_reference.then(|| {
            let mut reference_run = Self { time_budget, ..self.clone() };
            reference_run.set_dim(1);
            reference_run
        })
    }

    fn is_swiss_roll(&self) -> bool {
        matches!(self.data, Data::Points(PointSource::SwissRoll(_)))
    }

    /// Sets the dimension, and the pairing method of the swiss roll that belongs to a new dimension: for d = 1 the paper sorts,
    /// and its code uses Algorithm 1 there as well.
    fn set_dim(&mut self, dim: usize) {
        if dim != self.dim && self.is_swiss_roll() && self.pairing.method != PairingMethod::Flow {
            self.pairing.method = match (dim, self.protocol) {
                (1, Protocol::Paper) => PairingMethod::Sorted,
                _ => PairingMethod::Greedy,
            };
            if self.pairing.method == PairingMethod::Sorted {
                // Sorting pairs the data themselves.
                (self.pairing.components, self.pairing.coordinates) = (None, None);
            }
        }
        self.dim = dim;
    }

    /// The first setting in which `wanted` differs from this one, with both values, or `None`.
    #[must_use]
    pub fn difference(&self, wanted: &Self) -> Option<String> {
        let table = |config: &Self| toml::Table::try_from(config).unwrap_or_default();
        first_difference("", &toml::Value::Table(table(self)), &toml::Value::Table(table(wanted)))
    }

    /// The configuration as TOML, which [`from_preset`](Self::from_preset) reads back.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) if a value has no TOML form, which does not happen after
    /// [`check`](Self::check).
    pub fn to_toml(&self) -> crate::Result<String> {
        toml::to_string(self).map_err(|error| crate::Error::Config {
            what: format!("the configuration of `{}`", self.experiment),
            reason: error.to_string(),
        })
    }
}

fn first_difference(path: &str, a: &toml::Value, b: &toml::Value) -> Option<String> {
    match (a, b) {
        (toml::Value::Table(a), toml::Value::Table(b)) => {
            let keys = a.keys().chain(b.keys().filter(|key| !a.contains_key(*key)));
            keys.into_iter().find_map(|key| {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (a.get(key), b.get(key)) {
                    (Some(a), Some(b)) => first_difference(&path, a, b),
                    (Some(a), None) => Some(format!("{path} is {a} in the folder and not set in this command")),
                    (None, Some(b)) => Some(format!("{path} is not set in the folder and {b} in this command")),
                    (None, None) => None,
                }
            })
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!("{path} is {a} in the folder and {b} in this command")),
    }
}
