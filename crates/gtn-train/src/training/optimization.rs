//! What changes the weights of a network.

use gtn_models::{Adam, AdamSettings, AveragedWeights};
use gtn_run::config::{Optimizer, Training};

use super::task::TrainingTask;
use crate::Result;

/// The optimizer of a network, and its averaged weights if training averages them.
#[derive(Debug)]
pub(super) struct Optimization {
    pub(super) adam: Adam,
    pub(super) average: Option<AveragedWeights>,
}

impl Optimization {
    /// That of a task before the first step.
    pub(super) fn new<T: TrainingTask>(task: &T, settings: &Training) -> Result<Self> {
        let &Training { learning_rate, weight_decay, optimizer, average, .. } = settings;
        let decoupled = optimizer == Optimizer::AdamW;
        let settings = AdamSettings { learning_rate, weight_decay, decoupled, ..AdamSettings::default() };
        let adam = Adam::new(task.parameters(), settings)?;
        let average = average.map(|_| AveragedWeights::new(task.parameters())).transpose()?;
        Ok(Self { adam, average })
    }
}
