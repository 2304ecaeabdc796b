use gtn_run::checkpoint::BestEpoch;
use gtn_run::config::{Schedule, Training, TrainingTime};

/// Decides after each epoch whether its weights are the best so far, and whether training ends: after the last epoch, after
/// `patience` epochs without a lower loss, or if the next epoch would not end within the time budget.
///
/// With a cosine schedule, the time budget decides after the first epoch how many epochs there will be, so that the learning
/// rate reaches its end. The same number of epochs without a time budget gives the same weights.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyStopping {
    epochs: usize,
    patience: usize,
    /// The time that training may take.
    budget: Option<TrainingTime>,
    /// The time budget does not end training before this epoch.
    min_epochs: usize,
    best: Option<BestEpoch>,
    /// Seconds of the epochs so far.
    elapsed: f64,
    /// Whether the number of epochs is planned after the first one.
    plans: bool,
}

/// What follows from the validation loss of an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the loss is the lowest so far.
    pub improved: bool,
    /// Whether training is over.
    pub finished: bool,
}

impl EarlyStopping {
    /// The rule of these settings, without a time budget.
    #[must_use]
    pub fn new(&Training { epochs, patience, schedule, .. }: &Training) -> Self {
        let plans = schedule == Schedule::Cosine;
        Self { epochs, patience, budget: None, min_epochs: 0, best: None, elapsed: 0.0, plans }
    }

    /// The same with a time budget, if there is one. An epoch starts only if it is expected to end within it, as the epoch before it
    /// took.
    #[must_use]
    pub fn with_budget(self, budget: Option<TrainingTime>) -> Self {
        Self { budget, ..self }
    }

    /// The rule in the middle of training: after epochs that took `elapsed` seconds together, of which `best` was the best. The
    /// time budget does not end training before `min_epochs`.
    #[must_use]
    pub(crate) fn resumed(self, best: Option<BestEpoch>, elapsed: f64, min_epochs: usize) -> Self {
        Self { best, elapsed, min_epochs, ..self }
    }

    /// The rule with the number of epochs that was planned after the first one, if there was one.
    #[must_use]
    pub(crate) fn planned(self, epochs: Option<usize>) -> Self {
        Self { epochs: epochs.unwrap_or(self.epochs), ..self }
    }

    /// The number of epochs after which training ends at the latest.
    #[must_use]
    pub fn epochs(&self) -> usize {
        self.epochs
    }

    /// The best epoch so far.
    #[must_use]
    pub fn best(&self) -> Option<BestEpoch> {
        self.best
    }

    /// Whether another epoch may follow the last one, which took `seconds`: there are epochs, patience and time left.
    #[must_use]
    pub(crate) fn may_continue(&self, epoch: usize, seconds: f64) -> bool {
        let has_time = self.budget.is_none_or(|budget| self.elapsed + seconds <= budget.seconds(seconds));
        let has_patience = self.best.is_none_or(|best| epoch - best.epoch < self.patience);
        epoch < self.epochs && has_time && has_patience
    }

