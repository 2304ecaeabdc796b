//! A run that pauses after some epochs of ĥ, as if its observer had asked it to stop.

use std::path::{Path, PathBuf};

use gtn_run::{EpochImages, EpochRecord, MetricRecord, Observer, RunFolder, Stage, StageProgress, StageRecord};

/// Forwards every call to another observer, and asks the run to stop after some epochs of ĥ.
pub(super) struct PauseAfter<'a> {
    observer: &'a mut dyn Observer,
    run: PathBuf,
    epochs: Option<usize>,
    /// Whether later calls concern this run, and not its reference run.
    is_open: bool,
    is_due: bool,
}

impl<'a> PauseAfter<'a> {
    /// The observer of the run in the folder `run`. Without `epochs`, it does not pause.
    pub(super) fn new(observer: &'a mut dyn Observer, run: &Path, epochs: Option<usize>) -> Self {
        Self { observer, run: run.to_path_buf(), epochs, is_open: false, is_due: false }
    }

    /// Whether the run stopped because of the number of epochs alone.
    pub(super) fn has_paused(&self) -> bool {
        self.is_due && !self.observer.stop_requested()
    }
}

impl Observer for PauseAfter<'_> {
    fn run_opened(&mut self, run: &RunFolder) {
        self.is_open = run.root() == self.run;
        self.observer.run_opened(run);
    }

    fn stage_started(&mut self, stage: Stage) {
        self.observer.stage_started(stage);
    }

    fn stage_skipped(&mut self, stage: Stage) {
        self.observer.stage_skipped(stage);
    }

    fn progress(&mut self, progress: &StageProgress) {
        self.observer.progress(progress);
    }

    fn wants_images(&self) -> bool {
        self.observer.wants_images()
    }

    fn epoch_images(&mut self, images: &EpochImages<'_>) {
        self.observer.epoch_images(images);
    }

    fn epoch_finished(&mut self, record: &EpochRecord) {
        let is_last = self.epochs.is_some_and(|epochs| record.epoch >= epochs);
        self.is_due |= self.is_open && record.stage == Stage::Fit && is_last;
        self.observer.epoch_finished(record);
    }

    fn stage_finished(&mut self, record: &StageRecord) {
        self.observer.stage_finished(record);
    }

    fn metric(&mut self, record: &MetricRecord) {
        self.observer.metric(record);
    }

    fn note(&mut self, text: &str) {
        self.observer.note(text);
    }

    fn stop_requested(&self) -> bool {
        self.is_due || self.observer.stop_requested()
    }
}

#[cfg(test)]
mod tests {
    use gtn_run::observer::NoopObserver;

    use super::super::example_epoch as epoch;
    use super::*;

    #[test]
    fn a_run_pauses_after_epochs_of_its_own_h() {
        let mut inner = NoopObserver;
        let mut observer = PauseAfter::new(&mut inner, Path::new("run"), Some(2));
        // The epochs before the run is opened are those of its reference run.
        observer.epoch_finished(&epoch(Stage::Fit, 5));
        observer.run_opened(&RunFolder::at("run"));
        observer.epoch_finished(&epoch(Stage::Autoencode, 5));
        observer.epoch_finished(&epoch(Stage::Fit, 1));
        assert!(!observer.stop_requested());
        observer.epoch_finished(&epoch(Stage::Fit, 2));
        assert!(observer.stop_requested() && observer.has_paused());
        let mut without = PauseAfter::new(&mut inner, Path::new("run"), None);
        without.run_opened(&RunFolder::at("run"));
        without.epoch_finished(&epoch(Stage::Fit, 100));
        assert!(!without.stop_requested() && !without.has_paused());
    }
}
