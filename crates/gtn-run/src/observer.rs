//! What a run tells while it works. Nothing here prints: the program decides what becomes of it.

mod fan;

use std::fmt;

use ndarray::ArrayView4;
use serde::{Deserialize, Serialize};

use crate::RunFolder;
use crate::records::{EpochRecord, MetricRecord, StageRecord};

pub use fan::Fan;

/// A stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Reads or draws the data, and splits them.
    Prepare,
    /// Trains the autoencoder.
    Autoencode,
    /// Turns images into latents.
    Encode,
    /// Pairs normal vectors with the data.
    Label,
    /// Trains ĥ on the pairs.
    Fit,
    /// Draws samples with ĥ and the decoder.
    Sample,
    /// Measures the samples.
    Evaluate,
}

impl Stage {
    /// All stages, in their order.
    pub const ALL: [Stage; 7] =
        [Stage::Prepare, Stage::Autoencode, Stage::Encode, Stage::Label, Stage::Fit, Stage::Sample, Stage::Evaluate];

    /// The network that the stage trains, by the name of its checkpoints.
    #[must_use]
    pub fn network(self) -> Option<&'static str> {
        match self {
            Stage::Autoencode => Some("autoencoder"),
            Stage::Fit => Some("h"),
            _ => None,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Prepare => "prepare",
            Stage::Autoencode => "autoencode",
            Stage::Encode => "encode",
            Stage::Label => "label",
            Stage::Fit => "fit",
            Stage::Sample => "sample",
            Stage::Evaluate => "evaluate",
        })
    }
}

/// How far a stage has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// The stage.
    pub stage: Stage,
    /// Units of work done (samples or rows), over all epochs.
    pub done: u64,
    /// Units of work if the stage goes to its end.
    pub total: u64,
    /// The epoch, counted from 1, and the most there may be; for stages that train.
    pub epoch: Option<(usize, usize)>,
    /// Mean training loss of the epoch so far; for stages that train.
    pub loss: Option<f64>,
}

/// What a network makes of the same inputs after each epoch that improved its validation loss.
#[derive(Debug, Clone, Copy)]
pub struct Pictures<'a> {
    /// The stage that trains: of [`Stage::Autoencode`] these are validation images, encoded and decoded; of [`Stage::Fit`]
    /// what ĥ makes of normal vectors, decoded.
    pub stage: Stage,
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// The images, of shape (n, C, H, W), in [−1, 1].
    pub images: ArrayView4<'a, f32>,
}

/// Follows a run and may ask it to stop. Every method does nothing unless it is overridden.
pub trait Observer: Send {
    /// The folder of a run was opened: what is told from here on is about this run, until another is opened.
    fn run_opened(&mut self, _run: &RunFolder) {}

    /// A stage begins.
    fn stage_started(&mut self, _stage: Stage) {}

    /// A stage is left out: its results are there already.
    fn stage_skipped(&mut self, _stage: Stage) {}

    /// A stage has come further.
    fn step(&mut self, _step: &Step) {}

    /// Whether somebody looks at [`pictures`](Self::pictures); without, none are made.
    fn wants_pictures(&self) -> bool {
        false
    }

    /// An epoch of a run on images has improved the validation loss. This comes before the epoch is over, and after a stop
    /// it may come again for the same epoch, with the same images.
    fn pictures(&mut self, _pictures: &Pictures<'_>) {}

    /// An epoch is over.
    fn epoch_finished(&mut self, _record: &EpochRecord) {}

    /// A stage is done.
    fn stage_finished(&mut self, _record: &StageRecord) {}

    /// A figure of merit was measured.
    fn metric(&mut self, _record: &MetricRecord) {}

    /// Something the user should know.
    fn note(&mut self, _text: &str) {}

    /// Whether the run is to save its state and stop.
    fn stop_requested(&self) -> bool {
        false
    }
}

/// The observer that looks away.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
