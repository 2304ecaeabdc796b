//! Where images are stored: in a folder of files, or in a zip archive that is read without extracting it.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::extension::{PNG_OR_JPEG, has_extension};
use crate::leftovers::is_leftover;
use crate::text_table::read_limited;
use crate::{Error, Result};

/// Larger files are refused. The largest images of the data sets here have less than 2 MB.
pub(crate) const MAX_FILE_BYTES: u64 = 64 << 20;

/// Folders in one another that are searched for images.
const MAX_DEPTH: usize = 4;

/// Image files by name.
pub(crate) struct ImageSource {
    path: PathBuf,
    kind: SourceKind,
    /// What stands in a better place but cannot be used, and why.
    passed_over: Option<String>,
}

enum SourceKind {
    Folder {
        /// Names in the folder by the same in lower case, listed when a name is missing.
        names: OnceLock<HashMap<String, String>>,
    },
    Zip {
        archive: ZipArchive<SharedFile>,
        entries: Entries,
    },
}

/// Reads the files of a source; each thread has its own.
pub(crate) struct SourceReader<'s> {
    source: &'s ImageSource,
    /// The archive, if it is not a folder.
    zip: Option<ZipArchive<SharedFile>>,
}

/// The indices of the files in an archive by their names, without their folders.
#[derive(Default)]
struct Entries {
    exact: HashMap<String, usize>,
    lower_case: HashMap<String, usize>,
}

impl Entries {
    fn insert(&mut self, name: &str, index: usize) {
        self.exact.entry(name.to_owned()).or_insert(index);
        self.lower_case.entry(name.to_lowercase()).or_insert(index);
    }

    fn find(&self, name: &str) -> Option<usize> {
        self.exact.get(name).or_else(|| self.lower_case.get(&name.to_lowercase())).copied()
    }
}

