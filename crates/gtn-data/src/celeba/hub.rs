//! CelebA from the Hugging Face Hub, through candle-datasets (feature `hub`).
//!
//! The hub has the photographs in Parquet files, split as the authors did, with the attributes. They become the authors'
//! files: the archive `img_align_celeba.zip` and the lists of the parts and of the attributes. The authors' numbers go through
//! the parts one after the other, so a photograph's place tells its number, as far as the hub's rows of a part are in the
//! authors' order: that is taken on trust. All three files of one origin fit together in any case.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::mem::ManuallyDrop;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use parquet::basic::Type as Physical;
use parquet::file::reader::FileReader;
use parquet::record::{Field, Row};
use parquet::schema::types::{Type, TypePtr};
use tempfile::NamedTempFile;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::{ATTRIBUTES, IMAGES, PARTITION, PUBLISHED};
use crate::fetch::{Error, Fetched, Options, check_address, check_place, write_whole};
use crate::hub::{self, Place, Reader, column, rows_of};
use crate::photos::{Count, Inventory, ItemState};
use crate::whole;

/// The hub's address.
pub const ENDPOINT: &str = hub::ENDPOINT;

/// The data set's name there.
pub const DATASET: &str = "flwrlabs/celeba";

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// This file was there before; it is left as it is.
    Present(String),
    /// So many bytes have come; how many it will be is not told. Comes several times a second, also while none do.
    Received(u64),
    /// So many photographs are packed.
    Packed {
        /// Photographs that are packed.
        done: usize,
        /// Photographs in all.
        total: usize,
    },
    /// This file has its name now.
    Done(String),
}

/// Downloads CelebA from the hub at `endpoint` and makes of it those of `img_align_celeba.zip`, `list_eval_partition.txt` and
/// `list_attr_celeba.txt` that are missing or cannot be used, where [`read`](super::read()) looks for them.
///
/// CelebA is for non-commercial research: who downloads it is bound by its authors' terms. The download is 1.4 GB, and lies in
/// the folder for temporary files until the archive is made. Each file is written whole or not at all. When `tell` returns
/// [`ControlFlow::Break`], the work stops; it starts anew the next time. Of `options` those count that count for
/// [`mnist::hub::fetch`](crate::mnist::hub::fetch).
///
/// # Errors
///
/// [`Error::Hub`] when the hub does not give 162,770 training, 19,867 validation and 19,962 test photographs as JPEG,
/// [`Error::Address`] for an `endpoint` that is no address, [`Error::Stopped`] when `tell` asked for it, [`Error::InTheWay`]
/// for something else in a file's place, [`Error::Io`] when the file system refuses.
pub fn fetch(
    data_dir: &Path,
    endpoint: &str,
    options: &Options,
    mut tell: impl FnMut(Event) -> ControlFlow<()>,
) -> Result<Fetched, Error> {
    check_address(endpoint)?;
    let (folder, missing) = missing(data_dir, |name| say_to(&mut tell, data_dir, Event::Present(name)))?;
    let [no_images, no_partition, no_attributes] = missing;
    let archive = folder.join(format!("{IMAGES}.zip"));
    let [partition, attribute_list] = [PARTITION, ATTRIBUTES].map(|name| folder.join(format!("{name}.txt")));
    for (missing, path) in missing.into_iter().zip([&archive, &partition, &attribute_list]) {
        if missing {
            check_place(path)?;
        }
    }
    let mut say = |event| say_to(&mut tell, &archive, event);
    let made = MadeFolder::new(&folder);
    let mut new = 0;
    let mut done = |path: &Path, say: &mut dyn FnMut(Event) -> Result<(), Error>| {
        new += 1;
        say(Event::Done(path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
    };

    if no_images || no_attributes {
        let place = Place { endpoint, dataset: DATASET };
        let parquet = hub::download(place, options, |bytes| say(Event::Received(bytes)))?;
        let ordered = in_order(&parquet.readers, PUBLISHED).map_err(|reason| place.fail(reason))?;
        made.make()?;
        let mut pack = no_images.then(|| Pack::new(&archive)).transpose()?;
        let mut attributes = no_attributes.then(|| Attributes::of(ordered[0]));
        read(&ordered, place, pack.as_mut(), attributes.as_mut(), &mut say)?;
        drop(parquet);
        if let Some(attributes) = attributes.filter(|attributes| !attributes.names.is_empty()) {
            write_whole(&attribute_list, attributes.list().as_bytes())?;
            done(&attribute_list, &mut say)?;
        }
        if let Some(pack) = pack {
            pack.finish()?;
            done(&archive, &mut say)?;
        }
    }
    // It holds nothing that is not known.
    if no_partition {
        made.make()?;
        write_whole(&partition, partition_list().as_bytes())?;
        done(&partition, &mut say)?;
    }
    drop(made);
    Ok(Fetched { folder, new })
}

fn say_to(tell: &mut impl FnMut(Event) -> ControlFlow<()>, at: &Path, event: Event) -> Result<(), Error> {
    match tell(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped { path: at.to_path_buf(), kept: None }),
    }
}

/// The folder that files are to go to, and which of images, partition and attributes are to be made: those that are missing or
/// no good. `present` hears of the others.
fn missing(
    data_dir: &Path,
    mut present: impl FnMut(String) -> Result<(), Error>,
) -> Result<(PathBuf, [bool; 3]), Error> {
    let Inventory { folder, items, counts, .. } = super::check(data_dir);
    let Count { listed, there, .. } = counts.all();
    let mut missing = [false; 3];
    for (missing, (what, state)) in missing.iter_mut().zip(items) {
        *missing = match state {
            // A folder that an archive was about to be unpacked into.
            ItemState::Found(..) if what == "images" && listed > 0 && there == 0 => true,
            ItemState::Found(path, _) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let part = what == "images" && there < listed;
                present(if part { format!("{name}, with {there} of {listed} images,") } else { name })?;
                false
            }
            ItemState::Missing | ItemState::NotNeeded | ItemState::Broken(crate::Error::Malformed { .. }) => true,
            ItemState::Broken(crate::Error::Io { path, source }) => {
                return Err(Error::Io { action: "read", path, source });
            }
            ItemState::Broken(error) => return Err(Error::InTheWay { path: folder, reason: error.to_string() }),
        };
    }
    Ok((folder, missing))
}

