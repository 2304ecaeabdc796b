//! Writes files atomically: a file is complete, or it does not exist.
//!
//! A file grows under a temporary name beside its destination, synchronized to disk and renamed when it is complete. A killed
//! process leaves its temporary file behind. It is locked while it is written, so the next process that writes to the folder
//! can tell that it is stale, and removes it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::{Error, Result};

/// What happens to a file that exists at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced.
    Replace,
    /// It is kept, and the new file is refused.
    Refuse,
}

/// A destination that can be written to at any position.
pub trait WriteSeek: Write + Seek {}

impl<T: Write + Seek> WriteSeek for T {}

/// Writes `path` through `fill`.
///
/// A reader sees the old file or the new one. If `fill` fails or the process dies, the old file stays.
///
/// # Errors
///
/// [`Error::Exists`] under [`Existing::Refuse`], [`Error::Io`] if the file cannot be written.
pub fn write(path: &Path, existing: Existing, fill: impl FnOnce(&mut dyn WriteSeek) -> io::Result<()>) -> Result<()> {
    let exists = || Error::Exists { path: path.to_path_buf() };
    if existing == Existing::Refuse && fs::symlink_metadata(path).is_ok() {
        return Err(exists());
    }
    let fill_and_persist = || {
        let mut temp_file = create_temp_file(path, 0o666)?;
        let mut writer = BufWriter::new(temp_file.as_file_mut());
        fill(&mut writer)?;
        writer.flush()?;
        drop(writer);
        persist(temp_file, path, existing)
    };
    fill_and_persist().map_err(|error| match (existing, error.kind()) {
        (Existing::Refuse, io::ErrorKind::AlreadyExists) => exists(),
        _ => Error::io("write", path)(error),
    })
}

/// Writes `bytes` to `path`, replacing an existing file.
///
/// # Errors
///
/// [`Error::Io`] if the file cannot be written.
pub fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    write(path, Existing::Replace, |out| out.write_all(bytes))
}

/// Links that are followed one after the other, as on Linux.
const MAX_LINKS: usize = 40;

const PREFIX: &str = ".gtn-";
const SUFFIX: &str = ".part";

/// An unlocked temporary file older than this is stale. A younger one may be about to be locked.
const STALE_AFTER: Duration = Duration::from_secs(60);

/// Creates and locks a temporary file beside `path`, for [`persist`]. Where the system has them, its permissions are `mode`,
/// to which the user's umask applies. It is removed when it is dropped before that. Stale files in the folder are removed
/// first. If `path` is a link, both functions write what it leads to.
///
/// # Errors
///
/// The system's error, also if `path` is a folder.
pub fn create_temp_file(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    if path.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder"));
    }
    let path = behind_links(path)?;
    let folder = parent_folder(&path);
    // Once for each folder, since thousands of files may follow.
    static CLEANED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if CLEANED.lock().unwrap_or_else(PoisonError::into_inner).insert(folder.to_path_buf()) {
        remove_stale_files(folder, STALE_AFTER);
    }
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    let temp_file = builder.tempfile_in(folder)?;
    // Some file systems do not support locks; there, no file can be locked, and none is removed as stale.
    let _ = temp_file.as_file().try_lock();
    Ok(temp_file)
}

/// Synchronizes a temporary file to disk, and renames it to `path`.
///
/// # Errors
///
/// The system's error; of the kind [`AlreadyExists`](io::ErrorKind::AlreadyExists) under [`Existing::Refuse`].
pub fn persist(temp_file: NamedTempFile, path: &Path, existing: Existing) -> io::Result<()> {
    let path = behind_links(path)?;
    temp_file.as_file().sync_all()?;
    match existing {
        Existing::Replace => temp_file.persist(&path),
        Existing::Refuse => temp_file.persist_noclobber(&path),
    }?;
    sync_parent_folder(&path);
    Ok(())
}

/// The path that a link leads to, through further links, whether it exists or not; otherwise the path itself.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else { return Ok(path) };
        path = parent_folder(&path).join(target);
    }
    Err(io::Error::other("it is a link that leads to no end; remove the link"))
}

/// Removes temporary files of [`create_temp_file`] that no process has locked and that are at least `min_age` old. Failures
/// are ignored, since the files do no harm.
pub fn remove_stale_files(folder: &Path, min_age: Duration) {
    let is_old = |file: &File| {
        let modified = file.metadata().and_then(|metadata| metadata.modified());
        modified.is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age >= min_age))
    };
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if is_temporary(&entry.file_name().to_string_lossy())
            && File::open(entry.path()).is_ok_and(|file| is_old(&file) && file.try_lock().is_ok())
        {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a file of this name is a temporary file of [`create_temp_file`], which a killed process leaves behind.
#[must_use]
pub fn is_temporary(name: &str) -> bool {
    name.starts_with(PREFIX) && name.ends_with(SUFFIX)
}

/// Synchronizes the folder of `path` to disk, after a rename in it. Some systems cannot open a folder; there, this does nothing.
pub fn sync_parent_folder(path: &Path) {
    if let Ok(folder) = File::open(parent_folder(path)) {
        let _ = folder.sync_all();
    }
}

/// The folder that contains `path`; for a bare file name, the current folder as `.`.
#[must_use]
pub fn parent_folder(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
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

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

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

    #[cfg(unix)]
    #[test]
    fn a_file_is_written_where_a_link_leads() {
        use std::os::unix::fs::symlink;

        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("disk")).unwrap();
        // Relative, through a second link, and to a file that does not exist yet.
        symlink("disk/file.txt", at("first")).unwrap();
        symlink(at("first"), at("second")).unwrap();
        for content in [b"new", b"old"] {
            write_bytes(&at("second"), content).unwrap();
            assert_eq!(fs::read(at("disk/file.txt")).unwrap(), content);
        }
        assert!(fs::symlink_metadata(at("second")).unwrap().is_symlink() && at("first").is_symlink());
        assert!(matches!(write(&at("first"), Existing::Refuse, |_| Ok(())), Err(Error::Exists { .. })));
        assert_eq!(fs::read_dir(at("disk")).unwrap().count(), 1);
        symlink("loop", at("loop")).unwrap();
        assert!(matches!(write_bytes(&at("loop"), b"x"), Err(Error::Io { .. })));
        assert!(at("loop").is_symlink());
    }

    #[test]
    fn stale_files_are_removed_and_files_being_written_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.cache");
        let old = SystemTime::now() - Duration::from_secs(3600);
        let create_old = |name: &str| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(old).unwrap();
        };
        create_old(".gtn-left.part");
        create_old("mine.part");
        File::create(folder.path().join(".gtn-young.part")).unwrap();
        let being_written = create_temp_file(&path, 0o444).unwrap();
        being_written.as_file().set_modified(old).unwrap();
        let second = create_temp_file(&path, 0o666).unwrap();
        remove_stale_files(folder.path(), STALE_AFTER);
        let existing = || {
            let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            names.sort();
            names
        };
        let mut expected = [".gtn-young.part", "mine.part"].map(|name| folder.path().join(name)).to_vec();
        expected.extend([being_written.path().to_path_buf(), second.path().to_path_buf()]);
        expected.sort();
        assert_eq!(existing(), expected);
        persist(being_written, &path, Existing::Replace).unwrap();
        drop(second);
        assert_eq!(existing(), [".gtn-young.part", "a.cache", "mine.part"].map(|name| folder.path().join(name)));
        remove_stale_files(folder.path(), Duration::ZERO);
        assert_eq!(existing(), ["a.cache", "mine.part"].map(|name| folder.path().join(name)));
    }
}
