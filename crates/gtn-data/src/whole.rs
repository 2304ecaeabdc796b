//! Files that are written whole or not at all: to a temporary file beside their place, synchronized to disk, then renamed.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::folder_of;

const PREFIX: &str = ".gtn-";
const SUFFIX: &str = ".part";

/// A file that nobody holds is a leftover when it is older than this; a younger one may be about to be held.
const LEFT: Duration = Duration::from_secs(60);

/// A temporary file beside `path`, with the permissions that `path` is to have; it is removed unless it is published, or the
/// process is killed. What killed processes left there is removed first.
pub(crate) fn temporary(path: &Path, mode: u32) -> io::Result<NamedTempFile> {
    remove_leftovers(folder_of(path));
    let mut builder = tempfile::Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(mode));
    }
    #[cfg(not(unix))]
    let _ = mode;
    let temporary = builder.tempfile_in(folder_of(path))?;
    // Some file systems know no locks; there leftovers stay, as everybody's files do.
    let _ = temporary.as_file().try_lock();
    Ok(temporary)
}

/// Removes temporary files that no process holds. It harms nothing if one stays.
fn remove_leftovers(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if !(name.starts_with(PREFIX) && name.ends_with(SUFFIX)) {
            continue;
        }
        let is_old = |file: &File| {
            file.metadata()
                .and_then(|found| found.modified())
                .is_ok_and(|changed| changed.elapsed().is_ok_and(|age| age > LEFT))
        };
        if File::open(entry.path()).is_ok_and(|file| is_old(&file) && file.try_lock().is_ok()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// Gives a temporary file its name, replacing what has it.
pub(crate) fn publish(temporary: NamedTempFile, path: &Path) -> io::Result<()> {
    temporary.as_file().sync_all()?;
    temporary.persist(path).map_err(|error| error.error)?;
    sync_folder_of(path);
    Ok(())
}

/// A rename itself lives in the folder; not every system lets a folder be opened, and then there is nothing to do.
pub(crate) fn sync_folder_of(path: &Path) {
    if let Ok(folder) = File::open(folder_of(path)) {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_a_killed_process_left_is_removed_and_what_is_being_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.photos");
        let old = SystemTime::now() - Duration::from_secs(3600);
        let left = |name: &str| {
            let file = File::create(folder.path().join(name)).unwrap();
            file.set_modified(old).unwrap();
        };
        left(".gtn-left.part");
        left("mine.part");
        File::create(folder.path().join(".gtn-young.part")).unwrap();
        let being_written = temporary(&path, 0o444).unwrap();
        being_written.as_file().set_modified(old).unwrap();
        let second = temporary(&path, 0o666).unwrap();
        let there = || {
            let mut names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
            names.sort();
            names
        };
        let mut expected = [".gtn-young.part", "mine.part"].map(|name| folder.path().join(name)).to_vec();
        expected.extend([being_written.path().to_path_buf(), second.path().to_path_buf()]);
        expected.sort();
        assert_eq!(there(), expected);
        publish(being_written, &path).unwrap();
        drop(second);
        assert_eq!(there(), [".gtn-young.part", "a.photos", "mine.part"].map(|name| folder.path().join(name)));
    }
}
