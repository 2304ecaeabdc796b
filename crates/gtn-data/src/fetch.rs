//! Downloads that end whole or not at all.
//!
//! A file comes from the first of its mirrors that gives the right bytes. It grows in `NAME.part` beside its place and gets
//! its name only when size and SHA-256 are those expected, so that a reader sees the old file or the new one. What was
//! downloaded before an interruption is gone on with, from the same mirror or another.
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
mod part;

pub use error::Error;

use http::{Client, Fault};
use part::Part;

#[cfg(feature = "hub")]
pub(crate) use {
    http::{check_address, one_line},
    part::{check_place, write_whole},
};

/// A file to download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// Where it goes; the folder is made when the first bytes come.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its bytes, as hexadecimal text.
    pub sha256: String,
    /// Where it can be had, the first choice first: `http://` or `https://`.
    pub urls: Vec<String>,
}

impl Download {
    /// The name of the file, without its folder.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Where it grows until it is whole: its path with `.part` added.
    #[must_use]
    pub fn part_path(&self) -> PathBuf {
        part::path_for(&self.path)
    }
}

/// How patient a download is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How long finding a server and greeting it may take; then the next mirror is tried.
    pub connect_timeout: Duration,
    /// How long a server may say nothing; then it is asked again.
    pub read_timeout: Duration,
    /// How often in a row a mirror may fail in a way that may pass (a cut connection, silence, HTTP status 5xx) without
    /// having sent anything of note in between. At least one attempt is made.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles with each further one.
    pub pause: Duration,
    /// Whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are honored.
    pub proxy_from_environment: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(30),
            attempts: 4,
            pause: Duration::from_secs(1),
            proxy_from_environment: true,
        }
    }
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// It was there before, whole.
    Present,
    /// So many of its bytes have come, those of an earlier call included; `done` falls when a download starts anew.
    Bytes {
        /// Bytes that are there.
        done: u64,
        /// Bytes of the whole file.
        total: u64,
    },
    /// Something failed, and the download goes on.
    Trouble {
        /// The address that was asked.
        url: &'a str,
        /// What happened.
        reason: &'a str,
        /// How it goes on.
        next: Next,
    },
    /// Nothing happens for a moment; a chance to stop.
    Waiting,
    /// It has its name now.
    Done,
}

/// How a download goes on after something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// The same address is asked again after this time.
    Again(Duration),
    /// The next mirror is asked.
    Mirror,
}

/// What was done for a data set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The folder of its files.
    pub folder: PathBuf,
    /// How many of them are new; the others were there.
    pub new: usize,
}

/// Downloads the files that are not there yet, one after the other.
///
/// A file that is there with the right size and SHA-256 is left alone; one that is not right is replaced once its successor
/// is whole. `tell` hears what happens to each file; when it returns [`ControlFlow::Break`], the download stops and keeps
/// what has come. When a mirror has served a file, the next files ask the mirror at the same place of their lists first.
///
/// # Errors
///
/// [`Error::Mirrors`] when no mirror gave the file, [`Error::Stopped`] when `tell` asked for it, [`Error::Address`] for an
/// address that cannot be used, [`Error::Busy`] and [`Error::InTheWay`] when the `.part` file cannot be had, [`Error::Io`]
/// when the file system refuses.
pub fn fetch(
    files: &[Download],
    options: &Options,
    mut tell: impl FnMut(&Download, Event<'_>) -> ControlFlow<()>,
) -> Result<(), Error> {
    for url in files.iter().flat_map(|file| &file.urls) {
        http::check_address(url)?;
    }
    let client = Client::new(options, files.iter().flat_map(|file| &file.urls).any(|url| url.starts_with("https:")));
    let mut first = 0;
    for file in files {
        first = Fetching { file, options, client: &client, tell: &mut tell }.run(first)?;
    }
    Ok(())
}

/// One file on its way.
struct Fetching<'a, T> {
    file: &'a Download,
    options: &'a Options,
    client: &'a Client,
    tell: &'a mut T,
}

/// Why an address did not give the file.
enum End {
    /// It is the address's fault, and another may do.
    Mirror(String),
    /// No address can help.
    All(Error),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        End::All(error)
    }
}

