//! Several observers of one run.

use super::{EpochImages, Observer, StageProgress};
use crate::records::{EpochRecord, MetricRecord, StageRecord};
use crate::{RunFolder, Stage};

/// Forwards every call to several observers, in their order. The run stops if one of them asks for it. Images are computed if
/// one of them wants them, and passed to those only.
///
/// ```
/// use gtn_run::observer::NoopObserver;
/// use gtn_run::{Tee, Observer};
///
/// let (mut first, mut second) = (NoopObserver, NoopObserver);
/// let both = Tee(vec![&mut first, &mut second]);
/// assert!(!both.stop_requested() && !both.wants_images());
/// ```
pub struct Tee<'a>(pub Vec<&'a mut dyn Observer>);

impl Tee<'_> {
    fn each(&mut self, call: impl Fn(&mut dyn Observer)) {
        for observer in &mut self.0 {
            call(&mut **observer);
        }
    }
}

/// Implements methods that forward their calls.
macro_rules! forward {
    ($($method:ident($argument:ident: $type:ty);)+) => {
        $(fn $method(&mut self, $argument: $type) {
            self.each(|observer| observer.$method($argument));
        })+
    };
}

impl Observer for Tee<'_> {
    forward! {
        run_opened(run: &RunFolder);
        stage_started(stage: Stage);
        stage_skipped(stage: Stage);
        progress(progress: &StageProgress);
        epoch_finished(record: &EpochRecord);
        stage_finished(record: &StageRecord);
        metric(record: &MetricRecord);
        note(text: &str);
    }

    fn wants_images(&self) -> bool {
        self.0.iter().any(|observer| observer.wants_images())
    }

    fn epoch_images(&mut self, images: &EpochImages<'_>) {
        self.each(|observer| {
            if observer.wants_images() {
                observer.epoch_images(images);
            }
        });
    }

    fn stop_requested(&self) -> bool {
        self.0.iter().any(|observer| observer.stop_requested())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::schema::Metric;

    /// Records the name of every call.
    #[derive(Default)]
    struct Recorder {
        calls: Vec<&'static str>,
        wants_images: bool,
        stops: bool,
    }

    impl Observer for Recorder {
        fn run_opened(&mut self, _run: &RunFolder) {
            self.calls.push("run_opened");
        }
        fn stage_started(&mut self, _stage: Stage) {
            self.calls.push("stage_started");
        }
        fn stage_skipped(&mut self, _stage: Stage) {
            self.calls.push("stage_skipped");
        }
        fn progress(&mut self, _progress: &StageProgress) {
            self.calls.push("progress");
        }
        fn wants_images(&self) -> bool {
            self.wants_images
        }
        fn epoch_images(&mut self, _images: &EpochImages<'_>) {
            self.calls.push("epoch_images");
        }
        fn epoch_finished(&mut self, _record: &EpochRecord) {
            self.calls.push("epoch_finished");
        }
        fn stage_finished(&mut self, _record: &StageRecord) {
            self.calls.push("stage_finished");
        }
        fn metric(&mut self, _record: &MetricRecord) {
            self.calls.push("metric");
        }
        fn note(&mut self, _text: &str) {
            self.calls.push("note");
        }
        fn stop_requested(&self) -> bool {
            self.stops
        }
    }

    /// Makes every call.
    fn call_all(observer: &mut dyn Observer) {
        let stage = Stage::Fit;
        observer.run_opened(&RunFolder::at("run"));
        observer.stage_started(stage);
        observer.stage_skipped(stage);
        observer.progress(&StageProgress::new(stage, 1, 2));
        let images = ndarray::Array4::zeros((1, 1, 2, 2));
        observer.epoch_images(&EpochImages { stage, epoch: 1, images: images.view() });
        observer.epoch_finished(&EpochRecord {
            stage,
            epoch: 1,
            train_loss: 1.0,
            validation_loss: 2.0,
            improved: true,
            seconds: 1.0,
            data_wait: 0.0,
            sample_metric: None,
            sample_metric_seconds: None,
        });
        observer.stage_finished(&StageRecord { stage, seconds: 1.0, statistics: BTreeMap::new() });
        let (metric, baselines) = (Metric::EnergyDistance, BTreeMap::new());
        observer.metric(&MetricRecord { metric, value: 1.0, floor: None, baselines, samples: 1 });
        observer.note("a note");
    }

    #[test]
    fn every_call_reaches_every_observer_and_images_those_that_want_them() {
        let mut alone = Recorder::default();
        call_all(&mut alone);
        let (mut wants, mut does_not) = (Recorder { wants_images: true, ..Recorder::default() }, Recorder::default());
        call_all(&mut Tee(vec![&mut wants, &mut does_not]));
        assert_eq!(wants.calls, alone.calls);
        alone.calls.retain(|call| *call != "epoch_images");
        assert_eq!(does_not.calls, alone.calls);
    }

    #[test]
    fn the_request_of_one_observer_is_enough() {
        let recorder = |wants_images, stops| Recorder { wants_images, stops, ..Recorder::default() };
        for (wants_images, stops) in [(false, false), (true, false), (false, true)] {
            let (mut first, mut second) = (recorder(false, false), recorder(wants_images, stops));
            let tee = Tee(vec![&mut first, &mut second]);
            assert_eq!((tee.wants_images(), tee.stop_requested()), (wants_images, stops));
        }
        assert!(!Tee(Vec::new()).stop_requested());
    }
}
