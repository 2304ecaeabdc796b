use std::time::Instant;

use gtn_data::split::permutation;
use gtn_dist::{Collective, Single, part_of, sum_shards};
use gtn_models::{Adam, AveragedWeights, Device, Mode, Streams, Tensor, purpose};
use gtn_run::checkpoint::TrainState;
use gtn_run::config::{Schedule, Training};
use gtn_run::{EpochRecord, Stage, StageProgress};

use super::batches::{batches, prefetch};
use super::callbacks::{Callbacks, Position};
use super::early_stopping::EarlyStopping;
use super::learning_rate::learning_rate;
use super::losses::Losses;
use super::optimization::Optimization;
use super::task::{BatchId, TrainingTask};
use super::together::{Control, receive_state, send_state, sum_in_order};
use crate::{Error, Result};

/// Trains the network of a task, epoch by epoch.
///
/// The order of the batches comes from the random stream of each epoch, so training that is interrupted between two batches ends
/// with the same weights as an uninterrupted one.
///
/// With [`Training::shards`], several processes can train together: each computes the gradients of some shards, and all take the same
/// steps. Process 0 decides everything else.
#[derive(Debug)]
pub struct Trainer<'a, T> {
    task: &'a T,
    stage: Stage,
    settings: &'a Training,
    early_stopping: EarlyStopping,
    streams: Streams,
    adam: Adam,
    average: Option<AveragedWeights>,
    state: TrainState,
    collective: &'a dyn Collective,
}

impl<'a, T: TrainingTask> Trainer<'a, T> {
    /// A trainer before the first epoch.
    ///
    /// # Errors
    ///
    /// [`Error::Models`] if the device has too little memory.
    pub fn new(task: &'a T, settings: &'a Training, early_stopping: EarlyStopping, streams: Streams) -> Result<Self> {
        let optimization = Optimization::new(task, settings)?;
        Ok(Self::resumed(task, settings, early_stopping, streams, (optimization, TrainState::default())))
    }

    /// A trainer in the middle of training: after `state`, with the moments and the average of `optimization`.
    pub(super) fn resumed(
        task: &'a T,
        settings: &'a Training,
        early_stopping: EarlyStopping,
        streams: Streams,
        (Optimization { adam, average }, state): (Optimization, TrainState),
    ) -> Self {
        let stage = task.network().stage();
        let early_stopping = early_stopping.planned(state.planned_epochs);
        Self { task, stage, settings, early_stopping, streams, adam, average, state, collective: &Single }
    }

    /// The same on several processes, whose trainers are in the same state. There are at most as many that compute gradients as
    /// [`Training::shards`].
    #[must_use]
    pub fn on(self, collective: &'a dyn Collective) -> Self {
        Self { collective, ..self }
    }

    /// The rule that ends training, with the best epoch so far.
    #[must_use]
    pub fn early_stopping(&self) -> &EarlyStopping {
        &self.early_stopping
    }

    /// Where training stands.
    pub(super) fn state(&self) -> &TrainState {
        &self.state
    }

    /// Trains until early stopping ends it. Only the callbacks of process 0 are asked and told anything.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`] if the callbacks asked for it, [`Error::NonFiniteLoss`] if training diverged, [`Error::Processes`] if
    /// another process has ended, or an error of the callbacks or of the device.
    pub fn run(&mut self, callbacks: &mut dyn Callbacks) -> Result<()> {
        while !self.state.finished {
            if self.collective.is_first() {
                self.epoch(callbacks)?;
            } else {
                self.follow_epoch()?;
            }
        }
        Ok(())
    }

    /// Trains an epoch as process 0 decides.
    fn follow_epoch(&mut self) -> Result<()> {
        self.train(self.state.epochs + 1, Instant::now(), &mut ())?;
        self.swap_average()?;
        self.validate(&mut ())?;
        self.swap_average()?;
        self.state = receive_state(self.collective)?;
        Ok(())
    }

    /// Trains the next epoch, or the rest of one, and measures the validation loss. Among several processes, for process 0; the others call
    /// [`run`](Self::run).
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn epoch(&mut self, callbacks: &mut dyn Callbacks) -> Result<EpochRecord> {
        let (epoch, started) = (self.state.epochs + 1, Instant::now());
        let seconds_before = self.state.seconds;
        self.train(epoch, started, callbacks)?;
        // The averaged weights are validated, shown and kept; training continues with its own.
        self.swap_average()?;
        let validated = self.validated(epoch, (seconds_before, started), callbacks);
        self.swap_average()?;
        if let Err(Error::Stopped { .. }) = validated {
            callbacks.save(self.position())?;
        }
        let record = validated?;
        send_state(self.collective, &self.state)?;
        callbacks.epoch_finished(&record, self.position())?;
        Ok(record)
    }

