//! `cargo xtask prove`: proofs that take too long for every change. Run them before a release, and after a change of what they
//! prove.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::process::{cargo, finish};

/// Rounds of the property tests, each with other random cases.
const ROUNDS: u64 = 10;

/// Runs the property tests of the theory, the matching and the metrics on new random cases, then kills runs a hundred times.
pub(crate) fn run() -> ExitCode {
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
    let kills = ["test", "--workspace", "--test", "interrupted", "--", "--ignored"];
    eprintln!("$ cargo {}", kills.join(" "));
    let mut command = cargo();
    command.args(kills);
    finish(command)
}
