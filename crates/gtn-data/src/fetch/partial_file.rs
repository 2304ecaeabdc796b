//! The file of an unfinished download.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use gtn_io::atomic::{parent_folder, sync_parent_folder};
use gtn_io::hex;
use sha2::{Digest, Sha256};

use super::Error;

/// `NAME.part`: the first bytes of a file, on disk and locked, and their checksum so far. It is created on the first
/// write.
pub(super) struct PartialFile {
    path: PathBuf,
    file: Option<File>,
    len: u64,
    hasher: Sha256,
    /// Whether all bytes came from the current source.
    single_source: bool,
}

impl PartialFile {
    /// Opens what an earlier call left, or discards it if it is larger than `size`, the size of the complete file.
    pub(super) fn open(path: &Path, size: u64) -> Result<Self, Error> {
        let mut part =
            Self { path: path.to_path_buf(), file: None, len: 0, hasher: Sha256::new(), single_source: true };
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(part),
            Err(error) => return Err(Error::io("access", path)(error)),
            // A symbolic link would send the bytes elsewhere.
            Ok(metadata) if !metadata.is_file() => {
                let reason = "it is not a regular file, but has the name of an unfinished download".to_owned();
                return Err(Error::PathOccupied { path: path.to_path_buf(), reason });
            }
            Ok(_) => {}
        }
        let file = OpenOptions::new().read(true).write(true).open(path).map_err(Error::io("open", path))?;
        lock(&file, path)?;
        let reader = &file;
        let (read, hasher) = checksum(&mut reader.take(size.saturating_add(1))).map_err(Error::io("read", path))?;
        part.file = Some(file);
        if read > size {
            part.restart()?;
        } else {
            (part.len, part.hasher, part.single_source) = (read, hasher, read == 0);
        }
        Ok(part)
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn exists(&self) -> bool {
        self.file.is_some()
    }

    pub(super) fn is_single_source(&self) -> bool {
        self.single_source
    }

    /// Records that the following bytes come from another source.
    pub(super) fn mark_new_source(&mut self) {
        self.single_source = self.len == 0;
    }

    pub(super) fn sha256(&self) -> String {
        hex(self.hasher.clone().finalize())
    }

    /// Creates the file, or empties it.
    pub(super) fn restart(&mut self) -> Result<(), Error> {
        match &mut self.file {
            Some(file) => {
                let emptied = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0)));
                emptied.map_err(Error::io("write", &self.path))?;
            }
            None => {
                let parent = parent_folder(&self.path);
                fs::create_dir_all(parent).map_err(Error::io("create the folder", parent))?;
                let new = OpenOptions::new().write(true).create_new(true).open(&self.path);
                let file = new.map_err(|error| match error.kind() {
                    std::io::ErrorKind::AlreadyExists => Error::Locked { path: self.path.clone() },
                    _ => Error::io("write", &self.path)(error),
                })?;
                lock(&file, &self.path)?;
                self.file = Some(file);
            }
        }
        (self.len, self.hasher, self.single_source) = (0, Sha256::new(), true);
        Ok(())
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.file.is_none() {
            self.restart()?;
        }
        if let Some(file) = &mut self.file {
            if let Err(error) = file.write_all(bytes) {
                // Drop a partial write, so that the next call can resume.
                let _ = file.set_len(self.len);
                return Err(Error::io("write", &self.path)(error));
            }
            self.hasher.update(bytes);
            self.len += bytes.len() as u64;
        }
        Ok(())
    }

    /// Renames the complete file to `path`, replacing an existing file.
    pub(super) fn persist(self, path: &Path) -> Result<(), Error> {
        if let Some(file) = &self.file {
            file.sync_all().map_err(Error::io("write", &self.path))?;
        }
        fs::rename(&self.path, path).map_err(Error::io("write", path))?;
        sync_parent_folder(path);
        Ok(())
    }

    /// Removes the file if it is empty.
    pub(super) fn remove_if_empty(&self) {
        if self.exists() && self.len == 0 {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Path of the unfinished download of `path`.
pub(super) fn partial_path(path: &Path) -> PathBuf {
    let mut path = path.to_path_buf().into_os_string();
    path.push(".part");
    path.into()
}

/// Checks that `path` is free or a regular file.
#[cfg(feature = "hub")]
pub(crate) fn check_destination(path: &Path) -> Result<(), Error> {
    // No file has this size, so its contents are not read.
    is_complete(path, u64::MAX, "").map(|_| ())
}

/// Writes `bytes` to `path` atomically, replacing an unfinished download.
#[cfg(feature = "hub")]
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut part = PartialFile::open(&partial_path(path), bytes.len() as u64)?;
    part.restart()?;
    if let Err(error) = part.append(bytes) {
        part.remove_if_empty();
        return Err(error);
    }
    part.persist(path)
}

fn lock(file: &File, path: &Path) -> Result<(), Error> {
    match file.try_lock() {
        // Some file systems do not support locks; there, the checksum catches two concurrent downloads.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(Error::Locked { path: path.to_path_buf() }),
    }
}

/// Whether the file exists with this size and SHA-256.
pub(super) fn is_complete(path: &Path, size: u64, sha256: &str) -> Result<bool, Error> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::io("access", path)(error)),
    };
    if !metadata.is_file() {
        return Err(Error::PathOccupied { path: path.to_path_buf(), reason: "it is not a regular file".to_owned() });
    }
    if metadata.len() != size {
        return Ok(false);
    }
    let mut file = File::open(path).map_err(Error::io("read", path))?;
    let (_, hasher) = checksum(&mut file).map_err(Error::io("read", path))?;
    Ok(hex(hasher.finalize()) == sha256)
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
