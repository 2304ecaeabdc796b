//! Data sets on the Hugging Face Hub: their Parquet files, through candle-datasets.
//!
//! The library that talks to the hub waits for a silent server for ever and cannot be stopped. Therefore it works on a thread
//! of its own, and the caller's thread watches what comes: when nothing does for long, or when the caller wants to stop, the
//! thread is left behind, and ends with the process or with its connection.

use std::error::Error as _;
use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use candle_datasets::hub::from_hub;
use hf_hub::{HFClient, HFError};
use parquet::file::reader::SerializedFileReader;

use crate::fetch::{Error, Options, one_line};

/// An open Parquet file.
pub(crate) type Reader = SerializedFileReader<File>;

/// A sign of life.
#[derive(Clone, Copy)]
pub(crate) enum Sign {
    /// So many bytes have come.
    Bytes(u64),
    /// So many rows have been read, of so many.
    Rows { done: usize, total: usize },
}

/// Says, while rows are read, how far that is.
pub(crate) struct Rows<T>(Sender<Message<T>>);

impl<T> Rows<T> {
    pub(crate) fn tell(&self, done: usize, total: usize) {
        // Where nobody listens any more, the process is about to end.
        let _ = self.0.send(Message::Rows { done, total });
    }
}

enum Message<T> {
    Rows { done: usize, total: usize },
    Done(Result<T, String>),
}

/// How often the caller hears something.
const BEAT: Duration = Duration::from_millis(100);

/// Silence is judged by the bytes on disk, and the hub's storage hands them on in blocks of many megabytes: so many times the
/// patience with a server that sends byte by byte.
const PATIENCE: u32 = 4;

/// Downloads all Parquet files of a data set, and makes of them what `convert` does.
///
/// They lie in a folder of their own, which is gone at the end: the library believes every file in its cache, also one that
/// was damaged on its way. `tell` hears signs of life and may end the work by an error.
pub(crate) fn fetch<T: Send + 'static>(
    endpoint: &str,
    dataset: &'static str,
    options: &Options,
    convert: impl FnOnce(&[Reader], &Rows<T>) -> Result<T, String> + Send + 'static,
    mut tell: impl FnMut(Sign) -> Result<(), Error>,
) -> Result<T, Error> {
    let fail = |reason: String| Error::Hub { endpoint: endpoint.to_owned(), dataset, reason };
    let system = std::env::temp_dir();
    let cache = tempfile::Builder::new().prefix("gtn-hub-").tempdir();
    let cache = cache.map_err(Error::io("make a folder in", &system))?;
    let client = HFClient::builder()
        .endpoint(endpoint)
        .user_agent(concat!("gtn/", env!("CARGO_PKG_VERSION")))
        .cache_dir(cache.path())
        .retry_max_attempts(options.attempts.saturating_sub(1) as usize)
        .retry_base_delay(options.pause / 2)
        .build_sync()
        .map_err(|error| fail(hub_reason(&error)))?;
    let (sender, receiver) = mpsc::channel();
    let work = move || {
        let made = match from_hub(&client, dataset.to_owned()) {
            Ok(readers) => convert(&readers, &Rows(sender.clone())),
            Err(error) => Err(reason(&error)),
        };
        let _ = sender.send(Message::Done(made));
    };
    let thread = std::thread::Builder::new().name("gtn-hub".to_owned()).spawn(work);
    thread.map_err(|error| fail(format!("no thread can be started ({error})")))?;

    let silence = options.read_timeout.saturating_mul(PATIENCE);
    let (mut bytes, mut heard) = (0, Instant::now());
    loop {
        match receiver.recv_timeout(BEAT) {
            Ok(Message::Done(made)) => return made.map_err(fail),
            Ok(Message::Rows { done, total }) => {
                heard = Instant::now();
                tell(Sign::Rows { done, total })?;
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = bytes_below(cache.path());
                if now != bytes {
                    (bytes, heard) = (now, Instant::now());
                }
                if heard.elapsed() > silence {
                    return Err(fail(format!("nothing came for {} s", silence.as_secs_f64())));
                }
                tell(Sign::Bytes(bytes))?;
            }
            Err(RecvTimeoutError::Disconnected) => return Err(fail("its files cannot be read".to_owned())),
        }
    }
}

/// What the files below a folder hold; what vanishes meanwhile holds nothing.
fn bytes_below(folder: &Path) -> u64 {
    let of_entry = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_below(&entry.path()),
        Ok(found) if found.is_file() => found.len(),
        _ => 0,
    };
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(of_entry).sum()
}

fn reason(error: &candle_datasets::hub::Error) -> String {
    use candle_datasets::hub::Error as Hub;
    match error {
        Hub::HubError(error) => hub_reason(error),
        Hub::IoError(error) => one_line(&error.to_string()),
        Hub::ParquetError(error) => one_line(&format!("a file is no Parquet ({error})")),
    }
}

/// The library's words; where they hide the cause behind others, the cause.
fn hub_reason(error: &HFError) -> String {
    let HFError::Request { source, url } = error else { return one_line(&error.to_string()) };
    let mut cause = source.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    let cause = cause.map_or_else(|| source.to_string(), ToString::to_string);
    let what = if source.is_connect() { "no connection" } else { "the connection failed" };
    let at = url.as_ref().map(|url| format!(" at {url}")).unwrap_or_default();
    one_line(&format!("{what} ({cause}){at}"))
}
