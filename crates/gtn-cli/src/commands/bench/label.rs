//! `gtn bench label`: Algorithm 1 alone, with its files, and compared with a loop like the authors'.
//!
//! Everything that is timed is a process of its own, and only one runs at a time.

mod case;
mod matching;
mod scaling;

use std::path::Path;
use std::time::Instant;

use gtn_io::arrays;
use gtn_io::atomic::{self, Existing};
use gtn_report::count;
use serde_json::json;

use super::process::{Worker, median, repeated};
use super::{print_product_rate, time};
use crate::args::BenchLabel;
use crate::failure::Failure;
use crate::{console, invocation, stop};
pub(crate) use case::{Case, Data};
use matching::Matched;

pub(crate) fn run(args: &BenchLabel) -> Result<(), Failure> {
    if args.scaling {
        return scaling::run(args);
    }
    if let (true, [case]) = (args.worker, args.cases.as_slice()) {
        console::print(&Matched::measure(case, args.check)?.to_line());
        return Ok(());
    }
    // Ctrl-C ends the process that is timed; the files of the case are removed here.
    stop::listen();
    table(args).map_err(|failure| if stop::requested() { Failure::Stopped("stopped".to_owned()) } else { failure })
}

fn table(args: &BenchLabel) -> Result<(), Failure> {
    let rate = print_product_rate(args.json, HEADER)?;
    let mut with_reference = true;
    let cases = if args.cases.is_empty() { &Case::ALL } else { args.cases.as_slice() };
    for case in cases {
        let measured = Measured::of(case, args, &mut with_reference)?;
        console::print(&if args.json { measured.json(case, rate) } else { measured.line(case, rate) });
    }
    Ok(())
}

/// The measurements of one case.
struct Measured {
    matched: Matched,
    /// Seconds of `gtn label`, files and all.
    process: f64,
    looped: Option<Loop>,
}

/// Seconds of a loop in PyTorch.
struct Loop {
    seconds: f64,
    /// Whether it was extrapolated from parts of the loop.
    extrapolated: bool,
}

impl Loop {
    /// Parses the answer of the PyTorch reference: seconds, with a `~` if they are extrapolated, or `-` if it takes too long.
    fn read(answer: &str) -> Option<Option<Self>> {
        if answer == "-" {
            return Some(None);
        }
        let (extrapolated, number) = answer.strip_prefix('~').map_or((false, answer), |number| (true, number));
        Some(Some(Self { seconds: number.parse().ok()?, extrapolated }))
    }
}

impl Measured {
    fn of(case: &Case, args: &BenchLabel, with_reference: &mut bool) -> Result<Self, Failure> {
        let machine = |error: std::io::Error| Failure::Machine(error.into());
        let mut command = invocation::program();
        command.args(["bench", "label", "--worker"]).arg(case.to_string());
        if args.check {
            command.arg("--check");
        }
        // Its errors are for the user.
        let output = command.stderr(std::process::Stdio::inherit()).output().map_err(machine)?;
        let matched = Matched::of_line(String::from_utf8_lossy(&output.stdout).trim());
        let matched =
            matched.ok_or_else(|| Failure::Machine(anyhow::anyhow!("cannot match {case}; see the messages above")))?;

        let folder = tempfile::tempdir().map_err(machine)?;
        write(case, folder.path())?;
        let process = label(folder.path())?;
        let started = if *with_reference { Worker::start_reference(&args.reference, [folder.path()])? } else { None };
        // If it does not run for this case, it runs for none; a note was printed.
        *with_reference = started.is_some();
        let looped = match started {
            None => None,
            Some(mut worker) => {
                let looped = worker.work(Loop::read)?;
                worker.finish();
                looped
            }
        };
        Ok(Self { matched, process, looped })
    }