/// Goes through the rows of all files, in their order.
fn read(
    ordered: &[&Reader],
    place: Place<'_>,
    mut pack: Option<&mut Pack<'_>>,
    mut attributes: Option<&mut Attributes>,
    say: &mut dyn FnMut(Event) -> Result<(), Error>,
) -> Result<(), Error> {
    let total = PUBLISHED.iter().sum();
    let mut number = 0;
    for reader in ordered {
        let last = number + rows_of(reader);
        let rows = rows(reader, pack.is_some(), attributes.as_ref().map(|attributes| &attributes.names[..]));
        let rows = rows.map_err(|reason| place.fail(reason))?;
        for row in rows.take(rows_of(reader)) {
            number += 1;
            let name = name(number);
            let fail = |reason: &str| place.fail(format!("{name}: {reason}"));
            let row = row.map_err(|error| fail(&format!("it cannot be read ({error})")))?;
            if let Some(pack) = &mut pack {
                let jpeg = hub::image(&row).filter(|bytes| bytes.starts_with(&[0xFF, 0xD8, 0xFF]));
                pack.add(&name, jpeg.ok_or_else(|| fail("it is no JPEG"))?)?;
            }
            if let Some(attributes) = &mut attributes {
                attributes.add(&name, &row).map_err(|reason| fail(&reason))?;
            }
            if number % 500 == 0 {
                say(Event::Packed { done: number, total })?;
            }
        }
        if number != last {
            return Err(place.fail(format!("a Parquet file ends {} rows before its header says so", last - number)));
        }
    }
    Ok(())
}

/// The authors' name of a photograph, counted from 1.
fn name(number: usize) -> String {
    format!("{number:06}.jpg")
}

/// The parts of all photographs in the authors' form: training images come first, then those that validate, then the others.
fn partition_list() -> String {
    let parts = PUBLISHED.iter().enumerate().flat_map(|(part, count)| std::iter::repeat_n(part, *count));
    (1..).zip(parts).map(|(number, part)| format!("{} {part}\n", name(number))).collect()
}

/// The files of the training, the validation and the test photographs, one part after the other.
///
/// Their names are not at hand here; but the files of a part follow one another, and the parts differ in their sizes.
fn in_order(readers: &[Reader], sizes: [usize; 3]) -> Result<Vec<&Reader>, String> {
    const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let rows: Vec<usize> = readers.iter().map(rows_of).collect();
    for order in ORDERS {
        let mut parts = [const { Vec::new() }; 3];
        let mut files = readers.iter().zip(&rows).peekable();
        for part in order {
            let mut count = 0;
            while let Some((reader, rows)) = files.next_if(|(_, rows)| count + **rows <= sizes[part]) {
                count += rows;
                parts[part].push(reader);
            }
            if count != sizes[part] {
                break;
            }
        }
        let sizes_found = parts.each_ref().map(|part| part.iter().map(|reader| rows_of(reader)).sum::<usize>());
        if files.peek().is_none() && sizes_found == sizes {
            return Ok(parts.concat());
        }
    }
    let found: Vec<String> = rows.iter().map(usize::to_string).collect();
    let found = if found.is_empty() { "no".to_owned() } else { found.join(", ") };
    let [train, validation, test] = sizes;
    Err(format!("it has Parquet files of {found} rows, which are not parts of {train}, {validation} and {test} images"))
}

