//! Several observers of one run.

use super::{Observer, Pictures, Stage, Step};
use crate::RunFolder;
use crate::records::{EpochRecord, MetricRecord, StageRecord};

/// Tells all of several observers, in their order. The run stops if one of them asks for it, and pictures are made if one of
/// them looks; only those who look are shown them.
///
/// ```
/// use gtn_run::observer::Unobserved;
/// use gtn_run::{Fan, Observer};
///
/// let (mut one, mut other) = (Unobserved, Unobserved);
/// let both = Fan(vec![&mut one, &mut other]);
/// assert!(!both.stop_requested() && !both.wants_pictures());
/// ```
pub struct Fan<'a>(pub Vec<&'a mut dyn Observer>);

impl Fan<'_> {
    fn each(&mut self, tell: impl Fn(&mut dyn Observer)) {
        for observer in &mut self.0 {
            tell(&mut **observer);
        }
    }
}

impl Observer for Fan<'_> {
    fn run_opened(&mut self, run: &RunFolder) {
        self.each(|observer| observer.run_opened(run));
    }

    fn stage_started(&mut self, stage: Stage) {
        self.each(|observer| observer.stage_started(stage));
    }

    fn stage_skipped(&mut self, stage: Stage) {
        self.each(|observer| observer.stage_skipped(stage));
    }

    fn step(&mut self, step: &Step) {
        self.each(|observer| observer.step(step));
    }

    fn wants_pictures(&self) -> bool {
        self.0.iter().any(|observer| observer.wants_pictures())
    }

    fn pictures(&mut self, pictures: &Pictures<'_>) {
        self.each(|observer| {
            if observer.wants_pictures() {
                observer.pictures(pictures);
            }
        });
    }

    fn epoch_finished(&mut self, record: &EpochRecord) {
        self.each(|observer| observer.epoch_finished(record));
    }

    fn stage_finished(&mut self, record: &StageRecord) {
        self.each(|observer| observer.stage_finished(record));
    }

    fn metric(&mut self, record: &MetricRecord) {
        self.each(|observer| observer.metric(record));
    }

    fn note(&mut self, text: &str) {
        self.each(|observer| observer.note(text));
    }

    fn stop_requested(&self) -> bool {
        self.0.iter().any(|observer| observer.stop_requested())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// Writes down all that it is told.
    #[derive(Default)]
    struct Diary {
        told: Vec<&'static str>,
        looks: bool,
        stops: bool,
    }

    impl Observer for Diary {
        fn run_opened(&mut self, _run: &RunFolder) {
            self.told.push("run_opened");
        }
        fn stage_started(&mut self, _stage: Stage) {
            self.told.push("stage_started");
        }
        fn stage_skipped(&mut self, _stage: Stage) {
            self.told.push("stage_skipped");
        }
        fn step(&mut self, _step: &Step) {
            self.told.push("step");
        }
        fn wants_pictures(&self) -> bool {
            self.looks
        }
        fn pictures(&mut self, _pictures: &Pictures<'_>) {
            self.told.push("pictures");
        }
        fn epoch_finished(&mut self, _record: &EpochRecord) {
            self.told.push("epoch_finished");
        }
        fn stage_finished(&mut self, _record: &StageRecord) {
            self.told.push("stage_finished");
        }
        fn metric(&mut self, _record: &MetricRecord) {
            self.told.push("metric");
        }
        fn note(&mut self, _text: &str) {
            self.told.push("note");
        }
        fn stop_requested(&self) -> bool {
            self.stops
        }
    }

    /// Everything there is to tell.
    fn tell(observer: &mut dyn Observer) {
        let stage = Stage::Fit;
        observer.run_opened(&RunFolder::at("run"));
        observer.stage_started(stage);
        observer.stage_skipped(stage);
        observer.step(&Step { stage, done: 1, total: 2, epoch: None, loss: None });
        let images = ndarray::Array4::zeros((1, 1, 2, 2));
        observer.pictures(&Pictures { stage, epoch: 1, images: images.view() });
        let (train_loss, validation_loss) = (1.0, 2.0);
        observer.epoch_finished(&EpochRecord {
            stage,
            epoch: 1,
            train_loss,
            validation_loss,
            improved: true,
            seconds: 1.0,
            waited: 0.0,
        });
        observer.stage_finished(&StageRecord { stage, seconds: 1.0, facts: BTreeMap::new() });
        let (metric, baselines) = ("energy_distance".to_owned(), BTreeMap::new());
        observer.metric(&MetricRecord { metric, value: 1.0, floor: None, baselines, samples: 1 });
        observer.note("a note");
    }

    #[test]
    fn all_are_told_all_but_pictures_only_those_who_look() {
        let mut alone = Diary::default();
        tell(&mut alone);
        let (mut looks, mut looks_away) = (Diary { looks: true, ..Diary::default() }, Diary::default());
        tell(&mut Fan(vec![&mut looks, &mut looks_away]));
        assert_eq!(looks.told, alone.told);
        alone.told.retain(|told| *told != "pictures");
        assert_eq!(looks_away.told, alone.told);
    }

    #[test]
    fn the_wish_of_one_is_the_wish_of_all() {
        let one = |looks, stops| Diary { looks, stops, ..Diary::default() };
        for (looks, stops) in [(false, false), (true, false), (false, true)] {
            let (mut first, mut second) = (one(false, false), one(looks, stops));
            let fan = Fan(vec![&mut first, &mut second]);
            assert_eq!((fan.wants_pictures(), fan.stop_requested()), (looks, stops));
        }
        assert!(!Fan(Vec::new()).stop_requested());
    }
}
