use std::path::{Path, PathBuf};

use gtn_io::atomic::parent_folder;

/// Why a download failed. The messages are one line each and say what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No mirror provided the file.
    #[error(
        "cannot download {}: {}. Try again later (the bytes received so far are kept; HTTPS_PROXY sets a proxy), or download \
         the file by hand from one of these URLs into '{}'",
        file_name(path), list_attempts(attempts), parent_folder(path).display()
    )]
    AllMirrorsFailed {
        /// The file.
        path: PathBuf,
        /// Each URL and what happened there.
        attempts: Vec<(String, String)>,
    },
    /// The Hugging Face Hub did not provide the data (feature `hub`).
    #[error(
        "cannot download {dataset} from {endpoint}: {reason}. Nothing was written; try again later (HTTPS_PROXY sets a proxy, \
         HF_ENDPOINT another Hub), or run the command without --from hub for another way"
    )]
    Hub {
        /// The Hub's URL.
        endpoint: String,
        /// The data set's name on the Hub.
        dataset: &'static str,
        /// What happened.
        reason: String,
    },
    /// The caller asked to stop. A partial file is kept, except of downloads from the Hub.
    #[error("stopped at {0}; run the same command again to continue")]
    Stopped(String),
    /// A URL is invalid.
    #[error(
        "invalid URL '{0}': it has no http:// or https:// and a host; pass a URL such as https://example.org/mnist/"
    )]
    InvalidUrl(String),
    /// Another process is downloading the same file.
    #[error("'{}' is locked: another process is downloading this file; wait for it, or stop it", .0.display())]
    Locked(PathBuf),
    /// Something else is at the path of the file or of its unfinished download.
    #[error("cannot write '{}': {reason}; move it away", path.display())]
    PathOccupied {
        /// The path.
        path: PathBuf,
        /// What is at the path.
        reason: String,
    },
    /// An error of the file system.
    #[error("cannot {action} '{}': {source}", path.display())]
    Io {
        /// What failed, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether the user can fix the error by changing the input, as opposed to a failure of the machine or the network.
    #[must_use]
    pub fn is_user_error(&self) -> bool {
        matches!(self, Error::InvalidUrl(_) | Error::Locked(_) | Error::PathOccupied { .. })
    }

    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    /// The existing files in `folder` are unusable, but not ours to replace.
    pub(crate) fn unusable(folder: &Path, error: crate::Error) -> Self {
        match error {
            crate::Error::File(gtn_io::Error::Read { path, source }) => Error::Io { action: "read", path, source },
            error => Error::PathOccupied { path: folder.to_path_buf(), reason: error.to_string() },
        }
    }
}

fn list_attempts(attempts: &[(String, String)]) -> String {
    attempts.iter().map(|(url, reason)| format!("{url}: {reason}")).collect::<Vec<_>>().join("; ")
}

/// File name without its folder.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
