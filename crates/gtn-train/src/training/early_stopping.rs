use gtn_run::checkpoint::BestEpoch;
use gtn_run::config::Training;

/// Decides after each epoch whether its weights are the best so far, and whether training ends: after the last epoch, after
/// `patience` epochs without a lower validation loss, or if the next epoch would not end within the time budget.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyStopping {
    epochs: usize,
    patience: usize,
    /// Time budget in seconds.
    budget: Option<f64>,
    /// The time budget does not end training before this epoch.
    min_epochs: usize,
    best: Option<BestEpoch>,
    /// Seconds of the epochs so far.
    elapsed: f64,
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
    pub fn new(&Training { epochs, patience, .. }: &Training) -> Self {
        Self { epochs, patience, budget: None, min_epochs: 0, best: None, elapsed: 0.0 }
    }

    /// The same with a time budget in seconds, if there is one. An epoch starts only if it is expected to end within it, as the
    /// epoch before it took.
    #[must_use]
    pub fn with_budget(self, budget: Option<f64>) -> Self {
        Self { budget, ..self }
    }

    /// The rule in the middle of training: after epochs that took `elapsed` seconds together, of which `best` was the best. The
    /// time budget does not end training before `min_epochs`.
    #[must_use]
    pub(crate) fn resumed(self, best: Option<BestEpoch>, elapsed: f64, min_epochs: usize) -> Self {
        Self { best, elapsed, min_epochs, ..self }
    }

    /// The best epoch so far.
    #[must_use]
    pub fn best(&self) -> Option<BestEpoch> {
        self.best
    }

    /// Takes the validation loss of an epoch, counted from 1, that took `seconds`.
    pub fn update(&mut self, epoch: usize, loss: f64, seconds: f64) -> Decision {
        let improved = self.best.is_none_or(|best| loss < best.loss);
        if improved {
            self.best = Some(BestEpoch { epoch, loss });
        }
        let is_out_of_patience = self.best.is_some_and(|best| epoch - best.epoch >= self.patience);
        let budget = self.budget.filter(|_| epoch >= self.min_epochs);
        let is_out_of_time = budget.is_some_and(|budget| self.elapsed + 2.0 * seconds > budget);
        self.elapsed += seconds;
        Decision { improved, finished: epoch >= self.epochs || is_out_of_patience || is_out_of_time }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(epochs: usize, patience: usize) -> EarlyStopping {
        let learning_rate = 1e-3;
        let settings = Training { epochs, patience, batch_size: 1, learning_rate, weight_decay: 0.0, drop_last: false };
        EarlyStopping::new(&settings)
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
        assert_eq!(outcome(rule(100, 3).with_budget(Some(3.0)), 1, &falling), (3, 3));
        assert_eq!(outcome(rule(100, 3).with_budget(Some(3.9)), 1, &falling), (3, 3));
        assert_eq!(outcome(rule(100, 3).with_budget(Some(0.1)), 1, &falling), (1, 1));
        assert_eq!(outcome(rule(100, 3).with_budget(None), 1, &falling), (usize::MAX, 5));
    }

    #[test]
    fn a_resumed_rule_decides_as_the_uninterrupted_one() {
        let losses = [5.0, 3.0, 4.0, 4.0, 4.0, 2.0];
        for interrupted in 1..losses.len() {
            let mut first = rule(100, 3).with_budget(Some(50.0));
            let so_far = &losses[..interrupted];
            for (epoch, &loss) in (1..).zip(so_far) {
                first.update(epoch, loss, 1.0);
            }
            let resumed = rule(100, 3).with_budget(Some(50.0)).resumed(first.best(), interrupted as f64, 0);
            assert_eq!(resumed, first);
        }
    }

    #[test]
    fn the_budget_does_not_end_training_before_the_best_epoch_on_disk() {
        let budget = rule(100, 10).with_budget(Some(0.5)).resumed(None, 0.0, 3);
        assert_eq!(outcome(budget, 1, &[9.0, 8.0, 7.0, 6.0]), (3, 3));
    }
}
