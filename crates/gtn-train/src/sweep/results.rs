//! What the folder of a combination's run says about it.

use std::collections::BTreeMap;

use gtn_run::sweep::{CombinationRecord, Ranking};
use gtn_run::{Config, EpochRecord, MetricsLog, RunFolder, RunProgress, Stage};

use crate::Result;

/// The records of a run, as far as it has come.
pub(super) struct RunResults {
    log: MetricsLog,
    exists: bool,
    is_done: bool,
    /// What decides which epoch of ĥ is the best.
    selection: Ranking,
}

impl RunResults {
    pub(super) fn read(run: &RunFolder, config: &Config) -> Result<Self> {
        let log = MetricsLog::open(&run.metrics())?;
        let exists = run.config().is_file();
        let is_done = exists && RunProgress::new(config, &log) == RunProgress::Done;
        Ok(Self { log, exists, is_done, selection: Ranking::of_selection(config.h.training.select) })
    }

    /// Whether the run was started.
    pub(super) fn exists(&self) -> bool {
        self.exists
    }

    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }

    pub(super) fn log(&self) -> &MetricsLog {
        &self.log
    }

    fn fit_epochs(&self) -> impl Iterator<Item = &EpochRecord> {
        self.log.epochs(Stage::Fit)
    }

    /// Whether the run is complete, or has at least this number of epochs of ĥ.
    pub(super) fn has_reached(&self, epochs: Option<usize>) -> bool {
        self.is_done || epochs.is_some_and(|epochs| self.fit_epochs().count() >= epochs)
    }

    /// The penalty of the best of the first epochs, by what decides about epochs or by the validation loss.
    pub(super) fn penalty_after(&self, epochs: usize, ranking: Ranking) -> f64 {
        let value = |record: &EpochRecord| match ranking {
            Ranking::ValidationLoss => Some(record.validation_loss),
            Ranking::Metric(_) => record.sample_metric,
        };
        let first = self.fit_epochs().filter(|record| record.epoch <= epochs);
        first.filter_map(value).map(|value| ranking.penalty(value)).fold(f64::INFINITY, f64::min)
    }

    /// Writes the results into the record of the combination.
    pub(super) fn write_into(&self, record: &mut CombinationRecord) {
        let best = self.fit_epochs().filter(|epoch| epoch.improved).last();
        record.epochs = Some(self.fit_epochs().count()).filter(|epochs| *epochs > 0);
        record.best_epoch = best.map(|best| best.epoch);
        record.validation_loss = best.map(|best| best.validation_loss).filter(|loss| loss.is_finite());
        record.metrics = BTreeMap::new();
        // What decided about epochs may be a metric that is measured then only. One of complete samples is more accurate.
        if let (Ranking::Metric(metric), Some(value)) = (self.selection, best.and_then(|best| best.sample_metric)) {
            record.metrics.insert(metric, value);
        }
        record.metrics.extend(self.log.metrics().map(|measured| (measured.metric, measured.value)));
        record.metrics.retain(|_, value| value.is_finite());
        let of_epochs = |stage: Stage| {
            let seconds: f64 = self.log.epochs(stage).map(|epoch| epoch.seconds).sum();
            (seconds > 0.0).then_some(seconds)
        };
        let seconds = |stage: &Stage| {
            // A stage that trains and is not over has its epochs.
            let completed = self.log.stage(*stage).map(|record| record.seconds);
            Some((*stage, completed.or_else(|| of_epochs(*stage))?))
        };
        record.seconds = Stage::ALL.iter().filter_map(seconds).collect();
    }
}

#[cfg(test)]
mod tests {
    use gtn_run::Record;
    use gtn_run::config::{Overrides, Selection};
    use gtn_run::schema::Metric;

    use super::super::example_epoch;
    use super::*;

    #[test]
    fn results_are_those_of_the_best_epoch_and_of_the_samples() {
        let folder = tempfile::tempdir().unwrap();
        let run = RunFolder::at(folder.path());
        let mut config = crate::presets::resolve("uniform", &Overrides::default()).unwrap();
        config.h.training.select = Selection::EnergyDistance;
        let mut log = MetricsLog::open(&run.metrics()).unwrap();
        for (epoch, validation_loss, sample_metric, improved) in
            [(1, 3.0, 0.5, true), (2, 4.0, 0.25, true), (3, 1.0, 0.75, false)]
        {
            let example = EpochRecord { seconds: 1.0, ..example_epoch(Stage::Fit, epoch) };
            let record = EpochRecord { validation_loss, improved, sample_metric: Some(sample_metric), ..example };
            log.append(Record::Epoch(record)).unwrap();
        }
        let results = RunResults::read(&run, &config).unwrap();
        assert!(!results.exists() && !results.is_done());
        assert!(results.has_reached(Some(3)) && !results.has_reached(Some(4)) && !results.has_reached(None));
        let energy = Ranking::Metric(Metric::EnergyDistance);
        assert_eq!([1, 2, 3].map(|epochs| results.penalty_after(epochs, energy)), [0.5, 0.25, 0.25]);
        assert_eq!([1, 2, 3].map(|epochs| results.penalty_after(epochs, Ranking::ValidationLoss)), [3.0, 3.0, 1.0]);
        let mut record = CombinationRecord::new("a".to_owned(), BTreeMap::new());
        results.write_into(&mut record);
        assert_eq!((record.epochs, record.best_epoch, record.validation_loss), (Some(3), Some(2), Some(4.0)));
        assert_eq!(record.metrics, BTreeMap::from([(Metric::EnergyDistance, 0.25)]));
        assert_eq!(record.seconds, BTreeMap::from([(Stage::Fit, 3.0)]));
    }
}
