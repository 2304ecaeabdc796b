//! Several runs side by side in one HTML file: what differs in their settings, their samples, metrics, times and losses.

mod compared_run;
mod differing_settings;
mod html;
mod losses;
mod metrics_table;
mod samples;
mod seed_groups;

use std::collections::BTreeSet;

use gtn_run::{RunFolder, RunProgress};
use maud::Markup;

use super::section::Section;
use crate::{Error, Result};

pub use compared_run::ComparedRun;
pub use metrics_table::{Cell, Column, ColumnKind, MetricsTable, Row};

/// Several runs, to be shown side by side.
pub struct Comparison {
    runs: Vec<ComparedRun>,
}

impl Comparison {
    /// Reads what the folders of runs have. A run that is not finished is compared by what it has.
    ///
    /// # Errors
    ///
    /// [`Error::TooFewRuns`] for fewer than two, [`Error::RepeatedRun`] for one that is given twice, [`Error::Run`] if a folder
    /// is not a run or cannot be read.
    pub fn read(folders: &[RunFolder]) -> Result<Self> {
        if folders.len() < 2 {
            return Err(Error::TooFewRuns { given: folders.len() });
        }
        Ok(Self { runs: compared_run::read(folders)? })
    }

    /// The runs, in the given order.
    #[must_use]
    pub fn runs(&self) -> &[ComparedRun] {
        &self.runs
    }

    /// The metrics of all runs.
    #[must_use]
    pub fn metrics(&self) -> MetricsTable {
        MetricsTable::new(&self.runs)
    }

    /// What to know before the runs are compared: other data, dimensions or autoencoders, and missing stages.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let distinct = |value: &dyn Fn(&ComparedRun) -> String| {
            let values: BTreeSet<String> = self.runs.iter().map(value).collect();
            (values.len() > 1).then(|| values.into_iter().collect::<Vec<_>>().join(", "))
        };
        let mut notes = Vec::new();
        if distinct(&|run| run.data().to_owned()).is_some() {
            let experiments = distinct(&|run| run.config().experiment.clone());
            let which = experiments.map_or_else(String::new, |experiments| format!(" ({experiments})"));
            notes.push(format!(
                "the runs are on different data or splits{which}; only values on the same data can be compared"
            ));
        } else if let Some(dims) = distinct(&|run| run.config().dim.to_string()) {
            notes.push(format!(
                "the runs have different dimensions ({dims}); their metrics can be compared only on pixels or points"
            ));
        } else if distinct(&|run| run.targets().to_owned()).is_some() {
            notes.push(
                "the runs have different autoencoders, and with them different latents; distances of latents can be compared only \
                 with their own noise floor. `gtn reproduce --autoencoder RUN` compares on the same latents"
                    .to_owned(),
            );
        } else if distinct(&|run| run.decoder().to_owned()).is_some() {
            notes.push(
                "the runs decode the same latents by different decoders, which their metrics of pixels show".to_owned(),
            );
        }
        notes.extend(self.metrics().unequal_samples);
        notes.extend(self.runs.iter().filter_map(|run| match run.progress() {
            RunProgress::Done => None,
            progress => Some(missing(run, progress)),
        }));
        notes
    }

    /// The page.
    ///
    /// # Errors
    ///
    /// [`Error::Samples`] if a tensor of a run has the wrong shape, [`Error::Run`] if a file is damaged.
    pub fn html(&self) -> Result<String> {
        html::page(&self.runs, &self.metrics(), &self.notes())
    }

    /// What differs, as a part of another page.
    pub(super) fn difference(&self) -> Markup {
        html::difference(&self.runs, &self.metrics(), &self.notes())
    }
}

/// The samples and losses of runs, as sections of another page; none without runs.
pub(super) fn samples_and_losses(folders: &[RunFolder]) -> Result<Vec<Section>> {
    if folders.is_empty() {
        return Ok(Vec::new());
    }
    let runs = compared_run::read(folders)?;
    Ok(std::iter::once(samples::section(&runs)?).chain(losses::section(&runs)).collect())
}

/// What a run lacks, and how to complete it.
fn missing(run: &ComparedRun, progress: RunProgress) -> String {
    if run.log().records().is_empty() {
        return format!("{} has no records, as a folder of weights, so it has no metrics", run.name());
    }
    let resume = run.record().provenance.command.as_ref().map_or_else(String::new, |command| {
        format!(". Resume with: {command} --out {}", run.folder().root().display())
    });
    format!("{} has no metrics: stage {progress} is missing{resume}", run.name())
}
