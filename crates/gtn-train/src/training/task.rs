use std::ops::Range;

use gtn_models::{Mode, Parameters, Tensor};
use gtn_run::Network;

use crate::Result;

/// Which batch of training it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchId {
    /// The epoch, counted from 1; 0 for batches of validation, which are the same in each epoch.
    pub epoch: usize,
    /// The batch of the epoch, counted from 0.
    pub index: usize,
}

impl BatchId {
    /// The index of a random stream that belongs to this batch alone.
    #[must_use]
    pub fn stream_index(self) -> u64 {
        ((self.epoch as u64) << 32) | self.index as u64
    }
}

/// A network with the data that it learns from. [`Mode::Train`] stands for the training samples, [`Mode::Evaluate`] for the
/// validation samples.
pub trait TrainingTask: Sync {
    /// Samples on the host, ready for a step.
    type Batch: Send;

    /// The network.
    fn network(&self) -> Network;

    /// Its parameters.
    fn parameters(&self) -> &Parameters;

    /// The number of samples.
    fn samples(&self, mode: Mode) -> usize;

    /// Gathers samples by their indices. It is called on another thread, before the step needs them. `batch` keys what is drawn
    /// for them, if anything is.
    fn gather(&self, mode: Mode, indices: &[usize], batch: BatchId) -> Self::Batch;

    /// Some of the samples of a batch, in the order of its indices.
    fn part(&self, batch: &Self::Batch, samples: Range<usize>) -> Self::Batch;

    /// The mean loss over a batch.
    ///
    /// # Errors
    ///
    /// [`Error::Models`](crate::Error::Models) if the device fails.
    fn loss(&self, mode: Mode, batch: Self::Batch) -> Result<Tensor>;
}
