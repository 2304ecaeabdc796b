//! `gtn bench label`: Algorithm 1 alone, with its files, and beside a loop like the authors'.
//!
//! Whatever is timed is a process of its own, and only one is at work at a time.

mod case;
mod matching;
mod scaling;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use gtn_data::arrays;
use gtn_run::atomic::{self, Existing};
use gtn_train::bench::product_rate;
use serde_json::json;

use super::process::{Worker, median, repeated};
use super::{count, time};
use crate::args::BenchLabel;
use crate::failure::Failure;
use crate::{say, stop};
pub(crate) use case::Case;
use matching::Matched;

pub(crate) fn run(args: &BenchLabel) -> Result<(), Failure> {
    if args.scaling {
        return scaling::run(args);
    }
    if let (true, [case]) = (args.worker, args.cases.as_slice()) {
        say::result(&Matched::measure(case, args.check)?.to_line());
        return Ok(());
    }
    // The files of a case are to be removed after Ctrl-C too; what is being timed ends by it.
    stop::listen();
    table(args).map_err(|failure| if stop::requested() { Failure::Stopped("stopped".to_owned()) } else { failure })
}

fn table(args: &BenchLabel) -> Result<(), Failure> {
    let rate = product_rate()?;
    if !args.json {
        say::result(&format!("matrix products of 2048 × 2048 × 2048: {:.0} billion operations a second", rate / 1e9));
        say::result(HEAD);
        say::result(&HEAD.replace(|c| c != '|', "-"));
    }
    let mut with_twin = true;
    let cases = if args.cases.is_empty() { &Case::ALL } else { args.cases.as_slice() };
    for case in cases {
        let measured = Measured::of(case, args, &mut with_twin)?;
        say::result(&if args.json { measured.json(case, rate) } else { measured.line(case, rate) });
    }
    Ok(())
}

/// What was found of one case.
struct Measured {
    matched: Matched,
    /// Seconds of `gtn label`, files and all.
    process: f64,
    looped: Option<Loop>,
}

/// Seconds of a loop in PyTorch.
struct Loop {
    seconds: f64,
    /// Whether only parts of it were done.
    extrapolated: bool,
}

impl Loop {
    /// Reads what the twin says: seconds, with a `~` if they are extrapolated, or `-` if it would take too long to tell.
    fn read(answer: &str) -> Option<Option<Self>> {
        if answer == "-" {
            return Some(None);
        }
        let (extrapolated, number) = answer.strip_prefix('~').map_or((false, answer), |number| (true, number));
        Some(Some(Self { seconds: number.parse().ok()?, extrapolated }))
    }
}

impl Measured {
    fn of(case: &Case, args: &BenchLabel, with_twin: &mut bool) -> Result<Self, Failure> {
        let machine = |error: std::io::Error| Failure::Machine(error.into());
        let program = std::env::current_exe().map_err(machine)?;
        let mut command = Command::new(&program);
        command.args(["bench", "label", "--worker"]).arg(case.to_string());
        if args.check {
            command.arg("--check");
        }
        // Its errors are for the user; they go where this program's go.
        let output = command.stderr(std::process::Stdio::inherit()).output().map_err(machine)?;
        let matched = Matched::of_line(String::from_utf8_lossy(&output.stdout).trim());
        let matched = matched.ok_or_else(|| Failure::Machine(anyhow::anyhow!("{case} could not be matched")))?;

        let folder = tempfile::tempdir().map_err(machine)?;
        write(case, folder.path())?;
        let process = label(&program, folder.path())?;
        let started = if *with_twin { Worker::start_twin(&args.twin, [folder.path()])? } else { None };
        // One that does not run for this case does for none, and that was told.
        *with_twin = started.is_some();
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
            "| {:>10} | {:>7} | {:8} | {:8} | {:>8} | {:>8} | {:>8} | {:>7} | {:>8} | {:14} | {:>9} | {:>7} |",
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
            "operations_a_second": rate,
            "share_of_peak": rate / peak,
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
fn label(program: &Path, folder: &Path) -> Result<f64, Failure> {
    let mut seconds = repeated(|| {
        let mut command = Command::new(program);
        command.args(["label", "--force", "--source"]).arg(folder.join(SOURCE)).arg("--target");
        command.arg(folder.join(TARGET)).arg("--out").arg(folder.join("pairs.npz"));
        let begun = Instant::now();
        let output = command.output().map_err(|error| Failure::Machine(error.into()))?;
        let seconds = begun.elapsed().as_secs_f64();
        if output.status.success() {
            Ok(seconds)
        } else {
            let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(Failure::Machine(anyhow::anyhow!("`gtn label` failed: {said}")))
        }
    })?;
    Ok(median(&mut seconds))
}

fn billions(rate: f64) -> String {
    let rate = rate / 1e9;
    if rate < 10.0 { format!("{rate:.1}") } else { count(rate.round() as usize) }
}

const HEAD: &str = "|       rows | columns | data     | strategy | matching |  process |    Gop/s | of peak |   memory | checked        |      loop |   ratio |";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_twin_says_seconds_or_that_it_would_take_too_long() {
        let read = |answer| Loop::read(answer).map(|looped| looped.map(|looped| (looped.seconds, looped.extrapolated)));
        assert_eq!(read("12.5"), Some(Some((12.5, false))));
        assert_eq!(read("~1e3"), Some(Some((1000.0, true))));
        assert_eq!((read("-"), read(""), read("killed")), (Some(None), None, None));
    }

    #[test]
    fn rows_are_as_wide_as_the_head() {
        let matched = Matched { strategy: "blocked".into(), seconds: 1.5, memory: Some(1), checked: None };
        let looped = Some(Loop { seconds: 123_456.0, extrapolated: true });
        let line = Measured { matched, process: 0.001, looped }.line(&Case::ALL[2], 2e11);
        assert_eq!(line.chars().count(), HEAD.chars().count(), "{line}");
    }
}
