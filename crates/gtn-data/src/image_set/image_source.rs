//! Where images are stored: in a folder of files, or in a zip archive that is read without extracting it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::text_table::read_limited;
use crate::{Error, Result};

/// Larger files are refused. The largest images of the data sets here have less than 2 MB.
pub(crate) const MAX_FILE_BYTES: u64 = 64 << 20;

/// Image files by name.
pub(crate) struct ImageSource {
    path: PathBuf,
    kind: SourceKind,
}

enum SourceKind {
    Folder,
    Zip { archive: ZipArchive<SharedFile>, entries: HashMap<String, usize> },
}

/// Reads the files of a source; each thread has its own.
pub(crate) struct SourceReader<'s> {
    path: &'s Path,
    /// The archive and its entries, if it is not a folder.
    zip: Option<(ZipArchive<SharedFile>, &'s HashMap<String, usize>)>,
}

impl ImageSource {
    /// Opens `FOLDER/NAME.zip`, `FOLDER/NAME/NAME/` or `FOLDER/NAME/`, whichever exists first. In the archive, the
    /// files are in a folder NAME at any depth.
    ///
    /// # Errors
    ///
    /// [`Error::File`] for an archive that is invalid or has entries outside its folder; [`Error::File`].
    pub(crate) fn find(folder: &Path, name: &str) -> Result<Option<Self>> {
        let zip = folder.join(format!("{name}.zip"));
        if metadata_if_exists(&zip)?.is_some_and(|metadata| metadata.is_file()) {
            return Self::open_zip(&zip, name).map(Some);
        }
        let outer = folder.join(name);
        if !metadata_if_exists(&outer)?.is_some_and(|metadata| metadata.is_dir()) {
            return Ok(None);
        }
        let inner = outer.join(name);
        let nested = metadata_if_exists(&inner)?.is_some_and(|metadata| metadata.is_dir());
        let path = if nested { inner } else { outer };
        // Without this, a folder that must not be read would look like an empty one.
        fs::read_dir(&path).map_err(Error::io(&path))?;
        Ok(Some(Self { path, kind: SourceKind::Folder }))
    }

    fn open_zip(path: &Path, folder: &str) -> Result<Self> {
        let archive = open_archive(path)?;
        let mut entries = HashMap::with_capacity(archive.len());
        for (index, entry) in archive.file_names().enumerate() {
            if is_unsafe_path(entry) {
                let reason =
                    format!("unsafe entry `{entry}` outside the archive's folder; download the official archive");
                return Err(Error::malformed(path, reason));
            }
            let Some((parent, name)) = entry.rsplit_once('/') else { continue };
            if parent.rsplit('/').next() == Some(folder) && !name.is_empty() {
                entries.insert(name.to_owned(), index);
            }
        }
        Ok(Self { path: path.to_path_buf(), kind: SourceKind::Zip { archive, entries } })
    }

    /// Path of the archive or folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A description for users.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            SourceKind::Folder => "a folder".to_owned(),
            SourceKind::Zip { entries, .. } => format!("a zip archive of {} images", entries.len()),
        }
    }

    /// Whether a file of this name exists.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if its metadata cannot be read.
    pub(crate) fn contains(&self, name: &str) -> Result<bool> {
        match &self.kind {
            SourceKind::Folder => {
                Ok(metadata_if_exists(&self.path.join(name))?.is_some_and(|metadata| metadata.is_file()))
            }
            SourceKind::Zip { entries, .. } => Ok(entries.contains_key(name)),
        }
    }

    /// Adds to `hasher` what changes when the files change: for a folder their sizes and modification times, for an
    /// archive its central directory, which has sizes and checksums. The path is not included.
    pub(crate) fn hash_metadata<'n>(&self, names: impl Iterator<Item = &'n str>, hasher: &mut Sha256) -> Result<()> {
        match &self.kind {
            SourceKind::Folder => {
                for name in names {
                    let path = self.path.join(name);
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
            SourceKind::Folder => None,
            SourceKind::Zip { archive, entries } => Some((archive.clone(), entries)),
        };
        SourceReader { path: &self.path, zip }
    }
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
        let path = self.path.join(name);
        let Some((archive, entries)) = &mut self.zip else { return read_limited(&path, MAX_FILE_BYTES, bytes) };
        let index = *entries.get(name).ok_or_else(|| damaged_entry(&path, &"no such entry"))?;
        read_entry(archive, index, &path, u64::MAX, bytes).map(drop)
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

/// Appends at most `max` bytes of an entry to `bytes`, and returns whether they are all. `path` names the entry.
///
/// # Errors
///
/// [`Error::File`] if the entry is damaged, claims more than [`MAX_FILE_BYTES`], or has another size than it claims.
pub(crate) fn read_entry(
    archive: &mut ZipArchive<SharedFile>,
    index: usize,
    path: &Path,
    max: u64,
    bytes: &mut Vec<u8>,
) -> Result<bool> {
    let entry = archive.by_index(index).map_err(|error| damaged_entry(path, &error))?;
    let claimed = entry.size();
    if claimed > MAX_FILE_BYTES {
        let reason = format!("claims {claimed} bytes; the limit is {} MiB", MAX_FILE_BYTES >> 20);
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
