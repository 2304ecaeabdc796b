//! Resumable downloads that are verified by SHA-256, or by its first digits, and complete atomically.
//!
//! A file is downloaded from the first of its mirrors that sends the expected bytes. It grows as `NAME.part` next to
//! its destination and is renamed only when its SHA-256 matches, so a reader sees the old file or the new one, never a
//! partial one. An interrupted download resumes where it stopped, from the same mirror or another. `HTTPS_PROXY`,
//! `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are honored.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use digest_io::IoWrapper;
use gtn_io::atomic::{self, parent_folder};
use gtn_io::hex;
use sha2::{Digest, Sha256};

mod error;
mod http;
mod options;

use http::Failure;

pub use error::Error;
pub(crate) use error::file_name;
#[cfg(feature = "hub")]
pub(crate) use http::check_url;
pub use options::Options;

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Destination; its folder is created when the first bytes arrive.
    pub path: PathBuf,
    /// Size in bytes, if it is known.
    pub size: Option<u64>,
    /// The expected SHA-256.
    pub sha256: ExpectedSha256,
    /// `http://` or `https://` URLs of the mirrors, in order of preference.
    pub urls: Vec<String>,
}

/// What the SHA-256 of a file must be, as lowercase hexadecimal text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedSha256 {
    /// All 64 digits.
    Full(String),
    /// The first digits. PyTorch's files have eight of them in their names.
    Prefix(String),
}

impl ExpectedSha256 {
    /// Whether this SHA-256, as lowercase hexadecimal text, is the expected one.
    #[must_use]
    pub fn matches(&self, sha256: &str) -> bool {
        match self {
            Self::Full(expected) => sha256 == expected,
            Self::Prefix(expected) => sha256.starts_with(expected),
        }
    }
}

impl fmt::Display for ExpectedSha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(expected) => f.write_str(expected),
            Self::Prefix(expected) => write!(f, "one that begins with {expected}"),
        }
    }
}

impl Download {
    /// Path of the unfinished download: the destination with `.part` appended.
    #[must_use]
    pub fn part_path(&self) -> PathBuf {
        let mut path = self.path.clone().into_os_string();
        path.push(".part");
        path.into()
    }
}

/// Progress of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// The complete file already exists.
    AlreadyPresent,
    /// Bytes received so far, including those of an earlier call. `done` drops to 0 when a download restarts. Downloads
    /// from the Hugging Face Hub report this even while nothing arrives.
    Bytes {
        /// Bytes on disk.
        done: u64,
        /// Size of the complete file; `None` while it is unknown, and for downloads from the Hub.
        total: Option<u64>,
    },
    /// An attempt failed, and the download continues.
    AttemptFailed {
        /// The URL that failed.
        url: &'a str,
        /// What happened.
        reason: &'a str,
        /// After this delay the same URL is tried again; if `None`, the next mirror is tried.
        retry_in: Option<Duration>,
    },
    /// Nothing happened; sent regularly between attempts so that the caller can stop.
    Waiting,
    /// Images of the Hugging Face Hub converted so far, for the file that they are written to (feature `hub`).
    Converted {
        /// Converted images.
        done: usize,
        /// Number of images.
        total: usize,
    },
    /// The file is complete.
    Done,
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
/// complete. `on_event` is called with the name and the progress of each file. When it returns [`ControlFlow::Break`],
/// the download stops and keeps the bytes received so far. After a mirror has provided a file, the following files try
/// the URL at the same index first.
///
/// # Errors
///
/// [`Error::AllMirrorsFailed`] if no mirror provided the file, [`Error::Stopped`] if `on_event` asked to stop,
/// [`Error::InvalidUrl`] for an invalid URL, [`Error::Locked`] or [`Error::PathOccupied`] if the `.part` file cannot be
/// used, [`Error::Io`] for errors of the file system.
pub fn fetch(
    files: &[Download],
    options: &Options,
    mut on_event: impl FnMut(&str, Event<'_>) -> ControlFlow<()>,
) -> Result<(), Error> {
    files.iter().flat_map(|file| &file.urls).try_for_each(|url| http::check_url(url))?;
    let mut fetcher = Fetcher::new(options, &mut on_event);
    let mut first = 0;
    for file in files {
        first = fetcher.fetch(file, first)?;
    }
    Ok(())
}

/// A callback for the progress of files, with the name of the file.
pub(crate) type OnEvent<'a> = dyn FnMut(&str, Event<'_>) -> ControlFlow<()> + 'a;

