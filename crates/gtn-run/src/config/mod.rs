//! The configuration of an experiment: read from a preset, resolved for one run, stored beside its results.
//!
//! A preset is one TOML file that reads as the experiment's row in the paper's Table 1. Its base is the paper's protocol;
//! `[protocol.repo]` and `[quick]` hold only what differs from it. A resolved configuration is a preset too, in which
//! `protocol` and `quick` are plain values and nothing is left to decide.

mod check;
mod overrides;
mod preset;
mod words;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Stage;
pub use overrides::{Epochs, Overrides};
pub(crate) use words::in_one_line;
pub use words::nearest;

/// Which of two descriptions of an experiment is followed where they differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// The paper's text.
    #[default]
    Paper,
    /// The authors' published code.
    Repo,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Paper => "paper",
            Protocol::Repo => "repo",
        })
    }
}

/// Which of the autoencoder's weights encode the data and decode samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AutoencoderWeights {
    /// Those of the epoch with the lowest validation loss, for both.
    Best,
    /// The last epoch's encoder with the best epoch's decoder, as the authors' code has it: the two need not fit each other.
    LastEncoderBestDecoder,
}

/// How a network is trained: Adam on the mean squared error, stopped by epochs or patience.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Most passes over the training data.
    pub epochs: usize,
    /// Epochs in a row without a lower validation loss after which training stops.
    pub patience: usize,
    /// Samples of one optimizer step.
    pub batch: usize,
    /// Adam's step size.
    pub learning_rate: f64,
    /// Factor of the weights that is added to their gradients (PyTorch's `weight_decay`).
    #[serde(default)]
    pub l2: f64,
    /// Whether a last batch smaller than `batch` is left out.
    #[serde(default)]
    pub drop_last: bool,
}

/// The data that ĥ learns to make, and how they are divided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "set", rename_all = "kebab-case")]
pub enum Data {
    /// Handwritten digits, 28×28, through an autoencoder.
    Mnist(Images),
    /// Photographs of faces (CelebA), 64×64, through an autoencoder.
    Celeba(Photos),
    /// Photographs of hands (11K Hands), 64×64, through an autoencoder.
    Hap(Photos),
    /// Angles θ ~ U(1.5π, 4.5π) of the swiss roll (`dim` 1), or its points (θ·cos θ, θ·sin θ) (`dim` 2).
    SwissRoll(Drawn),
    /// The uniform law on the unit square.
    Uniform(Drawn),
}

/// How images are split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Images {
    /// Share of the images that is trained on; the others validate.
    pub train_share: f64,
    /// Most images taken, drawn by the seed; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Which photographs of a set with an official split are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Photos {
    /// What they must show, as in `Smiling=1,Male=-1` (CelebA) or `aspect=palmar,accessories=0` (11K Hands); all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// Most training and validation images taken, drawn by the seed, each in its share; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// How many points are drawn from a law that is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Drawn {
    /// Points to train on.
    pub train: usize,
    /// Points to validate on.
    pub validation: usize,
    /// Most points of both together, in the same proportion; all without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

impl Drawn {
    /// Points to train on and points to validate on, with `limit` in force.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize) {
        let total = self.train.saturating_add(self.validation);
        match self.limit {
            Some(limit) if limit < total => {
                let share = self.train as f64 / total as f64;
                let train = ((limit as f64 * share).round() as usize).clamp(2, limit.max(3) - 1);
                (train, limit.saturating_sub(train))
            }
            _ => (self.train, self.validation),
        }
    }
}

impl Data {
    /// Most samples taken, if there is a bound.
    #[must_use]
    pub fn limit(&self) -> Option<usize> {
        match self {
            Data::Mnist(images) => images.limit,
            Data::Celeba(photos) | Data::Hap(photos) => photos.limit,
            Data::SwissRoll(drawn) | Data::Uniform(drawn) => drawn.limit,
        }
    }

    fn limit_mut(&mut self) -> &mut Option<usize> {
        match self {
            Data::Mnist(images) => &mut images.limit,
            Data::Celeba(photos) | Data::Hap(photos) => &mut photos.limit,
            Data::SwissRoll(drawn) | Data::Uniform(drawn) => &mut drawn.limit,
        }
    }

    /// Whether samples are images, which ĥ makes through an autoencoder.
    #[must_use]
    pub fn are_images(&self) -> bool {
        matches!(self, Data::Mnist(_) | Data::Celeba(_) | Data::Hap(_))
    }
}

/// The autoencoder between images and latents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Autoencoder {
    /// Which weights are used afterwards.
    pub weights: AutoencoderWeights,
    /// Its training.
    pub training: Training,
}

/// How normal vectors and data are paired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pairing {
    /// Algorithm 1: greedy cosine matching in the order of the norms.
    #[default]
    Greedy,
    /// For d = 1: both sides sorted, paired in order (Figure 2).
    Sorted,
}

/// What is done to the data, by the statistics of their training part, before they are paired; it is undone after ĥ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Normalize {
    /// Nothing.
    AsIs,
    /// The mean is subtracted.
    Center,
    /// The mean is subtracted, and each column divided by its standard deviation.
    Standardize,
}

