//! `cargo xtask ci`: the checks that a change must pass.

use std::process::ExitCode;
use std::time::Instant;

use crate::process::{cargo, finish};

/// Runs the format, lint, documentation and test checks in this order, and stops at the first that fails.
pub(crate) fn run() -> ExitCode {
    eprintln!("$ cargo xtask words");
    let words = crate::words::run(std::path::Path::new("."));
    if words != ExitCode::SUCCESS {
        return words;
    }
    let steps: [&[&str]; 10] = [
        &["fmt", "--all", "--check"],
        &["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"],
        &["clippy", "--package", "gtn-label", "--no-default-features", "--all-targets", "--", "--deny", "warnings"],
        &["clippy", "--workspace", "--features", "gtn-cli/hub", "--all-targets", "--", "--deny", "warnings"],
        &[
            "clippy",
            "--workspace",
            "--features",
            "gtn-models/emulated-gpu",
            "--lib",
            "--tests",
            "--",
            "--deny",
            "warnings",
        ],
        &["doc", "--workspace", "--no-deps"],
        &["doc", "--workspace", "--features", "gtn-cli/hub", "--no-deps"],
        // `--workspace` keeps crates that the feature does not affect from being built again.
        &["test", "--workspace", "--features", "gtn-cli/hub", "--test", "hub"],
        // Runs the GPU kernels on the host.
        &["test", "--workspace", "--features", "gtn-models/emulated-gpu", "--lib", "gpu"],
        &["test", "--workspace"],
    ];
    let mut times = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        if index + 1 == steps.len() {
            // Before the last step, so that the output ends with its tests.
            times.iter().for_each(|(seconds, step)| eprintln!("{seconds:>5} s  cargo {step}"));
        }
        eprintln!("$ cargo {}", step.join(" "));
        let started = Instant::now();
        let mut command = cargo();
        command.args(*step).env("RUSTDOCFLAGS", "--deny warnings");
        let code = finish(command);
        if code != ExitCode::SUCCESS {
            return code;
        }
        times.push((started.elapsed().as_secs(), step.join(" ")));
    }
    ExitCode::SUCCESS
}
