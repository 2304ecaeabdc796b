use std::path::{Path, PathBuf};

/// What can go wrong with a run's configuration or files.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A disk without the room that a file needs; nothing was written.
    #[error(
        "cannot write {}: it takes {}, and its disk has {} left; make room and give the same command again",
        path.display(),
        megabytes(*needed),
        megabytes(*free)
    )]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// Bytes that it takes.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A file that would be overwritten.
    #[error("{} exists already; choose another path, or give --force to replace it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A folder that holds something else than a run.
    #[error("{} is not empty and holds no run (no config.toml of a run); choose another folder with --out", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
    },
    /// A folder without a run in it.
    #[error("{} holds no run: there is no {}; give a folder that `gtn reproduce` made", path.display(), missing)]
    NoRun {
        /// The folder.
        path: PathBuf,
        /// The file that was looked for.
        missing: &'static str,
    },
    /// A run of another configuration.
    #[error(
        "{} holds a run of another configuration ({difference}); choose another folder with --out, or give --force to start anew there",
        path.display()
    )]
    OtherRun {
        /// The folder.
        path: PathBuf,
        /// The first setting that differs, with both values.
        difference: String,
    },
    /// A second process on one run.
    #[error("{} is in use by another process ({holder}); wait for it, or stop it first", path.display())]
    Locked {
        /// The run.
        path: PathBuf,
        /// Who holds it.
        holder: String,
    },
    /// A configuration that cannot be read.
    #[error("{what}: {reason}")]
    Config {
        /// The preset or file.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting that makes no sense.
    #[error("{key} = {value}: {reason}")]
    Setting {
        /// The setting's name in the TOML file.
        key: String,
        /// Its value.
        value: String,
        /// Why it is refused.
        reason: String,
    },
    /// An artifact that is not what was written.
    #[error("{} is damaged: {reason}; give the command of its run again, and it will be made anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How that was found.
        reason: String,
    },
    /// An artifact without a tensor that its reader needs.
    #[error("{} holds no tensor `{name}` of type {dtype}; it was not written for this use", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its element type.
        dtype: &'static str,
    },
}

impl Error {
    /// Wraps what the file system said when `action` (a verb) was tried on `path`.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    /// Whether the user can mend it by calling differently (as opposed to a failing machine).
    #[must_use]
    pub fn is_users(&self) -> bool {
        use std::io::ErrorKind as K;
        match self {
            Error::Io { source, .. } => matches!(
                source.kind(),
                K::NotFound
                    | K::PermissionDenied
                    | K::AlreadyExists
                    | K::NotADirectory
                    | K::IsADirectory
                    | K::ReadOnlyFilesystem
                    | K::InvalidInput
                    | K::InvalidFilename
            ),
            Error::Damaged { .. } | Error::NoRoom { .. } => false,
            _ => true,
        }
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
