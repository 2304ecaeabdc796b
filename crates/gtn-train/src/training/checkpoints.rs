//! The state of a network's training on disk. `last` is the complete state, `best` the weights of the epoch with the lowest
//! validation loss. While training runs, `previous` is the state before `last`, in case `last` is damaged.

use std::io::ErrorKind;
use std::path::Path;

use gtn_models::{Moments, NamedArrays, Parameters};
use gtn_run::checkpoint::TrainState;
use gtn_run::schema::checkpoint as keys;
use gtn_run::{Artifact, Fingerprint, Network, Observer, RunFolder};

use super::callbacks::Position;
use super::optimization::Optimization;
use crate::Result;

/// The checkpoints of one network.
pub(super) struct Checkpoints<'a> {
    pub(super) run: &'a RunFolder,
    pub(super) network: Network,
    pub(super) input_fingerprint: &'a Fingerprint,
    /// Inserts what is stored beside the weights.
    pub(super) beside_weights: &'a dyn Fn(&mut Artifact) -> Result<()>,
    /// Whether the last weights are used after training, and not only the best ones.
    pub(super) last_is_used: bool,
    /// Asks for free space on the disk of a file: [`require_free_space`](gtn_io::atomic::require_free_space).
    pub(super) require_free_space: fn(&Path, u64) -> gtn_io::Result<()>,
}