    /// Validates the epoch, and decides what follows from it.
    fn validated(
        &mut self,
        epoch: usize,
        (seconds_before, started): (f64, Instant),
        callbacks: &mut dyn Callbacks,
    ) -> Result<EpochRecord> {
        let validation_loss = self.validate(callbacks)?;
        if !validation_loss.is_finite() {
            return Err(self.diverged(validation_loss, epoch, self.state.batches));
        }
        let before_metric = Instant::now();
        let sample_metric = callbacks.sample_metric(epoch)?;
        let sample_metric_seconds = sample_metric.map(|_| before_metric.elapsed().as_secs_f64());
        let (stage, train_loss) = (self.stage, self.state.loss_sum / self.state.samples as f64);
        let (seconds, data_wait) = (seconds_before + started.elapsed().as_secs_f64(), self.state.data_wait);
        let loss = sample_metric.map_or(validation_loss, |metric| self.settings.select.to_loss(metric));
        let decision = self.early_stopping.update(epoch, loss, seconds);
        if decision.improved {
            // Before the state: if the process ends in between, the epoch runs again and finds the same weights.
            callbacks.improved(self.task.parameters(), epoch)?;
        }
        let (best, finished, improved) = (self.early_stopping.best(), decision.finished, decision.improved);
        let planned_epochs = (self.settings.schedule != Schedule::Constant).then_some(self.early_stopping.epochs());
        self.state = TrainState { epochs: epoch, best, finished, planned_epochs, ..TrainState::default() };
        let record = EpochRecord {
            stage,
            epoch,
            train_loss,
            validation_loss,
            improved,
            seconds,
            data_wait,
            sample_metric,
            sample_metric_seconds,
        };
        callbacks.epoch_validated(&record)?;
        Ok(record)
    }

    /// Exchanges the weights of the network and their average, if there is one.
    fn swap_average(&mut self) -> Result<()> {
        Ok(self.average.as_mut().map_or(Ok(()), |average| average.swap(self.task.parameters()))?)
    }

