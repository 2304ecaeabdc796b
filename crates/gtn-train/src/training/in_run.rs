//! Training with checkpoints in a run folder.

use std::time::{Duration, Instant};

use gtn_dist::{Collective, Single};
use gtn_models::Parameters;
use gtn_run::checkpoint::{BestEpoch, TrainState};
use gtn_run::config::{Training, TrainingTime};
use gtn_run::schema::Statistic;
use gtn_run::{Artifact, EpochImages, EpochRecord, Fingerprint, Record, RunFolder, StageProgress, Statistics};
use ndarray::Array4;

use super::callbacks::{Callbacks, Position};
use super::checkpoint_policy::CheckpointPolicy;
use super::checkpoints::{Checkpoints, Resumed};
use super::early_stopping::EarlyStopping;
use super::optimization::Optimization;
use super::task::TrainingTask;
use super::together::share_training;
use super::trainer::Trainer;
use crate::Result;
use crate::context::Context;

/// What a stage keeps and shows of its network after epochs.
pub(crate) trait EpochOutputs {
    /// Called after each epoch, before its state is saved. After an interruption it may be called for the same epoch again.
    fn after_epoch(&self, _epoch: usize, _improved: bool, _run: &RunFolder) -> Result<()> {
        Ok(())
    }
    /// What the network produces from fixed inputs, (n, C, H, W), if that is images.
    fn images(&self) -> Result<Option<Array4<f32>>> {
        Ok(None)
    }
    /// The metric of samples that decides which epoch is the best, if one does. If `stop` returns true, the result may be
    /// [`Error::Stopped`](crate::Error::Stopped).
    fn sample_metric(&self, _stop: &dyn Fn() -> bool) -> Result<Option<f64>> {
        Ok(None)
    }
    /// What is missing of the files that [`after_epoch`](Self::after_epoch) wrote in the first `epochs` epochs.
    fn missing(&self, _epochs: usize, _run: &RunFolder) -> Result<Option<String>> {
        Ok(None)
    }
    /// Removes what [`after_epoch`](Self::after_epoch) wrote after the first `epochs` epochs.
    fn rewind(&self, _epochs: usize, _run: &RunFolder) -> Result<()> {
        Ok(())
    }
}

/// A network that shows nothing, and of which nothing but its weights is kept.
impl EpochOutputs for () {}

/// Validation images that observers see reconstructed after each improvement.
const OBSERVED_IMAGES: usize = 64;

/// A network that shows the first validation images, reconstructed, at most as many as the function is asked for. The split is in random
/// order, so they are a random sample.
pub(crate) struct Reconstructed<F>(pub(crate) F);

impl<F: Fn(usize) -> Result<Array4<f32>>> EpochOutputs for Reconstructed<F> {
    fn images(&self) -> Result<Option<Array4<f32>>> {
        (self.0)(OBSERVED_IMAGES).map(Some)
    }
}

/// The training of a network in a run.
pub(crate) struct InRun<'a, T, O> {
    pub(crate) task: &'a T,
    pub(crate) outputs: &'a O,
    pub(crate) settings: &'a Training,
    /// The time that it may take.
    pub(crate) budget: Option<TrainingTime>,
    pub(crate) input_fingerprint: &'a Fingerprint,
    /// Inserts what is stored beside the weights.
    pub(crate) beside_weights: &'a dyn Fn(&mut Artifact) -> Result<()>,
    /// Whether the last weights are used after training, and not only the best ones.
    pub(crate) uses_last_weights: bool,
    /// Whether training that the time budget ended trains on if the budget is larger now.
    pub(crate) is_extended: bool,
    /// Whether all processes call [`train`](Self::train), or only the first one.
    pub(crate) is_divided: bool,
}

/// After so many seconds without an epoch, the first images are shown before its end.
const FIRST_IMAGES_AFTER: Duration = Duration::from_secs(40);

