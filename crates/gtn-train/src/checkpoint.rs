//! The state of a training run on disk: `last` holds all of it, `best` the weights of the epoch with the lowest validation
//! loss.

use gtn_models::{Adam, Moments, NamedArrays, Parameters};
use gtn_run::{Artefact, Fingerprint, RunFolder};
use serde::{Deserialize, Serialize};

use crate::Result;

/// Where training stands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Epochs that are over.
    pub(crate) epochs: usize,
    /// Batches of the epoch after them that are over.
    pub(crate) batches: usize,
    /// Samples in those batches.
    pub(crate) samples: usize,
    /// Their losses, each times its samples.
    pub(crate) loss_sum: f64,
    /// The lowest validation loss so far.
    pub(crate) best: Option<Best>,
    /// Whether training is over.
    pub(crate) finished: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    pub(crate) epoch: usize,
    pub(crate) loss: f64,
}

/// The checkpoints of one network.
pub(crate) struct Checkpoints<'a> {
    pub(crate) run: &'a RunFolder,
    pub(crate) network: &'static str,
    pub(crate) made_from: &'a Fingerprint,
    /// What is kept beside the weights for those who use them (ĥ's centre).
    pub(crate) extras: &'a NamedArrays,
}

const WEIGHTS: &str = "weights.";
const FIRST: &str = "moments.first.";
const SECOND: &str = "moments.second.";
const POSITION: &str = "position";
const STEPS: &str = "adam_steps";

impl Checkpoints<'_> {
    /// Takes up the state that is there, made from the same inputs, or leaves all as it is and starts at the beginning.
    pub(crate) fn resume(&self, parameters: &Parameters, adam: &mut Adam) -> Result<Position> {
        let path = self.run.last_checkpoint(self.network);
        let Some(artefact) = Artefact::read_if_made_from(&path, self.made_from)? else {
            return Ok(Position::default());
        };
        let (Some(position), Some(steps)) = (artefact.note::<Position>(POSITION), artefact.note(STEPS)) else {
            return Ok(Position::default());
        };
        // The best weights are part of the state: without them the epochs that found them must be done again.
        if position.best.is_some() && self.read_best()?.is_none() {
            tracing::warn!("{} has no best weights beside it; training starts anew", path.display());
            return Ok(Position::default());
        }
        let moments = Moments { steps, first: artefact.f32_below(FIRST), second: artefact.f32_below(SECOND) };
        adam.restore(&moments)?;
        parameters.load(&artefact.f32_below(WEIGHTS))?;
        Ok(position)
    }

    pub(crate) fn write_last(&self, parameters: &Parameters, adam: &Adam, position: &Position) -> Result<()> {
        // Weights that left the numbers are not worth keeping: the next loss will say so, and the last good state stays.
        let weights = parameters.snapshot()?;
        if weights.values().any(|array| array.iter().any(|weight| !weight.is_finite())) {
            return Ok(());
        }
        let moments = adam.moments()?;
        let mut artefact = self.artefact(weights);
        for (prefix, arrays) in [(FIRST, moments.first), (SECOND, moments.second)] {
            for (name, array) in arrays {
                artefact.insert_f32(format!("{prefix}{name}"), array);
            }
        }
        artefact.set_note(POSITION, position)?;
        artefact.set_note(STEPS, &moments.steps)?;
        Ok(artefact.write(&self.run.last_checkpoint(self.network))?)
    }

    pub(crate) fn write_best(&self, parameters: &Parameters) -> Result<()> {
        Ok(self.artefact(parameters.snapshot()?).write(&self.run.best_checkpoint(self.network))?)
    }

    pub(crate) fn read_best(&self) -> Result<Option<Artefact>> {
        Ok(Artefact::read_if_made_from(&self.run.best_checkpoint(self.network), self.made_from)?)
    }

    fn artefact(&self, weights: NamedArrays) -> Artefact {
        let mut artefact = Artefact::new(self.made_from.clone());
        for (name, array) in weights {
            artefact.insert_f32(format!("{WEIGHTS}{name}"), array);
        }
        for (name, array) in self.extras {
            artefact.insert_f32(name, array.clone());
        }
        artefact
    }
}

/// Sets a network's weights from either checkpoint.
pub(crate) fn load_weights(parameters: &Parameters, artefact: &Artefact) -> Result<()> {
    Ok(parameters.load(&artefact.f32_below(WEIGHTS))?)
}
