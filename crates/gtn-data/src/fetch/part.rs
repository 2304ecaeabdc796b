//! The file that a download grows in.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::Error;
use crate::digest::hexadecimal;
use crate::{folder_of, whole};

/// `NAME.part`: the first bytes of a file, on disk and locked, with their checksum so far. It need not exist yet.
pub(super) struct Part {
    path: PathBuf,
    file: Option<File>,
    len: u64,
    hasher: Sha256,
    /// Whether all bytes came from the source that is asked now.
    of_one_source: bool,
}

impl Part {
    /// Takes up what an earlier call left, as far as it can be the beginning of a file of `size` bytes.
    pub(super) fn open(path: &Path, size: u64) -> Result<Self, Error> {
        let mut part =
            Self { path: path.to_path_buf(), file: None, len: 0, hasher: Sha256::new(), of_one_source: true };
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(part),
            Err(error) => return Err(Error::io("look at", path)(error)),
            // A link would lead the bytes to another place.
            Ok(found) if !found.is_file() => {
                let reason = "it has the name of an unfinished download and is no regular file".to_owned();
                return Err(Error::InTheWay { path: path.to_path_buf(), reason });
            }
            Ok(_) => {}
        }
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(Error::io("open", path))?;
        lock(&file, path)?;
        let reader = &file;
        let (read, hasher) = checksum(&mut reader.take(size.saturating_add(1))).map_err(Error::io("read", path))?;
        part.file = Some(file);
        if read > size {
            part.start_anew()?;
        } else {
            (part.len, part.hasher, part.of_one_source) = (read, hasher, read == 0);
        }
        Ok(part)
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn exists(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn is_of_one_source(&self) -> bool {
        self.of_one_source
    }

    /// From here on bytes come from another source.
    pub(super) fn other_source(&mut self) {
        self.of_one_source = self.len == 0;
    }

    pub(super) fn sha256(&self) -> String {
        hexadecimal(self.hasher.clone())
    }

    /// Makes the file, or empties it.
    pub(super) fn start_anew(&mut self) -> Result<(), Error> {
        match &mut self.file {
            Some(file) => {
                let emptied = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0)));
                emptied.map_err(Error::io("write", &self.path))?;
            }
            None => {
                let parent = folder_of(&self.path);
                fs::create_dir_all(parent).map_err(Error::io("make the folder", parent))?;
                let new = OpenOptions::new().write(true).create_new(true).open(&self.path);
                let file = new.map_err(|error| match error.kind() {
                    std::io::ErrorKind::AlreadyExists => Error::Busy { path: self.path.clone() },
                    _ => Error::io("write", &self.path)(error),
                })?;
                lock(&file, &self.path)?;
                self.file = Some(file);
            }
        }
        (self.len, self.hasher, self.of_one_source) = (0, Sha256::new(), true);
        Ok(())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.file.is_none() {
            self.start_anew()?;
        }
        if let Some(file) = &mut self.file {
            if let Err(error) = file.write_all(bytes) {
                // A part of the bytes may be there; without them the next call can go on.
                let _ = file.set_len(self.len);
                return Err(Error::io("write", &self.path)(error));
            }
            self.hasher.update(bytes);
            self.len += bytes.len() as u64;
        }
        Ok(())
    }

    /// Gives the whole file its name, replacing what has it.
    pub(super) fn publish(self, path: &Path) -> Result<(), Error> {
        if let Some(file) = &self.file {
            file.sync_all().map_err(Error::io("write", &self.path))?;
        }
        fs::rename(&self.path, path).map_err(Error::io("write", path))?;
        whole::sync_folder_of(path);
        Ok(())
    }

    /// Leaves no empty file behind.
    pub(super) fn remove_if_empty(&self) {
        if self.exists() && self.len == 0 {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The part of the file that is to lie at `path`.
pub(super) fn path_for(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf().into_os_string();
    path.push(".part");
    path.into()
}

/// Refuses to write where something is that is no file.
#[cfg(feature = "hub")]
pub(crate) fn check_place(path: &Path) -> Result<(), Error> {
    // No file is as long; what lies there is only looked at.
    is_whole(path, u64::MAX, "").map(|_| ())
}

/// Writes a file of these bytes, whole or not at all, in place of its part.
#[cfg(feature = "hub")]
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut part = Part::open(&path_for(path), bytes.len() as u64)?;
    part.start_anew()?;
    if let Err(error) = part.append(bytes) {
        part.remove_if_empty();
        return Err(error);
    }
    part.publish(path)
}

fn lock(file: &File, path: &Path) -> Result<(), Error> {
    match file.try_lock() {
        // Some file systems know no locks; there two downloads at once are for the checksum to find.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::Busy { path: path.to_path_buf() }),
    }
}

/// Whether the file is there and is the one expected.
pub(super) fn is_whole(path: &Path, size: u64, sha256: &str) -> Result<bool, Error> {
    let found = match fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("look at", path)(error)),
    };
    if !found.is_file() {
        return Err(Error::InTheWay { path: path.to_path_buf(), reason: "it is no regular file".to_owned() });
    }
    if found.len() != size {
        return Ok(false);
    }
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let (_, hasher) = checksum(&mut file).map_err(Error::io("read", path))?;
    Ok(hexadecimal(hasher) == sha256)
}

fn checksum(reader: &mut impl Read) -> std::io::Result<(u64, Sha256)> {
    let (mut hasher, mut len, mut buffer) = (Sha256::new(), 0, vec![0; 64 * 1024]);
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((len, hasher)),
            Ok(read) => {
                hasher.update(&buffer[..read]);
                len += read as u64;
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
