//! `cargo xtask prove`: proofs that take too long for every change. Run them before a release, and after a change of what they
//! prove.

use std::process::{Command, ExitCode};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::process::{cargo, finish, target_folder, workspace};

/// Rounds of the property tests, each with other random cases.
const ROUNDS: u64 = 10;

/// Models whose pages are tested in a browser, below `weights/`.
const EXPLORED: [&str; 3] = ["mnist-d5", "mnist-d5-paper", "mnist-d12"];

/// Checks the licenses and sources of the dependencies, tests the page of `gtn explore` and reports in a browser, runs the property tests of
/// the theory, the matching and the metrics on new random cases, reads thousands of damaged files, kills runs of each kind a hundred times, and watches the memory of long ones.
pub(crate) fn run() -> ExitCode {
    for step in [dependencies, explore] {
        let code = step();
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_secs());
    for seed in seed..seed + ROUNDS {
        let packages = ["--package", "gtn-math", "--package", "gtn-label", "--package", "gtn-metrics"];
        eprintln!("$ PROPTEST_RNG_SEED={seed} cargo test {}", packages.join(" "));
        let mut command = cargo();
        command.arg("test").args(packages).env("PROPTEST_RNG_SEED", seed.to_string());
        let code = finish(command);
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    for name in ["damaged_files", "interrupted", "kills", "soak"] {
        let ignored = ["test", "--workspace", "--test", name, "--", "--ignored"];
        eprintln!("$ cargo {}", ignored.join(" "));
        let mut command = cargo();
        command.args(ignored);
        let code = finish(command);
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    ExitCode::SUCCESS
}

/// Compares the dependencies with deny.toml. Known vulnerabilities are not looked up, since their list is in the network; `cargo deny check`
/// does.
fn dependencies() -> ExitCode {
    eprintln!("$ cargo deny check bans licenses sources");
    let mut command = cargo();
    command.args(["deny", "check", "bans", "licenses", "sources"]);
    finish(command)
}

/// Runs tests/explorer with Node.js and Chromium: the pages of `gtn explore`, and reports. The driver is installed by npm.
fn explore() -> ExitCode {
    let folder = workspace().join("tests/explorer");
    let mut build = cargo();
    build.args(["build", "--release", "--package", "gtn-cli"]);
    let mut install = Command::new("npm");
    install.arg("ci").current_dir(&folder);
    let mut test = Command::new("node");
    test.arg("explorer.mjs").arg(target_folder().join("release/gtn")).current_dir(&folder);
    test.args(EXPLORED.map(|name| workspace().join("weights").join(name)));
    let mut reports = Command::new("node");
    reports.arg("report.mjs").arg(target_folder().join("release/gtn")).current_dir(&folder);
    reports.arg(workspace().join("weights").join(EXPLORED[0]));
    let steps = [
        ("cargo build --release", build),
        ("npm ci", install),
        ("node explorer.mjs", test),
        ("node report.mjs", reports),
    ];
    for (line, command) in steps {
        eprintln!("$ {line}");
        let code = finish(command);
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    ExitCode::SUCCESS
}
