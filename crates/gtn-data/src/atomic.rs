//! Atomic writes: to a temporary file next to the destination, which is synced to disk and then renamed.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::parent_folder;

const PREFIX: &str = ".gtn-";
const SUFFIX: &str = ".part";

/// An unlocked temporary file older than this is stale. A younger one may be about to be locked.
const STALE_AFTER: Duration = Duration::from_secs(60);

/// Creates a temporary file next to `path` with the permissions `mode`. It is removed when dropped, unless it is
/// persisted or the process is killed. Stale files of killed processes are removed first.
pub(crate) fn create_temp_file(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    remove_stale_files(parent_folder(path));
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    let temp_file = builder.tempfile_in(parent_folder(path))?;
    // Some file systems do not support locks; there, no file can be locked, and none is removed as stale.
    let _ = temp_file.as_file().try_lock();
    Ok(temp_file)
}

/// Removes old temporary files that no process has locked. Failures are harmless and ignored.
fn remove_stale_files(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !(name.starts_with(PREFIX) && name.ends_with(SUFFIX)) {
            continue;
        }
        let is_old = |file: &File| {
            file.metadata()
                .and_then(|metadata| metadata.modified())
                .is_ok_and(|modified| modified.elapsed().is_ok_and(|age| age > STALE_AFTER))
        };
        if File::open(entry.path()).is_ok_and(|file| is_old(&file) && file.try_lock().is_ok()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Syncs a temporary file and renames it to `path`, replacing an existing file.
pub(crate) fn persist(temp_file: NamedTempFile, path: &Path) -> io::Result<()> {
    temp_file.as_file().sync_all()?;
    temp_file.persist(path).map_err(|error| error.error)?;
    sync_parent_folder(path);
    Ok(())
}

/// Syncs the folder, which holds the rename itself. Some systems cannot open a folder; there, this does nothing.
pub(crate) fn sync_parent_folder(path: &Path) {
    if let Ok(folder) = File::open(parent_folder(path)) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::SystemTime;

    use super::*;

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
        let existing = || {
            let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            names.sort();
            names
        };
        let mut expected = [".gtn-young.part", "mine.part"].map(|name| folder.path().join(name)).to_vec();
        expected.extend([being_written.path().to_path_buf(), second.path().to_path_buf()]);
        expected.sort();
        assert_eq!(existing(), expected);
        persist(being_written, &path).unwrap();
        drop(second);
        assert_eq!(existing(), [".gtn-young.part", "a.cache", "mine.part"].map(|name| folder.path().join(name)));
    }
}
