//! The tables of the page: metrics, statistics, times, settings, provenance.

mod configuration;
mod metrics;
mod reproduction;

use gtn_run::{EpochRecord, Stage};
use maud::{Markup, html};

pub(super) use self::configuration::configuration;
pub(super) use self::metrics::{mark, metrics};
pub(super) use self::reproduction::reproduction;
use super::contents::Contents;
use super::stage_descriptions::description;
use super::text::{duration, number};

/// The statistics of the stages.
pub(super) fn statistics(contents: &Contents) -> Markup {
    let config = &contents.record.config;
    let recorded = || Stage::ALL.iter().filter_map(|stage| contents.log.stage(*stage));
    html! {
        @if recorded().all(|record| record.statistics.is_empty()) {
            p.missing { "No statistics recorded." }
        } @else {
            details {
                summary { "What the stages recorded, to find out why a run is as it is" }
                div.wide { table.statistics {
                    @for record in recorded().filter(|record| !record.statistics.is_empty()) {
                        tbody {
                            tr {
                                th colspan="3" scope="rowgroup" {
                                    (record.stage) span.stage { " " (description(record.stage, config)) }
                                }
                            }
                            @for (statistic, value) in &record.statistics {
                                tr {
                                    td.name { (statistic.title()) }
                                    td.number { (number(*value)) }
                                    td.meaning { (statistic.definition()) }
                                }
                            }
                        }
                    }
                } }
            }
        }
    }
}

/// The times of the stages.
pub(super) fn times(contents: &Contents) -> Markup {
    let config = &contents.record.config;
    let stages = || config.stages().into_iter().map(|stage| (stage, contents.log.stage(stage)));
    let total = contents.log.seconds();
    html! {
        div.wide { table {
            thead { tr { th { "Stage" } th { "Description" } th.number { "Time" } th.number { "Seconds" }
                th.number { "Waiting for data" } } }
            tbody {
                @for (stage, record) in stages() {
                    tr {
                        td { (stage) }
                        td { (description(stage, config)) }
                        @match record {
                            Some(record) => {
                                td.number { (duration(record.seconds)) }
                                td.number { (format!("{:.2}", record.seconds)) }
                                td.number { (waiting(contents, stage)) }
                            }
                            None => td.number.missing colspan="3" { "not recorded" },
                        }
                    }
                }
            }
            tfoot { tr {
                th colspan="2" { "Total" }
                td.number { (duration(total)) }
                td.number { (format!("{total:.2}")) }
                td {}
            } }
        } }
    }
}

/// The fraction of a stage's time in which training waited for data; empty for a stage without epochs.
fn waiting(contents: &Contents, stage: Stage) -> String {
    let sum = |field: fn(&EpochRecord) -> f64| contents.log.epochs(stage).map(field).sum::<f64>();
    let seconds = sum(|epoch| epoch.seconds);
    if seconds > 0.0 { format!("{:.1}%", 100.0 * sum(|epoch| epoch.data_wait) / seconds) } else { String::new() }
}
