//! Copies of files and folders.

use std::fs;
use std::io;
use std::path::Path;

/// Copies a file, or a folder with all that is in it.
///
/// # Errors
///
/// The first error of the file system.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// The same, without what a folder of this name held before.
///
/// # Errors
///
/// As [`copy`].
pub(crate) fn replace(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_dir_all(to) {
        Err(error) if to.is_dir() => Err(error),
        _ => copy(from, to),
    }
}
