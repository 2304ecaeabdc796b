//! MNIST from the Hugging Face Hub, through candle-datasets (feature `hub`).
//!
//! The Hub stores the images as PNG in two Parquet files. They are converted back to the four IDX files, which are
//! written only if each has the SHA-256 of the official file, that is, holds the same images in the same order.

use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::Path;

use flate2::write::GzEncoder;
use gtn_io::hex;
use image::{ImageFormat, ImageReader, Limits};
use parquet::file::reader::FileReader;
use parquet::record::{Field, Row};
use sha2::{Digest, Sha256};

use super::{FILES, FetchSummary, FileSpec, SIDE, files_to_fetch};
use crate::fetch::{Error, Options, check_destination, check_url, write_atomically};
use crate::hub_download::{self, HubDataset, ParquetReader, row_count};

/// The Hub's URL.
pub const ENDPOINT: &str = hub_download::ENDPOINT;

/// The data set's name on the Hub.
pub const DATASET: &str = "ylecun/mnist";

/// Progress of [`fetch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// This file already exists and equals the official file.
    AlreadyPresent(FileSpec),
    /// Number of bytes received so far; the total is unknown. Sent several times a second, even while nothing arrives.
    Received(u64),
    /// Number of images decoded so far.
    Unpacked {
        /// Decoded images of the current Parquet file.
        done: usize,
        /// Images in that file.
        total: usize,
    },
    /// This file is complete.
    Done(FileSpec),
}

/// Downloads MNIST from the Hub at `endpoint` and writes the files that are missing or invalid, as NAME.gz, to the same
/// folder as [`fetch`](super::fetch()).
///
/// Files are written only if all of them equal the official files. When `on_event` returns [`ControlFlow::Break`], the
/// work stops; the next call starts from the beginning. A server that sends nothing for four times
/// `options.read_timeout` is given up. `connect_timeout` and `proxy_from_env` have no effect, because the underlying
/// library does not expose them (it honors `HTTPS_PROXY` and the like). The library may use the user's access token, as
/// in `HF_TOKEN`.
///
/// # Errors
///
/// [`Error::Hub`] if the Hub does not provide the official data, [`Error::InvalidUrl`] for an invalid `endpoint`,
/// [`Error::Stopped`] if `on_event` asked to stop, [`Error::PathOccupied`] for an existing file that is not MNIST's,
/// [`Error::Io`] for errors of the file system.
pub fn fetch(
    data_dir: &Path,
    endpoint: &str,
    options: &Options,
    mut on_event: impl FnMut(Event) -> ControlFlow<()>,
) -> Result<FetchSummary, Error> {
    check_url(endpoint)?;
    let (folder, needed) = files_to_fetch(data_dir)?;
    let path = |spec: &FileSpec| folder.join(spec.gzip_name());
    let mut emit = |spec: &FileSpec, event| match on_event(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped { path: path(spec), kept: None }),
    };
    for (spec, _) in FILES.iter().zip(needed).filter(|(_, needed)| !needed) {
        emit(spec, Event::AlreadyPresent(*spec))?;
    }
    let missing: Vec<FileSpec> =
        FILES.iter().zip(needed).filter(|(_, needed)| *needed).map(|(spec, _)| *spec).collect();
    let Some(first) = missing.first() else { return Ok(FetchSummary { folder, new_files: 0 }) };
    missing.iter().try_for_each(|spec| check_destination(&path(spec)))?;

    let dataset = HubDataset { endpoint, name: DATASET };
    let parquet = hub_download::download(dataset, options, |bytes| emit(first, Event::Received(bytes)))?;
    let contents =
        unpack(&parquet.readers, needed, dataset, &mut |done, total| emit(first, Event::Unpacked { done, total }))?;
    drop(parquet);
    for (spec, content) in missing.iter().zip(&contents) {
        write_atomically(&path(spec), content)?;
        emit(spec, Event::Done(*spec))?;
    }
    Ok(FetchSummary { folder, new_files: missing.len() })
}

/// Called with the number of decoded images and their total number.
type OnProgress<'a> = dyn FnMut(usize, usize) -> Result<(), Error> + 'a;

