//! The lock of a run.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::{Error, Result};

pub(super) const FILE: &str = Lock::FILE;

/// The right to write to a run, or to a sweep. It is released when it is dropped, or by the operating system when the process ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// The name of the lock file in a folder.
    pub const FILE: &'static str = ".gtn-lock";

    /// Locks a folder, which must exist.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] if another process has locked it, [`Error::Io`] if its lock file cannot be written.
    pub fn acquire(root: &Path) -> Result<Self> {
        let path = root.join(FILE);
        let fail = || gtn_io::Error::io("lock", &path);
        let mut file =
            OpenOptions::new().create(true).truncate(false).read(true).write(true).open(&path).map_err(fail())?;
        // A process that only asks who holds the lock releases it at once.
        let mut locked = file.try_lock();
        for _ in 0..5 {
            if !matches!(locked, Err(TryLockError::WouldBlock)) {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
            locked = file.try_lock();
        }
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::Locked { path: root.to_path_buf(), holder: read_holder(file) });
            }
            Err(TryLockError::Error(error)) => return Err(fail()(error).into()),
        }
        file.set_len(0).map_err(fail())?;
        file.seek(SeekFrom::Start(0)).map_err(fail())?;
        let since = humantime::format_rfc3339_seconds(std::time::SystemTime::now());
        write!(file, "process {}, since {since}", std::process::id()).map_err(fail())?;
        Ok(Self { _file: file })
    }

    /// The process that holds the lock of a run, if one does.
    pub(super) fn holder(root: &Path) -> Option<String> {
        let file = OpenOptions::new().read(true).open(root.join(FILE)).ok()?;
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => Some(read_holder(file)),
            _ => None,
        }
    }
}

/// The holder as the file names it. The text is for people; only the lock itself counts.
fn read_holder(mut file: File) -> String {
    let mut text = String::new();
    let _ = file.read_to_string(&mut text);
    match text.trim() {
        "" => "unknown".to_owned(),
        known => known.to_owned(),
    }
}
