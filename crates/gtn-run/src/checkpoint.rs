//! The state of a network's training, as checkpoints hold it.

use serde::{Deserialize, Serialize};

/// Where training stands. Together with weights and moments it is all that resuming needs: the order of the batches comes
/// from the random stream of the epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrainState {
    /// Completed epochs.
    pub epochs: usize,
    /// Completed batches of the next epoch.
    pub batches: usize,
    /// Samples in those batches.
    pub samples: usize,
    /// Sum of their losses, each multiplied by the samples of its batch.
    pub loss_sum: f64,
    /// The epoch with the lowest validation loss so far.
    pub best: Option<BestEpoch>,
    /// Seconds spent on those batches.
    pub seconds: f64,
    /// Seconds of these in which a step waited for data.
    pub data_wait: f64,
    /// Whether training is over.
    pub finished: bool,
    /// Epochs that the schedule of the learning rate is planned for, once that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planned_epochs: Option<usize>,
}

/// The epoch with the lowest validation loss, or the best samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BestEpoch {
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Its validation loss, or the metric of its samples.
    pub loss: f64,
}
