//! The command line.

mod bench;
mod choices;
mod data;
mod device;
mod dimension;
mod evaluate;
mod execution;
mod explore;
mod fit;
mod folders;
mod inception;
mod label;
mod models;
mod named_values;
mod runs;
mod samples;
mod sweep;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use bench::{Bench, BenchCommand, BenchDevice, BenchLabel, BenchSample, BenchTrain, Reference};
pub(crate) use choices::Choices;
pub(crate) use data::{DataCheck, DataCommand, DataFetch, DataName, Source};
pub(crate) use device::Doctor;
pub(crate) use dimension::{Dimension, ImageSetName};
pub(crate) use evaluate::{Choice, Evaluate, Features, HeldOutSplit, METRICS, OF_TRAINING};
pub(crate) use explore::Explore;
pub(crate) use fit::{Dim, Fit};
pub(crate) use inception::{FidSamples, InceptionOptions};
pub(crate) use label::Label;
pub(crate) use models::{Export, Import, ModelFormat};
pub(crate) use runs::{Compare, ConfigCommand, Report, Reproduce, Runs};
pub(crate) use samples::{Decode, Encode, Interpolate, Sample};
pub(crate) use sweep::Sweep;

/// Generative Topological Networks: turn standard normal random vectors into samples of your data in one forward pass.
#[derive(Debug, Parser)]
#[command(name = "gtn", version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print more details: all metrics, and what libraries report.
    #[arg(long, short, global = true, help_heading = "Global options", display_order = 1000)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples:
  gtn reproduce swiss-roll
  gtn sample runs/swiss-roll-d1-seed1 -n 1000 --seed 1 --out angles.npy
  gtn reproduce mnist --quick
  gtn sample runs/mnist-d5-seed1-quick -n 64 --seed 1 --out samples.png
  gtn fit --images animals/ --time-budget 30m
  gtn label --source normals.npy --target latents.npy --out pairs.npz

Exit codes: 0 success, 1 failure, 2 invalid usage or input, 130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP. \
RAYON_NUM_THREADS limits the number of threads. A build with `--features cuda` uses an NVIDIA \
GPU if there is one; `gtn doctor` shows what is available.";

/// A shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn completions bash > ~/.local/share/bash-completion/completions/gtn
  gtn completions zsh > ~/.zfunc/_gtn
  gtn completions fish > ~/.config/fish/completions/gtn.fish")]
pub(crate) struct Completions {
    /// The shell that completes commands, options and their values.
    pub(crate) shell: clap_complete::Shell,
}

/// The manual pages.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn man ~/.local/share/man/man1 && man gtn-fit")]
pub(crate) struct Man {
    /// The folder for the pages, which is created if it is missing: gtn.1, gtn-fit.1, and so on.
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Reproduce one of the paper's experiments; resumes if interrupted.
    Reproduce(Reproduce),
    /// Train a generator of your own images or latents; resumes if interrupted.
    Fit(Box<Fit>),
    /// Run an experiment with every combination of some settings (Appendix F); resumes if interrupted.
    Sweep(Sweep),
    /// Generate samples with the trained networks of a run.
    Sample(Sample),
    /// Interpolate between normal vectors (Figure 6).
    Interpolate(Interpolate),
    /// Encode images as latents.
    Encode(Encode),
    /// Decode latents to images.
    Decode(Decode),
    /// Compute metrics of generated samples, each with its noise floor.
    Evaluate(Evaluate),
    /// Write a generator as one HTML file, which samples in the browser.
    Explore(Explore),
    /// Import trained weights from PyTorch.
    Import(Import),
    /// Write a trained model to one file, also for PyTorch.
    Export(Export),
    /// Match two sets of vectors by Algorithm 1.
    Label(Label),
    /// Estimate in how many dimensions images or latents vary.
    Dimension(Dimension),
    /// Write the report of a run.
    Report(Report),
    /// Compare runs side by side.
    Compare(Compare),
    /// List the runs in a folder with their progress.
    Runs(Runs),
    /// Show the settings of experiments.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Manage data sets.
    #[command(subcommand)]
    Data(DataCommand),
    /// Show what this build and this machine support, and compare a device with the CPU.
    Doctor(Doctor),
    /// Benchmark this machine.
    Bench(Bench),
    /// Print the completions of a shell.
    Completions(Completions),
    /// Write the manual pages of all commands.
    Man(Man),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    /// The terminal wraps paragraphs, so that line breaks within them would leave words alone on lines.
    #[test]
    fn paragraphs_of_help_have_no_line_breaks() {
        fn check(command: &clap::Command) {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let is_prose = |line: &str| !line.is_empty() && !line.starts_with(' ') && !line.contains("  ");
            let lines: Vec<&str> = text.lines().collect();
            for pair in lines.windows(2) {
                assert!(!(is_prose(pair[0]) && is_prose(pair[1])), "{}: {:?}", command.get_name(), pair);
            }
            command.get_subcommands().for_each(check);
        }
        check(&Arguments::command());
    }
}