impl ImageSource {
    /// Opens `FOLDER/NAME.zip`, `FOLDER/NAME/NAME/` or `FOLDER/NAME/`, whichever has images first. NAME may have another letter case,
    /// and the images may be one or two folders deeper. In the archive they are in a folder NAME at any depth, or if there is none,
    /// anywhere.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for an archive that is invalid or has entries outside its folder, or for a folder that cannot be read, if there is
    /// nothing else.
    pub(crate) fn find(folder: &Path, name: &str) -> Result<Option<Self>> {
        let (mut refused, mut empty) = (None, None);
        for opened in [Self::find_zip(folder, name), Self::find_folder(folder, name)] {
            match opened {
                Ok(None) => {}
                Ok(Some(source)) if source.has_images() => {
                    let first: Option<Error> = refused;
                    let passed_over = first.map(|error| format!("{error}; {} is used", source.path.display()));
                    return Ok(Some(Self { passed_over, ..source }));
                }
                Ok(Some(source)) => empty = empty.or(Some(source)),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        refused.map_or(Ok(empty), Err)
    }

    fn find_zip(folder: &Path, name: &str) -> Result<Option<Self>> {
        let path = in_any_case(folder, &format!("{name}.zip"));
        match metadata_if_exists(&path)? {
            Some(metadata) if metadata.is_file() => Self::open_zip(&path, name).map(Some),
            _ => Ok(None),
        }
    }

    fn find_folder(folder: &Path, name: &str) -> Result<Option<Self>> {
        let is_folder =
            |path: &Path| Ok::<_, Error>(metadata_if_exists(path)?.is_some_and(|metadata| metadata.is_dir()));
        let outer = in_any_case(folder, name);
        if !is_folder(&outer)? {
            return Ok(None);
        }
        let inner = in_any_case(&outer, name);
        let mut path = if is_folder(&inner)? && Contents::of(&inner)?.has_images { inner } else { outer };
        for _ in 1..MAX_DEPTH {
            match Contents::of(&path)? {
                Contents { has_images: false, folders } if folders.len() == 1 => path = path.join(&folders[0]),
                _ => break,
            }
        }
        Ok(Some(Self { path, kind: SourceKind::Folder { names: OnceLock::new() }, passed_over: None }))
    }

    fn open_zip(path: &Path, folder: &str) -> Result<Self> {
        let archive = open_archive(path)?;
        let (mut entries, mut elsewhere) = (Entries::default(), Entries::default());
        for (index, entry) in archive.file_names().enumerate() {
            if is_unsafe_path(entry) {
                let reason =
                    format!("unsafe entry `{entry}` outside the archive's folder; download the official archive");
                return Err(Error::malformed(path, reason));
            }
            // Some programs for Windows separate folders so.
            let entry = entry.replace('\\', "/");
            let (parents, name) = entry.rsplit_once('/').unwrap_or(("", &entry));
            if name.is_empty() || entry.split('/').any(is_leftover) {
                continue;
            }
            if parents.rsplit('/').next().is_some_and(|parent| parent.eq_ignore_ascii_case(folder)) {
                entries.insert(name, index);
            } else if is_image_name(name) {
                elsewhere.insert(name, index);
            }
        }
        let entries = if entries.exact.is_empty() { elsewhere } else { entries };
        Ok(Self { path: path.to_path_buf(), kind: SourceKind::Zip { archive, entries }, passed_over: None })
    }

    /// Whether there are images of any name.
    fn has_images(&self) -> bool {
        match &self.kind {
            SourceKind::Folder { .. } => Contents::of(&self.path).is_ok_and(|contents| contents.has_images),
            SourceKind::Zip { entries, .. } => !entries.exact.is_empty(),
        }
    }

    /// The path of a file in a folder: of the same name, or of one in another letter case.
    fn file(&self, names: &OnceLock<HashMap<String, String>>, name: &str) -> PathBuf {
        let path = self.path.join(name);
        if !matches!(metadata_if_exists(&path), Ok(None)) {
            return path;
        }
        let names = names.get_or_init(|| {
            let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
            let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
            names.map(|name| (name.to_lowercase(), name)).collect()
        });
        names.get(&name.to_lowercase()).map_or(path, |name| self.path.join(name))
    }

    /// What stands in a better place but cannot be used, and why, for the user.
    pub(crate) fn passed_over(&self) -> Option<&str> {
        self.passed_over.as_deref()
    }

    /// Path of the archive or folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A description for users.
    pub(crate) fn describe(&self) -> String {
        let kind = match &self.kind {
            SourceKind::Folder { .. } => "a folder".to_owned(),
            SourceKind::Zip { entries, .. } => format!("a zip archive of {} images", entries.exact.len()),
        };
        match &self.passed_over {
            Some(passed_over) => format!("{kind} ({passed_over})"),
            None => kind,
        }
    }

    /// Whether a file of this name exists.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if its metadata cannot be read.
    pub(crate) fn contains(&self, name: &str) -> Result<bool> {
        match &self.kind {
            SourceKind::Folder { names } => {
                Ok(metadata_if_exists(&self.file(names, name))?.is_some_and(|metadata| metadata.is_file()))
            }
            SourceKind::Zip { entries, .. } => Ok(entries.find(name).is_some()),
        }
    }

    /// Adds to `hasher` what changes when the files change: for a folder their sizes and modification times, for an
    /// archive its central directory, which has sizes and checksums. The path is not included.
    pub(crate) fn hash_metadata<'n>(&self, names: impl Iterator<Item = &'n str>, hasher: &mut Sha256) -> Result<()> {
        match &self.kind {
            SourceKind::Folder { names: known } => {
                for name in names {
                    let path = self.file(known, name);
                    let metadata = fs::metadata(&path).map_err(Error::io(&path))?;
                    let modified = metadata.modified().ok();
                    let since_epoch = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
                    hasher.update(metadata.len().to_le_bytes());
                    hasher.update(since_epoch.map_or(0, |since| since.as_nanos()).to_le_bytes());
                }
                Ok(())
            }
            SourceKind::Zip { archive, .. } => {
                let mut file = File::open(&self.path).map_err(Error::io(&self.path))?;
                let mut buffer = vec![0; 256 * 1024];
                file.seek(SeekFrom::Start(archive.central_directory_start())).map_err(Error::io(&self.path))?;
                loop {
                    match file.read(&mut buffer).map_err(Error::io(&self.path))? {
                        0 => return Ok(()),
                        read => hasher.update(&buffer[..read]),
                    }
                }
            }
        }
    }

    /// A reader for one thread.
    pub(crate) fn reader(&self) -> SourceReader<'_> {
        let zip = match &self.kind {
            SourceKind::Folder { .. } => None,
            SourceKind::Zip { archive, .. } => Some(archive.clone()),
        };
        SourceReader { source: self, zip }
    }
}

/// What is in a folder.
struct Contents {
    has_images: bool,
    /// Its folders, if it has no images. Those of the system are left out.
    folders: Vec<OsString>,
}

impl Contents {
    /// It looks no further than to the first image.
    fn of(path: &Path) -> Result<Self> {
        let mut folders = Vec::new();
        for entry in fs::read_dir(path).map_err(Error::io(path))? {
            let entry = entry.map_err(Error::io(path))?;
            let name = entry.file_name();
            if is_leftover(&name.to_string_lossy()) {
                continue;
            }
            if is_image_name(&name.to_string_lossy()) {
                return Ok(Self { has_images: true, folders: Vec::new() });
            }
            if entry.path().is_dir() {
                folders.push(name);
            }
        }
        Ok(Self { has_images: false, folders })
    }
}

