//! MNIST from the Hugging Face Hub, through candle-datasets (feature `hub`).
//!
//! The hub has the images as PNG in two Parquet files. They are turned back into the four IDX files, which are written only
//! when each has the original's SHA-256: the same images in the same order.

use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::Path;

use flate2::write::GzEncoder;
use image::{ImageFormat, ImageReader, Limits};
use parquet::file::reader::FileReader;
use parquet::record::{Field, Row};
use sha2::{Digest, Sha256};

use super::{FILES, Fetched, FileSpec, SIDE, wanted};
use crate::digest::hexadecimal;
use crate::fetch::{Error, Options, check_address, check_place, write_whole};
use crate::hub::{self, Place, Reader, rows_of};

/// The hub's address.
pub const ENDPOINT: &str = hub::ENDPOINT;

/// The data set's name there.
pub const DATASET: &str = "ylecun/mnist";

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A file was there before, with the original's content.
    Present(FileSpec),
    /// So many bytes have come; how many it will be is not told. Comes several times a second, also while none do.
    Received(u64),
    /// So many images are unpacked.
    Unpacked {
        /// Images of the Parquet file that are unpacked.
        done: usize,
        /// Images that it has.
        total: usize,
    },
    /// A file has its name now.
    Done(FileSpec),
}

/// Downloads MNIST from the hub at `endpoint` and writes those of the four files that are missing or cannot be read, as
/// NAME.gz, where [`fetch`](super::fetch()) would.
///
/// Nothing is written unless all that is to be written has the original's content. When `tell` returns
/// [`ControlFlow::Break`], the work stops; a download does not go on where an earlier one stopped. A server that says nothing
/// for four times `options.read_timeout` is given up; `connect_timeout` and `proxy_from_environment` have no effect, since
/// the library underneath keeps them to itself (it honors `HTTPS_PROXY` and the like). It may use a token of the user's, as
/// `HF_TOKEN` names it.
///
/// # Errors
///
/// [`Error::Hub`] when the hub does not give the original's content, [`Error::Address`] for an `endpoint` that is no address,
/// [`Error::Stopped`] when `tell` asked for it, [`Error::InTheWay`] for a file that is not MNIST's, [`Error::Io`] when the file
/// system refuses.
pub fn fetch(
    data_dir: &Path,
    endpoint: &str,
    options: &Options,
    mut tell: impl FnMut(Event) -> ControlFlow<()>,
) -> Result<Fetched, Error> {
    check_address(endpoint)?;
    let (folder, wanted) = wanted(data_dir)?;
    let file_of = |spec: &FileSpec| folder.join(spec.packed_name());
    let mut say = |spec: &FileSpec, event| match tell(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped { path: file_of(spec), kept: None }),
    };
    for (spec, _) in FILES.iter().zip(wanted).filter(|(_, wanted)| !wanted) {
        say(spec, Event::Present(*spec))?;
    }
    let missing: Vec<FileSpec> =
        FILES.iter().zip(wanted).filter(|(_, wanted)| *wanted).map(|(spec, _)| *spec).collect();
    let Some(first) = missing.first() else { return Ok(Fetched { folder, new: 0 }) };
    missing.iter().try_for_each(|spec| check_place(&file_of(spec)))?;

    let place = Place { endpoint, dataset: DATASET };
    let parquet = hub::download(place, options, |bytes| say(first, Event::Received(bytes)))?;
    let contents =
        unpack(&parquet.readers, wanted, place, &mut |done, total| say(first, Event::Unpacked { done, total }))?;
    drop(parquet);
    for (spec, packed) in missing.iter().zip(&contents) {
        write_whole(&file_of(spec), packed)?;
        say(spec, Event::Done(*spec))?;
    }
    Ok(Fetched { folder, new: missing.len() })
}

/// Hears how many images are unpacked, and of how many.
type Tell<'a> = dyn FnMut(usize, usize) -> Result<(), Error> + 'a;

/// The content of the wanted files, checked and then compressed.
fn unpack(readers: &[Reader], wanted: [bool; 4], place: Place<'_>, tell: &mut Tell<'_>) -> Result<Vec<Vec<u8>>, Error> {
    let mut contents = Vec::new();
    for first in [0, 2] {
        let pair = [first, first + 1];
        if !pair.iter().any(|&file| wanted[file]) {
            continue;
        }
        let data = read(readers, FILES[first].items, place, tell)?;
        for (file, data) in pair.into_iter().zip(data).filter(|(file, _)| wanted[*file]) {
            contents.push(checked(&FILES[file], &data).map_err(|reason| place.fail(reason))?);
        }
    }
    Ok(contents)
}

/// Pixels and labels of the Parquet file that has so many rows: the names of the files are not at hand here, and training and
/// test set differ in their number.
fn read(readers: &[Reader], items: usize, place: Place<'_>, tell: &mut Tell<'_>) -> Result<[Vec<u8>; 2], Error> {
    let Some(reader) = readers.iter().find(|reader| rows_of(reader) == items) else {
        let found: Vec<String> = readers.iter().map(|reader| rows_of(reader).to_string()).collect();
        let found = if found.is_empty() { "no".to_owned() } else { found.join(", ") };
        return Err(place.fail(format!("it has Parquet files of {found} rows, and MNIST's has {items}")));
    };
    let (mut pixels, mut labels) = (Vec::with_capacity(items * SIDE * SIDE), Vec::with_capacity(items));
    let rows = reader.get_row_iter(None);
    let rows = rows.map_err(|error| place.fail(format!("its Parquet cannot be read ({error})")))?;
    // The header's number bounds the work, whatever the file holds.
    for (number, row) in rows.take(items).enumerate() {
        let row = row.map_err(|error| place.fail(format!("row {number} cannot be read ({error})")))?;
        let png = hub::image(&row).ok_or_else(|| place.fail(format!("row {number} has no image")))?;
        pixels.extend(decode(png).map_err(|reason| place.fail(format!("row {number}: {reason}")))?);
        labels.push(label(&row).ok_or_else(|| place.fail(format!("row {number} has no label")))?);
        if number % 500 == 0 {
            tell(number, items)?;
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
    let image = reader.decode().map_err(|error| format!("no readable PNG of 28×28 ({error})"))?;
    if (image.width(), image.height()) != (SIDE as u32, SIDE as u32) {
        return Err(format!("its image has {}×{} pixels instead of 28×28", image.width(), image.height()));
    }
    Ok(image.into_luma8().into_raw())
}

/// The IDX file of this data, compressed, if it is the original's.
fn checked(spec: &FileSpec, data: &[u8]) -> Result<Vec<u8>, String> {
    let mut content = vec![0, 0, 8, spec.dimensions as u8];
    let shape = [spec.items as u32, SIDE as u32, SIDE as u32];
    content.extend(shape[..spec.dimensions].iter().flat_map(|size| size.to_be_bytes()));
    content.extend(data);
    let sha256 = hexadecimal(Sha256::new().chain_update(&content));
    if sha256 != spec.sha256 {
        return Err(format!(
            "it has other data than MNIST's, or in another order: SHA-256 of {} is {sha256} instead of {}",
            spec.name, spec.sha256
        ));
    }
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&content).and_then(|()| gzip.finish()).map_err(|error| error.to_string())
}
