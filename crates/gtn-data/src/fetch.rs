//! Resumable downloads that are verified by SHA-256 and complete atomically.
//!
//! A file is downloaded from the first of its mirrors that sends the expected bytes. It grows as `NAME.part` next to
//! its destination and is renamed only when size and SHA-256 match, so a reader sees the old file or the new one, never
//! a partial one. An interrupted download resumes where it stopped, from the same mirror or another.
//!
//! ```no_run
//! use std::ops::ControlFlow;
//!
//! use gtn_data::fetch::{self, Download, Options};
//!
//! let file = Download {
//!     path: "datasets/mnist/t10k-labels-idx1-ubyte.gz".into(),
//!     size: 4542,
//!     sha256: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6".to_owned(),
//!     urls: vec!["https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz".to_owned()],
//! };
//! fetch::fetch(&[file], &Options::default(), |_, _| ControlFlow::Continue(()))?;
//! # Ok::<(), gtn_data::fetch::Error>(())
//! ```

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

mod error;
mod http;
mod partial_file;

pub use error::Error;

use http::{Client, RequestError};
use partial_file::PartialFile;

#[cfg(feature = "hub")]
pub(crate) use {
    http::{check_url, one_line},
    partial_file::{check_destination, write_atomically},
};

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Destination; its folder is created when the first bytes arrive.
    pub path: PathBuf,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 as hexadecimal text.
    pub sha256: String,
    /// `http://` or `https://` URLs of the mirrors, in order of preference.
    pub urls: Vec<String>,
}

impl Download {
    /// File name without its folder.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Path of the unfinished download: the destination with `.part` appended.
    #[must_use]
    pub fn part_path(&self) -> PathBuf {
        partial_file::partial_path(&self.path)
    }
}

/// Timeouts and retries of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long connecting to a server may take before the next mirror is tried.
    pub connect_timeout: Duration,
    /// How long a server may send nothing before the request is repeated.
    pub read_timeout: Duration,
    /// Number of consecutive transient failures (a cut connection, a timeout, HTTP status 5xx) after which a mirror is
    /// given up. The count restarts when a mirror has sent a substantial part of the file. At least one attempt is
    /// made.
    pub max_attempts: u32,
    /// Delay before the second attempt; it doubles with each further attempt.
    pub retry_delay: Duration,
    /// Whether to honor `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`.
    pub proxy_from_env: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(30),
            max_attempts: 4,
            retry_delay: Duration::from_secs(1),
            proxy_from_env: true,
        }
    }
}

/// Progress of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The complete file already exists.
    AlreadyPresent,
    /// Bytes received so far, including those of an earlier call. `done` drops to 0 when a download restarts.
    Bytes {
        /// Bytes on disk.
        done: u64,
        /// Size of the complete file.
        total: u64,
    },
    /// An attempt failed, and the download continues.
    AttemptFailed {
        /// The URL that failed.
        url: &'a str,
        /// What happened.
        reason: &'a str,
        /// What is tried next.
        next: NextAttempt,
    },
    /// Nothing happened; sent regularly so that the caller can stop.
    Waiting,
    /// The file is complete.
    Done,
}

/// What a download tries after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NextAttempt {
    /// The same URL after this delay.
    SameUrl(Duration),
    /// The next mirror.
    NextMirror,
}

/// What was downloaded for a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchSummary {
    /// The folder of the data set.
    pub folder: PathBuf,
    /// Number of new files; the others already existed.
    pub new_files: usize,
}

/// Downloads the files that do not exist yet, one after the other.
///
/// A file with the expected size and SHA-256 is kept; any other file at its path is replaced when the download is
/// complete. `on_event` is called with the progress of each file. When it returns [`ControlFlow::Break`], the download
/// stops and keeps the bytes received so far. After a mirror has provided a file, the following files try the URL at
/// the same index first.
///
/// # Errors
///
/// [`Error::AllMirrorsFailed`] if no mirror provided the file, [`Error::Stopped`] if `on_event` asked to stop,
/// [`Error::InvalidUrl`] for an invalid URL, [`Error::Locked`] or [`Error::PathOccupied`] if the `.part` file cannot be
/// used, [`Error::Io`] for errors of the file system.
pub fn fetch(
    files: &[Download],
    options: &Options,
    mut on_event: impl FnMut(&Download, Event<'_>) -> ControlFlow<()>,
) -> Result<(), Error> {
    for url in files.iter().flat_map(|file| &file.urls) {
        http::check_url(url)?;
    }
    let client = Client::new(options, files.iter().flat_map(|file| &file.urls).any(|url| url.starts_with("https:")));
    let mut first = 0;
    for file in files {
        first = Transfer { file, options, client: &client, on_event: &mut on_event }.run(first)?;
    }
    Ok(())
}

/// The download of one file.
struct Transfer<'a, T> {
    file: &'a Download,
    options: &'a Options,
    client: &'a Client,
    on_event: &'a mut T,
}

/// Why a mirror did not provide the file.
enum MirrorError {
    /// Another mirror may succeed.
    Unusable(String),
    /// No mirror can succeed.
    Fatal(Error),
}

impl From<Error> for MirrorError {
    fn from(error: Error) -> Self {
        MirrorError::Fatal(error)
    }
}

