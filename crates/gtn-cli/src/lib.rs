//! The program `gtn`, the command-line interface of the workspace and its only part that prints. It is a library, so that the Python
//! package has the same program ([`run`]), and its `fit` as a function ([`fit()`]).
//!
//! Exit codes: 0 for success, 1 for a failure, 2 for invalid usage or input, 128 and the number of the signal if stopped by one: 130 for
//! Ctrl-C.
//!
//! ```
//! use gtn_cli::Invocation;
//!
//! let words = ["gtn", "config", "show", "uniform"];
//! assert_eq!(gtn_cli::run(Invocation::of_this_program().with_arguments(words)), 0);
//! ```

mod args;
mod commands;
mod console;
mod embedded;
mod failure;
mod fit_progress;
mod invocation;
mod memory;
mod output;
mod processes;
mod progress;
mod stop;
mod threads;
mod variables;

use clap::CommandFactory;

use crate::args::{Arguments, BenchCommand, Command, ConfigCommand, DataCommand};
pub use crate::embedded::{FitError, fit};
use crate::failure::Failure;
pub use crate::invocation::Invocation;

/// Runs the program once in this process, and returns its exit code. Signals to end are handled from then on, and the thread pool of rayon is
/// that of the program.
#[must_use]
pub fn run(invocation: Invocation) -> u8 {
    invocation::set(invocation);
    console::set_silent(!processes::is_first());
    stop::install();
    let arguments = match variables::parse() {
        Ok(arguments) => arguments,
        // The help and the version, too, are results.
        Err(answer) => {
            let code = u8::try_from(answer.exit_code()).unwrap_or(2);
            if !processes::is_first() {
                // With another exit code, the launcher would end process 0, which may not have printed yet.
                return 0;
            }
            console::record(answer.print());
            return end(Ok(()), code);
        }
    };
    console::set_verbose(arguments.verbose);
    // The libraries of the Hugging Face Hub also log errors that they return.
    let level = if !processes::is_first() {
        "off"
    } else if arguments.verbose {
        "debug"
    } else {
        "warn,hf_hub=off,xet=off,rustls_platform_verifier=off"
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(
            variables::text(tracing_subscriber::EnvFilter::DEFAULT_ENV)
                .filter(|_| processes::is_first())
                .unwrap_or_else(|| level.to_owned()),
        ))
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
    // Joined before there are other threads, and left after everything else.
    match processes::start() {
        Ok(_session) => {
            let all = processes::all();
            let done = processes::agreed(all, threads::start().and_then(|()| variables::limit_instructions()))
                .and_then(|()| dispatch(&arguments.command));
            // Process 0 says how it ended, so that the launcher reports its exit code.
            if all.is_first() { end(done, 0) } else { 0 }
        }
        Err(failure) if processes::is_first() => end(Err(failure), 0),
        Err(_) => 0,
    }
}

/// The exit code: `code` unless something failed, which is printed.
fn end(done: Result<(), Failure>, code: u8) -> u8 {
    let unwritten = |error| Failure::Machine(anyhow::anyhow!("cannot write the result to standard output: {error}"));
    match done.and_then(|()| console::finish().map_err(unwritten)) {
        Ok(()) => code,
        Err(failure) => {
            console::status(&console::on_one_line(&failure.to_string()));
            failure.exit_code()
        }
    }
}

fn dispatch(command: &Command) -> Result<(), Failure> {
    // The first two agree on their own.
    let is_divided = match command {
        Command::Label(_) | Command::Fit(_) => true,
        Command::Encode(_) | Command::Decode(_) | Command::Evaluate(_) => {
            return processes::agreed_at(processes::all(), "its end", execute(command));
        }
        _ => false,
    };
    if processes::execute(is_divided) { execute(command) } else { Ok(()) }
}

fn execute(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Completions(command) => {
            commands::manual::completions(Arguments::command(), command);
            Ok(())
        }
        Command::Man(command) => commands::manual::pages(Arguments::command(), command),
        Command::Reproduce(command) => commands::reproduce::run(command),
        Command::Fit(command) => commands::fit::run(command),
        Command::Sweep(command) => commands::sweep::run(command),
        Command::Sample(command) => commands::sample::run(command),
        Command::Interpolate(command) => commands::interpolate::run(command),
        Command::Encode(command) => commands::encode::run(command),
        Command::Decode(command) => commands::decode::run(command),
        Command::Evaluate(command) => commands::evaluate::run(command),
        Command::Explore(command) => commands::explore::run(command),
        Command::Import(command) => commands::import::run(command),
        Command::Export(command) => commands::export::run(command),
        Command::Label(command) => commands::label::run(command),
        Command::Dimension(command) => commands::dimension::run(command),
        Command::Report(command) => commands::report::run(command),
        Command::Compare(command) => commands::compare::run(command),
        Command::Runs(command) => commands::runs::run(command),
        Command::Config(ConfigCommand::Show(choices)) => commands::config::show(choices),
        Command::Doctor(command) => commands::doctor::run(command),
        Command::Bench(bench) => match &bench.command {
            None => commands::bench::device::run_if_selected(&bench.of_device),
            Some(BenchCommand::Device(command)) => commands::bench::device::run(command),
            Some(BenchCommand::Train(command)) => commands::bench::train::run(command),
            Some(BenchCommand::Label(command)) => commands::bench::label::run(command),
            Some(BenchCommand::Sample(command)) => commands::bench::sample::run(command),
        },
        Command::Data(DataCommand::Check(command)) => commands::data::check(command),
        Command::Data(DataCommand::Fetch(command)) => commands::fetch::run(command),
    }
}

/// Compiles and runs the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