    /// A row of the table.
    fn line(&self, case: &Case, peak: f64) -> String {
        let Self { matched, process, looped } = self;
        let rate = case.operations() / matched.seconds;
        let of_loop = |what: &dyn Fn(&Loop) -> String| looped.as_ref().map_or("–".to_owned(), what);
        let mark = |looped: &Loop| if looped.extrapolated { "~" } else { "" };
        format!(
            "| {:>10} | {:>7} | {:8} | {:8} | {:>8} | {:>8} | {:>8} | {:>7} | {:>8} | {:15} | {:>9} | {:>7} |",
            count(case.rows),
            case.columns,
            case.data.name(),
            matched.strategy,
            time(matched.seconds),
            time(*process),
            billions(rate),
            format!("{:.0}%", 100.0 * rate / peak),
            matched.memory.map_or("–".to_owned(), |bytes| format!("{} MB", bytes.div_ceil(1_000_000))),
            matched.checked.as_deref().unwrap_or("–"),
            of_loop(&|looped| format!("{}{}", mark(looped), time(looped.seconds))),
            of_loop(&|looped| format!("{}{:.0}", mark(looped), looped.seconds / matched.seconds)),
        )
    }

    fn json(&self, case: &Case, peak: f64) -> String {
        let Self { matched, process, looped } = self;
        let rate = case.operations() / matched.seconds;
        let found = json!({
            "rows": case.rows,
            "columns": case.columns,
            "data": case.data.name(),
            "strategy": matched.strategy,
            "seconds": matched.seconds,
            "process_seconds": process,
            "operations_per_second": rate,
            "fraction_of_peak": rate / peak,
            "memory_bytes": matched.memory,
            "checked": matched.checked,
            "loop_seconds": looped.as_ref().map(|looped| looped.seconds),
            "loop_extrapolated": looped.as_ref().map(|looped| looped.extrapolated),
            "loop_ratio": looped.as_ref().map(|looped| looped.seconds / matched.seconds),
        });
        found.to_string()
    }
}

const SOURCE: &str = "y.npy";
const TARGET: &str = "x.npy";

fn write(case: &Case, folder: &Path) -> Result<(), Failure> {
    let (source, target) = case.draw();
    for (name, rows) in [(SOURCE, &source), (TARGET, &target)] {
        atomic::write(&folder.join(name), Existing::Refuse, |file| arrays::write_npy(file, rows.view()))?;
    }
    Ok(())
}

/// Seconds of `gtn label` on the files in a folder.
fn label(folder: &Path) -> Result<f64, Failure> {
    let mut seconds = repeated(|| {
        let mut command = invocation::program();
        command.args(["label", "--force", "--source"]).arg(folder.join(SOURCE)).arg("--target");
        command.arg(folder.join(TARGET)).arg("--out").arg(folder.join("pairs.npz"));
        let started_at = Instant::now();
        let output = command.output().map_err(|error| Failure::Machine(error.into()))?;
        let seconds = started_at.elapsed().as_secs_f64();
        if output.status.success() {
            Ok(seconds)
        } else {
            let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Failure::Machine(anyhow::anyhow!("`gtn label` failed: {message}")))
        }
    })?;
    Ok(median(&mut seconds))
}

fn billions(rate: f64) -> String {
    let rate = rate / 1e9;
    if rate < 10.0 { format!("{rate:.1}") } else { count(rate.round() as usize) }
}

const HEADER: &str = "|       rows | columns | data     | strategy | matching |  process |    Gop/s | of peak |   memory | checked         |      loop |   ratio |";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_prints_seconds_or_a_dash() {
        let read = |answer| Loop::read(answer).map(|looped| looped.map(|looped| (looped.seconds, looped.extrapolated)));
        assert_eq!(read("12.5"), Some(Some((12.5, false))));
        assert_eq!(read("~1e3"), Some(Some((1000.0, true))));
        assert_eq!((read("-"), read(""), read("killed")), (Some(None), None, None));
    }

    #[test]
    fn rows_are_as_wide_as_the_header() {
        let matched = Matched { strategy: "dense".into(), seconds: 1.5, memory: Some(1), checked: None };
        let looped = Some(Loop { seconds: 123_456.0, extrapolated: true });
        let line = Measured { matched, process: 0.001, looped }.line(&Case::ALL[2], 2e11);
        assert_eq!(line.chars().count(), HEADER.chars().count(), "{line}");
    }
}
