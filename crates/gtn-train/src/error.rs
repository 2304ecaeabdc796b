use std::path::PathBuf;

use gtn_run::{Network, Stage};

/// What can stop a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An unknown experiment.
    #[error("{0}, or a .toml file; `gtn fit --images FOLDER` trains on images of your own")]
    UnknownExperiment(gtn_io::UnknownName),
    /// A preset that cannot be read.
    #[error("cannot read the preset {}: {source}; check the path", path.display())]
    Preset {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// Data that cannot be paired by sorting.
    #[error("cannot pair by sorting: {0}")]
    Sorting(#[from] gtn_math::LabelingError),
    /// Components were to be the classes of data without classes.
    #[error(
        "cannot use the classes of `{experiment}` as components: its data have none; use `--components auto` or a number"
    )]
    NoLabels {
        /// The experiment.
        experiment: String,
    },
    /// Own data that do not fit the settings, or are too few.
    #[error("cannot train on '{}': {reason}", path.display())]
    OwnData {
        /// The folder or file.
        path: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
    /// A run that cannot be extended.
    #[error("cannot extend {}: {reason}", run.display())]
    Extension {
        /// The run.
        run: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
    /// A process does not see what process 0 has written.
    #[error("cannot find {}, which process 0 has written; give all processes a folder that they share", path.display())]
    NotShared {
        /// The file.
        path: PathBuf,
    },
    /// Another process ended or failed.
    #[error("{0}; the same command resumes from the last saved state, on any number of processes")]
    Processes(#[from] gtn_dist::Error),
    /// The observer asked to stop. The state is saved.
    #[error("stopped during stage {stage}; the state is saved, and the same command resumes from there")]
    Stopped {
        /// The stage that was interrupted.
        stage: Stage,
    },
    /// Training diverged.
    #[error(
        "training diverged in stage {stage}: the loss became {loss} in epoch {epoch}, step {step}; try another --seed, or for an \
         experiment lower {network}.training.learning_rate (write the settings to a file with `gtn config show EXPERIMENT > mine.toml`, \
         edit it, and run `gtn reproduce mine.toml`)"
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
        /// The network.
        network: Network,
    },
    /// An autoencoder that a run cannot take.
    #[error("cannot take the autoencoder of {}: {reason}", run.display())]
    UnusableAutoencoder {
        /// The run that trained it.
        run: PathBuf,
        /// Why not, and what to do.
        reason: String,
    },
    /// A run with the autoencoder of another run, which is missing.
    #[error(
        "the run takes the autoencoder of another run, whose weights have the SHA-256 {weights}; pass that run with \
         --autoencoder RUN"
    )]
    MissingAutoencoder {
        /// The checksum of the weights.
        weights: String,
    },
    /// Weights of an Inception network that a run needs.
    #[error(
        "the run measures with the weights of an Inception network whose SHA-256 is {sha256}, and they were not found; download them \
         with `gtn data fetch inception`, or pass {option} FILE"
    )]
    MissingInception {
        /// The checksum of the weights.
        sha256: String,
        /// The option that names their file.
        option: &'static str,
    },
    /// Other weights of an Inception network than those of the run.
    #[error(
        "the run measures with the weights of an Inception network whose SHA-256 is {sha256}, and that of {} is {found}; pass the \
         file with {option}",
        path.display()
    )]
    OtherInception {
        /// The file.
        path: PathBuf,
        /// Its checksum.
        found: String,
        /// The checksum of the run's weights.
        sha256: String,
        /// The option that names their file.
        option: &'static str,
    },
    /// Incomplete weights of an Inception network.
    #[error("{} {lack}; pass complete weights{advice}", path.display())]
    PartialInception {
        /// The file.
        path: PathBuf,
        /// What it lacks.
        lack: String,
        /// What else may be done.
        advice: &'static str,
    },
    /// A folder without training pairs.
    #[error(
        "{} has no training pairs ({} is missing); pass the folder of a run that was trained here (`gtn runs` lists them)",
        run.display(),
        missing.display()
    )]
    NoPairs {
        /// The run.
        run: PathBuf,
        /// The missing file.
        missing: PathBuf,
    },
    /// A folder without latents.
    #[error(
        "{} has no latents ({} is missing); pass the folder of a run on images that was trained here (`gtn runs` lists them)",
        run.display(),
        missing.display()
    )]
    NoLatents {
        /// The run.
        run: PathBuf,
        /// The missing file.
        missing: PathBuf,
    },
    /// More pairs than a run has.
    #[error("cannot draw {requested} pairs: the run has {available}; ask for fewer")]
    TooFewPairs {
        /// Requested pairs.
        requested: usize,
        /// Pairs of the run.
        available: usize,
    },
    /// Filters for a run whose data set has none.
    #[error("cannot filter the images of {}: only CelebA and 11K Hands have filters", run.display())]
    NoFilters {
        /// The run.
        run: PathBuf,
    },
    /// Data that a run was not trained on.
    #[error(
        "the data in {} are not those that {} was trained on; point --data-dir to the original data, or `gtn fit RUN --images` or \
         `--latents` for own data",
        data_dir.display(),
        run.display()
    )]
    OtherData {
        /// The run.
        run: PathBuf,
        /// The folder of the data.
        data_dir: PathBuf,
    },
    /// A filter that too few training images pass.
    #[error(
        "cannot draw {requested} training images: {available} {}, not counting those that are drawn for the other ends; ask for \
         fewer rows",
        passing(filter)
    )]
    TooFewPassing {
        /// The filter.
        filter: String,
        /// Requested images.
        requested: usize,
        /// Images that pass.
        available: usize,
    },
    /// A data set with too few samples for a split.
    #[error("{training} training samples and {validation} validation samples are too few; use at least 10 samples")]
    TooFewSamples {
        /// Training samples.
        training: usize,
        /// Validation samples.
        validation: usize,
    },
    /// The data.
    #[error(transparent)]
    Data(#[from] gtn_data::Error),
    /// A file of the run.
    #[error(transparent)]
    Io(#[from] gtn_io::Error),
    /// The run folder or configuration.
    #[error(transparent)]
    Run(#[from] gtn_run::Error),
    /// The networks.
    #[error(transparent)]
    Models(#[from] gtn_models::Error),
    /// The matching.
    #[error(transparent)]
    Label(#[from] gtn_label::MatchError),
    /// The metrics.
    #[error(transparent)]
    Metrics(#[from] gtn_metrics::Error),
}

impl Error {
    /// Whether the user can fix it by calling the program differently, as opposed to a failure of the machine or of training.
    #[must_use]
    pub fn is_user_error(&self) -> bool {
        match self {
            Error::UnknownExperiment(_)
            | Error::Preset { .. }
            | Error::UnusableAutoencoder { .. }
            | Error::MissingAutoencoder { .. }
            | Error::MissingInception { .. }
            | Error::OtherInception { .. }
            | Error::PartialInception { .. }
            | Error::NoPairs { .. }
            | Error::NoLatents { .. }
            | Error::TooFewPairs { .. }
            | Error::NoFilters { .. }
            | Error::NoLabels { .. }
            | Error::OwnData { .. }
            | Error::Extension { .. }
            | Error::NotShared { .. }
            | Error::OtherData { .. }
            | Error::TooFewPassing { .. }
            | Error::TooFewSamples { .. } => true,
            Error::Data(error) => error.is_user_error(),
            Error::Io(error) => error.is_user_error(),
            Error::Run(error) => error.is_user_error(),
            Error::Models(error) => error.is_user_error(),
            _ => false,
        }
    }
}

fn passing(filter: &str) -> String {
    if filter.is_empty() { "are available".to_owned() } else { format!("pass the filter `{filter}`") }
}
