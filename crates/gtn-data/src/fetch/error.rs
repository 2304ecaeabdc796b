use std::path::PathBuf;

use crate::folder_of;

/// Why a download did not succeed. Each message is one line that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No mirror gave the file.
    #[error(
        "{} could not be downloaded: {}. Try again later (what has come is kept; HTTPS_PROXY names a proxy), or get the file \
         by hand from one of these addresses and put it into {}",
        name(path), listed(tried), folder_of(path).display()
    )]
    Mirrors {
        /// The file.
        path: PathBuf,
        /// Each address with what happened there.
        tried: Vec<(String, String)>,
    },
    /// The Hugging Face Hub did not give the data (feature `hub`).
    #[error(
        "{dataset} could not be had from {endpoint}: {reason}. Nothing was written; try again later (HTTPS_PROXY names \
         a proxy, HF_ENDPOINT another hub), or give the command without --from hub: it knows another way"
    )]
    Hub {
        /// The hub.
        endpoint: String,
        /// The data set's name there.
        dataset: &'static str,
        /// What happened.
        reason: String,
    },
    /// The caller asked to stop.
    #[error("stopped{}", kept_text(path, kept.as_ref()))]
    Stopped {
        /// The file that was being downloaded.
        path: PathBuf,
        /// What is kept of it: where, how many bytes, and of how many.
        kept: Option<(PathBuf, u64, u64)>,
    },
    /// An address that cannot be used.
    #[error("{url}: {reason}; give an address such as https://example.org/mnist/")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Another process downloads the same file.
    #[error("{} is in use: another process downloads this file; wait for it, or stop it", path.display())]
    Busy {
        /// The unfinished download.
        path: PathBuf,
    },
    /// Something else has the name of an unfinished download, or of the file.
    #[error("{}: {reason}; move it away", path.display())]
    InTheWay {
        /// What is in the way.
        path: PathBuf,
        /// What it is.
        reason: String,
    },
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// Whether it is a mistake in what was asked or given, rather than a failure.
    #[must_use]
    pub fn is_users(&self) -> bool {
        matches!(self, Error::Address { .. } | Error::Busy { .. } | Error::InTheWay { .. })
    }

    pub(crate) fn io(action: &'static str, path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_path_buf();
        move |source| Error::Io { action, path, source }
    }
}

fn name(path: &std::path::Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn listed(tried: &[(String, String)]) -> String {
    if tried.is_empty() {
        return "no mirror is known".to_owned();
    }
    tried.iter().map(|(url, reason)| format!("{url}: {reason}")).collect::<Vec<_>>().join("; ")
}

fn kept_text(path: &std::path::Path, kept: Option<&(PathBuf, u64, u64)>) -> String {
    match kept {
        Some((part, done, total)) => {
            let place = part.display();
            format!(
                "; {done} of {total} bytes of {} are kept in {place}; the same command goes on from there",
                name(path)
            )
        }
        None => format!(" at {}; the same command takes it up anew", name(path)),
    }
}
