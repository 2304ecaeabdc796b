//! `cargo xtask prove`: proofs that take too long for every change. Run them before a release, and after a change of what they
//! prove.

use std::path::Path;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::browser;
use crate::process::{build_gtn, cargo, finish};

/// Rounds of the property tests, each with other random cases.
const ROUNDS: u64 = 10;

/// Checks the licenses and sources of the dependencies, tests the page of `gtn explore` and reports in a browser, runs the property tests of
/// the theory, the matching and the metrics on new random cases, reads thousands of damaged files, kills runs of each kind a hundred times, watches the memory of long ones,
/// and matches many rows on several processes.
pub(crate) fn run() -> ExitCode {
    for step in [dependencies, pages] {
        let code = step();
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |now| now.as_secs());
    for seed in seed..seed + ROUNDS {
        let packages = ["--package", "gtn-math", "--package", "gtn-label", "--package", "gtn-metrics"];
        eprintln!("$ PROPTEST_RNG_SEED={seed} cargo test {}", packages.join(" "));
        let code = finish(cargo().arg("test").args(packages).env("PROPTEST_RNG_SEED", seed.to_string()));
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    for name in ["damaged_files", "interrupted", "kills", "soak"] {
        let ignored = ["test", "--workspace", "--test", name, "--", "--ignored"];
        eprintln!("$ cargo {}", ignored.join(" "));
        let code = finish(cargo().args(ignored));
        if code != ExitCode::SUCCESS {
            return code;
        }
    }
    let processes = ["test", "--workspace", "--features", "gtn-cli/mpi", "--test", "processes", "--", "--ignored"];
    eprintln!("$ cargo {}", processes.join(" "));
    finish(cargo().args(processes))
}

/// Compares the dependencies with deny.toml. Known vulnerabilities are not looked up, since their list is in the network; `cargo deny check`
/// does.
fn dependencies() -> ExitCode {
    eprintln!("$ cargo deny check bans licenses sources");
    finish(cargo().args(["deny", "check", "bans", "licenses", "sources"]))
}

/// Tests the pages of `gtn explore`, and reports, in a browser.
fn pages() -> ExitCode {
    let gtn = match build_gtn() {
        Ok(gtn) => gtn,
        Err(code) => return code,
    };
    let steps: [fn(&Path) -> ExitCode; 3] = [|_| browser::install(), browser::explorers, browser::reports];
    steps.iter().map(|step| step(&gtn)).find(|code| *code != ExitCode::SUCCESS).unwrap_or(ExitCode::SUCCESS)
}