/// Reports an event. If the callback asks to stop, that is an error.
pub(crate) fn emit(on_event: &mut OnEvent<'_>, name: &str, event: Event<'_>) -> Result<(), Error> {
    match on_event(name, event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped(name.to_owned())),
    }
}

/// Sends requests, with retries.
struct Fetcher<'a> {
    agent: ureq::Agent,
    options: &'a Options,
    on_event: &'a mut OnEvent<'a>,
    /// Number of consecutive failures of the current URL.
    failures: u32,
}

impl<'a> Fetcher<'a> {
    fn new(options: &'a Options, on_event: &'a mut OnEvent<'a>) -> Self {
        Self { agent: http::agent(options), options, on_event, failures: 0 }
    }

    /// Downloads a file, trying the mirror at index `first` first, and returns the index of the mirror that provided it.
    fn fetch(&mut self, file: &Download, first: usize) -> Result<usize, Error> {
        let (path, name) = (&file.path, file_name(&file.path));
        let has_right_size = file_size(path)?.is_some_and(|size| file.size.is_none_or(|expected| size == expected));
        if has_right_size && file.sha256.matches(&sha256(path)?) {
            emit(self.on_event, &name, Event::AlreadyPresent)?;
            return Ok(first);
        }
        let count = file.urls.len();
        let mut attempts = Vec::new();
        for mirror in (first..first + count).map(|index| index % count) {
            let url = &file.urls[mirror];
            let reason = match self.retry(&name, url, |fetcher| fetcher.attempt(file, &name, url)) {
                Ok(()) => {
                    emit(self.on_event, &name, Event::Done)?;
                    return Ok(mirror);
                }
                Err(Failure::Fatal(error)) => return Err(error),
                Err(Failure::Transient(reason) | Failure::Permanent(reason)) => reason,
            };
            attempts.push((url.clone(), reason.clone()));
            if attempts.len() < count {
                emit(self.on_event, &name, Event::AttemptFailed { url, reason: &reason, retry_in: None })?;
            }
        }
        Err(Error::AllMirrorsFailed { path: path.clone(), attempts })
    }

