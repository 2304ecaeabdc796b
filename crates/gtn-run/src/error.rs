use std::path::{Path, PathBuf};

/// What can go wrong with the configuration or the files of a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An operation of the file system failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The operation, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// A disk without enough free space for a file. Nothing was written.
    #[error(
        "cannot write {}: it needs {}, but only {} is free on the disk; free some space and run the same command again",
        path.display(),
        megabytes(*needed),
        megabytes(*free)
    )]
    InsufficientSpace {
        /// The file.
        path: PathBuf,
        /// Bytes that it needs.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// A file that would be overwritten.
    #[error("{} already exists; choose another path, or pass --force to replace it", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A folder that is neither empty nor a run.
    #[error("{} is neither empty nor a run (it has no config.toml of a run); choose another folder with --out", path.display())]
    FolderNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A folder without a run in it.
    #[error("{} is not a run (it has no {missing}); pass a folder that `gtn reproduce` created", path.display())]
    NotARun {
        /// The folder.
        path: PathBuf,
        /// The missing file.
        missing: &'static str,
    },
    /// A run of another format, written by another version of the program.
    #[error(
        "{} was written by {} version of gtn (run format {found}, this version uses {}); choose another folder with --out, or \
         pass --force to `gtn reproduce` to overwrite it",
        path.display(),
        if *found < crate::FORMAT { "an older" } else { "a newer" },
        crate::FORMAT
    )]
    OtherFormat {
        /// The folder.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A run with another configuration or other data.
    #[error(
        "{} contains a different run ({difference}); choose another folder with --out, or pass --force to overwrite it",
        path.display()
    )]
    OtherRun {
        /// The folder.
        path: PathBuf,
        /// The first setting that differs, with both values.
        difference: String,
    },
    /// A second process on one run.
    #[error("{} is in use by another process ({holder}); wait until it ends, or stop it", path.display())]
    Locked {
        /// The run.
        path: PathBuf,
        /// The process.
        holder: String,
    },
    /// A configuration that cannot be read.
    #[error("{what}: {reason}")]
    Config {
        /// The preset or file.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An invalid setting.
    #[error("{key} = {value}: {reason}")]
    Setting {
        /// Its key in the TOML file.
        key: String,
        /// Its value.
        value: String,
        /// Why it is invalid.
        reason: String,
    },
    /// An artifact whose content is not what was written.
    #[error("{} is damaged: {reason}; run the command in the run's config.toml again to recreate it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// An artifact without a tensor that its reader needs.
    #[error("{} has no tensor `{name}` of type {dtype}; pass a file that was written for this purpose", path.display())]
    MissingTensor {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its element type.
        dtype: &'static str,
    },
}

impl Error {
    /// Wraps an error of the operating system: `action` (a verb) failed for `path`.
    pub fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Error::Io { action, path, source }
    }

    /// Whether the user can fix it by calling the program differently, as opposed to a failure of the machine.
    #[must_use]
    pub fn is_user_error(&self) -> bool {
        use std::io::ErrorKind as K;
        match self {
            Error::Io { source, .. } => matches!(
                source.kind(),
                K::NotFound
                    | K::PermissionDenied
                    | K::AlreadyExists
                    | K::NotADirectory
                    | K::IsADirectory
                    | K::ReadOnlyFilesystem
                    | K::InvalidInput
                    | K::InvalidFilename
            ),
            Error::Damaged { .. } | Error::InsufficientSpace { .. } => false,
            _ => true,
        }
    }
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
