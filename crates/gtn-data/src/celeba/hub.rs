//! CelebA from the Hugging Face Hub, through candle-datasets (feature `hub`).
//!
//! The Hub stores the images in Parquet files, with the official split and the attributes. They are converted to the
//! official files: the archive `img_align_celeba.zip` and the lists of the partition and of the attributes. The
//! official numbering runs through the splits in order, so the position of an image gives its number, provided that the
//! Hub keeps the official order within each split. This is not verified, but all three files come from one source and
//! are consistent in any case.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::mem::ManuallyDrop;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gtn_io::atomic::{self, Existing};
use parquet::basic::Type as Physical;
use parquet::file::reader::FileReader;
use parquet::record::{Field, Row};
use parquet::schema::types::{Type, TypePtr};
use tempfile::NamedTempFile;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::{ATTRIBUTES, IMAGES, PARTITION, SPLIT_SIZES};
use crate::fetch::{Error, FetchSummary, Options, check_destination, check_url, write_atomically};
use crate::hub_download::{self, HubDataset, ParquetReader, column, row_count};
use crate::image_set::{Inventory, ItemState, SplitCounts};

/// The Hub's URL.
pub const ENDPOINT: &str = hub_download::ENDPOINT;

/// The data set's name on the Hub.
pub const DATASET: &str = "flwrlabs/celeba";

/// Progress of [`fetch`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// This file already exists and is kept.
    AlreadyPresent(String),
    /// Number of bytes received so far; the total is unknown. Sent several times a second, even while nothing arrives.
    Received(u64),
    /// Number of images packed so far.
    Packed {
        /// Packed images.
        done: usize,
        /// Total number of images.
        total: usize,
    },
    /// This file is complete.
    Done(String),
}

/// Downloads CelebA from the Hub at `endpoint` and creates those of `img_align_celeba.zip`, `list_eval_partition.txt`
/// and `list_attr_celeba.txt` that are missing or invalid, where [`read`](super::read()) looks for them.
///
/// CelebA is for non-commercial research; its terms of use bind everyone who downloads it. The download has 1.4 GB and
/// is kept in the folder for temporary files until the archive is complete. Each file is written atomically. When
/// `on_event` returns [`ControlFlow::Break`], the work stops; the next call starts from the beginning. The same
/// `options` have an effect as for [`mnist::hub::fetch`](crate::mnist::hub::fetch).
///
/// # Errors
///
/// [`Error::Hub`] if the Hub does not provide 162,770 training, 19,867 validation and 19,962 test images as JPEG,
/// [`Error::InvalidUrl`] for an invalid `endpoint`, [`Error::Stopped`] if `on_event` asked to stop,
/// [`Error::PathOccupied`] if something else is at a file's path, [`Error::Io`] for errors of the file system.
pub fn fetch(
    data_dir: &Path,
    endpoint: &str,
    options: &Options,
    mut on_event: impl FnMut(Event) -> ControlFlow<()>,
) -> Result<FetchSummary, Error> {
    check_url(endpoint)?;
    let present = |name| emit(&mut on_event, data_dir, Event::AlreadyPresent(name));
    let (folder, needed) = files_to_create(data_dir, present)?;
    let [needs_images, needs_partition, needs_attributes] = needed;
    let archive = folder.join(format!("{IMAGES}.zip"));
    let [partition, attribute_list] = [PARTITION, ATTRIBUTES].map(|name| folder.join(name));
    for (needed, path) in needed.into_iter().zip([&archive, &partition, &attribute_list]) {
        if needed {
            check_destination(path)?;
        }
    }
    let mut emit = |event| emit(&mut on_event, &archive, event);
    let created_folder = CreatedFolder::new(&folder);
    let mut new_files = 0;
    let mut done = |path: &Path, emit: &mut dyn FnMut(Event) -> Result<(), Error>| {
        new_files += 1;
        emit(Event::Done(path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
    };

    if needs_images || needs_attributes {
        let dataset = HubDataset { endpoint, name: DATASET };
        let parquet = hub_download::download(dataset, options, |bytes| emit(Event::Received(bytes)))?;
        let ordered = readers_in_split_order(&parquet.readers, SPLIT_SIZES).map_err(|reason| dataset.error(reason))?;
        created_folder.create()?;
        let mut writer = needs_images.then(|| ArchiveWriter::new(&archive)).transpose()?;
        let mut attributes = needs_attributes.then(|| AttributeTable::new(ordered[0]));
        convert_rows(&ordered, dataset, writer.as_mut(), attributes.as_mut(), &mut emit)?;
        drop(parquet);
        if let Some(attributes) = attributes.filter(|attributes| !attributes.names.is_empty()) {
            write_atomically(&attribute_list, attributes.to_text().as_bytes())?;
            done(&attribute_list, &mut emit)?;
        }
        if let Some(writer) = writer {
            writer.finish()?;
            done(&archive, &mut emit)?;
        }
    }
    // The partition is known without a download.
    if needs_partition {
        created_folder.create()?;
        write_atomically(&partition, partition_text().as_bytes())?;
        done(&partition, &mut emit)?;
    }
    drop(created_folder);
    Ok(FetchSummary { folder, new_files })
}

fn emit(on_event: &mut impl FnMut(Event) -> ControlFlow<()>, path: &Path, event: Event) -> Result<(), Error> {
    match on_event(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped { path: path.to_path_buf(), kept: None }),
    }
}

/// The destination folder, and whether the images, the partition and the attributes must be created because they are
/// missing or invalid. `on_present` is called with the names of the others.
fn files_to_create(
    data_dir: &Path,
    mut on_present: impl FnMut(String) -> Result<(), Error>,
) -> Result<(PathBuf, [bool; 3]), Error> {
    let Inventory { folder, items, counts, .. } = super::check(data_dir);
    let SplitCounts { listed, present, .. } = counts.total();
    let mut needed = [false; 3];
    for (needed, (item, state)) in needed.iter_mut().zip(items) {
        *needed = match state {
            // An empty folder, created to extract an archive into.
            ItemState::Found(..) if item == "images" && listed > 0 && present == 0 => true,
            ItemState::Found(path, _) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let is_partial = item == "images" && present < listed;
                on_present(if is_partial { format!("{name}, with {present} of {listed} images,") } else { name })?;
                false
            }
            ItemState::Missing | ItemState::MissingOptional | ItemState::Invalid(crate::Error::Malformed { .. }) => {
                true
            }
            ItemState::Invalid(crate::Error::Io { path, source }) => {
                return Err(Error::Io { action: "read", path, source });
            }
            ItemState::Invalid(error) => return Err(Error::PathOccupied { path: folder, reason: error.to_string() }),
        };
    }
    Ok((folder, needed))
}

