//! The training loop that all networks share: Adam on a mean squared error, validation after each epoch, patience.

use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use gtn_data::split::permutation;
use gtn_models::{Adam, AdamSettings, NamedArrays, Parameters, Tensor};
use gtn_run::config::Training;
use gtn_run::{EpochRecord, Fingerprint, Pictures, Provenance, Record, RunFolder, Stage, Step};
use ndarray::Array4;

use crate::checkpoint::{Best, Checkpoints, Position, Resumed};
use crate::losses::Losses;
use crate::pipeline::Context;
use crate::{Error, Result};

/// One side of the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Training,
    Validation,
}

/// A network with the data it learns from.
pub(crate) trait Problem: Sync {
    /// Samples on the host, ready for a step.
    type Batch: Send;
    /// Gathers samples of one side. It is called on another thread, ahead of the step that needs them.
    fn gather(&self, side: Side, samples: &[usize]) -> Self::Batch;
    /// Its table in the configuration, which also names its checkpoints.
    fn network(&self) -> &'static str;
    fn stage(&self) -> Stage;
    fn parameters(&self) -> &Parameters;
    fn training_samples(&self) -> usize;
    fn validation_samples(&self) -> usize;
    /// Mean loss over a batch of one side, in training mode for training samples and in evaluation mode for others.
    fn loss(&self, side: Side, batch: Self::Batch) -> Result<Tensor>;
    /// Whether the last weights are needed when training is over, and not just the best ones.
    fn uses_last_weights(&self) -> bool {
        false
    }
    /// Where the epochs that were done are recorded.
    fn epochs_of<'p>(&self, provenance: &'p mut Provenance) -> &'p mut Option<usize>;
    /// Called after each epoch, before its state is saved; after a stop it may be called for the same epoch again.
    fn after_epoch(&self, _epoch: usize, _improved: bool, _run: &RunFolder) -> Result<()> {
        Ok(())
    }
    /// What the network makes of the same inputs as ever, (n, C, H, W), if that are images.
    fn pictures(&self) -> Result<Option<Array4<f32>>> {
        Ok(None)
    }
    /// What is lacking of what [`after_epoch`](Self::after_epoch) left after the first `epochs` epochs.
    fn lacks(&self, _epochs: usize, _run: &RunFolder) -> Result<Option<String>> {
        Ok(None)
    }
    /// Forgets what [`after_epoch`](Self::after_epoch) left of epochs after the first `epochs`.
    fn rewind(&self, _epochs: usize, _run: &RunFolder) -> Result<()> {
        Ok(())
    }
}

/// When training ends.
pub(crate) struct Schedule<'a> {
    pub(crate) training: &'a Training,
    /// Seconds after which no epoch is begun; one that would go past them is not, either.
    pub(crate) budget: Option<f64>,
}

/// At most this much work, and the rest of an epoch, is lost when the process is killed.
const SAVE_EVERY: Duration = Duration::from_secs(60);
/// The same for a network whose state takes a while to write.
const SAVE_LARGE_EVERY: Duration = Duration::from_secs(300);
/// Weights of a large network: with both moments, 120 MB.
const LARGE: usize = 10_000_000;

/// When the whole state is written.
struct Saves {
    every: Duration,
    /// Whether it is written after each epoch, too.
    each_epoch: bool,
    last: Instant,
}

impl Saves {
    fn of(weights: usize) -> Self {
        let large = weights >= LARGE;
        let every = if large { SAVE_LARGE_EVERY } else { SAVE_EVERY };
        Self { every, each_epoch: !large, last: Instant::now() }
    }

    /// Whether it is time again.
    fn are_due(&mut self, after_epoch: bool) -> bool {
        let due = (after_epoch && self.each_epoch) || self.last.elapsed() > self.every;
        if due {
            self.last = Instant::now();
        }
        due
    }
}