impl<T: FnMut(&Download, Event<'_>) -> ControlFlow<()>> Transfer<'_, T> {
    /// Downloads the file, trying the mirror at index `first` first, and returns the index of the mirror that provided
    /// it.
    fn run(mut self, first: usize) -> Result<usize, Error> {
        let file = self.file;
        let (path, part_path) = (&file.path, file.part_path());
        if partial_file::is_complete(path, file.size, &file.sha256)? {
            return match (self.on_event)(file, Event::AlreadyPresent) {
                ControlFlow::Continue(()) => Ok(first),
                ControlFlow::Break(()) => Err(Error::Stopped { path: path.clone(), kept: None }),
            };
        }
        let mut part = PartialFile::open(&part_path, file.size)?;
        if part.len() > 0 {
            self.emit(&part, Event::Bytes { done: part.len(), total: file.size })?;
        }
        let count = file.urls.len();
        let order: Vec<usize> = (0..count).map(|step| (first + step) % count.max(1)).collect();
        let mut attempts = Vec::new();
        for (step, &mirror) in order.iter().enumerate() {
            let url = &file.urls[mirror];
            part.mark_new_source();
            match self.try_mirror(url, &mut part) {
                Ok(()) => {
                    part.persist(path)?;
                    return match (self.on_event)(file, Event::Done) {
                        ControlFlow::Continue(()) => Ok(mirror),
                        ControlFlow::Break(()) => Err(Error::Stopped { path: path.clone(), kept: None }),
                    };
                }
                Err(MirrorError::Fatal(error)) => return Err(error),
                Err(MirrorError::Unusable(reason)) => {
                    if step + 1 < count {
                        self.emit(&part, Event::AttemptFailed { url, reason: &reason, next: NextAttempt::NextMirror })?;
                    }
                    attempts.push((url.clone(), reason));
                }
            }
        }
        part.remove_if_empty();
        Err(Error::AllMirrorsFailed { path: path.clone(), attempts })
    }

    /// Downloads the file from one URL, with retries.
    fn try_mirror(&mut self, url: &str, part: &mut PartialFile) -> Result<(), MirrorError> {
        // An attempt that makes less progress counts as a failure, which bounds the number of attempts.
        let min_progress = (self.file.size / 16).max(1);
        let (mut failures, mut best) = (0, part.len());
        loop {
            match self.attempt(url, part)? {
                Ok(()) if part.sha256() == self.file.sha256 => return Ok(()),
                Ok(()) => {
                    let single_source = part.is_single_source();
                    part.restart()?;
                    if single_source {
                        return Err(MirrorError::Unusable(
                            "wrong contents: the SHA-256 does not match the expected one".to_owned(),
                        ));
                    }
                    // Bytes from another source may be the wrong ones, so retry this URL from the start.
                }
                Err(RequestError::Permanent(reason)) => return Err(MirrorError::Unusable(reason)),
                Err(RequestError::Transient(reason)) => {
                    failures += 1;
                    if part.len() >= best.saturating_add(min_progress) {
                        (failures, best) = (1, part.len());
                    }
                    if failures >= self.options.max_attempts {
                        let times = if failures > 1 { format!(" ({failures} times)") } else { String::new() };
                        return Err(MirrorError::Unusable(reason + &times));
                    }
                    let pause = self.options.retry_delay.saturating_mul(1 << (failures - 1).min(16));
                    self.emit(part, Event::AttemptFailed { url, reason: &reason, next: NextAttempt::SameUrl(pause) })?;
                    self.wait(part, pause)?;
                }
            }
        }
    }

    /// Sends one request for the missing bytes and writes them to the partial file.
    fn attempt(&mut self, url: &str, part: &mut PartialFile) -> Result<Result<(), RequestError>, Error> {
        let total = self.file.size;
        if part.len() == total && part.exists() {
            return Ok(Ok(()));
        }
        self.emit(part, Event::Waiting)?;
        let mut response = match self.client.get(url, part.len(), total) {
            Ok(response) => response,
            Err(error) => return Ok(Err(error)),
        };
        if response.offset != part.len() || !part.exists() {
            part.restart()?;
        }
        self.emit(part, Event::Bytes { done: part.len(), total })?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = match response.read(&mut buffer) {
                Ok(read) => read,
                // All bytes arrived; the checksum decides whether they are right.
                Err(_) if part.len() == total => 0,
                Err(error) => return Ok(Err(error)),
            };
            if read == 0 {
                return Ok(if part.len() == total {
                    Ok(())
                } else {
                    Err(RequestError::Transient(format!("the connection ended after {} of {total} bytes", part.len())))
                });
            }
            if read as u64 > total - part.len() {
                part.restart()?;
                return Ok(Err(RequestError::Permanent(format!(
                    "the server sent more than the expected {total} bytes"
                ))));
            }
            part.append(&buffer[..read])?;
            self.emit(part, Event::Bytes { done: part.len(), total })?;
        }
    }

    fn emit(&mut self, part: &PartialFile, event: Event<'_>) -> Result<(), Error> {
        match (self.on_event)(self.file, event) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                part.remove_if_empty();
                let kept = (part.len() > 0).then(|| (self.file.part_path(), part.len(), self.file.size));
                Err(Error::Stopped { path: self.file.path.clone(), kept })
            }
        }
    }

    /// Waits for `pause`, asking regularly whether to stop.
    fn wait(&mut self, part: &PartialFile, pause: Duration) -> Result<(), Error> {
        let start = Instant::now();
        loop {
            self.emit(part, Event::Waiting)?;
            let left = pause.saturating_sub(start.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }
}
