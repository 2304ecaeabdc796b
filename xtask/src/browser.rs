//! The tests of HTML pages in a headless browser, which are in tests/explorer. npm installs the browser and its driver.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::process::{finish, workspace};

/// Models whose pages are tested, below `weights/`.
const EXPLORED: [&str; 3] = ["mnist-d5", "mnist-d5-paper", "mnist-d12"];

/// Installs the browser and its driver.
pub(crate) fn install() -> ExitCode {
    finish_line("npm ci --no-audit --no-fund", script("npm").args(["ci", "--no-audit", "--no-fund"]))
}

/// Tests the first screen of reports that the program `gtn` creates.
pub(crate) fn reports(gtn: &Path) -> ExitCode {
    let weights = workspace().join("weights").join(EXPLORED[0]);
    finish_line("node report.mjs", script("node").arg("report.mjs").arg(gtn).arg(weights))
}

/// Tests the pages of `gtn explore`.
pub(crate) fn explorers(gtn: &Path) -> ExitCode {
    let models = EXPLORED.map(|name| workspace().join("weights").join(name));
    finish_line("node explorer.mjs", script("node").arg("explorer.mjs").arg(gtn).args(models))
}

fn script(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace().join("tests/explorer"));
    command
}

fn finish_line(line: &str, command: &mut Command) -> ExitCode {
    eprintln!("$ {line}");
    finish(command)
}
