//! Where photographs lie: a folder of files, or a zip archive that is read where it is.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};
use zip::ZipArchive;

use crate::{Error, Result};

/// A file of more bytes is not read. The largest photographs of the data sets here have less than 2 MB.
pub const MOST_BYTES: u64 = 64 << 20;

/// Files found by their names.
pub(crate) struct Source {
    path: PathBuf,
    kind: Kind,
}

enum Kind {
    Folder,
    Zip { archive: ZipArchive<Shared>, at: HashMap<String, usize> },
}

/// What a thread reads through.
pub(crate) enum Reader<'s> {
    Folder(&'s Path),
    Zip { path: &'s Path, archive: ZipArchive<Shared>, at: &'s HashMap<String, usize> },
}

impl Source {
    /// `FOLDER/NAME.zip`, or `FOLDER/NAME/` or `FOLDER/NAME/NAME/`, whichever is there; the archive has its files in a folder
    /// NAME, which may lie in others.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for an archive that cannot be read or has names that lead out of it, [`Error::Io`].
    pub(crate) fn find(folder: &Path, name: &str) -> Result<Option<Self>> {
        let zip = folder.join(format!("{name}.zip"));
        if exists(&zip)?.is_some_and(|found| found.is_file()) {
            return Self::zip(&zip, name).map(Some);
        }
        let outer = folder.join(name);
        if !exists(&outer)?.is_some_and(|found| found.is_dir()) {
            return Ok(None);
        }
        let inner = outer.join(name);
        let nested = exists(&inner)?.is_some_and(|found| found.is_dir());
        let path = if nested { inner } else { outer };
        // A folder that may not be read would look like one without files.
        fs::read_dir(&path).map_err(Error::io(&path))?;
        Ok(Some(Self { path, kind: Kind::Folder }))
    }

    fn zip(path: &Path, folder: &str) -> Result<Self> {
        let unreadable = |error: zip::result::ZipError| match error {
            zip::result::ZipError::Io(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                Error::io(path)(error)
            }
            error => Error::malformed(path, format!("not a readable zip archive ({error}); download it again")),
        };
        let file = File::open(path).map_err(Error::io(path))?;
        let archive = ZipArchive::new(Shared { file: Arc::new(Mutex::new(file)), position: 0 }).map_err(unreadable)?;
        let mut at = HashMap::with_capacity(archive.len());
        for (index, entry) in archive.file_names().enumerate() {
            if leads_out(entry) {
                let reason = format!("holds an entry named `{entry}`, which leads out of it; it is not the original");
                return Err(Error::malformed(path, reason));
            }
            let Some((parent, name)) = entry.rsplit_once('/') else { continue };
            if parent.rsplit('/').next() == Some(folder) && !name.is_empty() {
                at.insert(name.to_owned(), index);
            }
        }
        Ok(Self { path: path.to_path_buf(), kind: Kind::Zip { archive, at } })
    }

    /// The archive, or the folder of the files.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What this is, for a person.
    pub(crate) fn describe(&self) -> String {
        match &self.kind {
            Kind::Folder => "a folder".to_owned(),
            Kind::Zip { at, .. } => format!("a zip archive of {} images", at.len()),
        }
    }

    /// Whether there is a file of this name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the system does not say.
    pub(crate) fn has(&self, name: &str) -> Result<bool> {
        match &self.kind {
            Kind::Folder => Ok(exists(&self.path.join(name))?.is_some_and(|found| found.is_file())),
            Kind::Zip { at, .. } => Ok(at.contains_key(name)),
        }
    }

    /// Adds to `hasher` what changes when the files do: sizes and times of change in a folder, the directory of an archive
    /// with its sizes and checksums. The path is no part of it.
    pub(crate) fn identify<'n>(&self, names: impl Iterator<Item = &'n str>, hasher: &mut Sha256) -> Result<()> {
        match &self.kind {
            Kind::Folder => {
                for name in names {
                    let path = self.path.join(name);
                    let found = fs::metadata(&path).map_err(Error::io(&path))?;
                    let changed = found.modified().ok();
                    let since = changed.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
                    hasher.update(found.len().to_le_bytes());
                    hasher.update(since.map_or(0, |since| since.as_nanos()).to_le_bytes());
                }
                Ok(())
            }
            Kind::Zip { archive, .. } => {
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
    pub(crate) fn reader(&self) -> Reader<'_> {
        match &self.kind {
            Kind::Folder => Reader::Folder(&self.path),
            Kind::Zip { archive, at } => Reader::Zip { path: &self.path, archive: archive.clone(), at },
        }
    }
}

impl Reader<'_> {
    /// The bytes of a file, into `bytes` in place of what is there.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] for more than [`MOST_BYTES`], for an entry that holds more than its archive says or is damaged;
    /// [`Error::Io`] if the file cannot be read or is gone.
    pub(crate) fn read(&mut self, name: &str, bytes: &mut Vec<u8>) -> Result<()> {
        bytes.clear();
        match self {
            Reader::Folder(folder) => {
                let path = folder.join(name);
                let file = File::open(&path).map_err(Error::io(&path))?;
                file.take(MOST_BYTES + 1).read_to_end(bytes).map_err(Error::io(&path))?;
                if bytes.len() as u64 > MOST_BYTES {
                    return Err(Error::malformed(&path, format!("holds more than {} MiB", MOST_BYTES >> 20)));
                }
                Ok(())
            }
            Reader::Zip { path, archive, at } => {
                let path = path.join(name);
                let damaged = |error: &dyn std::fmt::Display| {
                    Error::malformed(&path, format!("damaged in the archive ({error}); download it again"))
                };
                let index = *at.get(name).ok_or_else(|| damaged(&"it is not there"))?;
                let entry = archive.by_index(index).map_err(|error| damaged(&error))?;
                let stated = entry.size();
                if stated > MOST_BYTES {
                    let reason = format!("claims {stated} bytes, and more than {} MiB are not read", MOST_BYTES >> 20);
                    return Err(Error::malformed(&path, reason));
                }
                // The vector grows with what is really there; one byte more than stated shows what inflates without end.
                entry.take(stated + 1).read_to_end(bytes).map_err(|error| damaged(&error))?;
                if bytes.len() as u64 != stated {
                    let than = if bytes.len() as u64 > stated { "more" } else { "fewer" };
                    return Err(damaged(&format!("it holds {than} bytes than the {stated} that are stated")));
                }
                Ok(())
            }
        }
    }
}

/// What lies there; `None` for nothing.
pub(crate) fn exists(path: &Path) -> Result<Option<fs::Metadata>> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    match fs::metadata(path) {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => Ok(None),
        Err(error) => Err(Error::io(path)(error)),
    }
}

/// Whether a name, taken for a path, leads elsewhere than below the folder it is joined to.
pub(crate) fn leads_out(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    name.starts_with(['/', '\\']) || drive || name.contains('\0') || name.split(['/', '\\']).any(|part| part == "..")
}

/// One open file that several readers share, each at a place of its own.
#[derive(Clone)]
pub(crate) struct Shared {
    file: Arc<Mutex<File>>,
    position: u64,
}

impl Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.position))?;
        let read = file.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Shared {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let end = || self.file.lock().unwrap_or_else(PoisonError::into_inner).seek(SeekFrom::End(0));
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
            SeekFrom::End(offset) => end()?.checked_add_signed(offset),
        };
        let before = || std::io::Error::new(std::io::ErrorKind::InvalidInput, "a place before the file's beginning");
        self.position = position.ok_or_else(before)?;
        Ok(self.position)
    }
}
