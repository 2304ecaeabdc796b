//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use gtn_run::config::{Epochs, Protocol};

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
  gtn data check mnist
  gtn reproduce mnist --quick
  gtn sample runs/mnist-d5-seed1-quick -n 64 --seed 1 --out samples.png
  gtn label --source normals.npy --target latents.npy --out pairs.npz

Exit codes: 0 success, 1 a failure, 2 a mistake in what was asked or given, 130 stopped by Ctrl-C.
RAYON_NUM_THREADS limits the threads.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Do an experiment of the paper, from the data to a report; a run that was stopped goes on.
    Reproduce(Reproduce),
    /// Draw samples from a trained run.
    Sample(Sample),
    /// Match two sets of vectors by Algorithm 1, exactly.
    Label(Label),
    /// Look after data sets.
    #[command(subcommand)]
    Data(DataCommand),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn reproduce mnist --quick
  gtn reproduce mnist --protocol repo --seed 2 --out runs/mine
  gtn reproduce mnist --limit 2000 --epochs autoencoder=2,h=5

Ctrl-C saves the state and stops; the same command goes on from there.")]
pub(crate) struct Reproduce {
    /// The experiment: mnist.
    pub(crate) experiment: String,
    /// Latent dimension, 1 to 4096 [default: the experiment's].
    #[arg(long, value_name = "N")]
    pub(crate) dim: Option<usize>,
    /// Whose description to follow where they differ: the paper's or the authors' code's.
    #[arg(long, value_enum, default_value_t = ProtocolName::Paper)]
    pub(crate) protocol: ProtocolName,
    /// Key of all randomness: the same seed gives the same weights and samples [default: 1].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Shorten the training (for mnist: 3 epochs of the autoencoder and 30 of ĥ); all images and pairs are still used.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Take at most N images, at least 10, drawn by the seed.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Train for at most so many epochs, as in `autoencoder=3,h=20`.
    #[arg(long, value_name = "NETWORK=N,...")]
    pub(crate) epochs: Option<Epochs>,
    /// Folder of the run [default: runs/EXPERIMENT-dDIM-seedSEED...].
    #[arg(long, value_name = "RUN")]
    pub(crate) out: Option<PathBuf>,
    /// Start anew in a folder that holds a run of another configuration or of other data. A run of the same is gone on
    /// with all the same; delete its folder to do it again.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ProtocolName {
    Paper,
    Repo,
}

impl From<ProtocolName> for Protocol {
    fn from(name: ProtocolName) -> Self {
        match name {
            ProtocolName::Paper => Protocol::Paper,
            ProtocolName::Repo => Protocol::Repo,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct DataDir {
    /// Folder of the data sets, each in a folder of its name; relative to where you are.
    #[arg(long, value_name = "DIR", env = "GTN_DATA_DIR", default_value = "datasets")]
    pub(crate) data_dir: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "What is written depends on the name given to --out:
  FILE.png   all samples in one picture
  FILE.npy   an array of f32: images (n, C, H, W) in [-1, 1], or with --latent vectors (n, d)
  FOLDER     one PNG for each sample

Examples:
  gtn sample runs/mnist-d5-seed1 -n 64 --seed 1 --out samples.png
  gtn sample runs/mnist-d5-seed1 -n 10000 --latent --out latents.npy
  gtn sample runs/mnist-d5-seed1 --source normals.npy --out samples/")]
pub(crate) struct Sample {
    /// Folder of the run.
    pub(crate) run: PathBuf,
    /// How many samples to draw.
    #[arg(short, value_name = "N", default_value_t = 64, conflicts_with = "source")]
    pub(crate) n: usize,
    /// Key of the normal vectors: the same seed gives the same samples.
    #[arg(long, value_name = "N", default_value_t = 1, conflicts_with = "source")]
    pub(crate) seed: u64,
    /// Map these normal vectors, (n, d), instead of drawing some.
    #[arg(long, value_name = "Y.npy")]
    pub(crate) source: Option<PathBuf>,
    /// Where to write: a .png, a .npy, or a folder.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) out: PathBuf,
    /// Write latents instead of images.
    #[arg(long)]
    pub(crate) latent: bool,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "PAIRS.npz holds three arrays: `matching` (u64, the target row of each source row), `order` (u64, the
source rows as they were served, by ascending norm) and `similarity` (f32, in the order of the source rows).

Example:
  gtn label --source normals.npy --target latents.npy --out pairs.npz"
)]
pub(crate) struct Label {
    /// Source vectors y, (n, d) f32 in a .npy, .npz or .safetensors file: each takes a target of its own.
    #[arg(long, value_name = "Y.npy")]
    pub(crate) source: PathBuf,
    /// Target vectors x, (m, d) f32, m at least n. Where a file holds several arrays, FILE:NAME names one.
    #[arg(long, value_name = "X.npy")]
    pub(crate) target: PathBuf,
    /// Where to write the pairs.
    #[arg(long, value_name = "PAIRS.npz")]
    pub(crate) out: PathBuf,
    /// How to compute; the result is the same.
    #[arg(long, value_enum, default_value_t = StrategyName::Auto)]
    pub(crate) strategy: StrategyName,
    /// Number of threads [default: one for each processor].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) threads: Option<u16>,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum StrategyName {
    /// The fastest for the shape.
    Auto,
    /// The algorithm as it is written, one score at a time.
    Reference,
    /// Matrix products propose, f64 decides.
    Blocked,
    /// By sorting, for one column.
    Ordered,
}

impl From<StrategyName> for gtn_label::Strategy {
    fn from(name: StrategyName) -> Self {
        match name {
            StrategyName::Auto => gtn_label::Strategy::Auto,
            StrategyName::Reference => gtn_label::Strategy::Reference,
            StrategyName::Blocked => gtn_label::Strategy::Blocked,
            StrategyName::Ordered => gtn_label::Strategy::Ordered,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Say what is there of a data set and whether it is whole.
    Check(DataCheck),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn data check mnist --data-dir datasets")]
pub(crate) struct DataCheck {
    /// The data set.
    #[arg(value_enum)]
    pub(crate) name: DataName,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DataName {
    /// Handwritten digits, 28×28.
    Mnist,
}
