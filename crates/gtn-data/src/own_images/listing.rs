//! Which files a folder or an archive has, their classes, and their bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;
use zip::ZipArchive;

use crate::extension::has_extension;
use crate::image_set::image_source::{SharedFile, is_unsafe_path, open_archive, read_entry};
use crate::leftovers::is_leftover;
use crate::text_table::read_limited;
use crate::{Error, Result};

/// Larger files are refused.
pub(super) const MAX_FILE_BYTES: u64 = 1 << 30;

/// Archives that unpack to more are refused.
const MAX_UNPACKED_BYTES: u64 = 64 << 30;

/// Extensions of files that are read. Other files are passed over.
const EXTENSIONS: [&str; 11] = ["png", "jpg", "jpeg", "jpe", "jfif", "webp", "gif", "bmp", "dib", "tif", "tiff"];

/// The image files of a folder or an archive, in the order of their names.
pub(super) struct Listing {
    path: PathBuf,
    entries: Vec<Entry>,
    container: Container,
    /// Files that are not images, and the name of the first.
    pub(super) others: (usize, Option<String>),
}

struct Entry {
    /// Relative to the folder or the archive, with `/`.
    name: String,
    place: Place,
    /// What changes when the file does: size and time, or size and checksum.
    state: String,
}

enum Place {
    File(PathBuf),
    ZipEntry(usize),
    TarEntry { offset: u64, len: u64 },
}

enum Container {
    Folder,
    Zip(ZipArchive<SharedFile>),
    Tar(SharedFile),
}

/// Reads the files of a listing; each thread has its own.
pub(super) struct Reader<'l> {
    listing: &'l Listing,
    zip: Option<ZipArchive<SharedFile>>,
    tar: Option<SharedFile>,
}

