use std::path::{Path, PathBuf};

/// A `Result` with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Why data cannot be used. The messages are one line each and say what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A data set is missing or incomplete.
    #[error("cannot find {dataset} in '{}': missing {missing}. {instructions}", folder.display())]
    NotFound {
        /// Name of the data set.
        dataset: &'static str,
        /// The folder that was searched.
        folder: PathBuf,
        /// The missing files.
        missing: String,
        /// How to get the files and where to put them.
        instructions: String,
    },
    /// A file cannot be read, or has invalid contents.
    #[error(transparent)]
    File(#[from] gtn_io::Error),
    /// Two files do not match.
    #[error("'{}' and '{}' do not match: {reason}", first.display(), second.display())]
    Mismatch {
        /// One file.
        first: PathBuf,
        /// The other file.
        second: PathBuf,
        /// Why they do not match.
        reason: String,
    },
    /// A filter is invalid, or no image matches it.
    #[error("invalid filter `{filter}`: {reason}")]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting of how data are read is invalid.
    #[error("{setting} is {value}, but {reason}")]
    Setting {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What is allowed.
        reason: String,
    },
    /// A file cannot be written. No partial file remains.
    #[error("cannot write '{}': {source}{hint}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
        /// How much space the file needs, if space is the problem; otherwise empty.
        hint: String,
    },
    /// The caller asked to stop. No partial file remains.
    #[error("stopped after {done} of {total} images; nothing was written")]
    Stopped {
        /// Number of decoded images.
        done: usize,
        /// Total number of images.
        total: usize,
    },
    /// An array has a shape that is not supported for images.
    #[error("unsupported image shape (n, C, H, W) = {shape:?}: {reason}")]
    Shape {
        /// The shape.
        shape: (usize, usize, usize, usize),
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl Error {
    /// Whether the user can fix the error by changing the input, as opposed to a failure of the machine.
    #[must_use]
    pub fn is_user_error(&self) -> bool {
        match self {
            Error::Write { source, .. } => gtn_io::is_user_error(source),
            Error::File(error) => error.is_user_error(),
            _ => true,
        }
    }

    pub(crate) fn malformed(path: &Path, reason: impl Into<String>) -> Self {
        gtn_io::Error::malformed(path, reason).into()
    }

    pub(crate) fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let read = gtn_io::Error::read(path);
        move |source| read(source).into()
    }
}
