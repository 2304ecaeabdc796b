//! `cargo xtask COMMAND ...`: the developer commands of this workspace. Most of them build `gtn` with the features that
//! the command needs and then run it. Their arguments are passed to `gtn` unchanged; [`gtn::run`] reads the few that
//! decide which features to build.
#![allow(clippy::print_stderr)]

mod ci;
mod gtn;
mod process;
mod prove;
mod words;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "Usage: cargo xtask <COMMAND> [ARGUMENTS]...

  reproduce EXPERIMENT ...   build `gtn` in release mode and run `gtn reproduce EXPERIMENT ...`
  fit --images DIR ...       build `gtn` and train a generator of your own images with `gtn fit --images DIR ...`
  sweep EXPERIMENT ...       build `gtn` and run `gtn sweep EXPERIMENT ...`
  fetch NAME ...             build `gtn` and download a data set with `gtn data fetch NAME ...`
  bench train ...            build `gtn` and time it against a PyTorch reference with `gtn bench train ...`
  bench --device cuda ...    do the same on a GPU with `gtn bench device --device cuda ...`
  words [DIR]                fail if a retired word is used (docs/style.md)
  ci                         run the checks that a change must pass: format, lints, documentation, tests
  prove                      run the proofs that take too long for each change: more random cases, a hundred kills,
                             the explorer in a browser

`cargo xtask reproduce --help` lists the options. With `--device cuda`, `gtn` is built for NVIDIA GPUs.";

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<_> = arguments.collect();
    match command.to_str() {
        Some("reproduce") => gtn::run(&["reproduce"], &rest),
        Some("fit") => gtn::run(&["fit"], &rest),
        Some("sweep") => gtn::run(&["sweep"], &rest),
        Some("fetch") => gtn::run(&["data", "fetch"], &rest),
        Some("bench") => gtn::bench(&rest),
        Some("words") => words::run(Path::new(rest.first().map_or(".".as_ref(), |root| root.as_os_str()))),
        Some(command @ ("ci" | "prove")) if !rest.is_empty() => {
            let argument = rest[0].to_string_lossy();
            eprintln!("error: unexpected argument `{argument}`; `cargo xtask {command}` takes no arguments");
            ExitCode::from(2)
        }
        Some("ci") => ci::run(),
        Some("prove") => prove::run(),
        Some("") => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
        Some("help" | "--help" | "-h") => {
            eprintln!("{USAGE}");
            ExitCode::SUCCESS
        }
        _ => {
            eprintln!("error: unknown command `{}`\n\n{USAGE}", command.to_string_lossy());
            ExitCode::from(2)
        }
    }
}