/// The rows of a file, with no more columns than are needed.
fn rows<'a>(
    reader: &'a Reader,
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
        // Rows of no column cannot be told apart from no rows.
        fields = schema.get_fields().iter().filter(|field| field.name() != "image").take(1).cloned().collect();
    }
    let projection = Type::group_type_builder(schema.name()).with_fields(fields).build();
    let rows = projection.and_then(|projection| reader.get_row_iter(Some(projection)));
    rows.map_err(|error| format!("its Parquet cannot be read ({error})"))
}

/// What is true of each photograph.
struct Attributes {
    names: Vec<String>,
    lines: String,
}

impl Attributes {
    /// Those that the file tells of: its columns that are true or false.
    fn of(reader: &Reader) -> Self {
        let fields = reader.metadata().file_metadata().schema().get_fields();
        let truths =
            fields.iter().filter(|field| field.is_primitive() && field.get_physical_type() == Physical::BOOLEAN);
        Self { names: truths.map(|field| field.name().to_owned()).collect(), lines: String::new() }
    }

    fn add(&mut self, name: &str, row: &Row) -> Result<(), String> {
        self.lines.push_str(name);
        for attribute in &self.names {
            self.lines.push_str(match column(row, attribute) {
                Some(Field::Bool(true)) => "  1",
                Some(Field::Bool(false)) => " -1",
                _ => return Err(format!("whether `{attribute}` is true of it is not told")),
            });
        }
        self.lines.push('\n');
        Ok(())
    }

    /// The authors' form: how many lines there are, the names, and a line for each photograph.
    fn list(&self) -> String {
        format!("{}\n{}\n{}", PUBLISHED.iter().sum::<usize>(), self.names.join(" "), self.lines)
    }
}

/// The archive as it grows.
struct Pack<'a> {
    path: &'a Path,
    file: NamedTempFile,
    /// Dropped by itself it would try to end an archive whose disk is full, and complain on stderr.
    zip: ManuallyDrop<ZipWriter<BufWriter<File>>>,
}

impl<'a> Pack<'a> {
    fn new(path: &'a Path) -> Result<Self, Error> {
        let file = whole::temporary(path, 0o666).map_err(Error::io("write", path))?;
        let writer = file.as_file().try_clone().map_err(Error::io("write", path))?;
        let zip = ManuallyDrop::new(ZipWriter::new(BufWriter::with_capacity(1 << 20, writer)));
        Ok(Self { path, file, zip })
    }

    fn add(&mut self, name: &str, jpeg: &[u8]) -> Result<(), Error> {
        // Photographs are compressed already.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
        let begun = self.zip.start_file(format!("{IMAGES}/{name}"), options).map_err(cause);
        begun.and_then(|()| self.zip.write_all(jpeg)).map_err(Error::io("write", self.path))
    }

    fn finish(self) -> Result<(), Error> {
        let Self { path, file, zip } = self;
        let ended = ManuallyDrop::into_inner(zip).finish().map_err(cause);
        let written = ended.and_then(|mut writer| writer.flush());
        written.and_then(|()| whole::publish(file, path)).map_err(Error::io("write", path))
    }
}

/// What the system said, without the words around it.
fn cause(error: ZipError) -> std::io::Error {
    match error {
        ZipError::Io(error) => error,
        error => std::io::Error::other(error),
    }
}

/// A folder that is made when something is to come into it, and taken away again with those above it that were made, if
/// nothing did.
struct MadeFolder<'a> {
    folder: &'a Path,
    /// Those that are not there yet, the innermost first.
    absent: Vec<&'a Path>,
}

impl<'a> MadeFolder<'a> {
    fn new(folder: &'a Path) -> Self {
        let above = folder.ancestors().filter(|folder| *folder != Path::new(""));
        Self { folder, absent: above.take_while(|folder| !folder.exists()).collect() }
    }

    fn make(&self) -> Result<(), Error> {
        std::fs::create_dir_all(self.folder).map_err(Error::io("make the folder", self.folder))
    }
}

impl Drop for MadeFolder<'_> {
    fn drop(&mut self) {
        // A folder that holds something is not removed.
        self.absent.iter().for_each(|folder| drop(std::fs::remove_dir(folder)));
    }
}