/// Writes the rows of all files, in their order, to the archive and the attribute table.
fn convert_rows(
    ordered: &[&ParquetReader],
    dataset: HubDataset<'_>,
    mut writer: Option<&mut ArchiveWriter<'_>>,
    mut attributes: Option<&mut AttributeTable>,
    emit: &mut dyn FnMut(Event) -> Result<(), Error>,
) -> Result<(), Error> {
    let total = SPLIT_SIZES.iter().sum();
    let mut number = 0;
    for reader in ordered {
        let last = number + row_count(reader);
        let rows = project_rows(reader, writer.is_some(), attributes.as_ref().map(|attributes| &attributes.names[..]));
        let rows = rows.map_err(|reason| dataset.error(reason))?;
        for row in rows.take(row_count(reader)) {
            number += 1;
            let name = image_name(number);
            let fail = |reason: &str| dataset.error(format!("{name}: {reason}"));
            let row = row.map_err(|error| fail(&format!("cannot read its row ({error})")))?;
            if let Some(writer) = &mut writer {
                let jpeg = hub_download::image(&row).filter(|bytes| bytes.starts_with(&[0xFF, 0xD8, 0xFF]));
                writer.add(&name, jpeg.ok_or_else(|| fail("not a JPEG file"))?)?;
            }
            if let Some(attributes) = &mut attributes {
                attributes.add(&name, &row).map_err(|reason| fail(&reason))?;
            }
            if number % 500 == 0 {
                emit(Event::Packed { done: number, total })?;
            }
        }
        if number != last {
            let missing = last - number;
            return Err(dataset.error(format!("a Parquet file has {missing} rows fewer than its header claims")));
        }
    }
    Ok(())
}

/// The official name of an image, counted from 1.
fn image_name(number: usize) -> String {
    format!("{number:06}.jpg")
}

/// The official partition list: training images first, then validation images, then test images.
fn partition_text() -> String {
    let splits = SPLIT_SIZES.iter().enumerate().flat_map(|(split, count)| std::iter::repeat_n(split, *count));
    (1..).zip(splits).map(|(number, split)| format!("{} {split}\n", image_name(number))).collect()
}

/// The files of the training images, then those of the validation images, then those of the test images.
///
/// File names are not available here, but the files of a split are consecutive, and the splits differ in size.
fn readers_in_split_order(readers: &[ParquetReader], sizes: [usize; 3]) -> Result<Vec<&ParquetReader>, String> {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let rows: Vec<usize> = readers.iter().map(row_count).collect();
    for order in ORDERS {
        let mut splits = [const { Vec::new() }; 3];
        let mut files = readers.iter().zip(&rows).peekable();
        for split in order {
            let mut count = 0;
            while let Some((reader, rows)) = files.next_if(|(_, rows)| count + **rows <= sizes[split]) {
                count += rows;
                splits[split].push(reader);
            }
            if count != sizes[split] {
                break;
            }
        }
        let sizes_found = splits.each_ref().map(|split| split.iter().map(|reader| row_count(reader)).sum::<usize>());
        if files.peek().is_none() && sizes_found == sizes {
            return Ok(splits.concat());
        }
    }
    let found: Vec<String> = rows.iter().map(usize::to_string).collect();
    let found = if found.is_empty() { "no".to_owned() } else { found.join(", ") };
    let [train, validation, test] = sizes;
    Err(format!(
        "expected Parquet files that add up to {train}, {validation} and {test} images, got files of {found} rows"
    ))
}