impl Listing {
    /// # Errors
    ///
    /// [`Error::File`] if the path cannot be read, if an archive is damaged or has entries outside its folder, or if there are no image
    /// files.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(Error::io(path))?;
        let mut listing = if metadata.is_dir() { Self::of_folder(path)? } else { Self::of_archive(path)? };
        listing.entries.sort_by(|a, b| a.name.cmp(&b.name));
        if listing.entries.is_empty() {
            let found = match &listing.others {
                (0, _) | (_, None) => "it has no files".to_owned(),
                (1, Some(first)) => format!("it has one other file, {first}"),
                (count, Some(first)) => format!("it has {count} other files, such as {first}"),
            };
            let reason =
                format!("no image files (.png, .jpg, .webp, .gif, .bmp, .tif): {found}; pass a folder of images");
            return Err(Error::malformed(path, reason));
        }
        Ok(listing)
    }

    fn new(path: &Path, container: Container) -> Self {
        Self { path: path.to_path_buf(), entries: Vec::new(), container, others: (0, None) }
    }

    fn of_folder(path: &Path) -> Result<Self> {
        let mut listing = Self::new(path, Container::Folder);
        // A link that leads back to a folder above is an error of the walk.
        let walk = WalkDir::new(path).follow_links(true).sort_by_file_name().into_iter();
        let is_visible = |entry: &walkdir::DirEntry| {
            entry.depth() == 0 || !(is_leftover(&entry.file_name().to_string_lossy()) || is_run(entry.path()))
        };
        for entry in walk.filter_entry(is_visible) {
            if let Err(error) = &entry
                && let Some(at) = error.path().filter(|at| at.is_symlink() && !at.exists())
            {
                // A link to nothing cannot be an image.
                listing.others.0 += 1;
                listing.others.1.get_or_insert(at.file_name().unwrap_or_default().to_string_lossy().into_owned());
                continue;
            }
            let entry = entry.map_err(|error| {
                let at = error.path().unwrap_or(path).to_path_buf();
                let is_loop = error.loop_ancestor().is_some();
                match error.into_io_error() {
                    Some(source) if !is_loop => Error::io(&at)(source),
                    _ => Error::malformed(&at, "a link leads back to a folder above it; remove the link"),
                }
            })?;
            if !entry.file_type().is_file() {
                continue;
            }
            let at = entry.path();
            let relative = at.strip_prefix(path).unwrap_or(at);
            let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
            let metadata = fs::metadata(at).map_err(Error::io(at))?;
            let modified = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
            let state = format!("{} {}", metadata.len(), modified.map_or(0, |since| since.as_nanos()));
            listing.add(parts.join("/"), Place::File(at.to_path_buf()), state);
        }
        Ok(listing)
    }

    fn of_archive(path: &Path) -> Result<Self> {
        let ends_with = |ends: &[&str]| name_ends_with(path, ends);
        if ends_with(&[".zip"]) {
            return Self::of_zip(path);
        }
        let file = File::open(path).map_err(Error::io(path))?;
        // The entries of an archive may be as old as it likes; the archive itself changes when they do.
        let metadata = file.metadata().map_err(Error::io(path))?;
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let state = format!("{} {}", metadata.len(), modified.map_or(0, |since| since.as_nanos()));
        if ends_with(&[".tar"]) {
            return Self::of_tar(path, file, &state);
        }
        if ends_with(&[".tar.gz", ".tgz"]) {
            return Self::of_tar(path, unpack(path, file)?, &state);
        }
        let reason =
            "not a folder and not an archive (.zip, .tar, .tar.gz, .tgz); pass a folder of images, or its archive";
        Err(Error::malformed(path, reason))
    }

    fn of_zip(path: &Path) -> Result<Self> {
        let mut archive = open_archive(path)?;
        let mut listing = Self::new(path, Container::Folder);
        for index in 0..archive.len() {
            let entry = archive.by_index_raw(index).map_err(|error| {
                Error::malformed(path, format!("entry {index} is damaged ({error}); create the archive again"))
            })?;
            let (name, state) = (entry.name().to_owned(), format!("{} {}", entry.size(), entry.crc32()));
            let is_folder = entry.is_dir();
            drop(entry);
            listing.refuse_unsafe(&name)?;
            if !is_folder {
                let name = name.replace('\\', "/");
                listing.add(name.trim_start_matches("./").to_owned(), Place::ZipEntry(index), state);
            }
        }
        listing.container = Container::Zip(archive);
        Ok(listing)
    }

    fn of_tar(path: &Path, file: File, state: &str) -> Result<Self> {
        let shared = SharedFile::new(file);
        let mut listing = Self::new(path, Container::Tar(shared.clone()));
        let damaged = |error: std::io::Error| {
            Error::malformed(path, format!("not a complete tar archive ({error}); create it again"))
        };
        let end = shared.clone().seek(SeekFrom::End(0)).map_err(Error::io(path))?;
        let mut archive = tar::Archive::new(shared);
        for entry in archive.entries_with_seek().map_err(damaged)? {
            let entry = entry.map_err(damaged)?;
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let name = name.strip_prefix("./").map_or(name.clone(), str::to_owned);
            listing.refuse_unsafe(&name)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let (offset, len) = (entry.raw_file_position(), entry.size());
            if offset.checked_add(len).is_none_or(|last| last > end) {
                let reason = format!("truncated: the archive ends within {name}; create it again");
                return Err(Error::malformed(path, reason));
            }
            listing.add(name, Place::TarEntry { offset, len }, format!("{offset} {len} {state}"));
        }
        Ok(listing)
    }

    fn refuse_unsafe(&self, name: &str) -> Result<()> {
        if !is_unsafe_path(name) {
            return Ok(());
        }
        let reason = format!("entry `{name}` lies outside the archive's folder; create the archive again");
        Err(Error::malformed(&self.path, reason))
    }

    /// Adds an image file, counts another file, and passes over what systems leave.
    fn add(&mut self, name: String, place: Place, state: String) {
        if name.split('/').any(is_leftover) {
            return;
        }
        if is_image_name(&name) {
            self.entries.push(Entry { name, place, state });
        } else {
            self.others.0 += 1;
            self.others.1.get_or_insert(name);
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn name(&self, index: usize) -> &str {
        &self.entries[index].name
    }

    /// Adds to `hasher` what changes when the files change. The path is not included.
    pub(super) fn hash_state(&self, hasher: &mut Sha256) {
        for Entry { name, state, .. } in &self.entries {
            hasher.update(format!("{name}\n{state}\n"));
        }
    }

    /// The subfolder of each image, if all images are in subfolders, and in more than one. Folders that have all of the images do not
    /// count, as in an archive of one folder.
    pub(super) fn classes(&self) -> Option<(Vec<String>, Vec<u32>)> {
        let mut rest: Vec<&str> = self.entries.iter().map(|entry| entry.name.as_str()).collect();
        loop {
            let split: Option<Vec<(&str, &str)>> = rest.iter().map(|name| name.split_once('/')).collect();
            let split = split?;
            let folders: BTreeSet<&str> = split.iter().map(|(folder, _)| *folder).collect();
            if folders.len() > 1 {
                let number: BTreeMap<&str, u32> = folders.iter().copied().zip(0..).collect();
                let labels = split.iter().map(|(folder, _)| number[folder]).collect();
                return Some((folders.into_iter().map(str::to_owned).collect(), labels));
            }
            rest = split.into_iter().map(|(_, rest)| rest).collect();
        }
    }

    /// A reader for one thread.
    pub(super) fn reader(&self) -> Reader<'_> {
        let (zip, tar) = match &self.container {
            Container::Folder => (None, None),
            Container::Zip(archive) => (Some(archive.clone()), None),
            Container::Tar(file) => (None, Some(file.clone())),
        };
        Reader { listing: self, zip, tar }
    }
}

