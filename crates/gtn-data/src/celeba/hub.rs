//! CelebA from the Hugging Face Hub, through candle-datasets (feature `hub`).
//!
//! The hub has the photographs in Parquet files, split as the authors did, with the attributes. They become the authors'
//! files: the archive `img_align_celeba.zip` and the lists of the parts and of the attributes. The authors' numbers go through
//! the parts one after the other, so a photograph's place tells its number.

use std::io::{BufWriter, Write};
use std::ops::ControlFlow;
use std::path::Path;

use parquet::basic::Type as Physical;
use parquet::file::reader::FileReader;
use parquet::record::{Field, Row};
use parquet::schema::types::{Type, TypePtr};
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::{ATTRIBUTES, IMAGES, PARTITION, PUBLISHED, find_list, folder};
use crate::fetch::{Error, Fetched, Options, check_address, check_place, write_whole};
use crate::hub::{self, Place, Reader, column, rows_of};
use crate::photos::source::Source;
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
/// `list_attr_celeba.txt` that are missing, where [`read`](super::read) looks for them.
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
    let folder = folder(data_dir);
    let archive = folder.join(format!("{IMAGES}.zip"));
    let mut say = |event| match tell(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped { path: archive.clone(), kept: None }),
    };
    // What cannot be looked at is there, and reading it tells more.
    let has_images = Source::find(&folder, IMAGES).map_or(true, |found| found.is_some());
    let mut missing = [!has_images, true, true];
    if has_images {
        say(Event::Present(IMAGES.to_owned()))?;
    }
    for (missing, name) in missing[1..].iter_mut().zip([PARTITION, ATTRIBUTES]) {
        let Some(found) = find_list(&folder, name) else { continue };
        *missing = false;
        say(Event::Present(found.file_name().unwrap_or_default().to_string_lossy().into_owned()))?;
    }
    let [no_images, no_partition, no_attributes] = missing;
    if !missing.contains(&true) {
        return Ok(Fetched { folder, new: 0 });
    }
    let lists = [(no_partition, PARTITION), (no_attributes, ATTRIBUTES)];
    let lists = lists.map(|(missing, name)| (missing, folder.join(format!("{name}.txt"))));
    for (missing, path) in
        [(no_images, &archive)].into_iter().chain(lists.iter().map(|(missing, path)| (*missing, path)))
    {
        if missing {
            check_place(path)?;
        }
    }

    let place = Place { endpoint, dataset: DATASET };
    let parquet = hub::download(place, options, |bytes| say(Event::Received(bytes)))?;
    let ordered = in_order(&parquet.readers, PUBLISHED).map_err(|reason| place.fail(reason))?;
    let made = MadeFolder::new(&folder)?;
    let mut pack = no_images.then(|| Pack::new(&archive)).transpose()?;
    let mut attributes = Attributes::of(ordered[0]);
    let total = PUBLISHED.iter().sum();
    let mut number = 0;
    for reader in ordered {
        let rows = rows(reader, no_images, no_attributes.then_some(&attributes.names[..]));
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
            if no_attributes {
                attributes.add(&name, &row).map_err(|reason| fail(&reason))?;
            }
            if number % 500 == 0 {
                say(Event::Packed { done: number, total })?;
            }
        }
    }
    drop(parquet);

    let mut new = 0;
    let mut done = |path: &Path| {
        new += 1;
        say(Event::Done(path.file_name().unwrap_or_default().to_string_lossy().into_owned()))
    };
    let [(_, partition), (_, attribute_list)] = &lists;
    if no_attributes && !attributes.names.is_empty() {
        write_whole(attribute_list, attributes.list(total).as_bytes())?;
        done(attribute_list)?;
    }
    if no_partition {
        write_whole(partition, partition_list().as_bytes())?;
        done(partition)?;
    }
    if let Some(pack) = pack {
        pack.finish()?;
        done(&archive)?;
    }
    made.keep();
    Ok(Fetched { folder, new })
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
        fields = schema.get_fields().iter().take(1).cloned().collect();
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
    fn list(&self, total: usize) -> String {
        format!("{total}\n{}\n{}", self.names.join(" "), self.lines)
    }
}

/// The archive as it grows.
struct Pack<'a> {
    path: &'a Path,
    zip: ZipWriter<BufWriter<tempfile::NamedTempFile>>,
}

impl<'a> Pack<'a> {
    fn new(path: &'a Path) -> Result<Self, Error> {
        let temporary = whole::temporary(path, 0o666).map_err(Error::io("write", path))?;
        Ok(Self { path, zip: ZipWriter::new(BufWriter::with_capacity(1 << 20, temporary)) })
    }

    fn add(&mut self, name: &str, jpeg: &[u8]) -> Result<(), Error> {
        // Photographs are compressed already.
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default());
        let begun = self.zip.start_file(format!("{IMAGES}/{name}"), options).map_err(std::io::Error::from);
        begun.and_then(|()| self.zip.write_all(jpeg)).map_err(Error::io("write", self.path))
    }

    fn finish(self) -> Result<(), Error> {
        let file = self.zip.finish().map_err(std::io::Error::from).and_then(|file| Ok(file.into_inner()?));
        file.and_then(|file| whole::publish(file, self.path)).map_err(Error::io("write", self.path))
    }
}

/// A folder that is taken away again, if it was made here and nothing came into it.
struct MadeFolder<'a>(Option<&'a Path>);

impl<'a> MadeFolder<'a> {
    fn new(folder: &'a Path) -> Result<Self, Error> {
        let there = folder.is_dir();
        std::fs::create_dir_all(folder).map_err(Error::io("make the folder", folder))?;
        Ok(Self((!there).then_some(folder)))
    }

    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for MadeFolder<'_> {
    fn drop(&mut self) {
        if let Some(folder) = self.0 {
            let _ = std::fs::remove_dir(folder);
        }
    }
}