/// The verified contents of the needed files, compressed.
fn unpack(
    readers: &[ParquetReader],
    needed: [bool; 4],
    dataset: HubDataset<'_>,
    on_progress: &mut OnProgress<'_>,
) -> Result<Vec<Vec<u8>>, Error> {
    let mut contents = Vec::new();
    for first in [0, 2] {
        let pair = [first, first + 1];
        if !pair.iter().any(|&file| needed[file]) {
            continue;
        }
        let data = read_columns(readers, FILES[first].items, dataset, on_progress)?;
        for (file, data) in pair.into_iter().zip(data).filter(|(file, _)| needed[*file]) {
            contents.push(verified_gzip(&FILES[file], &data).map_err(|reason| dataset.error(reason))?);
        }
    }
    Ok(contents)
}

/// Pixels and labels of the Parquet file with `items` rows. The file names are not available here, but the training and
/// test sets differ in size.
fn read_columns(
    readers: &[ParquetReader],
    items: usize,
    dataset: HubDataset<'_>,
    on_progress: &mut OnProgress<'_>,
) -> Result<[Vec<u8>; 2], Error> {
    let Some(reader) = readers.iter().find(|reader| row_count(reader) == items) else {
        let found: Vec<String> = readers.iter().map(|reader| row_count(reader).to_string()).collect();
        let found = if found.is_empty() { "no".to_owned() } else { found.join(", ") };
        return Err(dataset.error(format!("expected a Parquet file of {items} rows, got files of {found} rows")));
    };
    let (mut pixels, mut labels) = (Vec::with_capacity(items * SIDE * SIDE), Vec::with_capacity(items));
    let rows = reader.get_row_iter(None);
    let rows = rows.map_err(|error| dataset.error(format!("cannot read its Parquet file ({error})")))?;
    // `take` bounds the work, whatever the file holds.
    for (number, row) in rows.take(items).enumerate() {
        let row = row.map_err(|error| dataset.error(format!("cannot read row {number} ({error})")))?;
        let png = hub_download::image(&row).ok_or_else(|| dataset.error(format!("row {number} has no image")))?;
        pixels.extend(decode(png).map_err(|reason| dataset.error(format!("row {number}: {reason}")))?);
        labels.push(label(&row).ok_or_else(|| dataset.error(format!("row {number} has no label")))?);
        if number % 500 == 0 {
            on_progress(number, items)?;
        }
    }
    Ok([pixels, labels])
}

fn label(row: &Row) -> Option<u8> {
    match hub_download::column(row, "label")? {
        Field::Long(label) => u8::try_from(*label).ok(),
        _ => None,
    }
}

fn decode(png: &[u8]) -> Result<Vec<u8>, String> {
    let mut reader = ImageReader::with_format(Cursor::new(png), ImageFormat::Png);
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE as u32), Some(SIDE as u32));
    reader.limits(limits);
    let image = reader.decode().map_err(|error| format!("not a readable 28×28 PNG ({error})"))?;
    if (image.width(), image.height()) != (SIDE as u32, SIDE as u32) {
        return Err(format!("expected a 28×28 image, got {}×{}", image.width(), image.height()));
    }
    Ok(image.into_luma8().into_raw())
}

/// The compressed IDX file of this data, if it equals the official file.
fn verified_gzip(spec: &FileSpec, data: &[u8]) -> Result<Vec<u8>, String> {
    let mut content = vec![0, 0, 8, spec.dimensions as u8];
    let shape = [spec.items as u32, SIDE as u32, SIDE as u32];
    content.extend(shape[..spec.dimensions].iter().flat_map(|size| size.to_be_bytes()));
    content.extend(data);
    let sha256 = hex(Sha256::digest(&content));
    if sha256 != spec.sha256 {
        return Err(format!(
            "its data or their order differ from MNIST's: SHA-256 of {} is {sha256}, expected {}",
            spec.name, spec.sha256
        ));
    }
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&content).and_then(|()| gzip.finish()).map_err(|error| error.to_string())
}
