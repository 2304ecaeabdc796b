//! The training loop of all networks: Adam on a mean squared error, validation after each epoch, early stopping.

use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use gtn_data::split::permutation;
use gtn_models::{Adam, AdamSettings, Normalizer, Parameters, Tensor, purpose};
use gtn_run::checkpoint::{BestEpoch, TrainState};
use gtn_run::config::Training;
use gtn_run::schema::{Split, Statistic};
use gtn_run::{
    EpochImages, EpochRecord, Fingerprint, Network, Provenance, Record, RunFolder, Stage, StageProgress, Statistics,
};
use ndarray::Array4;

use crate::checkpoint::{Checkpoints, Resumed};
use crate::losses::Losses;
use crate::pipeline::Context;
use crate::{Error, Result};

/// A network with the data that it learns from.
pub(crate) trait TrainingTask: Sync {
    /// Samples on the host, ready for a step.
    type Batch: Send;
    /// Gathers samples of a split. It is called on another thread, before the step needs them.
    fn gather(&self, split: Split, samples: &[usize]) -> Self::Batch;
    fn stage(&self) -> Stage;
    fn network(&self) -> Network;
    fn parameters(&self) -> &Parameters;
    fn training_samples(&self) -> usize;
    fn validation_samples(&self) -> usize;
    /// Mean loss over a batch of a split, in training mode for training samples and in evaluation mode for others.
    fn loss(&self, split: Split, batch: Self::Batch) -> Result<Tensor>;
    /// Whether the last weights are used after training, and not only the best ones.
    fn uses_last_weights(&self) -> bool {
        false
    }
    /// Where the number of epochs is recorded.
    fn epochs_of<'p>(&self, provenance: &'p mut Provenance) -> &'p mut Option<usize>;
    /// Called after each epoch, before its state is saved. After an interruption it may be called for the same epoch again.
    fn after_epoch(&self, _epoch: usize, _improved: bool, _run: &RunFolder) -> Result<()> {
        Ok(())
    }
    /// What the network produces from fixed inputs, (n, C, H, W), if that is images.
    fn images(&self) -> Result<Option<Array4<f32>>> {
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

/// When training ends.
pub(crate) struct Schedule<'a> {
    pub(crate) training: &'a Training,
    /// Time budget in seconds. An epoch starts only if it is expected to end within it.
    pub(crate) budget: Option<f64>,
}

/// Interval between checkpoints: a killed process loses at most this much work, or the rest of an epoch.
const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(60);
/// The interval for a network whose state takes a while to write.
const LARGE_CHECKPOINT_INTERVAL: Duration = Duration::from_secs(300);
/// Weights of a large network: 120 MB with both moments.
const MIN_LARGE_WEIGHTS: usize = 10_000_000;

/// When the complete state is written.
struct CheckpointPolicy {
    interval: Duration,
    /// Whether it is also written after each epoch.
    each_epoch: bool,
    last: Instant,
}

impl CheckpointPolicy {
    fn new(weights: usize) -> Self {
        let is_large = weights >= MIN_LARGE_WEIGHTS;
        let interval = if is_large { LARGE_CHECKPOINT_INTERVAL } else { CHECKPOINT_INTERVAL };
        Self { interval, each_epoch: !is_large, last: Instant::now() }
    }

    /// Whether a checkpoint is due.
    fn is_due(&mut self, after_epoch: bool) -> bool {
        let is_due = (after_epoch && self.each_epoch) || self.last.elapsed() > self.interval;
        if is_due {
            self.last = Instant::now();
        }
        is_due
    }
}

