//! The run of the same experiment before this one.

use std::path::absolute;

use gtn_run::{RunFolder, RunRecord};
use maud::Markup;

use super::comparison::Comparison;

/// The run before `run` in the same folder: of those that were begun before it, the latest with the same experiment, dimension and data
/// that is finished. `None` without one. A copy of the run began at the same time, and is not before it.
#[must_use]
pub fn previous(run: &RunFolder) -> Option<RunFolder> {
    let (path, this) = (absolute(run.root()).ok()?, run.record().ok()?);
    let begun = this.provenance.begun.as_ref()?;
    let same = |record: &RunRecord| {
        let (config, provenance) = (&record.config, &record.provenance);
        (config.experiment.clone(), config.dim, config.quick, config.data.limit(), provenance.data_sha256.clone())
    };
    let is_before = |other: &RunRecord| {
        same(other) == same(&this)
            && other.provenance.h_epochs.is_some()
            && other.provenance.begun.as_ref().is_some_and(|other| other < begun)
    };
    let neighbors = std::fs::read_dir(path.parent()?).ok()?.flatten().map(|entry| RunFolder::at(entry.path()));
    let earlier = neighbors.filter_map(|folder| Some((folder.record().ok().filter(&is_before)?, folder)));
    // The path decides between runs that were begun in the same second.
    let order = |(record, folder): &(RunRecord, RunFolder)| (record.provenance.begun.clone(), folder.root().to_owned());
    earlier.max_by_key(order).map(|(_, folder)| folder)
}

/// What differs between the previous run and this one; `None` without a previous run that can be read.
pub(super) fn since_previous(run: &RunFolder) -> Option<Markup> {
    let comparison = Comparison::read(&[previous(run)?, run.clone()]).ok()?;
    Some(comparison.difference())
}