/// The rows of a file, with only the needed columns.
fn project_rows<'a>(
    reader: &'a ParquetReader,
    images: bool,
    attributes: Option<&[String]>,
) -> Result<impl Iterator<Item = parquet::errors::Result<Row>> + 'a, String> {
    let schema = reader.metadata().file_metadata().schema();
    let needed = |field: &&TypePtr| {
        (images && field.name() == "image")
            || attributes.is_some_and(|names| names.iter().any(|name| name == field.name()))
    };
    let mut fields: Vec<TypePtr> = schema.get_fields().iter().filter(needed).cloned().collect();
    if fields.is_empty() {
        // A projection to no columns would yield no rows, so keep one.
        fields = schema.get_fields().iter().filter(|field| field.name() != "image").take(1).cloned().collect();
    }
    let projection = Type::group_type_builder(schema.name()).with_fields(fields).build();
    let rows = projection.and_then(|projection| reader.get_row_iter(Some(projection)));
    rows.map_err(|error| format!("cannot read its Parquet file ({error})"))
}

/// The attributes of all images, in the official text format.
struct AttributeTable {
    names: Vec<String>,
    lines: String,
}

impl AttributeTable {
    /// Takes the attribute names from the Boolean columns of the file.
    fn new(reader: &ParquetReader) -> Self {
        let fields = reader.metadata().file_metadata().schema().get_fields();
        let attributes =
            fields.iter().filter(|field| field.is_primitive() && field.get_physical_type() == Physical::BOOLEAN);
        Self { names: attributes.map(|field| field.name().to_owned()).collect(), lines: String::new() }
    }

    fn add(&mut self, name: &str, row: &Row) -> Result<(), String> {
        self.lines.push_str(name);
        for attribute in &self.names {
            self.lines.push_str(match column(row, attribute) {
                Some(Field::Bool(true)) => "  1",
                Some(Field::Bool(false)) => " -1",
                _ => return Err(format!("it has no value for the attribute `{attribute}`")),
            });
        }
        self.lines.push('\n');
        Ok(())
    }

    /// The official format: the number of lines, the attribute names, and a line for each image.
    fn to_text(&self) -> String {
        format!("{}\n{}\n{}", SPLIT_SIZES.iter().sum::<usize>(), self.names.join(" "), self.lines)
    }
}

/// Writes the archive of images to a temporary file.
struct ArchiveWriter<'a> {
    path: &'a Path,
    file: NamedTempFile,
    /// Not dropped on errors: dropping a `ZipWriter` tries to finish the archive and prints to stderr if the disk is
    /// full.
    zip: ManuallyDrop<ZipWriter<BufWriter<File>>>,
}

impl<'a> ArchiveWriter<'a> {
    fn new(path: &'a Path) -> Result<Self, Error> {
        let file = atomic::create_temp_file(path, 0o666).map_err(Error::io("write", path))?;
        let writer = file.as_file().try_clone().map_err(Error::io("write", path))?;
        let zip = ManuallyDrop::new(ZipWriter::new(BufWriter::with_capacity(1 << 20, writer)));
        Ok(Self { path, file, zip })
    }

    fn add(&mut self, name: &str, jpeg: &[u8]) -> Result<(), Error> {
        // JPEG data is already compressed.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
        let started = self.zip.start_file(format!("{IMAGES}/{name}"), options).map_err(io_cause);
        started.and_then(|()| self.zip.write_all(jpeg)).map_err(Error::io("write", self.path))
    }

    fn finish(self) -> Result<(), Error> {
        let Self { path, file, zip } = self;
        let finished = ManuallyDrop::into_inner(zip).finish().map_err(io_cause);
        let written = finished.and_then(|mut writer| writer.flush());
        written.and_then(|()| atomic::persist(file, path, Existing::Replace)).map_err(Error::io("write", path))
    }
}

/// The system's error without the text that `ZipError` adds.
fn io_cause(error: ZipError) -> std::io::Error {
    match error {
        ZipError::Io(error) => error,
        error => std::io::Error::other(error),
    }
}

/// A folder that is created when needed. On drop it is removed again, with its newly created parents, if it is still
/// empty.
struct CreatedFolder<'a> {
    folder: &'a Path,
    /// The folder and its parents that do not exist yet, innermost first.
    new_folders: Vec<&'a Path>,
}

impl<'a> CreatedFolder<'a> {
    fn new(folder: &'a Path) -> Self {
        let ancestors = folder.ancestors().filter(|folder| *folder != Path::new(""));
        Self { folder, new_folders: ancestors.take_while(|folder| !folder.exists()).collect() }
    }

    fn create(&self) -> Result<(), Error> {
        std::fs::create_dir_all(self.folder).map_err(Error::io("create the folder", self.folder))
    }
}

impl Drop for CreatedFolder<'_> {
    fn drop(&mut self) {
        // A folder with contents is not removed.
        self.new_folders.iter().for_each(|folder| drop(std::fs::remove_dir(folder)));
    }
}