/// Trains a network, resumes its training, or finds that training is over. `normalizer` is stored with its weights.
pub(crate) fn train<P: TrainingTask>(
    task: &P,
    schedule: &Schedule<'_>,
    input_fingerprint: &Fingerprint,
    normalizer: Option<&Normalizer>,
    context: &mut Context<'_>,
) -> Result<()> {
    let stage = task.stage();
    let parameters = task.parameters();
    let settings = schedule.training;
    let last_is_used = task.uses_last_weights();
    let checkpoints = Checkpoints {
        run: context.run,
        network: task.network(),
        input_fingerprint,
        normalizer,
        last_is_used,
        require_free_space: gtn_io::atomic::require_free_space,
    };
    let adam_settings = AdamSettings {
        learning_rate: settings.learning_rate,
        weight_decay: settings.weight_decay,
        ..AdamSettings::default()
    };
    let mut adam = Adam::new(parameters, adam_settings)?;
    let missing = |state: &TrainState| task.missing(state.epochs, context.run);
    let Resumed { mut state, best_on_disk } =
        checkpoints.resume(parameters, &mut adam, &missing, &mut *context.observer)?;
    task.rewind(state.epochs, context.run)?;

    if state.finished {
        context.observer.stage_skipped(stage);
    } else {
        checkpoints.check_free_space(parameters)?;
        context.update_provenance(|provenance| *task.epochs_of(provenance) = None)?;
        context.observer.stage_started(stage);
        context.log.rewind(stage, state.epochs)?;
        context.run.rewind_epoch_figures(task.network(), state.epochs)?;
        let mut policy = CheckpointPolicy::new(parameters.trainable().map(|(_, weights)| weights.elem_count()).sum());
        while !state.finished {
            // Training never ends before the epoch of the best weights on disk.
            let may_end = best_on_disk.is_none_or(|best| state.epochs + 1 >= best);
            let schedule = Schedule { budget: schedule.budget.filter(|_| may_end), ..*schedule };
            run_epoch(task, &schedule, (&checkpoints, &mut policy), &mut adam, &mut state, context)?;
        }
    }
    context.update_provenance(|provenance| *task.epochs_of(provenance) = Some(state.epochs))?;
    let best = state.best.unwrap_or(BestEpoch { epoch: 0, loss: f64::NAN });
    let seconds = context.log.epochs(stage).fold(0.0, |sum, epoch| sum + epoch.seconds);
    let statistics = Statistics::from([
        (Statistic::Epochs, state.epochs as f64),
        (Statistic::BestEpoch, best.epoch as f64),
        (Statistic::BestValidationLoss, best.loss),
    ]);
    context.finish(stage, seconds, statistics)
}

