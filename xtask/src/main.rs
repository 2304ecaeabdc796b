//! `cargo xtask VERB ...`: builds what a verb needs and runs it. Options belong to the program that is run, and are handed
//! on unread (but see [`gtn::run`]).
#![allow(clippy::print_stderr)]

mod ci;
mod gtn;

use std::process::ExitCode;

const USAGE: &str = "Usage: cargo xtask <VERB> [ARGUMENTS]...

  reproduce EXPERIMENT ...   build `gtn` for speed and run `gtn reproduce EXPERIMENT ...`
  fetch NAME ...             build `gtn` and download a data set by `gtn data fetch NAME ...`
  bench train ...            build `gtn` and time it beside its PyTorch twin by `gtn bench train ...`
  bench --device cuda ...    the same for a GPU, by `gtn bench device --device cuda ...`
  ci                         what a change must pass: format, lints, documentation, tests

`cargo xtask reproduce --help` tells the options. With `--device cuda` gtn is built for NVIDIA GPUs.";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let verb = arguments.next().unwrap_or_default();
    let rest: Vec<_> = arguments.collect();
    match verb.to_str() {
        Some("reproduce") => gtn::run(&["reproduce"], &rest),
        Some("fetch") => gtn::run(&["data", "fetch"], &rest),
        Some("bench") => gtn::bench(&rest),
        Some("ci") => ci::run(&rest),
        Some("") => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
        Some("help" | "--help" | "-h") => {
            eprintln!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("error: there is no verb `{}`\n\n{USAGE}", verb.to_string_lossy());
            ExitCode::from(2)
        }
    }
}
