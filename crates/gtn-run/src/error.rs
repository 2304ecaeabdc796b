use std::path::PathBuf;

use crate::format::FORMAT;

/// Result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with the configuration or the files of a run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file cannot be read or written.
    #[error(transparent)]
    Io(#[from] gtn_io::Error),
    /// A folder that is neither empty nor a run.
    #[error("{} is neither empty nor a run (it has no config.toml of a run); choose another folder with --out", path.display())]
    FolderNotEmpty {
        /// The folder.
        path: PathBuf,
    },
    /// A folder without a run in it.
    #[error("{} is not a run (it has no {missing}); pass a folder that `gtn reproduce` or `gtn fit` created", path.display())]
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
        if *found < FORMAT { "an older" } else { "a newer" },
        FORMAT
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
    /// A sweep without a list of values.
    #[error(
        "a sweep needs at least one list of values; pass --widths, --depths, --learning-rates, --autoencoder-learning-rates, \
         --pairings or --components, as in --widths 500,1000"
    )]
    EmptyGrid,
    /// A folder that is neither empty nor a sweep.
    #[error(
        "{} is neither empty nor a sweep (it has no {missing}); choose another folder with --out",
        path.display()
    )]
    NotASweep {
        /// The folder.
        path: PathBuf,
        /// The missing file.
        missing: &'static str,
    },
    /// The folder of another sweep.
    #[error("{} contains a different sweep ({difference}); choose another folder with --out", path.display())]
    OtherSweep {
        /// The folder.
        path: PathBuf,
        /// The first difference, with both values.
        difference: String,
    },
    /// The record of a sweep that cannot be read.
    #[error("cannot read {}: {reason}; choose another folder with --out", path.display())]
    SweepRecord {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
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
    /// Weights that no training leaves behind, unless it diverges.
    #[error(
        "{}: tensor `{name}` holds {what}; use weights of training that did not diverge, or train again with another --seed",
        path.display()
    )]
    UnusableWeights {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// What it holds.
        what: &'static str,
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
    /// Whether the user can fix it by calling the program differently, as opposed to a failure of the machine.
    #[must_use]
    pub fn is_user_error(&self) -> bool {
        match self {
            Error::Io(error) => error.is_user_error(),
            Error::Damaged { .. } => false,
            _ => true,
        }
    }
}
