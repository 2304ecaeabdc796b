//! CelebA from the Hugging Face Hub (feature `hub`).
//!
//! The Hub stores the images in Parquet files, with the official split and the attributes. They are converted to the
//! official files: the archive `img_align_celeba.zip` and the lists of the partition and of the attributes. The
//! official numbering runs through the splits in order, so the position of an image gives its number, provided that the
//! Hub keeps the official order within each split. This is not verified, but all three files come from one source and
//! are consistent in any case.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::mem::ManuallyDrop;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use gtn_io::atomic::{self, Existing, parent_folder};
use parquet::basic::Type as Physical;
use parquet::file::reader::FileReader;
use parquet::record::{Field, Row};
use tempfile::NamedTempFile;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::{ATTRIBUTES, IMAGES, PARTITION, SPLIT_SIZES};
use crate::fetch::{Error, Event, FetchSummary, OnEvent, Options, check_url, emit, file_name, file_size};
use crate::hub::{self, HubDataset, ParquetFile, column};
use crate::image_set::{Inventory, ItemState, SplitCounts};

/// The data set's name on the Hub.
pub const DATASET: &str = "flwrlabs/celeba";

/// Downloads CelebA from the Hub at `endpoint` and creates those of `img_align_celeba.zip`, `list_eval_partition.txt`
/// and `list_attr_celeba.txt` that are missing or invalid, where [`read`](super::read()) looks for them.
///
/// CelebA is for non-commercial research; its terms of use bind everyone who downloads it. The download has 1.4 GB and
/// is kept in the folder for temporary files until the archive is complete. Each file is written atomically. `on_event`
/// is called with the name and the progress of each file, those of the Hub and those that are written. When it returns
/// [`ControlFlow::Break`], the work stops; the next call starts from the beginning.
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
    mut on_event: impl FnMut(&str, Event<'_>) -> ControlFlow<()>,
) -> Result<FetchSummary, Error> {
    check_url(endpoint)?;
    let (folder, needed) = files_to_create(data_dir, &mut on_event)?;
    let paths = [format!("{IMAGES}.zip"), PARTITION.to_owned(), ATTRIBUTES.to_owned()].map(|name| folder.join(name));
    paths.iter().zip(needed).filter(|(_, needed)| *needed).try_for_each(|(path, _)| file_size(path).map(drop))?;
    let [archive, partition, attribute_list] = &paths;
    let [needs_images, needs_partition, needs_attributes] = needed;

    let mut written = Vec::new();
    if needs_images || needs_attributes {
        let dataset = HubDataset { endpoint, name: DATASET };
        let parquet = dataset.download(options, &mut on_event)?;
        let files = in_split_order(&parquet.files)
            .ok_or_else(|| dataset.unexpected_rows("162770, 19867 and 19962 images", &parquet.files))?;
        let mut attributes = needs_attributes.then(|| AttributeTable::new(files[0]));
        let mut writer = needs_images.then(|| ArchiveWriter::new(archive)).transpose()?;
        if let Err(error) = convert_rows(&files, dataset, writer.as_mut(), attributes.as_mut(), &mut on_event) {
            drop(writer);
            // The folders created for the archive, unless they hold something else.
            let _ = fs::remove_dir(&folder).and_then(|()| fs::remove_dir(data_dir));
            return Err(error);
        }
        drop(parquet);
        if let Some(attributes) = attributes.filter(|attributes| !attributes.names.is_empty()) {
            hub::write(attribute_list, attributes.to_text().as_bytes())?;
            written.push(attribute_list);
        }
        if let Some(writer) = writer {
            writer.finish()?;
            written.push(archive);
        }
    }
    // The partition is known without a download.
    if needs_partition {
        hub::write(partition, partition_text().as_bytes())?;
        written.push(partition);
    }
    written.iter().try_for_each(|path| emit(&mut on_event, &file_name(path), Event::Done))?;
    Ok(FetchSummary { folder, new_files: written.len() })
}

/// The destination folder, and whether the images, the partition and the attributes must be created because they are
/// missing or invalid. The others are reported as present.
fn files_to_create(data_dir: &Path, on_event: &mut OnEvent<'_>) -> Result<(PathBuf, [bool; 3]), Error> {
    let Inventory { folder, items, counts, .. } = super::check(data_dir);
    let SplitCounts { listed, present, .. } = counts.total();
    let mut needed = [false; 3];
    for (needed, (item, state)) in needed.iter_mut().zip(items) {
        *needed = match state {
            // An empty folder, created to extract an archive into.
            ItemState::Found(..) if item == "images" && listed > 0 && present == 0 => true,
            ItemState::Found(path, _) => {
                let name = file_name(&path);
                let is_partial = item == "images" && present < listed;
                let name = if is_partial { format!("{name}, with {present} of {listed} images,") } else { name };
                emit(on_event, &name, Event::AlreadyPresent)?;
                false
            }
            ItemState::Missing
            | ItemState::MissingOptional
            | ItemState::Invalid(crate::Error::File(gtn_io::Error::Malformed { .. })) => true,
            ItemState::Invalid(error) => return Err(Error::unusable(&folder, error)),
        };
    }
    Ok((folder, needed))
}

/// Writes the rows of all files, in their order, to the archive and the attribute table.
fn convert_rows(
    files: &[&ParquetFile],
    dataset: HubDataset<'_>,
    mut writer: Option<&mut ArchiveWriter<'_>>,
    mut attributes: Option<&mut AttributeTable>,
    on_event: &mut OnEvent<'_>,
) -> Result<(), Error> {
    let total = SPLIT_SIZES.iter().sum();
    let mut number = 0;
    for file in files {
        for row in dataset.rows(file)?.take(file.row_count()) {
            let row = row?;
            number += 1;
            let name = image_name(number);
            let fail = |reason: &str| dataset.error(format!("{name}: {reason}"));
            if let Some(writer) = &mut writer {
                let jpeg = hub::image(&row).filter(|bytes| bytes.starts_with(&[0xFF, 0xD8, 0xFF]));
                writer.add(&name, jpeg.ok_or_else(|| fail("not a JPEG file"))?)?;
            }
            if let Some(attributes) = &mut attributes {
                attributes.add(&name, &row).map_err(|reason| fail(&reason))?;
            }
            if number % 500 == 0 {
                emit(on_event, DATASET, Event::Converted { done: number, total })?;
            }
        }
    }
    if number == total { Ok(()) } else { Err(dataset.error(format!("its files hold {number} of {total} rows"))) }
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

/// The files of the training images, then those of the validation images, then those of the test images, if each split
/// is complete.
fn in_split_order(files: &[ParquetFile]) -> Option<Vec<&ParquetFile>> {
    let splits = ["/train/", "/valid", "/test/"]
        .map(|split| files.iter().filter(|file| file.name.contains(split)).collect::<Vec<_>>());
    let sizes = splits.each_ref().map(|split| split.iter().map(|file| file.row_count()).sum::<usize>());
    (sizes == SPLIT_SIZES).then(|| splits.concat())
}

/// The attributes of all images, in the official text format.
struct AttributeTable {
    names: Vec<String>,
    lines: String,
}

impl AttributeTable {
    /// Takes the attribute names from the Boolean columns of the file.
    fn new(file: &ParquetFile) -> Self {
        let fields = file.reader.metadata().file_metadata().schema().get_fields();
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
        let folder = fs::create_dir_all(parent_folder(path));
        let file = folder.and_then(|()| atomic::create_temp_file(path, 0o666)).map_err(Error::io("write", path))?;
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
