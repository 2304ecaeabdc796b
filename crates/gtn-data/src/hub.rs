//! Data sets on the Hugging Face Hub: their Parquet files, through candle-datasets.
//!
//! The library that talks to the hub waits for a silent server for ever and cannot be stopped. Therefore it works on a thread
//! of its own, and the caller's thread watches what comes: when nothing does for long, or when the caller wants to stop, the
//! thread is left behind, and ends with the process or with its connection.

use std::error::Error as _;
use std::fs::File;
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use candle_datasets::hub::from_hub;
use hf_hub::{HFClient, HFError};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use tempfile::TempDir;

use crate::fetch::{Error, Options, one_line};

/// The hub's address.
pub(crate) const ENDPOINT: &str = "https://huggingface.co";

/// An open Parquet file.
pub(crate) type Reader = SerializedFileReader<File>;

/// The Parquet files of a data set, which are gone when this is dropped: the library believes every file in its cache, also
/// one that was damaged on its way.
pub(crate) struct Parquet {
    // Closed before the folder is removed.
    pub(crate) readers: Vec<Reader>,
    _cache: TempDir,
}

/// Where a data set was asked for.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) endpoint: &'a str,
    /// The data set's name there.
    pub(crate) dataset: &'static str,
}

impl Place<'_> {
    pub(crate) fn fail(&self, reason: impl Into<String>) -> Error {
        Error::Hub { endpoint: self.endpoint.to_owned(), dataset: self.dataset, reason: reason.into() }
    }
}

/// How often the caller hears something.
const BEAT: Duration = Duration::from_millis(100);

/// Silence is judged by the bytes on disk, and the hub's storage hands them on in blocks of many megabytes: so many times the
/// patience with a server that sends byte by byte.
const PATIENCE: u32 = 4;

/// Downloads all Parquet files of a data set. `tell` hears how many bytes have come, several times a second, and may end the
/// work by an error.
pub(crate) fn download(
    place: Place<'_>,
    options: &Options,
    mut tell: impl FnMut(u64) -> Result<(), Error>,
) -> Result<Parquet, Error> {
    let system = std::env::temp_dir();
    let cache = tempfile::Builder::new().prefix("gtn-hub-").tempdir();
    let cache = cache.map_err(Error::io("make a folder in", &system))?;
    let client = HFClient::builder()
        .endpoint(place.endpoint)
        .user_agent(concat!("gtn/", env!("CARGO_PKG_VERSION")))
        .cache_dir(cache.path())
        .retry_max_attempts(options.attempts.saturating_sub(1) as usize)
        .retry_base_delay(options.pause / 2)
        .build_sync()
        .map_err(|error| place.fail(hub_reason(&error)))?;
    let (sender, receiver) = mpsc::channel();
    let dataset = place.dataset.to_owned();
    let work = move || {
        let _ = sender.send(from_hub(&client, dataset).map_err(Trouble::of));
    };
    let thread = std::thread::Builder::new().name("gtn-hub".to_owned()).spawn(work);
    thread.map_err(|error| place.fail(format!("no thread can be started ({error})")))?;

    let silence = options.read_timeout.saturating_mul(PATIENCE);
    let (mut bytes, mut heard) = (0, Instant::now());
    loop {
        match receiver.recv_timeout(BEAT) {
            Ok(Ok(readers)) => return Ok(Parquet { readers, _cache: cache }),
            Ok(Err(Trouble::Hub(reason))) => return Err(place.fail(reason)),
            Ok(Err(Trouble::Disk(error))) => {
                return Err(Error::io("keep the download, which TMPDIR can lead elsewhere, in", &system)(error));
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = bytes_below(cache.path());
                if now != bytes {
                    (bytes, heard) = (now, Instant::now());
                }
                if heard.elapsed() > silence {
                    return Err(place.fail(format!("nothing came for {} s", silence.as_secs_f64())));
                }
                tell(bytes)?;
            }
            Err(RecvTimeoutError::Disconnected) => return Err(place.fail("its files cannot be read")),
        }
    }
}

/// Rows of a Parquet file, by its header.
pub(crate) fn rows_of(reader: &Reader) -> usize {
    usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0)
}

/// A column of a row.
pub(crate) fn column<'a>(row: &'a Row, name: &str) -> Option<&'a Field> {
    row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field)
}

/// The bytes of the picture in a row's column `image`.
pub(crate) fn image(row: &Row) -> Option<&[u8]> {
    match column(row, "image")? {
        Field::Group(image) => match column(image, "bytes")? {
            Field::Bytes(bytes) => Some(bytes.data()),
            _ => None,
        },
        _ => None,
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

/// What can happen on the library's thread.
enum Trouble {
    Hub(String),
    Disk(std::io::Error),
}

impl Trouble {
    fn of(error: candle_datasets::hub::Error) -> Self {
        use candle_datasets::hub::Error as Hub;
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match error {
            Hub::HubError(HFError::Io(error)) | Hub::IoError(error)
                if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) =>
            {
                Trouble::Disk(error)
            }
            Hub::HubError(error) => Trouble::Hub(hub_reason(&error)),
            Hub::IoError(error) => Trouble::Hub(one_line(&error.to_string())),
            Hub::ParquetError(error) => Trouble::Hub(one_line(&format!("a file is no Parquet ({error})"))),
        }
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
