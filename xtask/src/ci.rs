//! `cargo xtask ci`: the checks that a change must pass.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use crate::process::{cargo, finish, target_folder};
use crate::{book, browser, examples, python, samples};

/// The arguments of cargo before the tests.
const BEFORE: &[&[&str]] = &[
    &["fmt", "--all", "--check"],
    &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"],
    &["clippy", "--package", "gtn-label", "--no-default-features", "--all-targets", "--", "--deny", "warnings"],
    &["clippy", "--workspace", "--features", "gtn-cli/hub", "--all-targets", "--", "--deny", "warnings"],
    &["clippy", "--workspace", "--features", "gtn-models/emulated-gpu", "--lib", "--tests", "--", "--deny", "warnings"],
    &["doc", "--workspace", "--no-deps"],
    &["doc", "--workspace", "--features", "gtn-cli/hub", "--no-deps"],
    // `--workspace` keeps crates that the feature does not affect from being built again.
    &["test", "--workspace", "--features", "gtn-cli/hub", "--test", "hub"],
    // Runs the GPU kernels on the host.
    &["test", "--workspace", "--features", "gtn-models/emulated-gpu", "--lib", "gpu"],
    // For the reports, and for the last step.
    &["test", "--workspace", "--no-run"],
];

/// Runs the format, lint, documentation, browser, Python, book and test checks in this order, and stops at the first that fails.
pub(crate) fn run() -> ExitCode {
    let mut times = Vec::new();
    let mut timed = |name: &str, step: &dyn Fn() -> ExitCode| {
        let started = Instant::now();
        let code = step();
        times.push(format!("{:>5} s  {name}", started.elapsed().as_secs()));
        code == ExitCode::SUCCESS
    };
    let gtn = target_folder().join("debug/gtn");
    let is_good = timed("cargo xtask words", &|| crate::words::run(Path::new(".")))
        && BEFORE.iter().all(|step| timed(&format!("cargo {}", step.join(" ")), &|| checked(step)))
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

fn checked(step: &[&str]) -> ExitCode {
    eprintln!("$ cargo {}", step.join(" "));
    finish(cargo().args(step).env("RUSTDOCFLAGS", "--deny warnings"))
}