fn run_epoch<P: TrainingTask>(
    task: &P,
    schedule: &Schedule<'_>,
    (checkpoints, policy): (&Checkpoints<'_>, &mut CheckpointPolicy),
    adam: &mut Adam,
    state: &mut TrainState,
    context: &mut Context<'_>,
) -> Result<()> {
    let (stage, parameters, settings) = (task.stage(), task.parameters(), schedule.training);
    let epoch = state.epochs + 1;
    let shuffle = context.streams.stream(&purpose::shuffle(task.network().name()), epoch as u64);
    let order = permutation(task.training_samples(), shuffle);
    let batches = batches(&order, settings.batch_size, settings.drop_last);
    let per_epoch: usize = batches.iter().map(|batch| batch.len()).sum();
    let (started, seconds_before) = (Instant::now(), state.seconds);
    let data_wait_before = state.data_wait;
    let skipped = state.batches;
    let mut losses = Losses::new(parameters.device());
    // Adds the losses of the steps so far; the host waits for the device.
    let add_losses = |losses: &mut Losses, state: &mut TrainState| {
        for loss in losses.read()? {
            if !loss.value.is_finite() {
                return Err(Error::NonFiniteLoss {
                    stage,
                    loss: loss.value,
                    epoch,
                    step: loss.step,
                    network: task.network(),
                });
            }
            state.loss_sum += loss.value * loss.samples as f64;
        }
        Ok(())
    };
    let every_step = |batch: &[usize], gathered: P::Batch, data_wait: f64| {
        state.data_wait = data_wait_before + data_wait;
        state.seconds = seconds_before + started.elapsed().as_secs_f64();
        if context.observer.stop_requested() {
            add_losses(&mut losses, state)?;
            checkpoints.write_last(parameters, adam, state)?;
            return Err(Error::Stopped { stage });
        }
        let loss = task.loss(Split::Train, gathered)?;
        let step = state.batches + 1;
        losses.push(&loss, step, batch.len());
        if losses.are_due() {
            add_losses(&mut losses, state)?;
        }
        adam.backward_step(parameters, &loss)?;
        state.batches = step;
        state.samples += batch.len();
        let with_loss = state.samples - losses.samples();
        context.observer.progress(&StageProgress {
            stage,
            done: (state.epochs * per_epoch + state.samples) as u64,
            total: settings.epochs.saturating_mul(per_epoch) as u64,
            epoch: Some((epoch, settings.epochs)),
            loss: (with_loss > 0).then(|| state.loss_sum / with_loss as f64),
        });
        if policy.is_due(false) {
            add_losses(&mut losses, state)?;
            checkpoints.write_last(parameters, adam, state)?;
        }
        Ok(())
    };
    prefetch(task, Split::Train, &batches[skipped..], every_step)?;
    add_losses(&mut losses, state)?;

    let Some(validation_loss) = validate(task, settings.batch_size, context)? else {
        checkpoints.write_last(parameters, adam, state)?;
        return Err(Error::Stopped { stage });
    };
    if !validation_loss.is_finite() {
        let step = state.batches;
        return Err(Error::NonFiniteLoss { stage, loss: validation_loss, epoch, step, network: task.network() });
    }
    let train_loss = state.loss_sum / state.samples as f64;
    let improved = state.best.is_none_or(|best| validation_loss < best.loss);
    if improved {
        // Before `last`: if the process ends in between, the epoch runs again and finds the same weights.
        checkpoints.write_best(parameters, epoch)?;
        state.best = Some(BestEpoch { epoch, loss: validation_loss });
    }
    let is_out_of_patience = state.best.is_some_and(|best| epoch - best.epoch >= settings.patience);
    let (seconds, data_wait) = (seconds_before + started.elapsed().as_secs_f64(), state.data_wait);
    let earlier: f64 = context.log.epochs(stage).map(|epoch| epoch.seconds).sum();
    let is_out_of_time = schedule.budget.is_some_and(|budget| earlier + 2.0 * seconds > budget);
    let (best, finished) = (state.best, epoch >= settings.epochs || is_out_of_patience || is_out_of_time);
    *state = TrainState { epochs: epoch, best, finished, ..TrainState::default() };

    let record = EpochRecord { stage, epoch, train_loss, validation_loss, improved, seconds, data_wait };
    context.log.append(Record::Epoch(record.clone()))?;
    task.after_epoch(epoch, improved, context.run)?;
    // Before `last` as well: if the process ends in between, observers see the images again.
    if improved
        && context.observer.wants_images()
        && let Some(images) = task.images()?
    {
        context.observer.epoch_images(&EpochImages { stage, epoch, images: images.view() });
    }
    if policy.is_due(true) || state.finished {
        checkpoints.write_last(parameters, adam, state)?;
    }
    context.observer.epoch_finished(&record);
    Ok(())
}

/// Mean loss over the validation set, or `None` if the observer asked to stop.
fn validate<P: TrainingTask>(task: &P, batch: usize, context: &Context<'_>) -> Result<Option<f64>> {
    let samples: Vec<usize> = (0..task.validation_samples()).collect();
    let batches: Vec<&[usize]> = samples.chunks(batch).collect();
    let mut losses = Losses::new(task.parameters().device());
    let mut sum = 0.0;
    let add = |losses: &mut Losses, sum: &mut f64| -> Result<()> {
        losses.read()?.iter().for_each(|loss| *sum += loss.value * loss.samples as f64);
        Ok(())
    };
    let every_step = |batch: &[usize], gathered: P::Batch, _data_wait: f64| {
        if context.observer.stop_requested() {
            return Err(Error::Stopped { stage: task.stage() });
        }
        losses.push(&task.loss(Split::Validation, gathered)?, 0, batch.len());
        if losses.are_due() {
            add(&mut losses, &mut sum)?;
        }
        Ok(())
    };
    match prefetch(task, Split::Validation, &batches, every_step) {
        Err(Error::Stopped { .. }) => return Ok(None),
        done => done?,
    }
    add(&mut losses, &mut sum)?;
    Ok(Some(sum / samples.len() as f64))
}

/// Batches that are gathered in advance.
const PREFETCH_FACTOR: usize = 2;

/// Calls `step` with each batch in turn, while another thread gathers the next ones. Its last argument is the time that steps
/// waited for data so far, in seconds.
fn prefetch<P: TrainingTask>(
    task: &P,
    split: Split,
    batches: &[&[usize]],
    mut step: impl FnMut(&[usize], P::Batch, f64) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(PREFETCH_FACTOR);
        scope.spawn(move || {
            for batch in batches {
                // After an error or a stop nobody receives the rest.
                if sender.send(task.gather(split, batch)).is_err() {
                    break;
                }
            }
        });
        let mut data_wait = 0.0;
        for batch in batches {
            let requested = Instant::now();
            let Ok(gathered) = receiver.recv() else { break };
            data_wait += requested.elapsed().as_secs_f64();
            step(batch, gathered, data_wait)?;
        }
        Ok(())
    })
}

/// Splits `order` into batches. A last batch of one sample, on which BatchNorm cannot train, is added to the one before it.
pub(crate) fn batches(order: &[usize], size: usize, drop_last: bool) -> Vec<&[usize]> {
    let rest = order.len() % size;
    let full = order.len() - rest;
    if full == 0 {
        return vec![order];
    }
    let mut batches: Vec<&[usize]> = order[..full].chunks(size).collect();
    match rest {
        0 => {}
        _ if drop_last => {}
        1 => *batches.last_mut().expect("there is a full batch") = &order[full - size..],
        _ => batches.push(&order[full..]),
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::batches;

    #[test]
    fn no_batch_has_one_sample_and_samples_are_dropped_only_on_request() {
        for len in 2..40 {
            let order: Vec<usize> = (0..len).collect();
            for size in 2..12 {
                let kept = batches(&order, size, false);
                assert_eq!(kept.concat(), order);
                assert!(kept.iter().all(|batch| (2..=size + 1).contains(&batch.len())));
                let dropped = batches(&order, size, true);
                assert!(dropped.iter().all(|batch| batch.len() == size.min(len)));
                assert_eq!(dropped.concat(), order[..dropped.concat().len()]);
            }
        }
    }
}
