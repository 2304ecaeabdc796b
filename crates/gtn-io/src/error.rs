use std::path::{Path, PathBuf};

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file cannot be read or written. The messages are one line each.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation of the file system failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The operation, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A disk without enough free space for a file. Nothing was written.
    #[error(
        "cannot write {}: it needs {}, but only {} is free on the disk; free some space and run the same command again",
        path.display(),
        megabytes(*needed),
        megabytes(*free)
    )]
    InsufficientSpace {
        /// The file.
        path: PathBuf,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A file that would be overwritten.
    #[error("{} already exists; choose another path, or pass --force to replace it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file that the system cannot read.
    #[error("cannot read '{}': {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A file with invalid content.
    #[error("cannot read '{}': {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        reason: String,
    },
}

impl Error {
    /// Wraps an error of the operating system: `action` (a verb) failed for `path`.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    /// The error of a file that the system cannot read.
    pub fn read(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Error::Read { path, source }
    }

    /// The error of a file with invalid content.
    pub fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Error::Malformed { path: path.to_path_buf(), reason: reason.into() }
    }

    /// Whether the file does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Error::Io { source, .. } | Error::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }

    /// Whether the user can fix it by calling the program differently, as opposed to a failure of the machine.
    #[must_use]
    pub fn is_user_error(&self) -> bool {
        match self {
            Error::Io { source, .. } => is_user_error(source),
            Error::InsufficientSpace { .. } => false,
            Error::Exists { .. } | Error::Read { .. } | Error::Malformed { .. } => true,
        }
    }
}

/// Whether the user can fix an error of the operating system by passing another path, as opposed to a failure of the machine.
#[must_use]
pub fn is_user_error(error: &std::io::Error) -> bool {
    use std::io::ErrorKind as K;
    matches!(
        error.kind(),
        K::NotFound
            | K::PermissionDenied
            | K::AlreadyExists
            | K::NotADirectory
            | K::IsADirectory
            | K::ReadOnlyFilesystem
            | K::InvalidInput
            | K::InvalidFilename
    )
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
