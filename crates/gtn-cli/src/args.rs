//! The command line.

mod bench;
mod choices;
mod data;
mod device;
mod evaluate;
mod label;
mod runs;
mod samples;

use std::error::Error;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};

pub(crate) use bench::{Bench, BenchCommand, BenchDevice, BenchLabel, BenchSample, BenchTrain, Reference};
pub(crate) use choices::Choices;
pub(crate) use data::{DataCheck, DataCommand, DataFetch, DataName, Source};
pub(crate) use device::{Doctor, OnDevice};
pub(crate) use evaluate::{Evaluate, METRICS};
pub(crate) use label::Label;
pub(crate) use runs::{ConfigCommand, Report, Reproduce, Runs};
pub(crate) use samples::{Decode, Encode, Interpolate, Sample};

/// Generative Topological Networks: turn standard normal random vectors into samples of your data in one forward pass.
#[derive(Debug, Parser)]
#[command(name = "gtn", version, propagate_version = true, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print more details.
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

Exit codes: 0 success, 1 failure, 2 invalid usage or input, 130 stopped by Ctrl-C.
RAYON_NUM_THREADS limits the number of threads. A build with `--features cuda` uses an NVIDIA
GPU if there is one; `gtn doctor` shows what is available.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Reproduce one of the paper's experiments; resumes if interrupted.
    Reproduce(Reproduce),
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
    /// Match two sets of vectors by Algorithm 1.
    Label(Label),
    /// Write the report of a run.
    Report(Report),
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
}

#[derive(Debug, Args)]
pub(crate) struct CacheDir {
    /// Folder of the image cache: images scaled to 64×64, 12 kB each (2.5 GB for CelebA), created once [default: ~/.cache/gtn].
    #[arg(long, value_name = "DIR", env = "GTN_CACHE_DIR")]
    cache_dir: Option<PathBuf>,
}

impl CacheDir {
    /// The given folder, or the cache folder of the user.
    pub(crate) fn path(&self) -> PathBuf {
        let variable = |name: &str| std::env::var_os(name).filter(|path| !path.is_empty()).map(PathBuf::from);
        let cache = || {
            variable("XDG_CACHE_HOME")
                .or_else(|| Some(variable("HOME").or_else(|| variable("USERPROFILE"))?.join(".cache")))
        };
        self.cache_dir.clone().unwrap_or_else(|| cache().unwrap_or_else(std::env::temp_dir).join("gtn"))
    }
}

#[derive(Debug, Args)]
pub(crate) struct DataDir {
    /// Folder of the data sets, with one subfolder for each.
    #[arg(long, value_name = "DIR", env = "GTN_DATA_DIR", default_value = "datasets")]
    pub(crate) data_dir: PathBuf,
}

/// Parses values by their names, which `--help` lists with these descriptions.
fn by_name<T>(names: impl IntoIterator<Item = (&'static str, &'static str)>) -> impl TypedValueParser<Value = T>
where
    T: FromStr<Err: Into<Box<dyn Error + Send + Sync>>> + Clone + Send + Sync + 'static,
{
    let value = |(name, help)| PossibleValue::new(name).help(help);
    PossibleValuesParser::new(names.into_iter().map(value)).try_map(|name| name.parse::<T>())
}