    /// Takes the validation loss of an epoch, counted from 1, that took `seconds`; or another value that is lower for better
    /// weights.
    pub fn update(&mut self, epoch: usize, loss: f64, seconds: f64) -> Decision {
        let improved = self.best.is_none_or(|best| loss < best.loss);
        if improved {
            self.best = Some(BestEpoch { epoch, loss });
        }
        let is_out_of_time = match self.budget {
            Some(budget) if self.plans => {
                if epoch == 1 {
                    let affordable = (budget.seconds(seconds) / seconds.max(1e-9)) as usize;
                    self.epochs = self.epochs.min(affordable.max(self.min_epochs).max(1));
                }
                false
            }
            Some(_) if epoch < self.min_epochs => false,
            Some(budget) => self.elapsed + 2.0 * seconds > budget.seconds(seconds),
            None => false,
        };
        let is_out_of_patience = self.best.is_some_and(|best| epoch - best.epoch >= self.patience);
        self.elapsed += seconds;
        Decision { improved, finished: epoch >= self.epochs || is_out_of_patience || is_out_of_time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(epochs: usize, patience: usize) -> EarlyStopping {
        EarlyStopping::new(&Training::new(epochs, patience, 1, 1e-3))
    }

    fn seconds(seconds: f64) -> Option<TrainingTime> {
        Some(TrainingTime::new(seconds))
    }

    /// The epoch after which training ends, and the best epoch.
    fn outcome(mut rule: EarlyStopping, first: usize, losses: &[f64]) -> (usize, usize) {
        for (epoch, &loss) in (first..).zip(losses) {
            let decision = rule.update(epoch, loss, 1.0);
            assert_eq!(decision.improved, rule.best().unwrap().epoch == epoch);
            if decision.finished {
                return (epoch, rule.best().unwrap().epoch);
            }
        }
        (usize::MAX, rule.best().unwrap().epoch)
    }

    #[test]
    fn training_ends_after_epochs_without_improvement() {
        assert_eq!(outcome(rule(100, 3), 1, &[5.0, 4.0, 4.0, 4.5, 4.0, 1.0]), (5, 2));
        assert_eq!(outcome(rule(100, 3), 1, &[5.0, 4.0, 4.5, 4.5, 3.9, 6.0, 6.0, 6.0, 6.0]), (8, 5));
        assert_eq!(outcome(rule(100, 1), 1, &[5.0, 5.0]), (2, 1));
        assert_eq!(outcome(rule(100, 3), 1, &[5.0, 4.0]), (usize::MAX, 2));
    }

    #[test]
    fn training_ends_after_the_last_epoch() {
        assert_eq!(outcome(rule(3, 10), 1, &[5.0, 4.0, 3.0, 2.0]), (3, 3));
        assert_eq!(outcome(rule(1, 10), 1, &[5.0, 4.0]), (1, 1));
    }

    #[test]
    fn an_epoch_starts_only_if_it_would_end_within_the_budget() {
        let falling = [9.0, 8.0, 7.0, 6.0, 5.0];
        assert_eq!(outcome(rule(100, 3).with_budget(seconds(3.0)), 1, &falling), (3, 3));
        assert_eq!(outcome(rule(100, 3).with_budget(seconds(3.9)), 1, &falling), (3, 3));
        assert_eq!(outcome(rule(100, 3).with_budget(seconds(0.1)), 1, &falling), (1, 1));
        assert_eq!(outcome(rule(100, 3).with_budget(None), 1, &falling), (usize::MAX, 5));
    }

    #[test]
    fn a_cosine_schedule_is_planned_after_the_first_epoch() {
        let cosine = Training { schedule: Schedule::Cosine, ..Training::new(100, 100, 1, 1e-3) };
        let rule = |budget| EarlyStopping::new(&cosine).with_budget(budget);
        let falling: Vec<f64> = (0..200).map(|epoch| -f64::from(epoch)).collect();
        assert_eq!(outcome(rule(seconds(7.5)), 1, &falling), (7, 7));
        assert_eq!(outcome(rule(seconds(0.1)), 1, &falling), (1, 1));
        assert_eq!(outcome(rule(None), 1, &falling), (100, 100));
        let mut first = rule(seconds(7.5));
        first.update(1, 0.0, 1.0);
        assert_eq!(first.epochs(), 7);
        // An interruption forgets neither the plan nor the time.
        let resumed = rule(seconds(7.5)).planned(Some(7)).resumed(first.best(), 1.0, 0);
        assert_eq!(resumed, first);
    }

    #[test]
    fn a_resumed_rule_decides_as_the_uninterrupted_one() {
        let losses = [5.0, 3.0, 4.0, 4.0, 4.0, 2.0];
        for interrupted in 1..losses.len() {
            let mut first = rule(100, 3).with_budget(seconds(50.0));
            let so_far = &losses[..interrupted];
            for (epoch, &loss) in (1..).zip(so_far) {
                first.update(epoch, loss, 1.0);
            }
            let resumed = rule(100, 3).with_budget(seconds(50.0)).resumed(first.best(), interrupted as f64, 0);
            assert_eq!(resumed, first);
        }
    }

    #[test]
    fn an_extended_budget_allows_more_epochs_and_nothing_else_does() {
        let ended =
            |budget| rule(100, 3).with_budget(seconds(budget)).resumed(Some(BestEpoch { epoch: 5, loss: 1.0 }), 6.0, 0);
        assert!(!ended(6.5).may_continue(6, 1.0) && ended(7.0).may_continue(6, 1.0));
        assert!(!ended(50.0).may_continue(8, 1.0), "patience has ended training");
        assert!(!ended(1000.0).may_continue(100, 1.0), "all epochs are over");
    }

    #[test]
    fn the_budget_does_not_end_training_before_the_best_epoch_on_disk() {
        let budget = rule(100, 10).with_budget(seconds(0.5)).resumed(None, 0.0, 3);
        assert_eq!(outcome(budget, 1, &[9.0, 8.0, 7.0, 6.0]), (3, 3));
    }
}
