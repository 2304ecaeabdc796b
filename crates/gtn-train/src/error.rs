use std::path::PathBuf;

use gtn_run::Stage;

/// What can stop a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that no preset has.
    #[error(
        "there is no experiment `{name}`{meant}; the experiments are {known}, or the name of a .toml file of your own"
    )]
    UnknownExperiment {
        /// The name given.
        name: String,
        /// The name that was probably meant, as a question; or nothing.
        meant: String,
        /// The names there are.
        known: String,
    },
    /// A preset of the user's that cannot be read.
    #[error("cannot read the preset {}: {source}", path.display())]
    Preset {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A sample that cannot be paired by sorting.
    #[error("cannot pair by sorting: {0}")]
    Sorting(#[from] gtn_math::LabelingError),
    /// The observer asked to stop; the state is saved.
    #[error("stopped during stage {stage}; the state is saved, and the same command goes on from there")]
    Stopped {
        /// The stage that was at work.
        stage: Stage,
    },
    /// Training left the numbers.
    #[error(
        "the loss of stage {stage} became {loss} in epoch {epoch}, step {step}: the learning rate is too large for these data; try another --seed, or write the settings to a file with `gtn config show EXPERIMENT > mine.toml`, lower {key}.training.learning_rate in it, and `gtn reproduce mine.toml`"
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
        "{} holds no trained {what} yet ({} is not there); give the command in its config.toml again, with --out on this folder",
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
    /// A folder without the training pairs that are asked for.
    #[error(
        "{} holds no training pairs ({} is not there), as a folder of weights does not; name the folder of a run that was \
         trained here (gtn runs lists them), or do without pairs",
        run.display(),
        missing.display()
    )]
    NoPairs {
        /// The run.
        run: PathBuf,
        /// The file that would be there.
        missing: PathBuf,
    },
    /// A run whose data are no images.
    #[error("{} has no autoencoder: its data are no images", run.display())]
    NoAutoencoder {
        /// The run.
        run: PathBuf,
    },
    /// More pairs than a run has.
    #[error("{asked} pairs are more than the {there} that the run has")]
    TooFewPairs {
        /// Pairs asked for.
        asked: usize,
        /// Pairs there are.
        there: usize,
    },
    /// Filters for a run whose images are not told apart by any.
    #[error("the images of {} are not told apart by filters; those of CelebA and of 11K Hands are", run.display())]
    NoFilters {
        /// The run.
        run: PathBuf,
    },
    /// Data that a run was not trained on.
    #[error(
        "the images below {} are not those that {} was trained on, so what its pairs show is not known; point --data-dir at \
         those",
        data_dir.display(),
        run.display()
    )]
    OtherData {
        /// The run.
        run: PathBuf,
        /// The folder of the data.
        data_dir: PathBuf,
    },
    /// A filter that leaves too few training images.
    #[error(
        "{} {there} training images that no other end takes, and {asked} are asked for; ask for fewer ways",
        leaves(filter)
    )]
    TooFewPassing {
        /// The filter.
        filter: String,
        /// Images asked for.
        asked: usize,
        /// Images there are.
        there: usize,
    },
    /// Weights that are not those of the run's networks.
    #[error("{}: {reason}; the file belongs to another run", path.display())]
    ForeignWeights {
        /// The file.
        path: PathBuf,
        /// How that was found.
        reason: String,
    },
    /// A data set that leaves one side of the split empty.
    #[error("{training} samples to train on and {validation} to validate are too few: give at least 10")]
    TooFewSamples {
        /// Samples of the training side.
        training: usize,
        /// Samples of the validation side.
        validation: usize,
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
            Error::UnknownExperiment { .. }
            | Error::Preset { .. }
            | Error::NotTrained { .. }
            | Error::NoPairs { .. }
            | Error::NoAutoencoder { .. }
            | Error::TooFewPairs { .. }
            | Error::NoFilters { .. }
            | Error::OtherData { .. }
            | Error::TooFewPassing { .. }
            | Error::ForeignWeights { .. }
            | Error::TooFewSamples { .. } => true,
            Error::Data(error) => error.is_users(),
            Error::Run(error) => error.is_users(),
            Error::Models(error) => !matches!(error, gtn_models::Error::Device(_)),
            _ => false,
        }
    }
}

fn leaves(filter: &str) -> String {
    if filter.is_empty() { "there are".to_owned() } else { format!("the filter `{filter}` leaves") }
}