    fn position(&self) -> Position<'_> {
        let (parameters, average) = (self.task.parameters(), self.average.as_ref());
        Position { parameters, adam: &self.adam, average, state: &self.state }
    }

    fn diverged(&self, loss: f64, epoch: usize, step: usize) -> Error {
        Error::NonFiniteLoss { stage: self.stage, loss, epoch, step, network: self.task.network() }
    }

    /// Trains on the batches of the epoch that are not done.
    fn train(&mut self, epoch: usize, started: Instant, callbacks: &mut dyn Callbacks) -> Result<()> {
        let (stage, settings) = (self.stage, self.settings);
        let task = self.task;
        let parameters = task.parameters();
        let shuffle = self.streams.stream(&purpose::shuffle(task.network().name()), epoch as u64);
        let order = permutation(task.samples(Mode::Train), shuffle);
        let batches = batches(&order, settings.batch_size, settings.drop_last);
        let per_epoch: usize = batches.iter().map(|batch| batch.len()).sum();
        let (seconds_before, data_wait_before) = (self.state.seconds, self.state.data_wait);
        let done = self.state.batches;
        // The sum of the losses of shards is on the host.
        let device = if settings.shards > 1 { &Device::Cpu } else { parameters.device() };
        let mut losses = Losses::new(device);
        let first = BatchId { epoch, index: done };
        prefetch(task, Mode::Train, (&batches[done..], first), |batch, gathered, data_wait| {
            self.state.data_wait = data_wait_before + data_wait;
            self.state.seconds = seconds_before + started.elapsed().as_secs_f64();
            let step = self.state.batches + 1;
            let at = (epoch, step - 1, batches.len());
            let decided = Control {
                stop: callbacks.stop_requested(),
                learning_rate: learning_rate(settings, self.early_stopping.epochs(), at),
            };
            let Control { stop, learning_rate } = decided.of_first(self.collective)?;
            if stop {
                self.add_losses(&mut losses, epoch)?;
                callbacks.save(self.position())?;
                return Err(Error::Stopped { stage });
            }
            let (loss, gradients) = self.loss(gathered, batch.len())?;
            losses.push(&loss, step, batch.len());
            if losses.are_due() {
                self.add_losses(&mut losses, epoch)?;
            }
            self.adam.set_learning_rate(learning_rate);
            match gradients {
                Some(gradients) => self.adam.step_with(parameters, &gradients)?,
                None => self.adam.backward_step(parameters, &loss)?,
            }
            if let (Some(average), Some(decay)) = (&mut self.average, settings.average) {
                let steps = ((epoch - 1) * batches.len() + step) as f64;
                // The average of the first steps is short, so that it forgets the initial weights.
                average.update(parameters, decay.min((1.0 + steps) / (10.0 + steps)))?;
            }
            self.state.batches = step;
            self.state.samples += batch.len();
            let with_loss = self.state.samples - losses.samples();
            callbacks.progress(&StageProgress {
                stage,
                done: (self.state.epochs * per_epoch + self.state.samples) as u64,
                total: self.early_stopping.epochs().saturating_mul(per_epoch) as u64,
                epoch: Some((epoch, self.early_stopping.epochs())),
                loss: (with_loss > 0).then(|| self.state.loss_sum / with_loss as f64),
            });
            if callbacks.save_is_due() {
                self.add_losses(&mut losses, epoch)?;
                callbacks.save(self.position())?;
            }
            Ok(())
        })?;
        self.add_losses(&mut losses, epoch)
    }

    /// The loss of a batch; its gradients as well if they are the sum of those of its shards.
    fn loss(&self, batch: T::Batch, samples: usize) -> Result<(Tensor, Option<Vec<f32>>)> {
        let (task, shards) = (self.task, self.settings.shards);
        if shards <= 1 {
            return Ok((task.loss(Mode::Train, batch)?, None));
        }
        let parameters = task.parameters();
        let sum = sum_shards(self.collective, shards, |shard, vector| -> Result<()> {
            let part = part_of(samples, shard, shards);
            if part.is_empty() {
                let weights: usize = parameters.trainable().map(|(_, weights)| weights.elem_count()).sum();
                vector.resize(weights + 1, 0.0);
                return Ok(());
            }
            let weight = part.len() as f64 / samples as f64;
            let loss = task.loss(Mode::Train, task.part(&batch, part))?;
            let loss = loss.affine(weight, 0.0).map_err(gtn_models::Error::from)?;
            parameters.append_gradients(&loss, vector)?;
            vector.push(loss.to_scalar().map_err(gtn_models::Error::from)?);
            Ok(())
        });
        let mut gradients = sum?;
        let loss = gradients.pop().expect("the loss is the last value");
        Ok((Tensor::new(loss, &Device::Cpu).map_err(gtn_models::Error::from)?, Some(gradients)))
    }

    /// Adds the losses of the steps so far; the host waits for the device.
    fn add_losses(&mut self, losses: &mut Losses, epoch: usize) -> Result<()> {
        for loss in losses.read()? {
            if !loss.value.is_finite() {
                return Err(self.diverged(loss.value, epoch, loss.step));
            }
            self.state.loss_sum += loss.value * loss.samples as f64;
        }
        Ok(())
    }

    /// The mean loss over the validation samples.
    fn validate(&self, callbacks: &mut dyn Callbacks) -> Result<f64> {
        let samples: Vec<usize> = (0..self.task.samples(Mode::Evaluate)).collect();
        let batches: Vec<&[usize]> = samples.chunks(self.settings.batch_size).collect();
        let own = part_of(batches.len(), self.collective.rank(), self.collective.size());
        let mut losses = Losses::new(self.task.parameters().device());
        let mut weighted = Vec::with_capacity(own.len());
        let mut add = |losses: &mut Losses| -> Result<()> {
            weighted.extend(losses.read()?.iter().map(|loss| loss.value * loss.samples as f64));
            Ok(())
        };
        let first = BatchId { epoch: 0, index: own.start };
        prefetch(self.task, Mode::Evaluate, (&batches[own], first), |batch, gathered, _data_wait| {
            if callbacks.stop_requested() {
                return Err(Error::Stopped { stage: self.stage });
            }
            losses.push(&self.task.loss(Mode::Evaluate, gathered)?, 0, batch.len());
            if losses.are_due() { add(&mut losses) } else { Ok(()) }
        })?;
        add(&mut losses)?;
        Ok(sum_in_order(self.collective, &weighted)? / samples.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use gtn_models::{Device, H, MlpShape, NamedArrays};
    use gtn_run::config::Optimizer;
    use ndarray::Array2;

    use super::*;
    use crate::training::{BestWeights, Regression};

    fn settings() -> Training {
        Training::new(12, 3, 50, 1e-2)
    }

    /// AdamW, a cosine schedule, and averaged weights.
    fn averaging_settings() -> Training {
        let (optimizer, schedule) = (Optimizer::AdamW, Schedule::Cosine);
        Training { optimizer, schedule, average: Some(0.9), patience: 12, weight_decay: 1e-3, ..settings() }
    }

    /// Pairs (y, x_y) with x_y = 3y + 1 for training and validation.
    fn pairs(streams: Streams) -> [(Array2<f32>, Array2<f32>); 2] {
        [("training", 400), ("validation", 100)].map(|(purpose, n)| {
            let y = streams.normal(purpose, 0, n, 1);
            let x = y.mapv(|y| 3.0 * y + 1.0);
            (y, x)
        })
    }

    fn h() -> H {
        let shape =
            MlpShape { input: 1, hidden_layers: 2, width: 16, output: 1, negative_slope: 0.5, batch_norm_layers: 2 };
        H::new(&shape.into(), &Streams::new(7), &Device::Cpu).unwrap()
    }

    fn task<'a>(h: &'a H, pairs: &[(Array2<f32>, Array2<f32>); 2]) -> Regression<'a> {
        Regression::new(h, pairs.each_ref().map(|(y, x)| (y.view(), x.view()))).unwrap()
    }

    /// Keeps the best weights, and stops at a step.
    #[derive(Default)]
    struct Recorder {
        best: BestWeights,
        epochs: Vec<EpochRecord>,
        steps: usize,
        stop_at: Option<usize>,
        saved: Option<TrainState>,
    }

    impl Callbacks for Recorder {
        fn stop_requested(&self) -> bool {
            self.stop_at == Some(self.steps)
        }

        fn progress(&mut self, _progress: &StageProgress) {
            self.steps += 1;
        }

        fn save(&mut self, position: Position<'_>) -> Result<()> {
            self.saved = Some(position.state.clone());
            Ok(())
        }

        fn improved(&mut self, parameters: &gtn_models::Parameters, epoch: usize) -> Result<()> {
            self.best.improved(parameters, epoch)
        }

        fn epoch_finished(&mut self, record: &EpochRecord, _position: Position<'_>) -> Result<()> {
            self.epochs.push(record.clone());
            Ok(())
        }
    }

    fn train_with_stops(settings: &Training, stops: &[usize]) -> (NamedArrays, Vec<(f64, f64)>) {
        let streams = Streams::new(3);
        let (h, pairs) = (h(), pairs(streams));
        let task = task(&h, &pairs);
        let mut recorder = Recorder::default();
        let mut trainer = Trainer::new(&task, settings, EarlyStopping::new(settings), streams).unwrap();
        for &stop in stops {
            recorder.stop_at = Some(stop);
            assert!(matches!(trainer.run(&mut recorder), Err(Error::Stopped { stage: Stage::Fit })));
            assert_eq!(recorder.saved.as_ref().unwrap(), &trainer.state);
        }
        recorder.stop_at = None;
        trainer.run(&mut recorder).unwrap();
        recorder.best.restore(h.parameters()).unwrap();
        let losses = recorder.epochs.iter().map(|epoch| (epoch.train_loss, epoch.validation_loss)).collect();
        (h.parameters().state_dict().unwrap(), losses)
    }

    #[test]
    fn h_is_trained_in_memory_and_learns_its_pairs() {
        let streams = Streams::new(3);
        let (h, pairs) = (h(), pairs(streams));
        let task = task(&h, &pairs);
        let (settings, mut recorder) = (settings(), Recorder::default());
        let mut trainer = Trainer::new(&task, &settings, EarlyStopping::new(&settings), streams).unwrap();
        trainer.run(&mut recorder).unwrap();
        let lowest = recorder.epochs.iter().map(|epoch| epoch.validation_loss).fold(f64::INFINITY, f64::min);
        assert_eq!(trainer.early_stopping().best().unwrap().loss, lowest);
        assert!(lowest < 0.5 && lowest < 0.05 * recorder.epochs[0].validation_loss, "{:?}", recorder.epochs);
        // The weights that are kept have the best loss.
        recorder.best.restore(h.parameters()).unwrap();
        assert_eq!(trainer.validate(&mut ()).unwrap(), lowest);
    }

    #[test]
    fn training_that_is_stopped_and_continued_ends_with_the_same_weights() {
        for settings in [settings(), averaging_settings()] {
            let uninterrupted = train_with_stops(&settings, &[]);
            // In the middle of an epoch, before validation, and several times.
            for stops in [&[3][..], &[8], &[0, 13, 24]] {
                assert_eq!(train_with_stops(&settings, stops), uninterrupted, "{stops:?}");
            }
        }
    }
}
