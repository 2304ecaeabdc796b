//! The command line.

mod bench;
mod choices;
mod data;
mod device;
mod evaluate;
mod label;
mod runs;
mod samples;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use bench::{Bench, BenchCommand, BenchDevice, BenchLabel, BenchSample, BenchTrain, OpsName, Twin};
pub(crate) use choices::Choices;
pub(crate) use data::{DataCheck, DataCommand, DataFetch, DataName, Source};
pub(crate) use device::{DepthName, Doctor, OnDevice};
pub(crate) use evaluate::{Evaluate, MetricName};
pub(crate) use label::Label;
pub(crate) use runs::{ConfigCommand, Report, Reproduce, Runs};
pub(crate) use samples::{Decode, Encode, Interpolate, Sample};

/// Generative Topological Networks: samples of your data from normal vectors in one forward pass.
#[derive(Debug, Parser)]
#[command(name = "gtn", version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Tell more about what is done.
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "Examples:
  gtn reproduce swiss-roll
  gtn sample runs/swiss-roll-d1-seed1 -n 1000 --seed 1 --out angles.npy
  gtn reproduce mnist --quick
  gtn sample runs/mnist-d5-seed1-quick -n 64 --seed 1 --out samples.png
  gtn label --source normals.npy --target latents.npy --out pairs.npz

Exit codes: 0 success, 1 a failure, 2 a mistake in what was asked or given, 130 stopped by Ctrl-C.
RAYON_NUM_THREADS limits the threads. Built with `--features cuda` it uses an NVIDIA GPU where there is one; `gtn doctor` tells.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Do an experiment of the paper, from the data to a report; a run that was stopped goes on.
    Reproduce(Reproduce),
    /// Draw samples from a trained run.
    Sample(Sample),
    /// Walk from one normal vector to another, and show what ĥ makes of the way (Figure 6).
    Interpolate(Interpolate),
    /// Turn images into latents.
    Encode(Encode),
    /// Turn latents into images.
    Decode(Decode),
    /// Measure generated samples against real ones, each figure beside its floor.
    Evaluate(Evaluate),
    /// Match two sets of vectors by Algorithm 1, exactly.
    Label(Label),
    /// Write the report of a run again.
    Report(Report),
    /// List the runs in a folder, and how far each has come.
    Runs(Runs),
    /// Look at the settings of experiments.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Look after data sets.
    #[command(subcommand)]
    Data(DataCommand),
    /// Tell what this program and this machine can do, and compare a device's results with the CPU's.
    Doctor(Doctor),
    /// Time this program on this machine.
    Bench(Bench),
}

#[derive(Debug, Args)]
pub(crate) struct CacheDir {
    /// Folder for decoded photographs, 12 kB each (CelebA: 2.5 GB), made once [default: ~/.cache/gtn].
    #[arg(long, value_name = "DIR", env = "GTN_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
}

impl CacheDir {
    /// The folder given, or the user's for what can be made again.
    pub(crate) fn path(&self) -> PathBuf {
        let of = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let cache = || of("XDG_CACHE_HOME").or_else(|| Some(of("HOME").or_else(|| of("USERPROFILE"))?.join(".cache")));
        self.cache_dir.clone().unwrap_or_else(|| cache().unwrap_or_else(std::env::temp_dir).join("gtn"))
    }
}

#[derive(Debug, Args)]
pub(crate) struct DataDir {
    /// Folder of the data sets, each in a folder of its name; relative to where you are.
    #[arg(long, value_name = "DIR", env = "GTN_DATA_DIR", default_value = "datasets")]
    pub(crate) data_dir: PathBuf,
}