impl<T: TrainingTask, O: EpochOutputs> InRun<'_, T, O> {
    /// Trains the network, resumes its training, or finds that training is over.
    pub(crate) fn train(&self, context: &mut Context<'_>) -> Result<()> {
        if !self.is_divided {
            return self.decide(context);
        }
        if context.is_first() {
            self.decide(context)?
        } else {
            self.follow(context)?
        }
        // The others read what process 0 has written.
        Ok(context.collective.barrier()?)
    }

    /// The processes that train together: all, if batches are divided into shards.
    fn collective<'c>(&self, context: &Context<'c>) -> &'c dyn Collective {
        if self.is_divided && self.settings.shards > 1 { context.collective } else { &Single }
    }

    /// Trains as process 0 decides, if that divides its batches and has anything to train.
    fn follow(&self, context: &mut Context<'_>) -> Result<()> {
        let collective = self.collective(context);
        if collective.size() == 1 {
            return Ok(());
        }
        let mut optimization = Optimization::new(self.task, self.settings)?;
        let state = share_training(collective, self.task.parameters(), &mut optimization, &TrainState::default())?;
        let early_stopping = EarlyStopping::new(self.settings);
        Trainer::resumed(self.task, self.settings, early_stopping, context.streams, (optimization, state))
            .on(collective)
            .run(&mut ())
    }

    /// The same, as process 0 or alone.
    fn decide(&self, context: &mut Context<'_>) -> Result<()> {
        let network = self.task.network();
        let (stage, parameters) = (network.stage(), self.task.parameters());
        let checkpoints = Checkpoints {
            run: context.run,
            network,
            input_fingerprint: self.input_fingerprint,
            beside_weights: self.beside_weights,
            last_is_used: self.uses_last_weights,
            require_free_space: gtn_io::atomic::require_free_space,
        };
        let mut optimization = Optimization::new(self.task, self.settings)?;
        let missing = |state: &TrainState| self.outputs.missing(state.epochs, context.run);
        let Resumed { mut state, best_on_disk, is_restored } =
            checkpoints.resume(parameters, &mut optimization, &missing, &mut *context.observer)?;
        if self.is_extended
            && state.finished
            && is_restored
            && self.has_budget_left(&state, best_on_disk.unwrap_or(0), context)
        {
            checkpoints.reopen()?;
            state.finished = false;
        }
        self.outputs.rewind(state.epochs, context.run)?;
        let collective = self.collective(context);
        if collective.size() > 1 {
            share_training(collective, parameters, &mut optimization, &state)?;
        }

        let TrainState { epochs, best, .. } = if state.finished {
            context.observer.stage_skipped(stage);
            state
        } else {
            let TrainState { epochs, best, .. } = state;
            checkpoints.check_free_space(parameters, self.settings.average.is_some())?;
            context.update_provenance(|provenance| *provenance.epochs_mut(network) = None)?;
            context.observer.stage_started(stage);
            if self.is_divided && collective.size() == 1 && context.collective.size() > 1 {
                context.observer.note(&format!("one process trains {network}, whose batches are not divided"));
            }
            context.log.rewind(stage, epochs)?;
            context.run.rewind_epoch_figures(network, epochs)?;
            let elapsed = context.log.epochs(stage).map(|epoch| epoch.seconds).sum();
            // Training never ends before the epoch of the best weights on disk.
            let early_stopping = EarlyStopping::new(self.settings).with_budget(self.budget);
            let early_stopping = early_stopping.resumed(best, elapsed, best_on_disk.unwrap_or(0));
            let policy = CheckpointPolicy::new(parameters);
            let streams = context.streams;
            let mut trainer =
                Trainer::resumed(self.task, self.settings, early_stopping, streams, (optimization, state))
                    .on(collective);
            // Resumed training has shown images before.
            let first_images = (epochs == 0).then(|| Instant::now() + FIRST_IMAGES_AFTER);
            trainer.run(&mut InRunCallbacks { outputs: self.outputs, checkpoints, policy, context, first_images })?;
            trainer.state().clone()
        };
        context.update_provenance(|provenance| *provenance.epochs_mut(network) = Some(epochs))?;
        let best = best.unwrap_or(BestEpoch { epoch: 0, loss: f64::NAN });
        let seconds = context.log.epochs(stage).fold(0.0, |sum, epoch| sum + epoch.seconds);
        // The best epoch may have been chosen by its samples.
        let of_best = context.log.epochs(stage).find(|record| record.epoch == best.epoch);
        let best_loss = of_best.map_or(best.loss, |record| record.validation_loss);
        let statistics = Statistics::from([
            (Statistic::Epochs, epochs as f64),
            (Statistic::BestEpoch, best.epoch as f64),
            (Statistic::BestValidationLoss, best_loss),
        ]);
        context.finish(stage, seconds, statistics)
    }

    /// Whether finished training has time for another epoch.
    fn has_budget_left(&self, state: &TrainState, best_on_disk: usize, context: &Context<'_>) -> bool {
        let stage = self.task.network().stage();
        // The process may have ended between an epoch and its state, which then trains it again.
        let epochs: Vec<_> = context.log.epochs(stage).filter(|record| record.epoch <= state.epochs).collect();
        let last = epochs.last().map_or(f64::INFINITY, |record| record.seconds);
        let elapsed = epochs.iter().map(|record| record.seconds).sum();
        let early_stopping = EarlyStopping::new(self.settings).with_budget(self.budget);
        best_on_disk > state.epochs || early_stopping.resumed(state.best, elapsed, 0).may_continue(state.epochs, last)
    }
}

