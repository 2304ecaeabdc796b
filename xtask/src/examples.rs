//! The examples that users copy: they run as they are.

use std::process::{Command, ExitCode};

use crate::process::{finish, target_folder, workspace};

/// Examples, which `cargo test --no-run` has built. None needs arguments.
const EXAMPLES: [&str; 11] = [
    "match_arrays",
    "homeomorphism",
    "train_on_latents",
    "sample_to_png",
    "metrics_of_arrays",
    "book_sampling",
    "book_latents",
    "book_matching",
    "book_data_set",
    "book_pairing",
    "book_metric",
];

/// Runs each of them, and stops at the first that fails.
pub(crate) fn run() -> ExitCode {
    let folder = target_folder().join("debug/examples");
    let run = |name: &&str| {
        eprintln!("$ {name}");
        finish(Command::new(folder.join(name)).current_dir(workspace()))
    };
    EXAMPLES.iter().map(run).find(|code| *code != ExitCode::SUCCESS).unwrap_or(ExitCode::SUCCESS)
}
