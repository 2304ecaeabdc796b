//! `cargo xtask ci`: the checks that a change must pass.

use std::ffi::OsString;
use std::process::ExitCode;

use crate::process::{cargo, finish};

/// Runs the format, lint, documentation and test checks in this order, and stops at the first that fails.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    if let Some(argument) = arguments.first() {
        eprintln!("error: unexpected argument `{}`; `cargo xtask ci` takes no arguments", argument.to_string_lossy());
        return ExitCode::from(2);
    }
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
    for step in steps {
        eprintln!("$ cargo {}", step.join(" "));
        let mut command = cargo();
        command.args(step).env("RUSTDOCFLAGS", "--deny warnings");
        let code = finish(command);
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    ExitCode::SUCCESS
}