/// Whether a file has the name of an image.
fn is_image_name(name: &str) -> bool {
    has_extension(Path::new(name), &PNG_OR_JPEG)
}

/// The path of an entry of a folder, also if its name has another letter case; otherwise the path that it should have.
pub(crate) fn in_any_case(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    if !matches!(metadata_if_exists(&path), Ok(None)) {
        return path;
    }
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<OsString> = entries.map(|entry| entry.file_name()).collect();
    names.retain(|found| found.eq_ignore_ascii_case(name));
    names.sort();
    names.first().map_or(path, |found| folder.join(found))
}

impl SourceReader<'_> {
    /// Replaces the content of `bytes` with that of a file.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for a file larger than [`MAX_FILE_BYTES`], or an entry that is damaged or larger than its
    /// archive says; [`Error::File`] if the file cannot be read or no longer exists.
    pub(crate) fn read(&mut self, name: &str, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.clear();
        let path = self.source.path.join(name);
        match (&self.source.kind, &mut self.zip) {
            (SourceKind::Zip { entries, .. }, Some(archive)) => {
                let index = entries.find(name).ok_or_else(|| damaged_entry(&path, &"no such entry"))?;
                read_entry(archive, index, (&path, MAX_FILE_BYTES), u64::MAX, bytes).map(drop)
            }
            (SourceKind::Folder { names }, _) => read_limited(&self.source.file(names, name), MAX_FILE_BYTES, bytes),
            (SourceKind::Zip { .. }, None) => unreachable!("the reader of an archive has it open"),
        }
    }
}

/// Opens a zip archive that several threads can read.
pub(crate) fn open_archive(path: &Path) -> Result<ZipArchive<SharedFile>> {
    let zip_error = |error: zip::result::ZipError| match error {
        zip::result::ZipError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Error::io(path)(error),
        error => Error::malformed(path, format!("not a readable zip archive ({error}); download it again")),
    };
    let file = File::open(path).map_err(Error::io(path))?;
    ZipArchive::new(SharedFile::new(file)).map_err(zip_error)
}

/// Appends at most `max` bytes of an entry to `bytes`, and returns whether they are all. `path` names the entry, which may have at most
/// `limit` bytes.
///
/// # Errors
///
/// [`Error::File`] if the entry is damaged, claims more bytes than the limit, or has another size than it claims.
pub(crate) fn read_entry(
    archive: &mut ZipArchive<SharedFile>,
    index: usize,
    (path, limit): (&Path, u64),
    max: u64,
    bytes: &mut Vec<u8>,
) -> Result<bool> {
    let entry = archive.by_index(index).map_err(|error| damaged_entry(path, &error))?;
    let claimed = entry.size();
    if claimed > limit {
        let reason = format!("claims {claimed} bytes; the limit is {} MiB", limit >> 20);
        return Err(Error::malformed(path, reason));
    }
    // The vector grows with the data that is read; one extra byte reveals an entry that inflates without end.
    let is_complete = max > claimed;
    let read = entry.take(max.min(claimed + 1)).read_to_end(bytes).map_err(|error| damaged_entry(path, &error))?;
    if is_complete && read as u64 != claimed {
        let comparison = if read as u64 > claimed { "more" } else { "fewer" };
        return Err(damaged_entry(path, &format!("it has {comparison} bytes than the {claimed} it claims")));
    }
    Ok(is_complete)
}

fn damaged_entry(path: &Path, error: &dyn std::fmt::Display) -> Error {
    Error::malformed(path, format!("damaged in the archive ({error}); download it again"))
}

/// The metadata of a path; `None` if it does not exist.
pub(crate) fn metadata_if_exists(path: &Path) -> Result<Option<fs::Metadata>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
        Err(error) => Err(Error::io(path)(error)),
    }
}

/// Whether a name, used as a path, leads outside the folder that it is joined to.
pub(crate) fn is_unsafe_path(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    name.starts_with(['/', '\\']) || drive || name.contains('\0') || name.split(['/', '\\']).any(|part| part == "..")
}

/// An open file shared by several readers, each with its own position.
#[derive(Clone)]
pub(crate) struct SharedFile {
    file: Arc<Mutex<File>>,
    position: u64,
}

impl SharedFile {
    /// A reader at the start of a file.
    pub(crate) fn new(file: File) -> Self {
        Self { file: Arc::new(Mutex::new(file)), position: 0 }
    }
}

impl Read for SharedFile {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.position))?;
        let read = file.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let end = || self.file.lock().unwrap_or_else(PoisonError::into_inner).seek(SeekFrom::End(0));
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => end()?.checked_add_signed(offset),
        };
        let negative = || std::io::Error::new(std::io::ErrorKind::InvalidInput, "seek to a negative position");
        self.position = position.ok_or_else(negative)?;
        Ok(self.position)
    }
}