impl Checkpoints<'_> {
    /// Restores the existing state with the same inputs, or starts at the beginning. Damaged files are reported to `observer`.
    /// Unusable files are removed, so that they never replace a usable one. `missing` says what a state lacks beside its
    /// weights.
    pub(super) fn resume(
        &self,
        parameters: &Parameters,
        Optimization { adam, average }: &mut Optimization,
        missing: &dyn Fn(&TrainState) -> Result<Option<String>>,
        observer: &mut dyn Observer,
    ) -> Result<Resumed> {
        let network = self.network;
        let (best_path, last) = (self.run.best_checkpoint(network), self.run.last_checkpoint(network));
        let previous = self.run.previous_checkpoint(network);
        let mut reported = false;
        let mut best = self.read(&best_path, &mut reported, observer)?;
        let best_on_disk = best.as_ref().and_then(|best| best.metadata(&keys::EPOCH));
        // The best weights belong to the state: without them, the epochs that found them must run again.
        let missing = |state: &TrainState| match state.best {
            Some(needed) if best_on_disk.is_none_or(|epoch| epoch < needed.epoch) => {
                Ok(Some("its best weights are missing".to_owned()))
            }
            _ => missing(state),
        };
        for path in [&last, &previous] {
            let Some(checkpoint) = self.read(path, &mut reported, observer)? else { continue };
            let (Some(state), Some(steps)) =
                (checkpoint.metadata(&keys::TRAIN_STATE), checkpoint.metadata(&keys::ADAM_STEPS))
            else {
                continue;
            };
            if let Some(reason) = missing(&state)? {
                observer.note(&format!("cannot resume from {}: {reason}", path.display()));
                reported = true;
                continue;
            }
            let (first, second) = (checkpoint.group(&keys::FIRST_MOMENTS), checkpoint.group(&keys::SECOND_MOMENTS));
            adam.restore(&Moments { steps, first, second })?;
            parameters.load_state_dict(&checkpoint.group(&keys::WEIGHTS))?;
            if let Some(average) = average {
                average.restore(&checkpoint.group(&keys::AVERAGED_WEIGHTS))?;
            }
            if *path == previous {
                remove(&last)?;
            }
            if state.finished {
                remove(&previous)?;
            } else {
                remove_completion_marker(&mut best, &best_path)?;
            }
            if reported {
                observer.note(&format!("training of {network} resumes after epoch {}", state.epochs));
            }
            return Ok(Resumed { state, best_on_disk, is_restored: true });
        }
        remove(&last)?;
        remove(&previous)?;
        // Training may be over, with the weights that are used afterwards on disk.
        let completed = best.as_ref().filter(|_| !self.last_is_used).and_then(|best| best.metadata(&keys::TRAIN_STATE));
        if let Some(state) = completed {
            match missing(&state)? {
                None => return Ok(Resumed { state, best_on_disk, is_restored: false }),
                Some(reason) => observer.note(&format!("cannot resume from {}: {reason}", best_path.display())),
            }
            reported = true;
        }
        remove_completion_marker(&mut best, &best_path)?;
        if reported {
            observer.note(&format!("training of {network} restarts"));
        }
        Ok(Resumed { state: TrainState::default(), best_on_disk: None, is_restored: false })
    }

    /// Removes the mark that training is over, so that it can train on.
    pub(super) fn reopen(&self) -> Result<()> {
        let path = self.run.best_checkpoint(self.network);
        remove_completion_marker(&mut Some(Artifact::read(&path)?), &path)
    }

    /// The checkpoint at `path`, if it exists, is undamaged, and has the same inputs.
    fn read(&self, path: &Path, reported: &mut bool, observer: &mut dyn Observer) -> Result<Option<Artifact>> {
        match Artifact::read_if_current(path, self.input_fingerprint) {
            Err(gtn_run::Error::Damaged { path, reason }) => {
                observer.note(&format!("{} is damaged: {reason}", path.display()));
                *reported = true;
                Ok(None)
            }
            other => Ok(other?),
        }
    }

    pub(super) fn write_last(&self, Position { parameters, adam, average, state }: Position<'_>) -> Result<()> {
        // Weights that are not finite are not worth keeping: the next loss reports them, and the last good state stays.
        let weights = parameters.state_dict()?;
        if weights.values().any(|array| array.iter().any(|weight| !weight.is_finite())) {
            return Ok(());
        }
        let (last, previous) = (self.run.last_checkpoint(self.network), self.run.previous_checkpoint(self.network));
        (self.require_free_space)(&last, state_bytes(parameters).saturating_sub(file_size(&previous)))?;
        let moments = adam.moments()?;
        let mut checkpoint = self.checkpoint(weights)?;
        if let Some(average) = average {
            checkpoint.insert_group(&keys::AVERAGED_WEIGHTS, average.state_dict()?);
        }
        checkpoint.insert_group(&keys::FIRST_MOMENTS, moments.first);
        checkpoint.insert_group(&keys::SECOND_MOMENTS, moments.second);
        checkpoint.set_metadata(&keys::TRAIN_STATE, state)?;
        checkpoint.set_metadata(&keys::ADAM_STEPS, &moments.steps)?;
        if state.finished {
            let path = self.run.best_checkpoint(self.network);
            let mut best = Artifact::read(&path)?;
            best.set_metadata(&keys::TRAIN_STATE, state)?;
            best.write(&path)?;
            // From here on the completion marker of `best` replaces `previous`.
            remove(&previous)?;
            return Ok(checkpoint.write(&last)?);
        }
        ignore_missing(&last, std::fs::rename(&last, &previous))?;
        Ok(checkpoint.write(&last)?)
    }

    /// Asks for the space of everything that training will write: two states, and the best weights twice while they are
    /// replaced. Existing files count as space.
    pub(super) fn check_free_space(&self, parameters: &Parameters, averages: bool) -> Result<()> {
        let (run, network) = (self.run, self.network);
        let existing = [run.last_checkpoint(network), run.previous_checkpoint(network), run.best_checkpoint(network)];
        let existing = existing.iter().map(|path| file_size(path)).sum();
        // Two states and two files of the best weights; averaged weights are one more copy in a state.
        let copies = if averages { 10 } else { 8 };
        let bytes = state_bytes(parameters) / 3 * copies;
        Ok((self.require_free_space)(&run.last_checkpoint(network), bytes.saturating_sub(existing))?)
    }

    /// Writes the best weights so far, those of `epoch`.
    pub(super) fn write_best(&self, parameters: &Parameters, epoch: usize) -> Result<()> {
        let mut checkpoint = self.checkpoint(parameters.state_dict()?)?;
        checkpoint.set_metadata(&keys::EPOCH, &epoch)?;
        Ok(checkpoint.write(&self.run.best_checkpoint(self.network))?)
    }

    fn checkpoint(&self, weights: NamedArrays) -> Result<Artifact> {
        let mut checkpoint = Artifact::new(self.input_fingerprint.clone());
        checkpoint.insert_group(&keys::WEIGHTS, weights);
        (self.beside_weights)(&mut checkpoint)?;
        Ok(checkpoint)
    }
}

