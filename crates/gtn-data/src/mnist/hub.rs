//! MNIST from the Hugging Face Hub (feature `hub`).
//!
//! The Hub stores the images as PNG in two Parquet files. They are converted back to the four IDX files, which are
//! written only if each has the SHA-256 of the official file, that is, holds the same images in the same order.

use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::Path;

use flate2::write::GzEncoder;
use gtn_io::hex;
use image::{ImageFormat, ImageReader, Limits};
use parquet::record::{Field, Row};
use sha2::{Digest, Sha256};

use super::{FILES, FetchSummary, FileSpec, SIDE, files_to_fetch};
use crate::fetch::{Error, Event, OnEvent, Options, check_url, emit, file_size};
use crate::hub::{self, HubDataset, ParquetFile};

/// The data set's name on the Hub.
pub const DATASET: &str = "ylecun/mnist";

/// Downloads MNIST from the Hub at `endpoint` and writes the files that are missing or invalid, as NAME.gz, to the same
/// folder as [`fetch`](super::fetch()).
///
/// Files are written only if all of them equal the official files. `on_event` is called with the name and the progress
/// of each file, those of the Hub and those that are written. When it returns [`ControlFlow::Break`], the work stops; the
/// next call starts from the beginning.
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
    mut on_event: impl FnMut(&str, Event<'_>) -> ControlFlow<()>,
) -> Result<FetchSummary, Error> {
    check_url(endpoint)?;
    let (folder, needed) = files_to_fetch(data_dir, &mut on_event)?;
    let path = |spec: &FileSpec| folder.join(spec.gzip_name());
    needed.iter().try_for_each(|spec| file_size(&path(spec)).map(drop))?;
    let mut contents = Vec::new();
    if !needed.is_empty() {
        let dataset = HubDataset { endpoint, name: DATASET };
        let parquet = dataset.download(options, &mut on_event)?;
        for pair in FILES.chunks(2).filter(|pair| pair.iter().any(|spec| needed.contains(&spec))) {
            let data = read_columns(&parquet.files, pair[0].items, dataset, &mut on_event)?;
            for (spec, data) in pair.iter().zip(data).filter(|(spec, _)| needed.contains(spec)) {
                contents.push((spec, verified_gzip(spec, &data).map_err(|reason| dataset.error(reason))?));
            }
        }
    }
    for (spec, content) in &contents {
        hub::write(&path(spec), content)?;
        emit(&mut on_event, &spec.gzip_name(), Event::Done)?;
    }
    Ok(FetchSummary { folder, new_files: contents.len() })
}

/// Pixels and labels of the Parquet file with `items` rows.
fn read_columns(
    files: &[ParquetFile],
    items: usize,
    dataset: HubDataset<'_>,
    on_event: &mut OnEvent<'_>,
) -> Result<[Vec<u8>; 2], Error> {
    let Some(file) = files.iter().find(|file| file.row_count() == items) else {
        return Err(dataset.unexpected_rows(&format!("a Parquet file of {items} rows"), files));
    };
    let (mut pixels, mut labels) = (Vec::with_capacity(items * SIDE * SIDE), Vec::with_capacity(items));
    // `take` bounds the work, whatever the file holds.
    for (number, row) in dataset.rows(file)?.take(items).enumerate() {
        let row = row?;
        let fail = |reason: String| dataset.error(format!("row {number}{reason}"));
        let png = hub::image(&row).ok_or_else(|| fail(" has no image".to_owned()))?;
        pixels.extend(decode(png).map_err(|reason| fail(format!(": {reason}")))?);
        labels.push(label(&row).ok_or_else(|| fail(" has no label".to_owned()))?);
        if number % 500 == 0 {
            emit(on_event, &file.name, Event::Converted { done: number, total: items })?;
        }
    }
    Ok([pixels, labels])
}

fn label(row: &Row) -> Option<u8> {
    match hub::column(row, "label")? {
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
