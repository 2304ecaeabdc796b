//! The page of a comparison.

use std::collections::BTreeSet;

use gtn_run::Stage;
use gtn_run::schema::Statistic;
use maud::{Markup, html};

use super::super::page::{document, section};
use super::super::tables::mark;
use super::super::text::{duration, number};
use super::compared_run::ComparedRun;
use super::differing_settings::{Setting, differing};
use super::metrics_table::{Cell, ColumnKind, MetricsTable};
use super::{losses, samples};
use crate::Result;

/// The page of these runs, with their table of metrics and with notes on what can be compared.
pub(super) fn page(runs: &[ComparedRun], table: &MetricsTable, notes: &[String]) -> Result<String> {
    let names: Vec<&str> = runs.iter().map(ComparedRun::name).collect();
    let header = html! {
        p.kicker { "Generative Topological Network" }
        h1 { "Comparison of " (runs.len()) " runs" }
        dl.chips { @for run in runs { div { dt { (run.name()) } dd { (description(run)) } } } }
        @if !notes.is_empty() { ul.summary { @for note in notes { li { (sentence(note)) } } } }
    };
    let samples = samples::section(runs)?;
    let main = html! {
        section { h2 { "Settings that differ" } (settings(&names, &differing(runs))) }
        (section(&samples))
        section { h2 { "Metrics" } (metrics(table, |_| true)) }
        (times(runs))
        (statistics(runs))
        @if let Some(losses) = losses::section(runs) { (section(&losses)) }
    };
    Ok(document(&format!("GTN runs: {}", names.join(", ")), &header, &main))
}

/// What differs between these runs, as a part of another page.
pub(super) fn difference(runs: &[ComparedRun], table: &MetricsTable, notes: &[String]) -> Markup {
    let names: Vec<&str> = runs.iter().map(ComparedRun::name).collect();
    html! {
        @for note in notes { p.text { (sentence(note)) } }
        h3 { "Settings that differ" }
        (settings(&names, &differing(runs)))
        h3 { "Metrics" }
        (metrics(table, |kind| kind == ColumnKind::Run))
    }
}

fn description(run: &ComparedRun) -> String {
    let config = run.config();
    format!("{}, d = {}, seed {}, {}", config.experiment, config.dim, config.seed, config.pairing.method.title())
}

/// A sentence from a note.
fn sentence(note: &str) -> String {
    let mut letters = note.chars();
    // The name of a run stays as it is.
    let first = if note.starts_with("the ") { letters.next().map(|letter| letter.to_uppercase()) } else { None };
    first.into_iter().flatten().chain(letters).chain(['.']).collect()
}

fn head(first: &str, names: &[&str]) -> Markup {
    html! { thead { tr { th { (first) } @for name in names { th.number { (name) } } } } }
}

fn dash() -> Markup {
    html! { span.missing { "–" } }
}

fn settings(names: &[&str], settings: &[Setting]) -> Markup {
    html! {
        @if settings.is_empty() {
            p.missing { "All settings are equal." }
        } @else {
            div.wide { table.comparison {
                (head("Setting", names))
                tbody {
                    @for Setting { key, values } in settings {
                        tr {
                            td { code { (key) } }
                            @for value in values {
                                td.number { @match value { Some(value) => (value), None => (dash()) } }
                            }
                        }
                    }
                }
            } }
        }
    }
}