/// Saves checkpoints, and passes reports on to the observer of the run.
struct InRunCallbacks<'a, 'c, O> {
    outputs: &'a O,
    checkpoints: Checkpoints<'a>,
    policy: CheckpointPolicy,
    context: &'a mut Context<'c>,
    /// When images are shown without waiting for the end of the first epoch.
    first_images: Option<Instant>,
}

impl<O: EpochOutputs> Callbacks for InRunCallbacks<'_, '_, O> {
    fn stop_requested(&self) -> bool {
        self.context.observer.stop_requested()
    }

    fn progress(&mut self, progress: &StageProgress) {
        self.context.observer.progress(progress);
        if self.first_images.is_some_and(|at| Instant::now() >= at) {
            self.first_images = None;
            // They are only shown, so an error, which a later epoch would report, does not end training.
            if self.context.observer.wants_images()
                && let Ok(Some(images)) = self.outputs.images()
            {
                let images = EpochImages { stage: progress.stage, epoch: 0, images: images.view() };
                self.context.observer.epoch_images(&images);
            }
        }
    }

    fn save_is_due(&mut self) -> bool {
        self.policy.is_due(false)
    }

    fn save(&mut self, position: Position<'_>) -> Result<()> {
        self.checkpoints.write_last(position)
    }

    fn improved(&mut self, parameters: &Parameters, epoch: usize) -> Result<()> {
        self.checkpoints.write_best(parameters, epoch)
    }

    fn sample_metric(&mut self, _epoch: usize) -> Result<Option<f64>> {
        self.outputs.sample_metric(&|| self.context.observer.stop_requested())
    }

    fn epoch_validated(&mut self, record: &EpochRecord) -> Result<()> {
        let &EpochRecord { stage, epoch, improved, .. } = record;
        self.first_images = None;
        self.context.log.append(Record::Epoch(record.clone()))?;
        self.outputs.after_epoch(epoch, improved, self.context.run)?;
        // Before the state: if the process ends in between, observers see the images again.
        if improved
            && self.context.observer.wants_images()
            && let Some(images) = self.outputs.images()?
        {
            self.context.observer.epoch_images(&EpochImages { stage, epoch, images: images.view() });
        }
        Ok(())
    }

    fn epoch_finished(&mut self, record: &EpochRecord, position: Position<'_>) -> Result<()> {
        if self.policy.is_due(true) || position.state.finished {
            self.checkpoints.write_last(position)?;
        }
        self.context.observer.epoch_finished(record);
        Ok(())
    }
}
