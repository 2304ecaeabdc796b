//! Writes files atomically: a file is complete, or it does not exist.

use std::fs::{self, File};
use std::io::{BufWriter, Seek, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// What [`write()`] does if the file exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Replaces it.
    Replace,
    /// Keeps it, and returns [`Error::Exists`].
    Refuse,
}

/// A destination that can be written to at any position.
pub trait WriteSeek: Write + Seek {}

impl<T: Write + Seek> WriteSeek for T {}

/// Writes `path` through `fill`: to a temporary file beside it, synchronized to disk, then renamed.
///
/// A reader sees the old file or the new one. If `fill` fails or the process dies, the old file stays.
///
/// # Errors
///
/// [`Error::Exists`] under [`Existing::Refuse`], [`Error::Io`] if the file cannot be written.
pub fn write(
    path: &Path,
    existing: Existing,
    fill: impl FnOnce(&mut dyn WriteSeek) -> std::io::Result<()>,
) -> Result<()> {
    let mut temporary = temporary(path, existing)?;
    let fail = || Error::io("write", path);
    {
        let mut writer = BufWriter::new(temporary.as_file_mut());
        fill(&mut writer).map_err(fail())?;
        writer.flush().map_err(fail())?;
    }
    persist(temporary, path, existing)
}

/// A temporary file beside `path`.
fn temporary(path: &Path, existing: Existing) -> Result<NamedTempFile> {
    let fail = || Error::io("write", path);
    if existing == Existing::Refuse && fs::symlink_metadata(path).is_ok() {
        return Err(Error::Exists { path: path.to_path_buf() });
    }
    if path.is_dir() {
        return Err(fail()(std::io::Error::new(std::io::ErrorKind::IsADirectory, "it is a folder")));
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The permissions of any new file; the user's umask applies.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder_of(path)).map_err(fail())
}

/// Synchronizes a temporary file to disk, and renames it to `path`.
fn persist(temporary: NamedTempFile, path: &Path, existing: Existing) -> Result<()> {
    let fail = || Error::io("write", path);
    temporary.as_file().sync_all().map_err(fail())?;
    match existing {
        Existing::Replace => temporary.persist(path).map_err(|error| fail()(error.error))?,
        Existing::Refuse => temporary.persist_noclobber(path).map_err(|error| {
            if error.error.kind() == std::io::ErrorKind::AlreadyExists {
                Error::Exists { path: path.to_path_buf() }
            } else {
                fail()(error.error)
            }
        })?,
    };
    // The rename is recorded in the folder. Where the system can open a folder, it is synchronized as well.
    if let Ok(folder) = File::open(folder_of(path)) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Checks that a file of `bytes` bytes fits on the disk of `path`, beside existing files. It is called before hours of work, and
/// before an older file is moved.
///
/// It succeeds on a system that does not report its free space; then writing the file fails if the disk is full.
///
/// # Errors
///
/// [`Error::InsufficientSpace`] if less space is free.
pub fn require_free_space(path: &Path, bytes: u64) -> Result<()> {
    let folder = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    match fs4::available_space(folder) {
        Ok(free) if free < bytes => Err(Error::InsufficientSpace { path: path.to_path_buf(), needed: bytes, free }),
        _ => Ok(()),
    }
}

const PREFIX: &str = ".gtn-";
const SUFFIX: &str = ".part";

/// Whether a file of this name is a temporary file of [`write()`], which a killed process leaves behind.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Writes `bytes` to `path` atomically, replacing an existing file.
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be written.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, Existing::Replace, |out| out.write_all(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_bytes(&path, b"old").unwrap();
        let failed = write(&path, Existing::Replace, |out| {
            out.write_all(b"half")?;
            Err(std::io::Error::other("disk full"))
        });
        assert!(matches!(failed, Err(Error::Io { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn free_space_is_checked_beforehand() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/new/file.safetensors");
        require_free_space(&path, 1).unwrap();
        let error = require_free_space(&path, u64::MAX).unwrap_err();
        assert!(
            matches!(error, Error::InsufficientSpace { needed: u64::MAX, free: 1.., .. }) && !error.is_user_error()
        );
        assert!(
            error.to_string().contains("file.safetensors") && error.to_string().contains("free some space"),
            "{error}"
        );
    }

    #[test]
    fn an_existing_file_is_kept_or_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write(&path, Existing::Refuse, |out| out.write_all(b"first")).unwrap();
        assert!(matches!(write(&path, Existing::Refuse, |_| Ok(())), Err(Error::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write(&path, Existing::Replace, |out| out.write_all(b"second")).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert!(matches!(write(folder.path(), Existing::Replace, |_| Ok(())), Err(Error::Io { .. })));
    }
}
