//! The program `gtn`: it joins data, training, matching and reports, and is the only part of the workspace that prints.
//!
//! Exit codes: 0 for success, 1 for a failure, 2 for a mistake in how the program was called or in what it was given, 130 for
//! a run stopped by Ctrl-C.

mod args;
mod commands;
mod failure;
mod output;
mod progress;
mod say;
mod stop;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, BenchCommand, Command, ConfigCommand, DataCommand};

// Training allocates and frees thousands of large tensors a second; the system's allocator gives each back to the kernel.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // The libraries that talk to the Hugging Face Hub also log what they return as an error.
    let level = if arguments.verbose { "debug" } else { "warn,hf_hub=off,xet=off,rustls_platform_verifier=off" };
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(level)),
        )
        .with_writer(std::io::stderr)
        .without_time()
        .with_target(false)
        .init();
    let done = match &arguments.command {
        Command::Reproduce(command) => commands::reproduce::run(command),
        Command::Sample(command) => commands::sample::run(command),
        Command::Interpolate(command) => commands::interpolate::run(command),
        Command::Encode(command) => commands::encode::run(command),
        Command::Decode(command) => commands::decode::run(command),
        Command::Evaluate(command) => commands::evaluate::run(command),
        Command::Label(command) => commands::label::run(command),
        Command::Report(command) => commands::report::run(command),
        Command::Runs(command) => commands::runs::run(command),
        Command::Config(ConfigCommand::Show(choices)) => commands::config::show(choices),
        Command::Doctor(command) => commands::doctor::run(command),
        Command::Bench(bench) => match &bench.command {
            None => commands::bench::of_device(&bench.of_device),
            Some(BenchCommand::Device(command)) => commands::bench::device::run(command),
            Some(BenchCommand::Train(command)) => commands::bench::train::run(command),
            Some(BenchCommand::Label(command)) => commands::bench::label::run(command),
            Some(BenchCommand::Sample(command)) => commands::bench::sample::run(command),
        },
        Command::Data(DataCommand::Check(command)) => commands::data::check(command),
        Command::Data(DataCommand::Fetch(command)) => commands::fetch::run(command),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say::tell(&failure.to_string());
            failure.exit_code()
        }
    }
}
