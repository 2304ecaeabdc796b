//! The state of a training run on disk: `last` holds all of it, `best` the weights of the epoch with the lowest validation
//! loss. While training is under way `previous` holds the state before `last`, in case that one is damaged.

use std::io::ErrorKind;
use std::path::Path;

use gtn_models::{Adam, Moments, NamedArrays, Parameters};
use gtn_run::{Artifact, Fingerprint, Observer, RunFolder};
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
    /// Seconds spent on those batches.
    #[serde(default)]
    pub(crate) seconds: f64,
    /// Seconds of these in which a step waited for data.
    #[serde(default)]
    pub(crate) waited: f64,
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
    /// What is kept beside the weights for those who use them (ĥ's center and scale).
    pub(crate) extras: &'a NamedArrays,
    /// Whether the last weights are needed when training is over, and not just the best ones.
    pub(crate) last_is_used: bool,
    /// Asks the disk of a file for so many bytes: [`atomic::require_room`](gtn_run::atomic::require_room).
    pub(crate) require_room: fn(&Path, u64) -> gtn_run::Result<()>,
}

/// What the names of weights start with in a checkpoint.
pub(crate) const WEIGHTS: &str = "weights.";
const FIRST: &str = "moments.first.";
const SECOND: &str = "moments.second.";
const POSITION: &str = "position";
const STEPS: &str = "adam_steps";
const EPOCH: &str = "epoch";

impl Checkpoints<'_> {
    /// Takes up the state that is there, made from the same inputs, or starts at the beginning. What is damaged is told to
    /// `observer`, and what is of no use is removed, so that it never takes the place of a state that is. `lacks` says what a
    /// state lacks beside its weights.
    pub(crate) fn resume(
        &self,
        parameters: &Parameters,
        adam: &mut Adam,
        lacks: &dyn Fn(&Position) -> Result<Option<String>>,
        observer: &mut dyn Observer,
    ) -> Result<Resumed> {
        let network = self.network;
        let (best_path, last) = (self.run.best_checkpoint(network), self.run.last_checkpoint(network));
        let previous = self.run.previous_checkpoint(network);
        let mut told = false;
        let mut best = self.read(&best_path, &mut told, observer)?;
        let best_on_disk = best.as_ref().and_then(|best| best.note::<usize>(EPOCH));
        // The best weights are part of the state: without them the epochs that found them must be done again.
        let lacks = |position: &Position| match position.best {
            Some(needed) if best_on_disk.is_none_or(|epoch| epoch < needed.epoch) => {
                Ok(Some("its best weights are not there".to_owned()))
            }
            _ => lacks(position),
        };
        for path in [&last, &previous] {
            let Some(state) = self.read(path, &mut told, observer)? else { continue };
            let (Some(position), Some(steps)) = (state.note::<Position>(POSITION), state.note(STEPS)) else { continue };
            if let Some(reason) = lacks(&position)? {
                observer.note(&format!("{} cannot be taken up: {reason}", path.display()));
                told = true;
                continue;
            }
            let moments = Moments { steps, first: state.f32_below(FIRST), second: state.f32_below(SECOND) };
            adam.restore(&moments)?;
            parameters.load(&state.f32_below(WEIGHTS))?;
            if *path == previous {
                remove(&last)?;
            }
            if position.finished {
                remove(&previous)?;
            } else {
                unfinish(&mut best, &best_path)?;
            }
            if told {
                observer.note(&format!("training of {network} goes on after epoch {}", position.epochs));
            }
            return Ok(Resumed { position, best_on_disk });
        }
        remove(&last)?;
        remove(&previous)?;
        // Training may be over, with the weights that are used afterwards at hand.
        let over = best.as_ref().filter(|_| !self.last_is_used).and_then(|best| best.note::<Position>(POSITION));
        if let Some(position) = over {
            match lacks(&position)? {
                None => return Ok(Resumed { position, best_on_disk }),
                Some(reason) => observer.note(&format!("{} cannot be taken up: {reason}", best_path.display())),
            }
            told = true;
        }
        unfinish(&mut best, &best_path)?;
        if told {
            observer.note(&format!("training of {network} starts anew"));
        }
        Ok(Resumed { position: Position::default(), best_on_disk: None })
    }

    /// The artifact at `path`, if it is there, whole, and made from the same inputs.
    fn read(&self, path: &Path, told: &mut bool, observer: &mut dyn Observer) -> Result<Option<Artifact>> {
        match Artifact::read_if_made_from(path, self.made_from) {
            Err(gtn_run::Error::Damaged { path, reason }) => {
                observer.note(&format!("{} is damaged: {reason}", path.display()));
                *told = true;
                Ok(None)
            }
            other => Ok(other?),
        }
    }

    pub(crate) fn write_last(&self, parameters: &Parameters, adam: &Adam, position: &Position) -> Result<()> {
        // Weights that left the numbers are not worth keeping: the next loss will say so, and the last good state stays.
        let weights = parameters.snapshot()?;
        if weights.values().any(|array| array.iter().any(|weight| !weight.is_finite())) {
            return Ok(());
        }
        let (last, previous) = (self.run.last_checkpoint(self.network), self.run.previous_checkpoint(self.network));
        (self.require_room)(&last, state_bytes(parameters).saturating_sub(size(&previous)))?;
        let moments = adam.moments()?;
        let mut artifact = self.artifact(weights);
        for (prefix, arrays) in [(FIRST, moments.first), (SECOND, moments.second)] {
            for (name, array) in arrays {
                artifact.insert_f32(format!("{prefix}{name}"), array);
            }
        }
        artifact.set_note(POSITION, position)?;
        artifact.set_note(STEPS, &moments.steps)?;
        if position.finished {
            let path = self.run.best_checkpoint(self.network);
            let mut best = Artifact::read(&path)?;
            best.set_note(POSITION, position)?;
            best.write(&path)?;
            // The word of `best` stands for it from here on.
            remove(&previous)?;
            return Ok(artifact.write(&last)?);
        }
        absent_is_fine(&last, std::fs::rename(&last, &previous))?;
        Ok(artifact.write(&last)?)
    }

    /// Asks whether all can be written that training will: two states, and the best weights twice while they are replaced.
    /// What is there of it needs no room any more.
    pub(crate) fn check_room(&self, parameters: &Parameters) -> Result<()> {
        let (run, network) = (self.run, self.network);
        let there = [run.last_checkpoint(network), run.previous_checkpoint(network), run.best_checkpoint(network)];
        let there = there.iter().map(|path| size(path)).sum();
        let bytes = state_bytes(parameters) / 3 * 8;
        Ok((self.require_room)(&run.last_checkpoint(network), bytes.saturating_sub(there))?)
    }

    /// Writes the best weights so far, which are those of `epoch`.
    pub(crate) fn write_best(&self, parameters: &Parameters, epoch: usize) -> Result<()> {
        let mut artifact = self.artifact(parameters.snapshot()?);
        artifact.set_note(EPOCH, &epoch)?;
        Ok(artifact.write(&self.run.best_checkpoint(self.network))?)
    }

    fn artifact(&self, weights: NamedArrays) -> Artifact {
        let mut artifact = Artifact::new(self.made_from.clone());
        for (name, array) in weights {
            artifact.insert_f32(format!("{WEIGHTS}{name}"), array);
        }
        for (name, array) in self.extras {
            artifact.insert_f32(name, array.clone());
        }
        artifact
    }
}

