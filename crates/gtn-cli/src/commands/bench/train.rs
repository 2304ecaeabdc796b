//! `gtn bench train`: this program's operations, Candle's and PyTorch's in turn, on the same work.
//!
//! Each of them is a process of its own that does its work once for every line it is sent, so that they alternate while
//! nothing else is measured, and each tells the most memory that it held.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use gtn_train::bench::{Bench, Work, product_rate};
use serde_json::json;

use super::process::{Worker, median, peak_memory};
use crate::args::{BenchTrain, OpsName};
use crate::failure::Failure;
use crate::say;

pub(crate) fn run(args: &BenchTrain) -> Result<(), Failure> {
    let works = if args.work.is_empty() { Work::ALL.to_vec() } else { args.work.clone() };
    if let (Some(ops), [work]) = (args.worker, works.as_slice()) {
        return be_worker(*work, ops, &args.data.data_dir);
    }
    let rate = product_rate()?;
    if !args.json {
        say::result(&format!("matrix products of 2048 × 2048 × 2048: {:.0} billion operations a second", rate / 1e9));
        say::result(HEAD);
        say::result(&HEAD.replace(|c| c != '|', "-"));
    }
    for work in works {
        if work == Work::Load && gtn_data::mnist::train(&args.data.data_dir).is_err() {
            say::tell(&format!("load is left out: there is no MNIST in {}", args.data.data_dir.display()));
            continue;
        }
        let measured = measure(work, args)?;
        let floor = work.operations() / rate;
        say::result(&if args.json { measured.json(work, floor) } else { measured.line(work, floor) });
    }
    Ok(())
}

/// Does the work each time a line comes in.
fn be_worker(work: Work, ops: OpsName, data_dir: &Path) -> Result<(), Failure> {
    let mut bench = Bench::new(work, ops.into(), data_dir)?;
    bench.run()?;
    say::result("ready");
    for line in std::io::stdin().lines() {
        if line.is_err() {
            break;
        }
        let begun = Instant::now();
        for _ in 0..work.repetitions() {
            bench.run()?;
        }
        say::result(&format!("{:?}", begun.elapsed().as_secs_f64() / work.repetitions() as f64));
    }
    say::result(&peak_memory().unwrap_or_default().to_string());
    Ok(())
}

/// A process that is timed again and again.
struct Timed {
    worker: Worker,
    seconds: Vec<f64>,
}

impl Timed {
    fn new(worker: Worker) -> Self {
        Self { worker, seconds: Vec::new() }
    }

    fn work(&mut self) -> Result<(), Failure> {
        self.seconds.push(self.worker.work(|answer| answer.parse().ok())?);
        Ok(())
    }

    fn finish(mut self) -> Timing {
        let memory = self.worker.finish().parse().unwrap_or_default();
        Timing { median: median(&mut self.seconds), memory, seconds: self.seconds }
    }
}

/// What a process took.
struct Timing {
    median: f64,
    /// All measurements, from the shortest to the longest.
    seconds: Vec<f64>,
    memory: u64,
}

/// What all took for one piece of work.
struct Measured {
    ours: Timing,
    candle: Timing,
    pytorch: Option<Timing>,
}

fn measure(work: Work, args: &BenchTrain) -> Result<Measured, Failure> {
    let program = std::env::current_exe().map_err(|error| Failure::Machine(error.into()))?;
    let worker = |ops: &str| -> Result<Timed, Failure> {
        let mut command = Command::new(&program);
        command.args(["bench", "train", work.name(), "--worker", ops, "--data-dir"]).arg(&args.data.data_dir);
        let failed = || Failure::Machine(anyhow::anyhow!("{} cannot be done by {ops} operations", work.name()));
        Worker::start(&mut command)?.map(Timed::new).ok_or_else(failed)
    };
    let (mut ours, mut candle) = (worker("fused")?, worker("candle")?);
    let (repetitions, data_dir) = (work.repetitions().to_string(), args.data.data_dir.as_os_str());
    let arguments = [OsStr::new(work.name()), OsStr::new(&repetitions), data_dir];
    let mut pytorch = Worker::start_twin(&args.twin, arguments)?.map(Timed::new);
    for _ in 0..args.alternations {
        for worker in [&mut ours, &mut candle].into_iter().chain(&mut pytorch) {
            worker.work()?;
        }
    }
    Ok(Measured { ours: ours.finish(), candle: candle.finish(), pytorch: pytorch.map(Timed::finish) })
}

const HEAD: &str =
    "| work               |     gtn |  Candle | ratio | PyTorch | ratio |   floor | memory | PyTorch's |";

impl Measured {
    /// A row of the table.
    fn line(&self, work: Work, floor: f64) -> String {
        let time = |seconds: f64| {
            let milliseconds = 1e3 * seconds;
            if milliseconds < 10.0 { format!("{milliseconds:.2} ms") } else { format!("{milliseconds:.0} ms") }
        };
        let memory = |bytes: u64| format!("{} MB", bytes / 1_000_000);
        let ratio = |to: &Timing| format!("{:.2}", self.ours.median / to.median);
        let of_pytorch = |what: &dyn Fn(&Timing) -> String| self.pytorch.as_ref().map_or("–".to_owned(), what);
        format!(
            "| {:18} | {:>7} | {:>7} | {:>5} | {:>7} | {:>5} | {:>7} | {:>6} | {:>9} |",
            work.name(),
            time(self.ours.median),
            time(self.candle.median),
            ratio(&self.candle),
            of_pytorch(&|pytorch| time(pytorch.median)),
            of_pytorch(&ratio),
            if floor > 0.0 { time(floor) } else { "–".to_owned() },
            memory(self.ours.memory),
            of_pytorch(&|pytorch| memory(pytorch.memory)),
        )
    }

    fn json(&self, work: Work, floor: f64) -> String {
        let timing = |timing: &Timing| json!({ "median_seconds": timing.median, "seconds": timing.seconds, "peak_memory_bytes": timing.memory });
        let found = json!({
            "work": work.name(),
            "floor_seconds": (floor > 0.0).then_some(floor),
            "gtn": timing(&self.ours),
            "candle": timing(&self.candle),
            "pytorch": self.pytorch.as_ref().map(timing),
        });
        found.to_string()
    }
}
