use std::path::PathBuf;

/// What can go wrong when a picture, a figure or a report is made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What the run itself says: its configuration or its files.
    #[error(transparent)]
    Run(#[from] gtn_run::Error),
    /// A run that was reported on before it drew samples.
    #[error("{} is not there: the run has drawn no samples yet; run it to its end, then report on it", path.display())]
    NoSamples {
        /// The file that was looked for.
        path: PathBuf,
    },
    /// Samples that are not of the shape that the run's experiment makes.
    #[error("{}: tensor `{tensor}` {reason}; delete the file and run again, and the samples will be drawn anew", path.display())]
    Samples {
        /// The file.
        path: PathBuf,
        /// The tensor in it.
        tensor: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// A snapshot that does not fit the samples.
    #[error("{}: tensor `{tensor}` {reason}; delete the file, and the report does without it", path.display())]
    Snapshot {
        /// The file.
        path: PathBuf,
        /// The tensor in it.
        tensor: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Images of which no picture can be made.
    #[error("no picture can be made of {given}: {reason}")]
    Picture {
        /// What was given.
        given: String,
        /// What is needed.
        reason: &'static str,
    },
    /// A library that writes PNG or SVG failed.
    #[error("cannot write {what}: {reason}")]
    Format {
        /// What was to be written.
        what: &'static str,
        /// What the library said.
        reason: String,
    },
}

impl Error {
    /// Whether the user can mend it by calling differently (as opposed to a failing machine).
    #[must_use]
    pub fn is_users(&self) -> bool {
        match self {
            Error::Run(error) => error.is_users(),
            Error::NoSamples { .. } | Error::Snapshot { .. } | Error::Picture { .. } => true,
            Error::Samples { .. } | Error::Format { .. } => false,
        }
    }
}
