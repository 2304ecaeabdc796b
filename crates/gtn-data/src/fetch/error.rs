use std::path::PathBuf;

use gtn_io::atomic::parent_folder;

/// Why a download failed. The messages are one line each and say what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No mirror provided the file.
    #[error(
        "cannot download {}: {}. Try again later (the bytes received so far are kept; HTTPS_PROXY sets a proxy), or download \
         the file by hand from one of these URLs into '{}'",
        name(path), list_attempts(attempts), parent_folder(path).display()
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
    /// The caller asked to stop.
    #[error("stopped{}", kept_text(path, kept.as_ref()))]
    Stopped {
        /// The file that was being downloaded.
        path: PathBuf,
        /// The partial file: its path, its size, and the size of the complete file. `None` if nothing was kept.
        kept: Option<(PathBuf, u64, u64)>,
    },
    /// A URL is invalid.
    #[error("invalid URL '{url}': {reason}; pass a URL such as https://example.org/mnist/")]
    InvalidUrl {
        /// The URL.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another process is downloading the same file.
    #[error("'{}' is locked: another process is downloading this file; wait for it, or stop it", path.display())]
    Locked {
        /// The unfinished download.
        path: PathBuf,
    },
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
        matches!(self, Error::InvalidUrl { .. } | Error::Locked { .. } | Error::PathOccupied { .. })
    }

    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Error::Io { action, path, source }
    }
}

fn name(path: &std::path::Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn list_attempts(attempts: &[(String, String)]) -> String {
    if attempts.is_empty() {
        return "there are no mirrors to try".to_owned();
    }
    attempts.iter().map(|(url, reason)| format!("{url}: {reason}")).collect::<Vec<_>>().join("; ")
}

fn kept_text(path: &std::path::Path, kept: Option<&(PathBuf, u64, u64)>) -> String {
    match kept {
        Some((part, done, total)) => {
            let part = part.display();
            format!(
                "; {done} of {total} bytes of {} are kept in '{part}'; run the same command again to resume",
                name(path)
            )
        }
        None => format!(" at {}; run the same command again to start over", name(path)),
    }
}
