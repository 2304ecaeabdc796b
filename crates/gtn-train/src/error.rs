use std::path::PathBuf;

use gtn_run::Stage;

/// What can stop a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that no preset has.
    #[error("there is no experiment `{name}`; the experiments are: {known}")]
    UnknownExperiment {
        /// The name given.
        name: String,
        /// The names there are.
        known: String,
    },
    /// The observer asked to stop; the state is saved.
    #[error("stopped during stage {stage}; the state is saved, and the same command goes on from there")]
    Stopped {
        /// The stage that was at work.
        stage: Stage,
    },
    /// Training left the numbers.
    #[error(
        "the loss of stage {stage} became {loss} in epoch {epoch}, step {step}; try a smaller learning rate ({key}.training.learning_rate) or a larger batch"
    )]
    NonFiniteLoss {
        /// The stage.
        stage: Stage,
        /// The loss.
        loss: f64,
        /// The epoch, counted from 1.
        epoch: usize,
        /// The step within the epoch, counted from 1.
        step: usize,
        /// The network's table in the configuration.
        key: &'static str,
    },
    /// A run that has not come to what is asked of it.
    #[error(
        "{} holds no trained {what} yet ({} is not there); run `gtn reproduce` on it to the end",
        run.display(),
        missing.display()
    )]
    NotTrained {
        /// The run.
        run: PathBuf,
        /// What is missing.
        what: &'static str,
        /// The file it would be in.
        missing: PathBuf,
    },
    /// The data.
    #[error(transparent)]
    Data(#[from] gtn_data::Error),
    /// The run folder or configuration.
    #[error(transparent)]
    Run(#[from] gtn_run::Error),
    /// The networks.
    #[error(transparent)]
    Models(#[from] gtn_models::Error),
    /// The matching.
    #[error(transparent)]
    Label(#[from] gtn_label::MatchError),
    /// The figures of merit.
    #[error(transparent)]
    Metrics(#[from] gtn_metrics::Error),
}

impl Error {
    /// Whether the user can mend it by calling differently (as opposed to a failing machine or a failed training).
    #[must_use]
    pub fn is_users(&self) -> bool {
        match self {
            Error::UnknownExperiment { .. } | Error::NotTrained { .. } | Error::Data(_) => true,
            Error::Run(error) => error.is_users(),
            Error::Models(error) => !matches!(error, gtn_models::Error::Device(_)),
            _ => false,
        }
    }
}
