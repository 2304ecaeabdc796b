//! Data sets on the Hugging Face Hub (feature `hub`).
//!
//! The Hub converts every data set to Parquet files and lists their checksums, so they are downloaded and verified like
//! any other file. [`mnist::hub`](crate::mnist::hub) and [`celeba::hub`](crate::celeba::hub) convert their rows to the
//! original files.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use serde::Deserialize;
use tempfile::TempDir;

use crate::fetch::{self, Download, Error, Failure, Fetcher, OnEvent, Options, check_url};
use crate::{atomic, parent_folder};

/// The Hub's URL.
pub const ENDPOINT: &str = "https://huggingface.co";

/// The Hub's branch of Parquet files.
const REVISION: &str = "refs%2Fconvert%2Fparquet";

/// A data set on a Hub.
#[derive(Clone, Copy)]
pub(crate) struct HubDataset<'a> {
    pub(crate) endpoint: &'a str,
    /// The data set's name on the Hub.
    pub(crate) name: &'static str,
}

/// The Parquet files of a data set, sorted by name. They are deleted when this is dropped.
pub(crate) struct ParquetFiles {
    // Declared first, so closed before the folder is removed.
    pub(crate) files: Vec<ParquetFile>,
    _folder: TempDir,
}

/// An open Parquet file.
pub(crate) struct ParquetFile {
    /// Its path on the Hub, as in `mnist/train/0000.parquet`.
    pub(crate) name: String,
    pub(crate) reader: SerializedFileReader<File>,
}

/// The Hub's description of a data set.
#[derive(Deserialize)]
struct Listing {
    siblings: Vec<ListedFile>,
}

#[derive(Deserialize)]
struct ListedFile {
    rfilename: String,
    lfs: Option<Checksum>,
}

#[derive(Deserialize)]
struct Checksum {
    size: u64,
    sha256: String,
}

impl<'a> HubDataset<'a> {
    pub(crate) fn error(self, reason: impl Into<String>) -> Error {
        Error::Hub { endpoint: self.endpoint.to_owned(), dataset: self.name, reason: reason.into() }
    }

    /// Downloads all Parquet files to a temporary folder.
    pub(crate) fn download(self, options: &Options, on_event: &mut OnEvent<'_>) -> Result<ParquetFiles, Error> {
        let Self { endpoint, name } = self;
        check_url(endpoint)?;
        let endpoint = endpoint.trim_end_matches('/');
        let list_url = format!("{endpoint}/api/datasets/{name}/revision/{REVISION}?blobs=true");
        let list = Fetcher::new(options, on_event).text(name, &list_url).map_err(|failure| match failure {
            Failure::Fatal(error) => error,
            Failure::Transient(reason) | Failure::Permanent(reason) => self.error(reason),
        })?;
        let listing: Listing = serde_json::from_str(&list)
            .map_err(|error| self.error(format!("its list of files is invalid ({error})")))?;
        let mut listed = listing.siblings;
        listed.retain(|file| file.rfilename.ends_with(".parquet"));
        listed.sort_by(|left, right| left.rfilename.cmp(&right.rfilename));

        let temp_dir = std::env::temp_dir();
        let folder = tempfile::Builder::new().prefix("gtn-hub-").tempdir();
        let folder = folder.map_err(Error::io("create a folder in", &temp_dir))?;
        let mut files = Vec::new();
        for ListedFile { rfilename: file, lfs } in listed {
            let Some(Checksum { size, sha256 }) = lfs else {
                return Err(self.error(format!("it lists no checksum of {file}")));
            };
            let path = folder.path().join(file.replace(['/', '\\'], "-"));
            let url = format!("{endpoint}/datasets/{name}/resolve/{REVISION}/{file}");
            let download = Download { path: path.clone(), size, sha256, urls: vec![url] };
            fetch::fetch(&[download], options, &mut *on_event).map_err(|error| match error {
                Error::AllMirrorsFailed { attempts, .. } => self
                    .error(attempts.into_iter().map(|(url, reason)| format!("{reason} at {url}")).collect::<String>()),
                Error::Io { source, .. } => {
                    Error::io("store the download (TMPDIR sets another folder) in", &temp_dir)(source)
                }
                error => error,
            })?;
            let open = File::open(&path).map_err(Error::io("read", &path))?;
            let reader = SerializedFileReader::new(open)
                .map_err(|error| self.error(format!("{file}: not a Parquet file ({error})")))?;
            files.push(ParquetFile { name: file, reader });
        }
        Ok(ParquetFiles { files, _folder: folder })
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
        atomic::persist(file, path)
    };
    write().map_err(Error::io("write", path))
}
