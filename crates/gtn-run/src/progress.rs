//! The progress of a run.

use std::fmt;

use crate::{Config, MetricsLog, Stage};

/// The progress of a run, from the records of its stages.
///
/// It is displayed as `done`, `label`, or `autoencode, epoch 3 of 25`, where 25 is the maximum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunProgress {
    /// All stages are complete.
    Done,
    /// A stage is the first that is not complete.
    Incomplete {
        /// The stage.
        stage: Stage,
        /// Recorded epochs, and their maximum number; for stages that train.
        epochs: Option<(usize, usize)>,
    },
}

impl RunProgress {
    /// The progress of a run with this configuration and log.
    #[must_use]
    pub fn new(config: &Config, log: &MetricsLog) -> Self {
        let Some(stage) = config.stages().into_iter().find(|stage| log.stage(*stage).is_none()) else {
            return RunProgress::Done;
        };
        let max_epochs = match stage {
            Stage::Autoencode if config.reused_autoencoder().is_none() => {
                config.autoencoder.as_ref().map(|autoencoder| autoencoder.training.epochs)
            }
            Stage::Decoder if config.trains_decoder() => {
                config.decoder_training().map(|decoder| decoder.training.epochs)
            }
            Stage::Flow => config.pairing.flow.epochs,
            Stage::Baselines => config.autoencoder.as_ref().map(|autoencoder| autoencoder.training.epochs),
            Stage::Fit => Some(config.h.training.epochs),
            _ => None,
        };
        RunProgress::Incomplete { stage, epochs: max_epochs.map(|max| (log.epochs(stage).count(), max)) }
    }
}

impl fmt::Display for RunProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RunProgress::Done => f.write_str("done"),
            RunProgress::Incomplete { stage, epochs: None } => write!(f, "{stage}"),
            RunProgress::Incomplete { stage, epochs: Some((epochs, max)) } => {
                write!(f, "{stage}, epoch {epochs} of {max}")
            }
        }
    }
}