    /// Repeats a request that fails, unless the failure is permanent or there were too many.
    fn retry<T>(
        &mut self,
        name: &str,
        url: &str,
        request: impl Fn(&mut Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.failures = 0;
        loop {
            let reason = match request(self) {
                Err(Failure::Transient(reason)) => reason,
                result => return result,
            };
            self.failures += 1;
            if self.failures >= self.options.max_attempts {
                return Err(Failure::Permanent(format!("{reason} ({} times)", self.failures)));
            }
            let pause = self.options.retry_delay.saturating_mul(1 << (self.failures - 1).min(16));
            emit(self.on_event, name, Event::AttemptFailed { url, reason: &reason, retry_in: Some(pause) })?;
            let start = Instant::now();
            while start.elapsed() < pause {
                emit(self.on_event, name, Event::Waiting)?;
                std::thread::sleep(pause.saturating_sub(start.elapsed()).min(Duration::from_millis(100)));
            }
        }
    }

    /// Requests the missing bytes of a file, appends them to the partial file, and renames it if its SHA-256 is right.
    fn attempt(&mut self, file: &Download, name: &str, url: &str) -> Result<(), Failure> {
        let path = file.part_path();
        let kept = file_size(&path)?.filter(|kept| file.size.is_none_or(|size| *kept <= size)).unwrap_or(0);
        emit(self.on_event, name, Event::Bytes { done: kept, total: file.size })?;
        let is_complete = match file.size {
            Some(size) => kept == size,
            None => kept > 0 && file.sha256.matches(&sha256(&path)?),
        };
        let response = match is_complete {
            true => None,
            false => Some(http::get(&self.agent, url, kept, file.size, self.options)?),
        };
        // Opened only now, so that nothing is written if no mirror has the file.
        let mut part = open_locked(&path)?;
        let (mut began_at, mut has_clear_end) = (kept, true);
        if let Some(mut response) = response {
            (began_at, has_clear_end) = (response.offset, response.has_clear_end);
            part.set_len(response.offset).map_err(Error::io("write", &path))?;
            self.receive(&mut response, &mut part, &path, name)?;
        }
        let found = sha256(&path)?;
        if file.sha256.matches(&found) {
            part.sync_all().and_then(|()| fs::rename(&path, &file.path)).map_err(Error::io("write", &file.path))?;
            atomic::sync_parent_folder(&file.path);
            return Ok(());
        }
        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        let reason = format!("wrong contents: the SHA-256 is {found}, expected {}", file.sha256);
        // The wrong bytes may be those of an earlier request, or the last ones may be missing.
        Err(if began_at > 0 || !has_clear_end { Failure::Transient(reason) } else { Failure::Permanent(reason) })
    }

    /// Appends a response to the partial file.
    fn receive(
        &mut self,
        response: &mut http::Response<impl Read>,
        part: &mut File,
        path: &Path,
        name: &str,
    ) -> Result<(), Failure> {
        let (mut done, total) = (response.offset, response.total);
        // A request that makes less progress counts as a failure, which bounds the number of requests. How much progress an
        // answer of unknown length makes is unknown, too.
        let enough = total.map_or(u64::MAX, |total| done + (total / 16).max(1));
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = response.bytes.read(&mut buffer).map_err(|error| http::failure(error, self.options))?;
            if read == 0 {
                break;
            }
            part.write_all(&buffer[..read]).map_err(Error::io("write", path))?;
            done += read as u64;
            if done >= enough {
                self.failures = 0;
            }
            emit(self.on_event, name, Event::Bytes { done, total })?;
        }
        match total {
            Some(total) if done < total => {
                Err(Failure::Transient(format!("the connection ended after {done} of {total} bytes")))
            }
            None if done > http::MAX_UNKNOWN_BYTES => {
                fs::remove_file(path).map_err(Error::io("remove", path))?;
                Err(Failure::Permanent("the answer has no end".to_owned()))
            }
            _ => Ok(()),
        }
    }
}

/// The size of a file, if it exists. Anything else at its path is an error.
pub(crate) fn file_size(path: &Path) -> Result<Option<u64>, Error> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata.len())),
        Ok(_) => Err(Error::PathOccupied { path: path.to_path_buf(), reason: "it is not a regular file".to_owned() }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("access", path)(error)),
    }
}

/// Opens a partial file for appending, and locks it against other downloads.
fn open_locked(path: &Path) -> Result<File, Error> {
    let folder = parent_folder(path);
    fs::create_dir_all(folder).map_err(Error::io("create the folder", folder))?;
    let file = OpenOptions::new().append(true).create(true).open(path).map_err(Error::io("write", path))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => Err(Error::Locked(path.to_path_buf())),
        // Some file systems do not support locks; there, the checksum catches two concurrent downloads.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn sha256(path: &Path) -> Result<String, Error> {
    let mut hasher = IoWrapper(Sha256::new());
    let read = File::open(path).and_then(|mut file| std::io::copy(&mut file, &mut hasher));
    read.map_err(Error::io("read", path))?;
    Ok(hex(hasher.0.finalize()))
}