/// Where training is taken up.
pub(crate) struct Resumed {
    pub(crate) position: Position,
    /// The epoch of the best weights that are there; it may lie ahead of the position, and is then found again.
    pub(crate) best_on_disk: Option<usize>,
}

/// Bytes of weights and both moments.
fn state_bytes(parameters: &Parameters) -> u64 {
    3 * size_of::<f32>() as u64 * parameters.trained().map(|(_, weights)| weights.elem_count() as u64).sum::<u64>()
}

/// Bytes of a file; none, if it is not there.
fn size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

/// Takes the word back that training is over, with these as its best weights.
fn unfinish(best: &mut Option<Artifact>, path: &Path) -> Result<()> {
    if let Some(best) = best
        && best.remove_note(POSITION)
    {
        best.write(path)?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    absent_is_fine(path, std::fs::remove_file(path))
}

fn absent_is_fine(path: &Path, done: std::io::Result<()>) -> Result<()> {
    match done {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(gtn_run::Error::io("replace", path)(error).into()),
        _ => Ok(()),
    }
}

/// Sets a network's weights from either checkpoint.
pub(crate) fn load_weights(parameters: &Parameters, artifact: &Artifact) -> Result<()> {
    Ok(parameters.load(&artifact.f32_below(WEIGHTS))?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use gtn_models::{AdamSettings, Device, Mlp, MlpShape, Streams};
    use gtn_run::observer::Unobserved;

    use super::*;

    /// A disk that has 20 kB left, whatever lies on it.
    fn nearly_full(path: &Path, needed: u64) -> gtn_run::Result<()> {
        let free = 20_000;
        if needed > free { Err(gtn_run::Error::NoRoom { path: path.to_path_buf(), needed, free }) } else { Ok(()) }
    }

    #[test]
    fn a_disk_without_room_is_asked_before_an_older_state_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::at(folder.path());
        fs::create_dir_all(run.last_checkpoint("h").parent().unwrap()).unwrap();
        let shape = MlpShape { input: 3, hidden_layers: 1, width: 320, output: 3, slope: 0.5, batch_norm_layers: 0 };
        let h = Mlp::new(&shape, &Streams::new(1), &Device::Cpu).unwrap();
        let (parameters, mut adam) = (h.parameters(), Adam::new(h.parameters(), AdamSettings::default()).unwrap());
        // 2,243 weights: 27 kB with both moments.
        assert_eq!(state_bytes(parameters), 3 * 4 * 2_243);
        let (made_from, extras) = (Fingerprint::of("fit", &[]), NamedArrays::new());
        let on = |require_room| Checkpoints {
            run: &run,
            network: "h",
            made_from: &made_from,
            extras: &extras,
            last_is_used: false,
            require_room,
        };
        let (roomy, full) = (on(|_, _| Ok(())), on(nearly_full));
        let is_refused = |result: Result<()>| matches!(result, Err(crate::Error::Run(gtn_run::Error::NoRoom { .. })));
        assert!(is_refused(full.check_room(parameters)));

        let at = |epochs| Position { epochs, ..Position::default() };
        roomy.write_last(parameters, &adam, &at(1)).unwrap();
        assert!(is_refused(full.write_last(parameters, &adam, &at(2))));
        assert!(run.last_checkpoint("h").exists() && !run.previous_checkpoint("h").exists());
        let resumed = full.resume(parameters, &mut adam, &|_| Ok(None), &mut Unobserved).unwrap();
        assert_eq!(resumed.position, at(1));
        // Where two states are there, the next takes the place of the older one: that fits on the fullest disk.
        roomy.write_last(parameters, &adam, &at(2)).unwrap();
        full.write_last(parameters, &adam, &at(3)).unwrap();
        let resumed = full.resume(parameters, &mut adam, &|_| Ok(None), &mut Unobserved).unwrap();
        assert_eq!(resumed.position, at(3));
        full.check_room(parameters).unwrap();
    }
}
