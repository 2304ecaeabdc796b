//! What a run tells while it works. Nothing here prints: the program decides what becomes of it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::records::{EpochRecord, MetricRecord, StageRecord};

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

/// Follows a run and may ask it to stop. Every method does nothing unless it is overridden.
pub trait Observer: Send {
    /// A stage begins.
    fn stage_started(&mut self, _stage: Stage) {}

    /// A stage is left out: its results are there already.
    fn stage_skipped(&mut self, _stage: Stage) {}

    /// A stage has come further.
    fn step(&mut self, _step: &Step) {}

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
