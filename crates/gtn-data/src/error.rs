use std::path::{Path, PathBuf};

/// Why data cannot be used. Every variant is something the user can mend.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A data set that is not where it was looked for.
    #[error("{set} was not found in {}: {what} missing. {advice}", folder.display())]
    NotFound {
        /// The data set.
        set: &'static str,
        /// Where it was looked for.
        folder: PathBuf,
        /// The files that are missing.
        what: String,
        /// Where to get them and where to put them.
        advice: String,
    },
    /// The file system refused.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file that is not what it should be.
    #[error("{}: {reason}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Files that do not belong together.
    #[error("{} and {} do not belong together: {reason}", first.display(), second.display())]
    Mismatch {
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A filter that cannot be applied, or leaves nothing.
    #[error("the filter `{filter}` cannot be used: {reason}")]
    Filter {
        /// The filter.
        filter: String,
        /// Why not.
        reason: String,
    },
    /// A file that cannot be written; nothing of it is left.
    #[error("cannot write {}: {source}{hint}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
        /// How much space it needs, where that is the matter.
        hint: String,
    },
    /// The caller's wish; nothing is left of what was not done.
    #[error("stopped after {done} of {total} images; nothing was written")]
    Stopped {
        /// Images that were ready.
        done: usize,
        /// Images in all.
        total: usize,
    },
    /// Pixels that are not images.
    #[error("images of shape (n, C, H, W) = {shape:?} cannot be used: {reason}")]
    Shape {
        /// The shape.
        shape: (usize, usize, usize, usize),
        /// Why not.
        reason: &'static str,
    },
}

impl Error {
    /// Whether the user can mend it by calling differently (as opposed to a failing machine).
    #[must_use]
    pub fn is_users(&self) -> bool {
        use std::io::ErrorKind as K;
        match self {
            Error::Write { source, .. } => matches!(
                source.kind(),
                K::NotFound
                    | K::PermissionDenied
                    | K::NotADirectory
                    | K::IsADirectory
                    | K::ReadOnlyFilesystem
                    | K::InvalidInput
                    | K::InvalidFilename
            ),
            _ => true,
        }
    }

    pub(crate) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        Error::Malformed { path: path.to_path_buf(), reason: reason.into() }
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Error::Io { path, source }
    }
}
