//! The state of a training run on disk: `last` holds all of it, `best` the weights of the epoch with the lowest validation
//! loss. While training is under way `previous` holds the state before `last`, in case that one is damaged.

use std::io::ErrorKind;
use std::path::Path;

use gtn_models::{Adam, Moments, NamedArrays, Parameters};
use gtn_run::{Artefact, Fingerprint, Observer, RunFolder};
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
    /// What is kept beside the weights for those who use them (ĥ's centre and scale).
    pub(crate) extras: &'a NamedArrays,
    /// Whether the last weights are needed when training is over, and not just the best ones.
    pub(crate) last_is_used: bool,
}

const WEIGHTS: &str = "weights.";
const FIRST: &str = "moments.first.";
const SECOND: &str = "moments.second.";
const POSITION: &str = "position";
const STEPS: &str = "adam_steps";
const EPOCH: &str = "epoch";

impl Checkpoints<'_> {
    /// Takes up the state that is there, made from the same inputs, or leaves all as it is and starts at the beginning. What is
    /// damaged is told to `observer`, and replaced by what is left.
    pub(crate) fn resume(
        &self,
        parameters: &Parameters,
        adam: &mut Adam,
        observer: &mut dyn Observer,
    ) -> Result<Position> {
        let best = self.read(&self.run.best_checkpoint(self.network), observer)?;
        for path in [self.run.last_checkpoint(self.network), self.run.previous_checkpoint(self.network)] {
            let Some(state) = self.read(&path, observer)? else { continue };
            let (Some(position), Some(steps)) = (state.note::<Position>(POSITION), state.note(STEPS)) else { continue };
            // The best weights are part of the state: without them the epochs that found them must be done again.
            let known = best.as_ref().and_then(|best| best.note::<usize>(EPOCH));
            if position.best.is_some_and(|needed| known.is_none_or(|epoch| epoch < needed.epoch)) {
                observer.note(&format!("{} has no best weights beside it, and is of no use", path.display()));
                continue;
            }
            let moments = Moments { steps, first: state.f32_below(FIRST), second: state.f32_below(SECOND) };
            adam.restore(&moments)?;
            parameters.load(&state.f32_below(WEIGHTS))?;
            return Ok(position);
        }
        // Training may be over, with the weights that are used afterwards at hand.
        let over = best.filter(|_| !self.last_is_used).and_then(|best| best.note::<Position>(POSITION));
        Ok(over.unwrap_or_default())
    }

    /// The artefact at `path`, if it is there, whole, and made from the same inputs.
    fn read(&self, path: &Path, observer: &mut dyn Observer) -> Result<Option<Artefact>> {
        read_or_tell(path, self.made_from, "going on from what is left", observer)
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
        let (last, previous) = (self.run.last_checkpoint(self.network), self.run.previous_checkpoint(self.network));
        if position.finished {
            let path = self.run.best_checkpoint(self.network);
            let mut best = Artefact::read(&path)?;
            best.set_note(POSITION, position)?;
            best.write(&path)?;
            artefact.write(&last)?;
            return absent_is_fine(&previous, std::fs::remove_file(&previous));
        }
        absent_is_fine(&last, std::fs::rename(&last, &previous))?;
        Ok(artefact.write(&last)?)
    }

    /// Writes the best weights so far, which are those of `epoch`.
    pub(crate) fn write_best(&self, parameters: &Parameters, epoch: usize) -> Result<()> {
        let mut artefact = self.artefact(parameters.snapshot()?);
        artefact.set_note(EPOCH, &epoch)?;
        Ok(artefact.write(&self.run.best_checkpoint(self.network))?)
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

/// The artefact at `path`, if it is there, whole, and made from `made_from`. What is damaged is told to `observer`, with what
/// `follows`.
pub(crate) fn read_or_tell(
    path: &Path,
    made_from: &Fingerprint,
    follows: &str,
    observer: &mut dyn Observer,
) -> Result<Option<Artefact>> {
    match Artefact::read_if_made_from(path, made_from) {
        Err(gtn_run::Error::Damaged { path, reason }) => {
            observer.note(&format!("{} is damaged ({reason}); {follows}", path.display()));
            Ok(None)
        }
        other => Ok(other?),
    }
}

fn absent_is_fine(path: &Path, done: std::io::Result<()>) -> Result<()> {
    match done {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(gtn_run::Error::io("replace", path)(error).into()),
        _ => Ok(()),
    }
}

/// Sets a network's weights from either checkpoint.
pub(crate) fn load_weights(parameters: &Parameters, artefact: &Artefact) -> Result<()> {
    Ok(parameters.load(&artefact.f32_below(WEIGHTS))?)
}
