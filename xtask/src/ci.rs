//! `cargo xtask ci`: the checks that a change must pass.

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

use crate::process::{cargo, finish, target_folder};
use crate::{book, browser, examples, python, samples};

/// The arguments of cargo before the tests.
const BEFORE: &[&[&str]] = &[
    &["fmt", "--all", "--check"],
    &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"],
    &["clippy", "--package", "gtn-label", "--no-default-features", "--all-targets", "--", "--deny", "warnings"],
    &["clippy", "--workspace", "--features", EVERY_FEATURE, "--all-targets", "--", "--deny", "warnings"],
    &["doc", "--workspace", "--no-deps"],
    &["doc", "--workspace", "--features", HUB_AND_MPI, "--no-deps"],
    // `--workspace` keeps crates that the features do not affect from being built again.
    &["test", "--workspace", "--features", HUB_AND_MPI, "--test", "hub", "--test", "processes"],
    // Runs the GPU kernels on the host. `gtn-features` keeps dependencies from being built again with fewer features.
    &["test", "--package=gtn-models", "--package=gtn-features", "--features=gtn-models/emulated-gpu", "--lib", "gpu"],
    // For the reports, and for the last step.
    &["test", "--workspace", "--no-run"],
];

/// The optional features of the program.
const HUB_AND_MPI: &str = "gtn-cli/hub,gtn-cli/mpi";

/// Those and the kernels on the host, for lints.
const EVERY_FEATURE: &str = "gtn-cli/hub,gtn-cli/mpi,gtn-models/emulated-gpu";

/// Runs the format, lint, documentation, browser, Python, book and test checks in this order, and stops at the first that fails.
pub(crate) fn run() -> ExitCode {
    let mut times = Vec::new();
    let mut timed = |name: &str, step: &dyn Fn() -> ExitCode| {
        let started = Instant::now();
        let code = step();
        times.push(format!("{:>5} s  {name}", started.elapsed().as_secs()));
        code == ExitCode::SUCCESS
    };
    let has_mpi = Command::new("mpicc").arg("--version").output().is_ok();
    if !has_mpi {
        eprintln!(
            "note: there is no mpicc, so the feature `mpi` is not checked; install Open MPI and libclang (docs/cluster.md)"
        );
    }
    let gtn = target_folder().join("debug/gtn");
    let is_good = timed("cargo xtask words", &|| crate::words::run(Path::new(".")))
        && BEFORE.iter().all(|step| {
            let step = if has_mpi { step.to_vec() } else { without_mpi(step) };
            timed(&format!("cargo {}", step.join(" ")), &|| checked(&step))
        })
        && timed("examples", &examples::run)
        && timed("npm ci", &browser::install)
        && timed("node report.mjs", &|| browser::reports(&gtn))
        && timed("cargo xtask python", &python::run)
        && timed("cargo xtask book", &book::run_installed)
        && timed("cargo xtask samples", &samples::run);
    if !is_good {
        return ExitCode::FAILURE;
    }
    // Before the last step, so that the output ends with its tests.
    times.iter().for_each(|line| eprintln!("{line}"));
    checked(&["test", "--workspace"])
}

/// The same step without the feature `mpi` and its test.
fn without_mpi<'s>(step: &[&'s str]) -> Vec<&'s str> {
    let without = |word| match word {
        HUB_AND_MPI => "gtn-cli/hub",
        EVERY_FEATURE => "gtn-cli/hub,gtn-models/emulated-gpu",
        word => word,
    };
    let mut step: Vec<&str> = step.iter().copied().map(without).collect();
    if step.last() == Some(&"processes") {
        step.truncate(step.len() - 2);
    }
    step
}

fn checked(step: &[&str]) -> ExitCode {
    eprintln!("$ cargo {}", step.join(" "));
    finish(cargo().args(step).env("RUSTDOCFLAGS", "--deny warnings"))
}
