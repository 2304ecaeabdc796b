//! Downloads the Parquet files of a data set on the Hugging Face Hub, through candle-datasets.
//!
//! The Hub library waits forever for a silent server and cannot be stopped. It therefore runs on its own thread, and
//! the caller's thread watches its progress. If nothing arrives for long, or if the caller wants to stop, the thread is
//! abandoned; it ends with the process or with its connection.

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

/// The Hub's URL.
pub(crate) const ENDPOINT: &str = "https://huggingface.co";

/// An open Parquet file.
pub(crate) type ParquetReader = SerializedFileReader<File>;

/// The Parquet files of a data set. They are deleted when this is dropped, because the library trusts every file in its
/// cache, even one that was damaged during the download.
pub(crate) struct ParquetFiles {
    // Declared first, so closed before the folder is removed.
    pub(crate) readers: Vec<ParquetReader>,
    _cache: TempDir,
}

/// A data set on a Hub.
#[derive(Clone, Copy)]
pub(crate) struct HubDataset<'a> {
    pub(crate) endpoint: &'a str,
    /// The data set's name on the Hub.
    pub(crate) name: &'static str,
}

impl HubDataset<'_> {
    pub(crate) fn error(&self, reason: impl Into<String>) -> Error {
        Error::Hub { endpoint: self.endpoint.to_owned(), dataset: self.name, reason: reason.into() }
    }
}

/// How often the caller is notified.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Silence is measured by the bytes on disk, and the Hub's storage delivers blocks of many megabytes. The download
/// therefore gets a multiple of the timeout of a server that sends continuously.
const SILENCE_FACTOR: u32 = 4;

/// Downloads all Parquet files of a data set. `on_bytes` is called several times a second with the number of bytes
/// received so far; an error from it ends the download.
pub(crate) fn download(
    dataset: HubDataset<'_>,
    options: &Options,
    mut on_bytes: impl FnMut(u64) -> Result<(), Error>,
) -> Result<ParquetFiles, Error> {
    let temp_dir = std::env::temp_dir();
    let cache = tempfile::Builder::new().prefix("gtn-hub-").tempdir();
    let cache = cache.map_err(Error::io("create a folder in", &temp_dir))?;
    let client = HFClient::builder()
        .endpoint(dataset.endpoint)
        .user_agent(concat!("gtn/", env!("CARGO_PKG_VERSION")))
        .cache_dir(cache.path())
        .retry_max_attempts(options.max_attempts.saturating_sub(1) as usize)
        .retry_base_delay(options.retry_delay / 2)
        .build_sync()
        .map_err(|error| dataset.error(hub_reason(&error)))?;
    let (sender, receiver) = mpsc::channel();
    let name = dataset.name.to_owned();
    let work = move || {
        let _ = sender.send(from_hub(&client, name).map_err(DownloadError::from));
    };
    let thread = std::thread::Builder::new().name("gtn-hub".to_owned()).spawn(work);
    thread.map_err(|error| dataset.error(format!("cannot start a thread ({error})")))?;

    let max_silence = options.read_timeout.saturating_mul(SILENCE_FACTOR);
    let (mut bytes, mut last_progress) = (0, Instant::now());
    loop {
        match receiver.recv_timeout(POLL_INTERVAL) {
            Ok(Ok(readers)) => return Ok(ParquetFiles { readers, _cache: cache }),
            Ok(Err(DownloadError::Hub(reason))) => return Err(dataset.error(reason)),
            Ok(Err(DownloadError::Disk(error))) => {
                return Err(Error::io("store the download (TMPDIR sets another folder) in", &temp_dir)(error));
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = folder_bytes(cache.path());
                if now != bytes {
                    (bytes, last_progress) = (now, Instant::now());
                }
                if last_progress.elapsed() > max_silence {
                    return Err(dataset.error(format!("no data for {} s", max_silence.as_secs_f64())));
                }
                on_bytes(bytes)?;
            }
            Err(RecvTimeoutError::Disconnected) => return Err(dataset.error("cannot read its files")),
        }
    }
}

/// Number of rows of a Parquet file according to its header.
pub(crate) fn row_count(reader: &ParquetReader) -> usize {
    usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0)
}

/// The value of a row in the column `name`.
pub(crate) fn column<'a>(row: &'a Row, name: &str) -> Option<&'a Field> {
    row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field)
}

/// The bytes of the image in a row's column `image`.
pub(crate) fn image(row: &Row) -> Option<&[u8]> {
    match column(row, "image")? {
        Field::Group(image) => match column(image, "bytes")? {
            Field::Bytes(bytes) => Some(bytes.data()),
            _ => None,
        },
        _ => None,
    }
}

/// Total size of the files below a folder. A file that disappears meanwhile counts 0.
fn folder_bytes(folder: &Path) -> u64 {
    let entry_bytes = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    };
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(entry_bytes).sum()
}

/// Why the library's thread failed.
enum DownloadError {
    Hub(String),
    Disk(std::io::Error),
}

impl From<candle_datasets::hub::Error> for DownloadError {
    fn from(error: candle_datasets::hub::Error) -> Self {
        use candle_datasets::hub::Error as Hub;
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match error {
            Hub::HubError(HFError::Io(error)) | Hub::IoError(error)
                if matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge) =>
            {
                DownloadError::Disk(error)
            }
            Hub::HubError(error) => DownloadError::Hub(hub_reason(&error)),
            Hub::IoError(error) => DownloadError::Hub(one_line(&error.to_string())),
            Hub::ParquetError(error) => DownloadError::Hub(one_line(&format!("not a Parquet file ({error})"))),
        }
    }
}

/// The library's message, or the root cause if the message hides it.
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