/// Where training resumes.
pub(super) struct Resumed {
    pub(super) state: TrainState,
    /// The epoch of the best weights on disk. It may be later than the state; training then finds it again.
    pub(super) best_on_disk: Option<usize>,
    /// Whether weights and moments are those of the state. Those of finished training may be missing, because nothing needs them.
    pub(super) is_restored: bool,
}

/// Bytes of weights and both moments.
fn state_bytes(parameters: &Parameters) -> u64 {
    3 * size_of::<f32>() as u64 * parameters.trainable().map(|(_, weights)| weights.elem_count() as u64).sum::<u64>()
}

/// Bytes of a file; 0 if it does not exist.
fn file_size(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |metadata| metadata.len())
}

/// Removes the mark that training is over from the best weights.
fn remove_completion_marker(best: &mut Option<Artifact>, path: &Path) -> Result<()> {
    if let Some(best) = best
        && best.remove_metadata(&keys::TRAIN_STATE)
    {
        best.write(path)?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<()> {
    ignore_missing(path, std::fs::remove_file(path))
}

fn ignore_missing(path: &Path, result: std::io::Result<()>) -> Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(gtn_io::Error::io("replace", path)(error).into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use gtn_models::{Adam, AdamSettings, Device, Mlp, MlpShape, Streams};
    use gtn_run::observer::NoopObserver;

    use super::*;

    /// A disk that always has 20 kB of free space.
    fn nearly_full(path: &Path, needed: u64) -> gtn_io::Result<()> {
        let free = 20_000;
        if needed > free {
            Err(gtn_io::Error::InsufficientSpace { path: path.to_path_buf(), needed, free })
        } else {
            Ok(())
        }
    }

    #[test]
    fn free_space_is_checked_before_an_older_state_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::at(folder.path());
        fs::create_dir_all(run.last_checkpoint(Network::H).parent().unwrap()).unwrap();
        let shape =
            MlpShape { input: 3, hidden_layers: 1, width: 320, output: 3, negative_slope: 0.5, batch_norm_layers: 0 };
        let h = Mlp::new(&shape, &Streams::new(1), &Device::Cpu).unwrap();
        let parameters = h.parameters();
        let adam = Adam::new(parameters, AdamSettings::default()).unwrap();
        let average = None;
        let mut optimization = Optimization { adam: Adam::new(parameters, AdamSettings::default()).unwrap(), average };
        // 2,243 weights: 27 kB with both moments.
        assert_eq!(state_bytes(parameters), 3 * 4 * 2_243);
        let input_fingerprint = Fingerprint::new("fit", &[]);
        let checkpoints = |require_free_space| Checkpoints {
            run: &run,
            network: Network::H,
            input_fingerprint: &input_fingerprint,
            beside_weights: &|_| Ok(()),
            last_is_used: false,
            require_free_space,
        };
        let (roomy, full) = (checkpoints(|_, _| Ok(())), checkpoints(nearly_full));
        let is_refused =
            |result: Result<()>| matches!(result, Err(crate::Error::Io(gtn_io::Error::InsufficientSpace { .. })));
        assert!(is_refused(full.check_free_space(parameters, false)));

        let at = |epochs| TrainState { epochs, ..TrainState::default() };
        roomy.write_last(Position { parameters, adam: &adam, average: None, state: &at(1) }).unwrap();
        assert!(is_refused(full.write_last(Position { parameters, adam: &adam, average: None, state: &at(2) })));
        assert!(run.last_checkpoint(Network::H).exists() && !run.previous_checkpoint(Network::H).exists());
        let resumed = full.resume(parameters, &mut optimization, &|_| Ok(None), &mut NoopObserver).unwrap();
        assert_eq!(resumed.state, at(1));
        // The third state replaces the oldest one, which fits on a full disk.
        roomy.write_last(Position { parameters, adam: &adam, average: None, state: &at(2) }).unwrap();
        full.write_last(Position { parameters, adam: &adam, average: None, state: &at(3) }).unwrap();
        let resumed = full.resume(parameters, &mut optimization, &|_| Ok(None), &mut NoopObserver).unwrap();
        assert_eq!(resumed.state, at(3));
        full.check_free_space(parameters, false).unwrap();
    }
}
