use std::path::PathBuf;

use gtn_run::RunProgress;

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong when an image, a figure or a report is written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file that cannot be written.
    #[error(transparent)]
    Io(#[from] gtn_io::Error),
    /// The configuration or the files of the run.
    #[error(transparent)]
    Run(#[from] gtn_run::Error),
    /// A model that generates points, which an explorer cannot show.
    #[error("an explorer shows images, and this model has no decoder; use `gtn sample` for its points")]
    NoImages,
    /// An explorer that browsers would open too slowly.
    #[error(
        "the explorer would have {megabytes} MB, and the limit is {limit} MB; use 8 bits for each weight (--bits 8 of `gtn explore`), fewer latents (--dim) or smaller \
         images (--side)"
    )]
    ExplorerTooLarge {
        /// Its size.
        megabytes: usize,
        /// The largest size.
        limit: usize,
    },
    /// A run that has no samples yet.
    #[error("{0} is unfinished ({progress}). Resume with: {command} --out {0}", run.display())]
    Unfinished {
        /// The run.
        run: PathBuf,
        /// How far it has come.
        progress: RunProgress,
        /// The command that resumes it.
        command: String,
    },
    /// A comparison of fewer than two runs.
    #[error("cannot compare {given} run; pass the folders of at least two (`gtn runs` lists them)")]
    TooFewRuns {
        /// Number of runs.
        given: usize,
    },
    /// A run that is compared with itself.
    #[error("{} is given twice; pass each run once", run.display())]
    RepeatedRun {
        /// The run.
        run: PathBuf,
    },
    /// Samples with a shape that the run's experiment does not produce.
    #[error("{}: tensor `{tensor}` {reason}; delete the file and run the experiment again to recreate it", path.display())]
    Samples {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A snapshot that does not match the samples.
    #[error("{}: tensor `{tensor}` {reason}; delete the file to omit it from the report", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The tensor.
        tensor: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Images that cannot be drawn.
    #[error("cannot draw {given}: {reason}")]
    Image {
        /// The images.
        given: String,
        /// What is required.
        reason: &'static str,
    },
    /// A library that writes PNG or GIF failed.
    #[error("cannot write {what}: {reason}")]
    Format {
        /// The output.
        what: &'static str,
        /// The error of the library.
        reason: String,
    },
}

impl Error {
    /// Whether the user can fix it by calling the program differently, as opposed to a failure of the machine.
    #[must_use]
    pub fn is_user_error(&self) -> bool {
        match self {
            Error::Io(error) => error.is_user_error(),
            Error::Run(error) => error.is_user_error(),
            Error::Unfinished { .. }
            | Error::NoImages
            | Error::ExplorerTooLarge { .. }
            | Error::TooFewRuns { .. }
            | Error::RepeatedRun { .. }
            | Error::Snapshot { .. }
            | Error::Image { .. } => true,
            Error::Samples { .. } | Error::Format { .. } => false,
        }
    }
}
