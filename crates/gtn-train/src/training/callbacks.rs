use gtn_models::{Adam, AveragedWeights, NamedArrays, Parameters};
use gtn_run::checkpoint::TrainState;
use gtn_run::{EpochRecord, StageProgress};

use crate::Result;

/// Where training stands.
#[derive(Debug, Clone, Copy)]
pub struct Position<'a> {
    /// The parameters of the network.
    pub parameters: &'a Parameters,
    /// The optimizer with its moments.
    pub adam: &'a Adam,
    /// The averaged weights, if training averages them.
    pub average: Option<&'a AveragedWeights>,
    /// Epochs and batches so far.
    pub state: &'a TrainState,
}

/// What [`Trainer`](super::Trainer) asks and tells. Every method does nothing unless it is overridden.
pub trait Callbacks {
    /// Whether to save the state and stop. Asked before each batch.
    fn stop_requested(&self) -> bool {
        false
    }

    /// A step was done.
    fn progress(&mut self, _progress: &StageProgress) {}

    /// Whether the complete state is to be saved after a step.
    fn save_is_due(&mut self) -> bool {
        false
    }

    /// Saves the complete state.
    ///
    /// # Errors
    ///
    /// An error ends training.
    fn save(&mut self, _position: Position<'_>) -> Result<()> {
        Ok(())
    }

    /// A metric of what the network generates after an epoch, if that decides which epoch is the best:
    /// [`Training::select`](gtn_run::config::Training::select).
    /// Asked after validation, while the network has the weights that were validated.
    ///
    /// # Errors
    ///
    /// An error ends training.
    fn sample_metric(&mut self, _epoch: usize) -> Result<Option<f64>> {
        Ok(None)
    }

    /// The weights after this epoch are the best so far.
    ///
    /// # Errors
    ///
    /// An error ends training.
    fn improved(&mut self, _parameters: &Parameters, _epoch: usize) -> Result<()> {
        Ok(())
    }

    /// An epoch was validated, and the network still has the weights that were. Called after [`improved`](Self::improved).
    ///
    /// # Errors
    ///
    /// An error ends training.
    fn epoch_validated(&mut self, _record: &EpochRecord) -> Result<()> {
        Ok(())
    }

    /// An epoch is over, which is reported last.
    ///
    /// # Errors
    ///
    /// An error ends training.
    fn epoch_finished(&mut self, _record: &EpochRecord, _position: Position<'_>) -> Result<()> {
        Ok(())
    }
}

/// Keeps nothing.
impl Callbacks for () {}

/// Keeps the best weights in memory.
#[derive(Debug, Default)]
pub struct BestWeights {
    weights: Option<NamedArrays>,
}

impl BestWeights {
    /// Loads the best weights into the network. Without a finished epoch it stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Models`](crate::Error::Models) if they belong to another network.
    pub fn restore(&self, parameters: &Parameters) -> Result<()> {
        Ok(self.weights.as_ref().map_or(Ok(()), |weights| parameters.load_state_dict(weights))?)
    }
}

impl Callbacks for BestWeights {
    fn improved(&mut self, parameters: &Parameters, _epoch: usize) -> Result<()> {
        self.weights = Some(parameters.state_dict()?);
        Ok(())
    }
}
