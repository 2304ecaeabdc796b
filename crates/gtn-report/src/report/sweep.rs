//! The page of a sweep: its table, what each setting does, and the samples and losses of the best runs.

mod by_setting;
mod html;
mod table;

use std::path::{Path, PathBuf};

use gtn_io::atomic;
use gtn_run::RunFolder;
use gtn_run::sweep::{CombinationState, SweepRecord};

use super::comparison::samples_and_losses;
use crate::Result;

pub use table::{SweepColumn, SweepRow, SweepTable};

/// The page in the folder of a sweep.
const FILE: &str = "sweep.html";

/// Runs whose samples and losses are shown.
const SHOWN_RUNS: usize = 6;

/// Writes `sweep.html` into the folder of a sweep, and returns its path. Runs that are not complete are in the table only.
///
/// # Errors
///
/// [`Error::Samples`](crate::Error::Samples) if a tensor of a run has the wrong shape, [`Error::Run`](crate::Error::Run) if a file
/// is damaged, [`Error::Io`](crate::Error::Io) if the page cannot be written.
pub fn write_sweep(root: &Path, record: &SweepRecord) -> Result<PathBuf> {
    let path = root.join(FILE);
    let complete = record.ranked().into_iter().map(|index| &record.combinations[index]);
    let complete = complete.filter(|combination| combination.state == CombinationState::Done);
    let folders: Vec<RunFolder> =
        complete.take(SHOWN_RUNS).map(|combination| SweepRecord::run_folder(root, &combination.name)).collect();
    let sections = samples_and_losses(&folders)?;
    let page = html::page(record, &SweepTable::new(record), &sections);
    atomic::write_bytes(&path, page.as_bytes())?;
    Ok(path)
}
