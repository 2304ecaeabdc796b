//! How a run reports its progress. Nothing here prints; the program decides what to do with the reports.

mod tee;

use std::fmt;

use ndarray::ArrayView4;
use serde::{Deserialize, Serialize};

use crate::RunFolder;
use crate::records::{EpochRecord, MetricRecord, StageRecord};

pub use tee::Tee;

/// A stage of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Reads or draws the data, and splits them.
    Prepare,
    /// Trains the autoencoder.
    Autoencode,
    /// Encodes images as latents.
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

    /// The network that the stage trains.
    #[must_use]
    pub fn network(self) -> Option<Network> {
        match self {
            Stage::Autoencode => Some(Network::Autoencoder),
            Stage::Fit => Some(Network::H),
            _ => None,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
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

/// A network that a run trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// The autoencoder between images and latents.
    Autoencoder,
    /// ĥ, from normal vectors to latents or data.
    H,
}

impl Network {
    /// All networks, in the order in which they are trained.
    pub const ALL: [Network; 2] = [Network::Autoencoder, Network::H];

    /// The name of its table in the configuration, of its checkpoints, and in the purposes of random streams, where it is
    /// frozen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Network::Autoencoder => "autoencoder",
            Network::H => "h",
        }
    }

    /// The stage that trains it.
    #[must_use]
    pub fn stage(self) -> Stage {
        match self {
            Network::Autoencoder => Stage::Autoencode,
            Network::H => Stage::Fit,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

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
    /// The epoch, counted from 1.
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
