//! What the page of a report is written from.

use gtn_run::{MetricsLog, RunRecord};

use super::data_sets::DataSet;
use super::section::Section;

/// The contents of the page.
pub(super) struct Contents {
    pub(super) record: RunRecord,
    /// The text of `config.toml`.
    pub(super) toml: String,
    pub(super) log: MetricsLog,
    pub(super) data_set: DataSet,
    pub(super) sections: Vec<Section>,
}
