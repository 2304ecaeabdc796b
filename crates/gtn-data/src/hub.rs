//! Data sets on the Hugging Face Hub, through candle-datasets (feature `hub`).
//!
//! The Hub converts every data set to Parquet files. [`mnist::hub`](crate::mnist::hub) and
//! [`celeba::hub`](crate::celeba::hub) convert their rows to the original files.
//!
//! The Hub's library waits forever for a silent server and cannot be stopped. It therefore runs on its own thread, and
//! the caller's thread watches its progress. If nothing arrives for six times [`Options::timeout`], or if the caller
//! wants to stop, the thread is abandoned; it ends with the process or with its connection. The library may use the
//! user's access token, as in `HF_TOKEN`.

use std::error::Error as _;
use std::fs::{DirEntry, File};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use candle_datasets::hub::{Error as LibraryError, from_hub};
use gtn_io::atomic::{self, Existing, parent_folder};
use hf_hub::{HFClient, HFClientSync, HFError};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use tempfile::TempDir;

use crate::fetch::{Error, Event, OnEvent, Options, emit};

/// The Hub's URL.
pub const ENDPOINT: &str = "https://huggingface.co";

/// How often the caller is notified.
const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// Silence is measured by the bytes on disk, and the Hub's storage delivers blocks of many megabytes. The download
/// therefore gets a multiple of the timeout of a server that sends continuously.
const SILENCE_FACTOR: u32 = 6;

/// A data set on a Hub.
#[derive(Clone, Copy)]
pub(crate) struct HubDataset<'a> {
    pub(crate) endpoint: &'a str,
    /// The data set's name on the Hub.
    pub(crate) name: &'static str,
}

/// The Parquet files of a data set. They are deleted when this is dropped, because the library trusts every file in its
/// cache, even one that was damaged during the download.
pub(crate) struct ParquetFiles {
    // Declared first, so closed before the folder is removed.
    pub(crate) files: Vec<ParquetFile>,
    _cache: TempDir,
}

/// An open Parquet file.
pub(crate) struct ParquetFile {
    /// Its path on the Hub, as in `mnist/train/0000.parquet`.
    pub(crate) name: String,
    pub(crate) reader: SerializedFileReader<File>,
}

impl<'a> HubDataset<'a> {
    /// The error that the Hub does not provide the data. The reason may be foreign text; it is put on one line of
    /// limited length.
    pub(crate) fn error(self, reason: impl AsRef<str>) -> Error {
        let words = reason.as_ref().split_whitespace().collect::<Vec<_>>().join(" ");
        let reason = words.chars().filter(|character| !character.is_control()).take(300).collect();
        Error::Hub { endpoint: self.endpoint.to_owned(), dataset: self.name, reason }
    }