/// How fine the differences between cosines are that decide a greedy pairing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// Scores are compared in f64: the algorithm as it is written.
    #[default]
    Double,
    /// Cosines are compared in f32, so that near-equal directions tie and the norm decides.
    Single,
}

/// How pairs are made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Label {
    /// How the data enter the matching, and ĥ's loss.
    pub normalize: Normalize,
    /// The rule.
    #[serde(default)]
    pub pairing: Pairing,
    /// Of a greedy pairing's cosines.
    #[serde(default)]
    pub precision: Precision,
}

/// The network ĥ from normal vectors to data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Regressor {
    /// Number of hidden layers: linear, LeakyReLU, BatchNorm.
    pub hidden_layers: usize,
    /// Units of a hidden layer.
    pub width: usize,
    /// LeakyReLU's slope below 0.
    pub slope: f64,
    /// How many of the hidden layers, from the first, carry BatchNorm.
    pub batch_norm_layers: usize,
    /// Its training.
    pub training: Training,
}

/// An experiment with every setting decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The experiment's name (`mnist`).
    pub experiment: String,
    /// The protocol that was resolved.
    #[serde(default)]
    pub protocol: Protocol,
    /// Whether the preset's shortened settings are in force.
    #[serde(default)]
    pub quick: bool,
    /// Key of every random stream.
    pub seed: u64,
    /// Dimension of the normal vectors and of what ĥ makes of them: latents, or the data themselves.
    pub dim: usize,
    /// Seconds after which training ends, each network after its share of them, at the end of an epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_budget: Option<u64>,
    /// The data.
    pub data: Data,
    /// The autoencoder, if the data are images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoencoder: Option<Autoencoder>,
    /// The pairs.
    pub label: Label,
    /// ĥ.
    pub h: Regressor,
}

impl Config {
    /// The folder name of this run: `mnist-d5-seed1`, with `-repo`, `-quick` and the like where they apply.
    #[must_use]
    pub fn run_name(&self) -> String {
        let mut name = format!("{}-d{}-seed{}", self.experiment, self.dim, self.seed);
        if self.protocol != Protocol::default() {
            name.push_str(&format!("-{}", self.protocol));
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
        name
    }

    /// Seconds that the training of the autoencoder may take, and of ĥ, under the time budget: 40% and 50% of it, or 90% for
    /// ĥ alone. What is left is for the other stages. A companion takes half of it.
    #[must_use]
    pub fn training_budgets(&self) -> (Option<f64>, Option<f64>) {
        let share = |share: f64| self.time_budget.map(|budget| budget as f64 * share);
        match (&self.autoencoder, self.companion()) {
            (Some(_), _) => (share(0.4), share(0.5)),
            (None, Some(_)) => (None, share(0.45)),
            (None, None) => (None, share(0.9)),
        }
    }

    /// The stages of its runs, in their order.
    #[must_use]
    pub fn stages(&self) -> Vec<Stage> {
        let images = self.data.are_images();
        let has = |stage: &Stage| match stage {
            Stage::Autoencode | Stage::Encode => images,
            _ => true,
        };
        Stage::ALL.into_iter().filter(has).collect()
    }

    /// The run that this one is compared with: for the swiss roll learned from two dimensions, the same from one.
    #[must_use]
    pub fn companion(&self) -> Option<Self> {
        let time_budget = self.time_budget.map(|budget| (budget / 2).max(1));
        let compared = matches!(self.data, Data::SwissRoll(_)) && self.dim == 2;
        compared.then(|| {
            let mut companion = Self { time_budget, ..self.clone() };
            companion.set_dim(1);
            companion
        })
    }

    /// Sets the dimension, and where it becomes another one the pairing that goes with it: on the line the paper sorts, and
    /// its code matches greedily there, too.
    fn set_dim(&mut self, dim: usize) {
        if dim != self.dim && matches!(self.data, Data::SwissRoll(_)) {
            self.label.pairing = match (dim, self.protocol) {
                (1, Protocol::Paper) => Pairing::Sorted,
                _ => Pairing::Greedy,
            };
        }
        self.dim = dim;
    }

    /// The first setting in which the two differ, with both values, or `None`.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Option<String> {
        let table = |config: &Self| toml::Table::try_from(config).unwrap_or_default();
        first_difference("", &toml::Value::Table(table(self)), &toml::Value::Table(table(other)))
    }

    /// The configuration as TOML, which [`from_preset`](Self::from_preset) reads back.
    ///
    /// # Errors
    ///
    /// [`Error::Config`](crate::Error::Config) if a value has no TOML form; a checked configuration has one.
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
                    (Some(a), None) => Some(format!("{path}: {a} there, not set here")),
                    (None, Some(b)) => Some(format!("{path}: not set there, {b} here")),
                    (None, None) => None,
                }
            })
        }
        (a, b) if a == b => None,
        (a, b) => Some(format!("{path}: {a} there, {b} here")),
    }
}
