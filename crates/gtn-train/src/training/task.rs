use gtn_models::{Mode, Parameters, Tensor};
use gtn_run::Network;

use crate::Result;

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

    /// Gathers samples by their indices. It is called on another thread, before the step needs them.
    fn gather(&self, mode: Mode, indices: &[usize]) -> Self::Batch;

    /// The mean loss over a batch.
    ///
    /// # Errors
    ///
    /// [`Error::Models`](crate::Error::Models) if the device fails.
    fn loss(&self, mode: Mode, batch: Self::Batch) -> Result<Tensor>;
}
