//! How a run reports its progress. Nothing here prints; the program decides what to do with the reports.

mod tee;

use ndarray::ArrayView4;

use crate::records::{EpochRecord, MetricRecord, StageRecord};
use crate::{RunFolder, Stage};

pub use tee::Tee;

/// The progress of a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StageProgress {
    /// The stage.
    pub stage: Stage,
    /// Completed units of work (samples or rows), over all epochs.
    pub done: u64,
    /// Units of work if the stage runs to its end.
    pub total: u64,
    /// The epoch, counted from 1, and the maximum number of epochs; for stages that train.
    pub epoch: Option<(usize, usize)>,
    /// Mean training loss of the epoch so far; for stages that train.
    pub loss: Option<f64>,
}

impl StageProgress {
    /// The progress of a stage that does not train.
    #[must_use]
    pub fn new(stage: Stage, done: usize, total: usize) -> Self {
        Self { stage, done: done as u64, total: total as u64, epoch: None, loss: None }
    }
}

/// What a network produces from fixed inputs after an epoch that improved its validation loss.
#[derive(Debug, Clone, Copy)]
pub struct EpochImages<'a> {
    /// The stage that trains. For [`Stage::Autoencode`] these are reconstructed validation images, for [`Stage::Fit`] images
    /// generated from normal vectors.
    pub stage: Stage,
    /// The epoch, counted from 1; 0 if they are shown before the end of a first epoch that takes long.
    pub epoch: usize,
    /// The images, of shape (n, C, H, W), in [−1, 1].
    pub images: ArrayView4<'a, f32>,
}

/// Observes a run, and may ask it to stop. Every method does nothing unless it is overridden.
pub trait Observer: Send {
    /// The folder of a run was opened. Later calls concern this run, until another one is opened.
    fn run_opened(&mut self, _run: &RunFolder) {}

    /// A stage begins.
    fn stage_started(&mut self, _stage: Stage) {}

    /// A stage is skipped, because its results exist already.
    fn stage_skipped(&mut self, _stage: Stage) {}

    /// A stage has made progress.
    fn progress(&mut self, _progress: &StageProgress) {}

    /// Whether [`epoch_images`](Self::epoch_images) is implemented; otherwise no images are computed.
    fn wants_images(&self) -> bool {
        false
    }

    /// An epoch of a run on images has improved the validation loss. This is called before the end of the epoch, and may be
    /// called again for the same epoch, with the same images, after the run was interrupted.
    fn epoch_images(&mut self, _images: &EpochImages<'_>) {}

    /// An epoch is over.
    fn epoch_finished(&mut self, _record: &EpochRecord) {}

    /// A stage is done.
    fn stage_finished(&mut self, _record: &StageRecord) {}

    /// A metric was measured.
    fn metric(&mut self, _record: &MetricRecord) {}

    /// Something that the user should know.
    fn note(&mut self, _text: &str) {}

    /// Whether the run should save its state and stop.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// An observer that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoopObserver;

impl Observer for NoopObserver {}
