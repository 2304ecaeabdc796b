//! The page of a sweep.

use gtn_run::sweep::{CombinationState, SweepRecord};
use maud::{Markup, html};

use super::super::page::{document, section};
use super::super::section::Section;
use super::super::text::{count, duration, number};
use super::by_setting::{OfValue, by_setting};
use super::table::{SweepRow, SweepTable};

/// The page of a sweep, with sections about its best runs.
pub(super) fn page(record: &SweepRecord, table: &SweepTable, sections: &[Section]) -> String {
    let config = &record.config;
    let notes = record.notes();
    let header = html! {
        p.kicker { "Generative Topological Network" }
        h1 { "Sweep of " (config.experiment) }
        dl.chips { @for (name, value) in chips(record) { div { dt { (name) } dd { (value) } } } }
        p.summary { (summary(record)) }
        @if !notes.is_empty() { ul.summary { @for note in &notes { li { (sentence(note)) } } } }
    };
    let main = html! {
        (combinations(record, table))
        (settings(record))
        @for part in sections { (section(part)) }
    };
    document(&format!("GTN sweep: {}", config.experiment), &header, &main)
}

fn chips(record: &SweepRecord) -> Vec<(&'static str, String)> {
    let config = &record.config;
    let number_of =
        |state: CombinationState| record.combinations.iter().filter(|combination| combination.state == state).count();
    let mut chips = vec![
        ("dimension", config.dim.to_string()),
        ("protocol", config.protocol.to_string()),
        ("seed", config.seed.to_string()),
        ("epochs of ĥ", count(config.h.training.epochs)),
        ("combinations", count(record.combinations.len())),
    ];
    for state in CombinationState::ALL {
        let number = number_of(*state);
        if number > 0 {
            chips.push((state.name(), count(number)));
        }
    }
    chips
}

/// The best combination in a sentence.
fn summary(record: &SweepRecord) -> String {
    let (ranking, seconds) = (record.ranking(), record.combinations.iter().map(|of| of.own_seconds()).sum());
    let time = format!("All stages of all runs together took {}.", duration(seconds));
    let best = record.best().map(|index| &record.combinations[index]);
    match best.and_then(|best| Some((best, best.value(ranking)?))) {
        Some((best, value)) => {
            format!("{} is the best: {} {}. {time}", best.name, ranking.title(), number(value))
        }
        None => format!("No run is complete yet. {time}"),
    }
}

/// A sentence from a note.
fn sentence(note: &str) -> String {
    let mut letters = note.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).chain(['.']).collect()
}

fn combinations(record: &SweepRecord, table: &SweepTable) -> Markup {
    html! {
        section {
            h2 { "Combinations" }
            div.wide { table.comparison.sweep {
                thead { tr {
                    th { "Run" }
                    @for column in &table.columns { th.number title=(column.definition) { (column.title) } }
                } }
                tbody { @for (index, row) in table.rows.iter().enumerate() { (combination(index + 1, row)) } }
            } }
            p.note {
                "From the best to the worst by " (record.ranking().title()) ". Lower is better unless marked otherwise: \
                 ↑ higher is better, → closer to the given value is better. Each run is a folder of its own, with a report. Runs \
                 share the results of stages that do not depend on what varies between them."
                @if record.halving {
                    " Halving compared runs after some epochs of ĥ, and left out the worse half each time; what these runs have is not \
                     that of complete runs."
                }
            }
        }
    }
}

/// The settings have their own columns, so that a complete run needs no name.
fn combination(position: usize, row: &SweepRow) -> Markup {
    html! {
        tr {
            td {
                @if row.state == CombinationState::Done {
                    a href={ (row.name) "/report.html" } title=(row.name) { "run\u{a0}" (position) }
                } @else { (row.name) }
                @if let Some(failure) = &row.failure { div.missing { (failure) } }
            }
            @for cell in &row.cells { td.number { @if row.is_best { b { (cell) } } @else { (cell) } } }
        }
    }
}

fn settings(record: &SweepRecord) -> Markup {
    let values = by_setting(record);
    html! {
        @if !values.is_empty() {
            section {
                h2 { "Values of the settings" }
                div.wide { table.comparison {
                    thead { tr {
                        th { "Setting" } th.number { "Value" } th.number { "Complete runs" } th.number { "Best" } th.number { "Median" }
                    } }
                    tbody { @for OfValue { setting, value, runs, best, median } in &values {
                        tr {
                            td { (setting.title()) } td.number { (value) } td.number { (runs) }
                            td.number { (number(*best)) } td.number { (number(*median)) }
                        }
                    } }
                } }
                p.note { "The best and the median of " (record.ranking().title()) " over the complete runs with a value." }
            }
        }
    }
}
