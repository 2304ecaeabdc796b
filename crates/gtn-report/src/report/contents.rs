//! What the page of a report is written from.

use gtn_run::{MetricsLog, RunRecord};
use maud::Markup;

use super::alerts::Alert;
use super::data_sets::DataSet;
use super::section::{Section, Thumbnails};
use super::standing::Standing;

/// The contents of the page.
pub(super) struct Contents {
    pub(super) record: RunRecord,
    /// The text of `config.toml`.
    pub(super) toml: String,
    pub(super) log: MetricsLog,
    pub(super) data_set: DataSet,
    pub(super) alerts: Vec<Alert>,
    /// The metric that decides.
    pub(super) standing: Option<Standing>,
    /// Samples beside real images, for the first screen.
    pub(super) thumbnails: Vec<Thumbnails>,
    pub(super) sections: Vec<Section>,
    /// What differs from the previous run of the same experiment.
    pub(super) since_previous: Option<Markup>,
}