    /// Downloads all Parquet files to a temporary folder.
    pub(crate) fn download(self, options: &Options, on_event: &mut OnEvent<'_>) -> Result<ParquetFiles, Error> {
        let Self { endpoint, name } = self;
        let cache = tempfile::Builder::new().prefix("gtn-hub-").tempdir();
        let cache = cache.map_err(Error::io("create a folder in", &std::env::temp_dir()))?;
        let client = HFClient::builder()
            .endpoint(endpoint)
            .user_agent(concat!("gtn/", env!("CARGO_PKG_VERSION")))
            .cache_dir(cache.path())
            .retry_max_attempts(options.max_attempts.saturating_sub(1) as usize)
            .retry_base_delay(options.retry_delay / 2)
            .build_sync()
            .map_err(|error| self.failure(error.into()))?;
        let (sender, receiver) = mpsc::channel();
        let work = move || {
            let _ = sender.send(download_files(&client, name));
        };
        let thread = std::thread::Builder::new().name("gtn-hub".to_owned()).spawn(work);
        thread.map_err(|error| self.error(format!("cannot start a thread ({error})")))?;

        let max_silence = options.timeout.saturating_mul(SILENCE_FACTOR);
        let (mut done, mut last_progress) = (0, Instant::now());
        loop {
            match receiver.recv_timeout(POLL_INTERVAL) {
                Ok(Ok(files)) => return Ok(ParquetFiles { files, _cache: cache }),
                Ok(Err(error)) => return Err(self.failure(error)),
                Err(RecvTimeoutError::Disconnected) => return Err(self.error("cannot read its files")),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let now = folder_bytes(cache.path());
            if now != done {
                (done, last_progress) = (now, Instant::now());
            }
            if last_progress.elapsed() > max_silence {
                return Err(self.error(format!("no data for {} s", max_silence.as_secs_f64())));
            }
            emit(on_event, name, Event::Bytes { done, total: None })?;
        }
    }

    /// The library's error, or the root cause if its message hides it.
    fn failure(self, error: LibraryError) -> Error {
        match error {
            LibraryError::HubError(HFError::Io(error)) | LibraryError::IoError(error) => match error.kind() {
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                    Error::io("store the download (TMPDIR sets another folder) in", &std::env::temp_dir())(error)
                }
                _ => self.error(error.to_string()),
            },
            LibraryError::HubError(HFError::Request { source, url }) => {
                let causes = std::iter::successors(source.source(), |cause| (*cause).source());
                let cause = causes.last().map_or_else(|| source.to_string(), ToString::to_string);
                let what = if source.is_connect() { "no connection" } else { "the connection failed" };
                let at = url.map(|url| format!(" at {url}")).unwrap_or_default();
                self.error(format!("{what} ({cause}){at}"))
            }
            LibraryError::HubError(error) => self.error(error.to_string()),
            LibraryError::ParquetError(error) => self.error(format!("not a Parquet file ({error})")),
        }
    }

    /// The rows of a file.
    pub(crate) fn rows(self, file: &'a ParquetFile) -> Result<impl Iterator<Item = Result<Row, Error>> + 'a, Error> {
        let fail = move |error| self.error(format!("cannot read {} ({error})", file.name));
        Ok(file.reader.get_row_iter(None).map_err(fail)?.map(move |row| row.map_err(fail)))
    }

    /// The error that the files do not have the expected number of rows.
    pub(crate) fn unexpected_rows(self, expected: &str, files: &[ParquetFile]) -> Error {
        let found: Vec<String> = files.iter().map(|file| file.row_count().to_string()).collect();
        self.error(format!("expected {expected}, got files of {} rows", found.join(", ")))
    }
}

impl ParquetFile {
    /// Number of rows according to the file's header.
    pub(crate) fn row_count(&self) -> usize {
        usize::try_from(self.reader.metadata().file_metadata().num_rows()).unwrap_or(0)
    }
}

/// Downloads and opens the Parquet files. candle-datasets returns them in the order of the Hub's list, without their
/// names.
fn download_files(client: &HFClientSync, dataset: &str) -> Result<Vec<ParquetFile>, LibraryError> {
    let (owner, name) = hf_hub::split_id(dataset);
    let list = client.dataset(owner, name).info().revision("refs/convert/parquet").send()?.siblings.unwrap_or_default();
    let names = list.into_iter().map(|file| file.rfilename).filter(|name| name.ends_with(".parquet"));
    let readers = from_hub(client, dataset.to_owned())?;
    Ok(names.zip(readers).map(|(name, reader)| ParquetFile { name, reader }).collect())
}

/// Total size of the files below a folder. A file that disappears meanwhile counts 0.
fn folder_bytes(folder: &Path) -> u64 {
    let entry_bytes = |entry: DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) if metadata.is_file() => metadata.len(),
        _ => 0,
    };
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(entry_bytes).sum()
}

/// The value of a row in the column `name`.
pub(crate) fn column<'a>(row: &'a Row, name: &str) -> Option<&'a Field> {
    row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field)
}

/// The bytes of the image in a row's column `image`.
pub(crate) fn image(row: &Row) -> Option<&[u8]> {
    let Field::Group(image) = column(row, "image")? else { return None };
    let Field::Bytes(bytes) = column(image, "bytes")? else { return None };
    Some(bytes.data())
}

/// Writes a file atomically.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || {
        std::fs::create_dir_all(parent_folder(path))?;
        let mut file = atomic::create_temp_file(path, 0o666)?;
        file.write_all(bytes)?;
        atomic::persist(file, path, Existing::Replace)
    };
    write().map_err(Error::io("write", path))
}
