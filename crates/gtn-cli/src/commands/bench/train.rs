//! `gtn bench train`: the operations of this program, of Candle and of PyTorch on the same work, in turn.
//!
//! Each is a process of its own that does its work once for every line of input, so that they alternate and do not run at the
//! same time, and each reports its peak memory.

use std::ffi::OsStr;
use std::path::Path;
use std::time::Instant;

use gtn_models::Ops;
use serde_json::json;

use super::cases::BenchCase;
use super::print_product_rate;
use super::process::{Timed, Timing, Worker, peak_memory};
use crate::args::BenchTrain;
use crate::console;
use crate::failure::Failure;
use crate::invocation;

pub(crate) fn run(args: &BenchTrain) -> Result<(), Failure> {
    let cases = if args.cases.is_empty() { BenchCase::ALL.to_vec() } else { args.cases.clone() };
    if let (Some(ops), [case]) = (args.worker, cases.as_slice()) {
        return run_worker(*case, ops, &args.data.data_dir);
    }
    let rate = print_product_rate(args.json, HEAD)?;
    for case in cases {
        if case == BenchCase::Load && gtn_data::mnist::train(&args.data.data_dir).is_err() {
            console::status(&format!("skipping load: MNIST not found in {}", args.data.data_dir.display()));
            continue;
        }
        let measured = measure(case, args)?;
        let lower_bound = case.operations() / rate;
        console::print(&if args.json { measured.json(case, lower_bound) } else { measured.line(case, lower_bound) });
    }
    Ok(())
}

/// Does the work for each line of input.
fn run_worker(case: BenchCase, ops: Ops, data_dir: &Path) -> Result<(), Failure> {
    let mut run = case.prepare(ops, data_dir)?;
    run()?;
    console::print("ready");
    for line in std::io::stdin().lines() {
        if line.is_err() {
            break;
        }
        let started = Instant::now();
        for _ in 0..case.repetitions() {
            run()?;
        }
        console::print(&format!("{:?}", started.elapsed().as_secs_f64() / case.repetitions() as f64));
    }
    console::print(&peak_memory().unwrap_or_default().to_string());
    Ok(())
}

/// The measurements of all processes for one benchmark.
struct Measured {
    ours: Timing,
    candle: Timing,
    pytorch: Option<Timing>,
}

fn measure(case: BenchCase, args: &BenchTrain) -> Result<Measured, Failure> {
    let worker = |ops: &str| -> Result<Timed, Failure> {
        let mut command = invocation::program();
        command.args(["bench", "train", case.name(), "--worker", ops, "--data-dir"]).arg(&args.data.data_dir);
        let failed = || Failure::Machine(anyhow::anyhow!("{} does not run with {ops} operations", case.name()));
        Worker::start(&mut command)?.map(Timed::new).ok_or_else(failed)
    };
    let (mut ours, mut candle) = (worker("fused")?, worker("candle")?);
    let (repetitions, data_dir) = (case.repetitions().to_string(), args.data.data_dir.as_os_str());
    let arguments = [OsStr::new(case.name()), OsStr::new(&repetitions), data_dir];
    let mut pytorch = Worker::start_reference(&args.reference, arguments)?.map(Timed::new);
    for _ in 0..args.repetitions {
        for worker in [&mut ours, &mut candle].into_iter().chain(&mut pytorch) {
            worker.work()?;
        }
    }
    Ok(Measured { ours: ours.finish(), candle: candle.finish(), pytorch: pytorch.map(Timed::finish) })
}

const HEAD: &str =
    "| work               |     gtn |  Candle | ratio | PyTorch | ratio |   bound | memory | PyTorch's |";

impl Measured {
    /// A row of the table.
    fn line(&self, case: BenchCase, lower_bound: f64) -> String {
        let time = |seconds: f64| {
            let milliseconds = 1e3 * seconds;
            if milliseconds < 10.0 { format!("{milliseconds:.2} ms") } else { format!("{milliseconds:.0} ms") }
        };
        let memory = |bytes: u64| format!("{} MB", bytes / 1_000_000);
        let ratio = |to: &Timing| format!("{:.2}", self.ours.median / to.median);
        let of_pytorch = |what: &dyn Fn(&Timing) -> String| self.pytorch.as_ref().map_or("–".to_owned(), what);
        format!(
            "| {:18} | {:>7} | {:>7} | {:>5} | {:>7} | {:>5} | {:>7} | {:>6} | {:>9} |",
            case.name(),
            time(self.ours.median),
            time(self.candle.median),
            ratio(&self.candle),
            of_pytorch(&|pytorch| time(pytorch.median)),
            of_pytorch(&ratio),
            if lower_bound > 0.0 { time(lower_bound) } else { "–".to_owned() },
            memory(self.ours.memory),
            of_pytorch(&|pytorch| memory(pytorch.memory)),
        )
    }

    fn json(&self, case: BenchCase, lower_bound: f64) -> String {
        let timing = |timing: &Timing| json!({ "median_seconds": timing.median, "seconds": timing.seconds, "peak_memory_bytes": timing.memory });
        let found = json!({
            "work": case.name(),
            "lower_bound_seconds": (lower_bound > 0.0).then_some(lower_bound),
            "gtn": timing(&self.ours),
            "candle": timing(&self.candle),
            "pytorch": self.pytorch.as_ref().map(timing),
        });
        found.to_string()
    }
}