/// The metrics in the columns of some kinds.
fn metrics(table: &MetricsTable, is_shown: impl Fn(ColumnKind) -> bool) -> Markup {
    let shown: Vec<usize> = (0..table.columns.len()).filter(|&index| is_shown(table.columns[index].kind)).collect();
    let titles: Vec<&str> = shown.iter().map(|&index| table.columns[index].title.as_str()).collect();
    let has = |kind: ColumnKind| shown.iter().any(|&index| table.columns[index].kind == kind);
    html! {
        @if table.rows.is_empty() {
            p.missing { "No metrics recorded." }
        } @else {
            @for (heading, on_pixels) in [("", false), ("On pixels", true)] {
                @let rows = || table.rows.iter().filter(|row| row.metric.is_on_pixels() == on_pixels);
                @if rows().next().is_some() {
                    @if !heading.is_empty() { h3 { (heading) } }
                    div.wide { table.comparison {
                        (head("Metric", &titles))
                        tbody {
                            @for row in rows() {
                                tr {
                                    td title=(row.metric.definition()) {
                                        (row.metric.title()) (mark(row.metric.direction()))
                                    }
                                    @for &index in &shown { td.number { (value(row.cells[index].as_ref())) } }
                                }
                            }
                        }
                    } }
                }
            }
            p.note {
                "Lower is better unless marked otherwise: ↑ higher is better, → closer to the given value is better. The best of \
                 the runs that can be compared is bold."
                @if has(ColumnKind::NoiseFloor) {
                    " Noise floor: the score of real data against other real data. Where noise floors or baselines of several runs \
                     differ, the table has their mean and standard deviation."
                }
                @if has(ColumnKind::Seeds) { " Spread: the standard deviation over the seeds." }
            }
        }
    }
}

fn value(cell: Option<&Cell>) -> Markup {
    html! {
        @match cell {
            Some(cell) if cell.is_best => b { (cell) },
            Some(cell) => (cell),
            None => (dash()),
        }
    }
}

fn times(runs: &[ComparedRun]) -> Markup {
    let names: Vec<&str> = runs.iter().map(ComparedRun::name).collect();
    let seconds = |run: &ComparedRun, stage: Stage| run.log().stage(stage).map(|record| record.seconds);
    let stages: Vec<Stage> =
        Stage::ALL.iter().copied().filter(|stage| runs.iter().any(|run| seconds(run, *stage).is_some())).collect();
    let total = |run: &ComparedRun| stages.iter().filter_map(|stage| seconds(run, *stage)).sum::<f64>();
    html! {
        section {
            h2 { "Time" }
            @if stages.is_empty() {
                p.missing { "No times recorded." }
            } @else {
                div.wide { table.comparison {
                    (head("Stage", &names))
                    tbody {
                        @for stage in &stages {
                            tr {
                                td { (stage) }
                                @for run in runs {
                                    td.number {
                                        @match seconds(run, *stage) { Some(time) => (duration(time)), None => (dash()) }
                                    }
                                }
                            }
                        }
                    }
                    tfoot { tr { th { "Total" } @for run in runs { td.number { (duration(total(run))) } } } }
                } }
            }
        }
    }
}

/// What the stages recorded: sizes of the data, epochs, pairs.
fn statistics(runs: &[ComparedRun]) -> Markup {
    let names: Vec<&str> = runs.iter().map(ComparedRun::name).collect();
    let recorded = |run: &ComparedRun| {
        let records = Stage::ALL.iter().filter_map(|stage| run.log().stage(*stage));
        records.flat_map(|record| record.statistics.keys().map(|name| (record.stage, *name))).collect::<Vec<_>>()
    };
    let all: BTreeSet<(Stage, Statistic)> = runs.iter().flat_map(recorded).collect();
    let of = |run: &ComparedRun, (stage, name): (Stage, Statistic)| {
        run.log().stage(stage).and_then(|record| record.statistics.get(&name).copied())
    };
    html! {
        section {
            h2 { "Data, training and pairs" }
            @if all.is_empty() {
                p.missing { "No statistics recorded." }
            } @else {
                div.wide { table.comparison {
                    (head("Statistic", &names))
                    tbody {
                        tr { td { "Pairing" } @for run in runs { td.number { (run.config().pairing.method.title()) } } }
                        @for (stage, name) in &all {
                            tr {
                                td title=(name.definition()) { (name.title()) span.stage { " " (stage) } }
                                @for run in runs {
                                    td.number {
                                        @match of(run, (*stage, *name)) { Some(value) => (number(value)), None => (dash()) }
                                    }
                                }
                            }
                        }
                    }
                } }
            }
        }
    }
}