impl Reader<'_> {
    /// Replaces the content of `bytes` with that of a file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if it cannot be read, is damaged or too large.
    pub(super) fn read(&mut self, index: usize, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.clear();
        let entry = &self.listing.entries[index];
        let shown = self.listing.path.join(&entry.name);
        match (&entry.place, &mut self.zip, &mut self.tar) {
            (Place::File(path), ..) => read_limited(path, MAX_FILE_BYTES, bytes),
            (Place::ZipEntry(index), Some(archive), _) => {
                read_entry(archive, *index, (&shown, MAX_FILE_BYTES), u64::MAX, bytes).map(drop)
            }
            (Place::TarEntry { offset, len }, _, Some(file)) => {
                if *len > MAX_FILE_BYTES {
                    return Err(Error::malformed(
                        &shown,
                        format!("has {len} bytes; the limit is {} MiB", MAX_FILE_BYTES >> 20),
                    ));
                }
                file.seek(SeekFrom::Start(*offset)).map_err(Error::io(&shown))?;
                let read = file.take(*len).read_to_end(bytes).map_err(Error::io(&shown))?;
                if read as u64 == *len { Ok(()) } else { Err(Error::malformed(&shown, "the archive is truncated")) }
            }
            _ => unreachable!("a reader has the container of its listing"),
        }
    }
}

/// Whether a folder is that of a run, whose figures are not images of the user.
fn is_run(folder: &Path) -> bool {
    folder.join("config.toml").is_file() && folder.join("checkpoints").is_dir()
}

/// Unpacks an archive to a temporary file, so that its entries can be read in any order.
fn unpack(path: &Path, file: File) -> Result<File> {
    let mut unpacked = tempfile::tempfile().map_err(Error::io(path))?;
    let mut decoder = MultiGzDecoder::new(file).take(MAX_UNPACKED_BYTES + 1);
    let mut buffer = vec![0; 1 << 20];
    let mut total = 0;
    loop {
        let read = decoder
            .read(&mut buffer)
            .map_err(|error| Error::malformed(path, format!("cannot be unpacked ({error}); create it again")))?;
        if read == 0 {
            break;
        }
        total += read as u64;
        if total > MAX_UNPACKED_BYTES {
            let reason = format!("it unpacks to more than {} GB; pass a folder", MAX_UNPACKED_BYTES >> 30);
            return Err(Error::malformed(path, reason));
        }
        let folder = std::env::temp_dir();
        let hint = "; unpacking the archive needs more space there, or pass a folder".to_owned();
        unpacked.write_all(&buffer[..read]).map_err(|source| Error::Write { path: folder, hint, source })?;
    }
    unpacked.seek(SeekFrom::Start(0)).map_err(Error::io(path))?;
    Ok(unpacked)
}

/// Whether a file has the name of an image.
pub(super) fn is_image_name(name: &str) -> bool {
    has_extension(Path::new(name), &EXTENSIONS)
}

/// Whether a path has the name of an archive that [`read`](super::read) reads.
#[must_use]
pub fn is_archive(path: &Path) -> bool {
    path.is_file() && name_ends_with(path, &[".zip", ".tar", ".tar.gz", ".tgz"])
}

fn name_ends_with(path: &Path, ends: &[&str]) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    ends.iter().any(|end| name.ends_with(end))
}
