//! `gtn compare`: runs side by side.

use std::path::Path;

use gtn_io::atomic;
use gtn_report::{ColumnKind, ComparedRun, Comparison, MetricsTable};
use gtn_run::{RunFolder, RunProgress, Stage};
use serde_json::{Value, json};

use crate::args::Compare;
use crate::failure::Failure;
use crate::{console, output};

pub(crate) fn run(args: &Compare) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        check_out(out, args.force)?;
    }
    let folders: Vec<RunFolder> = args.runs.iter().map(RunFolder::at).collect();
    let comparison = Comparison::read(&folders)?;
    if let Some(out) = &args.out {
        atomic::write_bytes(out, comparison.html()?.as_bytes())?;
    }
    comparison.notes().iter().for_each(|note| console::status(note));
    let table = comparison.metrics();
    if args.json {
        for line in lines(comparison.runs(), &table) {
            console::print(&line.to_string());
        }
    } else {
        print(&table);
    }
    if let Some(out) = &args.out {
        console::status(&format!("wrote {}", out.display()));
    }
    Ok(())
}

/// Refuses an output file that cannot be written, or that has another format.
fn check_out(out: &Path, force: bool) -> Result<(), Failure> {
    let ending = out.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    if !matches!(ending.as_deref(), Some("html" | "htm")) {
        let out = out.display();
        return Err(Failure::users(format!(
            "cannot write {out}: the comparison is an HTML file; pass a name that ends in .html"
        )));
    }
    output::refuse_existing(out, force)
}

/// One line for each run, and one for each group of runs that differ only in their seed.
fn lines(runs: &[ComparedRun], table: &MetricsTable) -> Vec<Value> {
    let of_runs = runs.iter().map(|run| {
        let metrics = run.log().metrics().map(|record| {
            let mut value = json!({ "value": record.value, "floor": record.floor, "samples": record.samples });
            let baselines = record.baselines.iter().map(|(baseline, value)| (baseline.name().to_owned(), json!(value)));
            value["baselines"] = Value::Object(baselines.collect());
            (record.metric.name().to_owned(), value)
        });
        let seconds = Stage::ALL
            .iter()
            .filter_map(|stage| Some((stage.name().to_owned(), json!(run.log().stage(*stage)?.seconds))));
        let missing = match run.progress() {
            RunProgress::Done => Value::Null,
            progress => json!(progress.to_string()),
        };
        json!({
            "run": run.name(),
            "seed": run.config().seed,
            "pairing": run.config().pairing.method.name(),
            "missing": missing,
            "metrics": Value::Object(metrics.collect()),
            "seconds": Value::Object(seconds.collect()),
        })
    });
    let groups = table.columns.iter().enumerate().filter(|(_, column)| column.kind == ColumnKind::Seeds);
    let of_groups = groups.map(|(index, column)| {
        let metrics = table.rows.iter().filter_map(|row| {
            let cell = row.cells[index].as_ref()?;
            Some((row.metric.name().to_owned(), json!({ "mean": cell.value, "spread": cell.spread.unwrap_or(0.0) })))
        });
        let names: Vec<&str> = column.runs.iter().map(|&run| runs[run].name()).collect();
        json!({ "runs": names, "metrics": Value::Object(metrics.collect()) })
    });
    of_runs.chain(of_groups).collect()
}

/// Prints the table: one metric per row. The best of the runs have an asterisk.
fn print(table: &MetricsTable) {
    let title = |text: &str| text.to_owned();
    let mut rows =
        vec![std::iter::once("metric".to_owned()).chain(table.columns.iter().map(|c| title(&c.title))).collect()];
    for row in &table.rows {
        let cells = row.cells.iter().map(|cell| match cell {
            Some(cell) => format!("{cell}{}", if cell.is_best { "*" } else { "" }),
            None => "–".to_owned(),
        });
        rows.push(std::iter::once(row.metric.name().to_owned()).chain(cells).collect::<Vec<String>>());
    }
    console::print_table(&rows);
}
