//! How a network is trained.

use gtn_io::names;
use serde::{Deserialize, Serialize};

use super::defaults::is_default;

names! {
    /// The optimizer.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum Optimizer: "optimizer" {
        /// Adam, with weight decay added to the gradients (L2), as in `torch.optim.Adam`.
        #[default]
        Adam => "adam",
        /// AdamW, with weight decay apart from the gradients (Loshchilov and Hutter, arXiv 1711.05101).
        AdamW => "adamw",
    }
}

names! {
    /// How the learning rate changes during training.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum Schedule: "schedule" {
        /// It stays the same.
        #[default]
        Constant => "constant",
        /// It rises linearly in the first steps, and falls to 0 along half a cosine from the second epoch to the last one
        /// (Loshchilov and Hutter, arXiv 1608.03983).
        Cosine => "cosine",
    }
}

names! {
    /// What decides which epoch of ĥ is the best, and when training stops early.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub enum Selection: "selection" {
        /// The loss on the validation pairs, as in the paper.
        #[default]
        ValidationLoss => "validation-loss",
        /// The sliced Wasserstein-2 distance of samples from the validation targets.
        SlicedWasserstein => "sliced-wasserstein",
        /// The energy distance of samples from the validation targets.
        EnergyDistance => "energy-distance",
        /// The Inception Score of generated images, as in the paper for CelebA and hands.
        InceptionScore => "inception-score",
    }
}

impl Selection {
    /// A value of its metric as a loss, which is lower for better weights.
    #[must_use]
    pub fn to_loss(self, value: f64) -> f64 {
        if self == Selection::InceptionScore { -value } else { value }
    }

    /// The metric in the report, as in "the best epoch by ...".
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Selection::ValidationLoss => "validation loss",
            Selection::SlicedWasserstein => "sliced Wasserstein-2 distance",
            Selection::EnergyDistance => "energy distance",
            Selection::InceptionScore => "Inception Score",
        }
    }
}

/// How a network is trained: on the mean squared error, with early stopping.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// Maximum number of passes over the training data.
    pub epochs: usize,
    /// Number of consecutive epochs without a better one after which training stops.
    pub patience: usize,
    /// Samples in a step of the optimizer.
    pub batch_size: usize,
    /// The optimizer's step size, from which the schedule starts.
    pub learning_rate: f64,
    /// L2 penalty: this factor times the weights is added to their gradients, as in PyTorch's Adam. For AdamW: this factor times
    /// the learning rate is the fraction of the weights that each step removes.
    #[serde(default)]
    pub weight_decay: f64,
    /// Whether to drop the last incomplete batch.
    #[serde(default)]
    pub drop_last: bool,
    /// The optimizer.
    #[serde(default, skip_serializing_if = "is_default")]
    pub optimizer: Optimizer,
    /// How the learning rate changes.
    #[serde(default, skip_serializing_if = "is_default")]
    pub schedule: Schedule,
    /// Decay of averaged weights: after each step, the average moves by 1 − this fraction toward the weights. The average is
    /// validated and used; without it, the weights themselves are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<f64>,
    /// What decides which epoch is the best. Only ĥ may be chosen by its samples.
    #[serde(default, skip_serializing_if = "is_default")]
    pub select: Selection,
    /// Into how many shards each batch is divided, whose gradients are added in a fixed order: as many processes can train together.
    /// The number changes the last bits of the weights; the number of processes does not. 1 is the usual training.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub shards: usize,
}

/// A batch that is not divided.
pub(super) fn one() -> usize {
    1
}

/// Whether batches are not divided.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
pub(super) fn is_one(shards: &usize) -> bool {
    *shards == 1
}

impl Training {
    /// Adam with a constant learning rate, without weight decay and averaging: the paper's training.
    #[must_use]
    pub fn new(epochs: usize, patience: usize, batch_size: usize, learning_rate: f64) -> Self {
        Self {
            epochs,
            patience,
            batch_size,
            learning_rate,
            weight_decay: 0.0,
            drop_last: false,
            optimizer: Optimizer::default(),
            schedule: Schedule::default(),
            average: None,
            select: Selection::default(),
            shards: 1,
        }
    }
}