/// Trains, or goes on training, or finds that training is over.
pub(crate) fn train<P: Problem>(
    problem: &P,
    schedule: &Schedule<'_>,
    made_from: &Fingerprint,
    extras: &NamedArrays,
    context: &mut Context<'_>,
) -> Result<()> {
    let stage = problem.stage();
    let parameters = problem.parameters();
    let settings = schedule.training;
    let last_is_used = problem.uses_last_weights();
    let checkpoints = Checkpoints {
        run: context.run,
        network: problem.network(),
        made_from,
        extras,
        last_is_used,
        require_room: gtn_run::atomic::require_room,
    };
    let adam_settings =
        AdamSettings { learning_rate: settings.learning_rate, l2: settings.l2, ..AdamSettings::default() };
    let mut adam = Adam::new(parameters, adam_settings)?;
    let lacks = |position: &Position| problem.lacks(position.epochs, context.run);
    let Resumed { mut position, best_on_disk } =
        checkpoints.resume(parameters, &mut adam, &lacks, &mut *context.observer)?;
    problem.rewind(position.epochs, context.run)?;

    if position.finished {
        context.observer.stage_skipped(stage);
    } else {
        checkpoints.check_room(parameters)?;
        context.update_provenance(|provenance| *problem.epochs_of(provenance) = None)?;
        context.observer.stage_started(stage);
        context.log.rewind(stage, position.epochs)?;
        context.run.rewind_epoch_figures(problem.network(), position.epochs)?;
        let mut saves = Saves::of(parameters.trained().map(|(_, weights)| weights.elem_count()).sum());
        while !position.finished {
            // Training never ends with best weights that lie ahead of it.
            let may_end = best_on_disk.is_none_or(|best| position.epochs + 1 >= best);
            let schedule = Schedule { budget: schedule.budget.filter(|_| may_end), ..*schedule };
            run_epoch(problem, &schedule, (&checkpoints, &mut saves), &mut adam, &mut position, context)?;
        }
    }
    context.update_provenance(|provenance| *problem.epochs_of(provenance) = Some(position.epochs))?;
    let best = position.best.unwrap_or(Best { epoch: 0, loss: f64::NAN });
    let seconds = context.log.epochs(stage).fold(0.0, |sum, epoch| sum + epoch.seconds);
    let facts =
        [("epochs", position.epochs as f64), ("best_epoch", best.epoch as f64), ("best_validation_loss", best.loss)];
    context.finish(stage, seconds, &facts)
}