impl<T: FnMut(&Download, Event<'_>) -> ControlFlow<()>> Fetching<'_, T> {
    /// Gets the file, asking its mirror number `first` first; the number of the mirror that gave it.
    fn run(mut self, first: usize) -> Result<usize, Error> {
        let file = self.file;
        let (path, part_path) = (&file.path, file.part_path());
        if part::is_whole(path, file.size, &file.sha256)? {
            return match (self.tell)(file, Event::Present) {
                ControlFlow::Continue(()) => Ok(first),
                ControlFlow::Break(()) => Err(Error::Stopped { path: path.clone(), kept: None }),
            };
        }
        let mut part = Part::open(&part_path, file.size)?;
        if part.len() > 0 {
            self.say(&part, Event::Bytes { done: part.len(), total: file.size })?;
        }
        let count = file.urls.len();
        let order: Vec<usize> = (0..count).map(|step| (first + step) % count.max(1)).collect();
        let mut tried = Vec::new();
        for (step, &number) in order.iter().enumerate() {
            let url = &file.urls[number];
            part.other_source();
            match self.ask_mirror(url, &mut part) {
                Ok(()) => {
                    part.publish(path)?;
                    return match (self.tell)(file, Event::Done) {
                        ControlFlow::Continue(()) => Ok(number),
                        ControlFlow::Break(()) => Err(Error::Stopped { path: path.clone(), kept: None }),
                    };
                }
                Err(End::All(error)) => return Err(error),
                Err(End::Mirror(reason)) => {
                    if step + 1 < count {
                        self.say(&part, Event::Trouble { url, reason: &reason, next: Next::Mirror })?;
                    }
                    tried.push((url.clone(), reason));
                }
            }
        }
        part.remove_if_empty();
        Err(Error::Mirrors { path: path.clone(), tried })
    }

    /// Gets the file from one address, which may take several attempts.
    fn ask_mirror(&mut self, url: &str, part: &mut Part) -> Result<(), End> {
        // An attempt that brings less than this is as one that brings nothing; so the number of attempts has a bound.
        let of_note = (self.file.size / 16).max(1);
        let (mut failures, mut best) = (0, part.len());
        loop {
            match self.attempt(url, part)? {
                Ok(()) if part.sha256() == self.file.sha256 => return Ok(()),
                Ok(()) => {
                    let of_one_source = part.is_of_one_source();
                    part.start_anew()?;
                    if of_one_source {
                        return Err(End::Mirror(
                            "it sends other bytes: their SHA-256 is not the one expected".to_owned(),
                        ));
                    }
                    // What was there before may be what is wrong: the same address from the start.
                }
                Err(Fault::Lasting(reason)) => return Err(End::Mirror(reason)),
                Err(Fault::Passing(reason)) => {
                    failures += 1;
                    if part.len() >= best.saturating_add(of_note) {
                        (failures, best) = (1, part.len());
                    }
                    if failures >= self.options.attempts {
                        let times = if failures > 1 { format!(" ({failures} times)") } else { String::new() };
                        return Err(End::Mirror(reason + &times));
                    }
                    let pause = self.options.pause.saturating_mul(1 << (failures - 1).min(16));
                    self.say(part, Event::Trouble { url, reason: &reason, next: Next::Again(pause) })?;
                    self.wait(part, pause)?;
                }
            }
        }
    }

    /// Asks an address once for what is missing, and takes what comes.
    fn attempt(&mut self, url: &str, part: &mut Part) -> Result<Result<(), Fault>, Error> {
        let total = self.file.size;
        if part.len() == total && part.exists() {
            return Ok(Ok(()));
        }
        self.say(part, Event::Waiting)?;
        let mut answer = match self.client.get(url, part.len(), total) {
            Ok(answer) => answer,
            Err(fault) => return Ok(Err(fault)),
        };
        if answer.offset != part.len() || !part.exists() {
            part.start_anew()?;
        }
        self.say(part, Event::Bytes { done: part.len(), total })?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let read = match answer.read(&mut buffer) {
                Ok(read) => read,
                // All is there; whether it is right, its checksum tells.
                Err(_) if part.len() == total => 0,
                Err(fault) => return Ok(Err(fault)),
            };
            if read == 0 {
                return Ok(if part.len() == total {
                    Ok(())
                } else {
                    Err(Fault::Passing(format!("the connection ended after {} of {total} bytes", part.len())))
                });
            }
            if read as u64 > total - part.len() {
                part.start_anew()?;
                return Ok(Err(Fault::Lasting(format!("it sends more than the {total} bytes of the file"))));
            }
            part.append(&buffer[..read])?;
            self.say(part, Event::Bytes { done: part.len(), total })?;
        }
    }

    fn say(&mut self, part: &Part, event: Event<'_>) -> Result<(), Error> {
        match (self.tell)(self.file, event) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                part.remove_if_empty();
                let kept = (part.len() > 0).then(|| (self.file.part_path(), part.len(), self.file.size));
                Err(Error::Stopped { path: self.file.path.clone(), kept })
            }
        }
    }

    /// Pauses, asking now and then whether to stop.
    fn wait(&mut self, part: &Part, pause: Duration) -> Result<(), Error> {
        let begun = Instant::now();
        loop {
            self.say(part, Event::Waiting)?;
            let left = pause.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Duration::from_millis(100)));
        }
    }
}
