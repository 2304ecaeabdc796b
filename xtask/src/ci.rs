//! `cargo xtask ci`: what a change must pass.

use std::ffi::OsString;
use std::process::{Command, ExitCode};

/// Runs format, lints, documentation and tests in this order and stops at the first that fails.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    if let Some(argument) = arguments.first() {
        eprintln!("error: `cargo xtask ci` takes no arguments, and was given `{}`", argument.to_string_lossy());
        return ExitCode::from(2);
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
        // Of the whole workspace, so that what is built is that of the other steps wherever the feature changes nothing.
        &["test", "--workspace", "--features", "gtn-cli/hub", "--test", "hub"],
        // The kernels for GPUs, on the host.
        &["test", "--workspace", "--features", "gtn-models/emulated-gpu", "--lib", "gpu"],
        &["test", "--workspace"],
    ];
    for step in steps {
        eprintln!("$ cargo {}", step.join(" "));
        let mut command = cargo();
        command.args(step).env("RUSTDOCFLAGS", "--deny warnings");
        let code = crate::gtn::finish(command);
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    ExitCode::SUCCESS
}

/// The cargo that runs this program, without what it told about this package: build scripts that look at such variables would
/// run again whenever a command is given with and without `xtask`.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let told = |name: &str| ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(told)) {
        command.env_remove(name);
    }
    command
}