fn run_epoch<P: Problem>(
    problem: &P,
    schedule: &Schedule<'_>,
    (checkpoints, saves): (&Checkpoints<'_>, &mut Saves),
    adam: &mut Adam,
    position: &mut Position,
    context: &mut Context<'_>,
) -> Result<()> {
    let (stage, parameters, settings) = (problem.stage(), problem.parameters(), schedule.training);
    let epoch = position.epochs + 1;
    let shuffle = context.streams.stream(&format!("shuffle/{}", problem.network()), epoch as u64);
    let order = permutation(problem.training_samples(), shuffle);
    let batches = batches(&order, settings.batch, settings.drop_last);
    let per_epoch: usize = batches.iter().map(|batch| batch.len()).sum();
    let (started, before) = (Instant::now(), position.seconds);
    let waited_before = position.waited;
    let skipped = position.batches;
    let mut losses = Losses::of(parameters.device());
    // Takes in what was lost in the steps up to here; the host waits for the device.
    let settle = |losses: &mut Losses, position: &mut Position| {
        for loss in losses.read()? {
            if !loss.value.is_finite() {
                return Err(Error::NonFiniteLoss {
                    stage,
                    loss: loss.value,
                    epoch,
                    step: loss.step,
                    key: problem.network(),
                });
            }
            position.loss_sum += loss.value * loss.samples as f64;
        }
        Ok(())
    };
    let every_step = |batch: &[usize], gathered: P::Batch, waited: f64| {
        position.waited = waited_before + waited;
        position.seconds = before + started.elapsed().as_secs_f64();
        if context.observer.stop_requested() {
            settle(&mut losses, position)?;
            checkpoints.write_last(parameters, adam, position)?;
            return Err(Error::Stopped { stage });
        }
        let loss = problem.loss(Side::Training, gathered)?;
        let step = position.batches + 1;
        losses.push(&loss, step, batch.len());
        if losses.are_due() {
            settle(&mut losses, position)?;
        }
        adam.minimize(parameters, &loss)?;
        position.batches = step;
        position.samples += batch.len();
        let known = position.samples - losses.samples();
        context.observer.step(&Step {
            stage,
            done: (position.epochs * per_epoch + position.samples) as u64,
            total: settings.epochs.saturating_mul(per_epoch) as u64,
            epoch: Some((epoch, settings.epochs)),
            loss: (known > 0).then(|| position.loss_sum / known as f64),
        });
        if saves.are_due(false) {
            settle(&mut losses, position)?;
            checkpoints.write_last(parameters, adam, position)?;
        }
        Ok(())
    };
    ahead(problem, Side::Training, &batches[skipped..], every_step)?;
    settle(&mut losses, position)?;

    let Some(validation_loss) = validate(problem, settings.batch, context)? else {
        checkpoints.write_last(parameters, adam, position)?;
        return Err(Error::Stopped { stage });
    };
    if !validation_loss.is_finite() {
        let step = position.batches;
        return Err(Error::NonFiniteLoss { stage, loss: validation_loss, epoch, step, key: problem.network() });
    }
    let train_loss = position.loss_sum / position.samples as f64;
    let improved = position.best.is_none_or(|best| validation_loss < best.loss);
    if improved {
        // Before `last`: if the process dies in between, the epoch is done again and finds the same weights.
        checkpoints.write_best(parameters, epoch)?;
        position.best = Some(Best { epoch, loss: validation_loss });
    }
    let patience_is_over = position.best.is_some_and(|best| epoch - best.epoch >= settings.patience);
    let (seconds, waited) = (before + started.elapsed().as_secs_f64(), position.waited);
    let earlier: f64 = context.log.epochs(stage).map(|epoch| epoch.seconds).sum();
    let time_is_over = schedule.budget.is_some_and(|budget| earlier + 2.0 * seconds > budget);
    let (best, finished) = (position.best, epoch >= settings.epochs || patience_is_over || time_is_over);
    *position = Position { epochs: epoch, best, finished, ..Position::default() };

    let record = EpochRecord { stage, epoch, train_loss, validation_loss, improved, seconds, waited };
    context.log.append(Record::Epoch(record.clone()))?;
    problem.after_epoch(epoch, improved, context.run)?;
    // Before `last`, too: if the process dies in between, they are shown again.
    if improved
        && context.observer.wants_pictures()
        && let Some(images) = problem.pictures()?
    {
        context.observer.pictures(&Pictures { stage, epoch, images: images.view() });
    }
    if saves.are_due(true) || position.finished {
        checkpoints.write_last(parameters, adam, position)?;
    }
    context.observer.epoch_finished(&record);
    Ok(())
}

/// Mean loss over the validation set, or `None` if the observer asked to stop.
fn validate<P: Problem>(problem: &P, batch: usize, context: &Context<'_>) -> Result<Option<f64>> {
    let samples: Vec<usize> = (0..problem.validation_samples()).collect();
    let batches: Vec<&[usize]> = samples.chunks(batch).collect();
    let mut losses = Losses::of(problem.parameters().device());
    let mut sum = 0.0;
    let add = |losses: &mut Losses, sum: &mut f64| -> Result<()> {
        losses.read()?.iter().for_each(|loss| *sum += loss.value * loss.samples as f64);
        Ok(())
    };
    let every_step = |batch: &[usize], gathered: P::Batch, _waited: f64| {
        if context.observer.stop_requested() {
            return Err(Error::Stopped { stage: problem.stage() });
        }
        losses.push(&problem.loss(Side::Validation, gathered)?, 0, batch.len());
        if losses.are_due() {
            add(&mut losses, &mut sum)?;
        }
        Ok(())
    };
    match ahead(problem, Side::Validation, &batches, every_step) {
        Err(Error::Stopped { .. }) => return Ok(None),
        done => done?,
    }
    add(&mut losses, &mut sum)?;
    Ok(Some(sum / samples.len() as f64))
}

/// Batches that are gathered before they are asked for.
const AHEAD: usize = 2;

/// Calls `step` with each batch in turn, while another thread gathers those that come next, and with the seconds that it had
/// to wait for them so far.
fn ahead<P: Problem>(
    problem: &P,
    side: Side,
    batches: &[&[usize]],
    mut step: impl FnMut(&[usize], P::Batch, f64) -> Result<()>,
) -> Result<()> {
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(AHEAD);
        scope.spawn(move || {
            for batch in batches {
                // Nobody takes what is left after an error or a stop.
                if sender.send(problem.gather(side, batch)).is_err() {
                    break;
                }
            }
        });
        let mut waited = 0.0;
        for batch in batches {
            let asked = Instant::now();
            let Ok(gathered) = receiver.recv() else { break };
            waited += asked.elapsed().as_secs_f64();
            step(batch, gathered, waited)?;
        }
        Ok(())
    })
}

/// Cuts `order` into batches. A last batch of one sample, on which BatchNorm cannot train, joins the one before it.
pub(crate) fn batches(order: &[usize], size: usize, drop_last: bool) -> Vec<&[usize]> {
    let rest = order.len() % size;
    let whole = order.len() - rest;
    if whole == 0 {
        return vec![order];
    }
    let mut batches: Vec<&[usize]> = order[..whole].chunks(size).collect();
    match rest {
        0 => {}
        _ if drop_last => {}
        1 => *batches.last_mut().expect("there is a whole batch") = &order[whole - size..],
        _ => batches.push(&order[whole..]),
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::batches;

    #[test]
    fn no_batch_has_one_sample_and_none_is_lost_unless_asked() {
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
