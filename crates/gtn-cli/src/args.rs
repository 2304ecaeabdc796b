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
  gtn reproduce swiss-roll
  gtn sample runs/swiss-roll-d1-seed1 -n 1000 --seed 1 --out angles.npy
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
    /// Time this program on this machine.
    #[command(subcommand)]
    Bench(BenchCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Time training steps and samples by this program's operations, by Candle's, and by PyTorch's, in turn.
    Train(BenchTrain),
}

#[derive(Debug, Args)]
#[command(
    after_help = "Times are medians over all alternations; a ratio below 1 means that gtn is faster. The floor is the
time that the matrix products and convolutions would take, as they are defined, at the rate of
one large matrix product. Run it alone on the machine.

Examples:
  gtn bench train
  gtn bench train h-mnist h-celeba --alternations 3 --json
  cargo xtask bench train --python ~/venv/bin/python      # beside PyTorch"
)]
pub(crate) struct BenchTrain {
    /// What to time: autoencoder-mnist, autoencoder-celeba, h-mnist, h-celeba, samples, load [default: all].
    #[arg(value_name = "WORK", value_parser = work)]
    pub(crate) work: Vec<gtn_train::bench::Work>,
    /// How often each is timed.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) alternations: u16,
    /// A Python program that does the same work with PyTorch; `cargo xtask bench train` gives tests/golden/bench_train.py.
    #[arg(long, value_name = "FILE.py")]
    pub(crate) twin: Option<PathBuf>,
    /// The Python that has PyTorch.
    #[arg(long, value_name = "PROGRAM", env = "GTN_PYTHON", default_value = "python3")]
    pub(crate) python: String,
    /// Write JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Do the work by these operations when a line comes in.
    #[arg(long, value_enum, hide = true)]
    pub(crate) worker: Option<OpsName>,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

fn work(name: &str) -> Result<gtn_train::bench::Work, String> {
    let names = gtn_train::bench::Work::ALL.map(gtn_train::bench::Work::name).join(", ");
    gtn_train::bench::Work::of_name(name).ok_or_else(|| format!("choose from {names}"))
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum OpsName {
    Fused,
    Candle,
}

impl From<OpsName> for gtn_models::Ops {
    fn from(name: OpsName) -> Self {
        match name {
            OpsName::Fused => gtn_models::Ops::Fused,
            OpsName::Candle => gtn_models::Ops::Candle,
        }
    }
}

/// An experiment, and what is decided about it.
#[derive(Debug, Args)]
pub(crate) struct Choices {
    /// The experiment: swiss-roll, uniform or mnist; or a .toml file with settings of your own (see `gtn config show`).
    pub(crate) experiment: String,
    /// Dimension of the normal vectors and of what ĥ makes of them: latents of images, 1 to 4096; for the swiss roll 1
    /// (angles) or 2 (points of the plane) [default: the experiment's].
    #[arg(long, value_name = "N", visible_alias = "source-dim")]
    pub(crate) dim: Option<usize>,
    /// Whose description to follow where they differ: the paper's or the authors' code's [default: paper].
    #[arg(long, value_enum)]
    pub(crate) protocol: Option<ProtocolName>,
    /// Key of all randomness: the same seed gives the same weights and samples [default: 1].
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Shorten the training (mnist: 3 epochs of the autoencoder and 30 of ĥ; the others: 10); all data and pairs are still
    /// used.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Take at most N images or points, at least 10, validation included.
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Train for at most so many epochs: `20`, or each network its own, as in `autoencoder=3,h=20`.
    #[arg(long, value_name = "N|NETWORK=N,...")]
    pub(crate) epochs: Option<Epochs>,
    /// End training in time, as in `90s`, `10m` or `1h 30m`: each network stops at the end of an epoch, the autoencoder after
    /// 40% of it and ĥ after 50%, or 90% without an autoencoder (shared with the run from one dimension where there is one).
    /// --epochs with the epochs that a network reached repeats its training.
    #[arg(long, value_name = "TIME", value_parser = seconds)]
    pub(crate) time_budget: Option<u64>,
}

/// Whole seconds of a time such as `1h 30m`.
fn seconds(text: &str) -> Result<u64, String> {
    match humantime::parse_duration(text) {
        Ok(time) if time.as_secs() == 0 || time.subsec_nanos() != 0 => {
            Err("must be whole seconds, at least one second".to_owned())
        }
        Ok(time) => Ok(time.as_secs()),
        Err(error) => Err(format!("{error}; give a time such as 90s, 10m or \"1h 30m\"")),
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn reproduce swiss-roll
  gtn reproduce swiss-roll --source-dim 2
  gtn reproduce uniform --protocol repo --seed 2 --out runs/mine
  gtn reproduce mnist --quick
  gtn reproduce mnist --limit 2000 --epochs autoencoder=2,h=5
  gtn config show uniform > mine.toml; gtn reproduce mine.toml

Ctrl-C saves the state and stops; the same command goes on from there.")]
pub(crate) struct Reproduce {
    #[command(flatten)]
    pub(crate) choices: Choices,
    /// Folder of the run [default: runs/EXPERIMENT-dDIM-seedSEED...].
    #[arg(long, value_name = "RUN")]
    pub(crate) out: Option<PathBuf>,
    /// Start anew in a folder that holds a run of another configuration or of other data. A run of the same is gone on
    /// with all the same; delete its folder to do it again.
    #[arg(long)]
    pub(crate) force: bool,
    /// Write no TensorBoard events. Without this, losses, figures of merit and grids of images go to RUN/tensorboard while
    /// the run is at work; `tensorboard --logdir runs` shows those of all runs.
    #[arg(long)]
    pub(crate) no_tensorboard: bool,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn report runs/swiss-roll-d1-seed1 --open")]
pub(crate) struct Report {
    /// Folder of the run.
    pub(crate) run: PathBuf,
    /// Open it in the browser.
    #[arg(long)]
    pub(crate) open: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn runs")]
pub(crate) struct Runs {
    /// The folder that holds the runs.
    #[arg(default_value = "runs")]
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Write all settings of an experiment as TOML to stdout; `gtn reproduce FILE.toml` reads them back.
    Show(Choices),
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
  FILE.npy   an array of f32: images (n, C, H, W) in [-1, 1], or vectors (n, d)
  FOLDER     one PNG for each sample

Runs without images make vectors in the units of their data: angles (n, 1) or points
(n, 2) for the swiss roll, points (n, 2) for the unit square.

Examples:
  gtn sample runs/swiss-roll-d1-seed1 -n 100000 --out angles.npy
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
    after_help = "What is written depends on the name given to --out, as for `gtn sample`: a picture with a row for each way
(.png), an array of all images one after the other (.npy), or a folder of pictures. Runs without images make a .npy of vectors.

Examples:
  gtn interpolate runs/mnist-d5-seed1 --rows 8 --out ways.png
  gtn interpolate runs/mnist-d5-seed1 --real --path circle --out ways.png"
)]
pub(crate) struct Interpolate {
    /// Folder of the run, or of weights.
    pub(crate) run: PathBuf,
    /// How many ways.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) rows: u16,
    /// Samples on each way, the ends among them.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u16).range(2..))]
    pub(crate) steps: u16,
    /// Key of the ends: the same seed gives the same ways.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Between the normal vectors that Algorithm 1 gave two training images; these, decoded, stand at both ends of a row.
    #[arg(long)]
    pub(crate) real: bool,
    /// The straight line, or the great circle, which keeps the norm.
    #[arg(long, value_enum, default_value_t = PathName::Line)]
    pub(crate) path: PathName,
    /// Where to write: a .png, a .npy, or a folder.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) out: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PathName {
    Line,
    Circle,
}

impl From<PathName> for gtn_models::Path {
    fn from(name: PathName) -> Self {
        match name {
            PathName::Line => gtn_models::Path::Line,
            PathName::Circle => gtn_models::Path::Circle,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn encode runs/mnist-d5-seed1 --images digits/ --out latents.npy")]
pub(crate) struct Encode {
    /// Folder of the run, or of weights.
    pub(crate) run: PathBuf,
    /// A .png, a folder of them in the order of their names, or an array (n, C, H, W) of f32 in [-1, 1] (.npy, .npz,
    /// .safetensors).
    #[arg(long, value_name = "IMAGES")]
    pub(crate) images: PathBuf,
    /// Where to write the latents, (n, d).
    #[arg(long, value_name = "X.npy")]
    pub(crate) out: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  gtn decode runs/mnist-d5-seed1 --latents latents.npy --out digits.png")]
pub(crate) struct Decode {
    /// Folder of the run, or of weights.
    pub(crate) run: PathBuf,
    /// Latents, (n, d) f32 in a .npy, .npz or .safetensors file.
    #[arg(long, value_name = "X.npy")]
    pub(crate) latents: PathBuf,
    /// Where to write: a .png, a .npy, or a folder.
    #[arg(long, value_name = "FILE|FOLDER")]
    pub(crate) out: PathBuf,
    /// Replace what is there.
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The real rows are split at random into two halves. Each figure compares as many generated rows with the first half;
its floor compares the second half with the first: what fresh real data reach.

Examples:
  gtn evaluate --real test-latents.npy --generated latents.npy
  gtn evaluate --real digits/ --generated samples/ --metrics energy_distance,precision --json
  gtn evaluate --real digits/ --generated weights/mnist-d5"
)]
pub(crate) struct Evaluate {
    /// Real samples: rows (n, d) in a .npy, .npz or .safetensors file, or images as for `gtn encode`, taken pixel by pixel.
    #[arg(long, value_name = "A")]
    pub(crate) real: PathBuf,
    /// Generated samples, in one of the same forms; or a folder of a run or of weights, from which as many are drawn as can be
    /// compared: latents if the real samples have as many numbers, images otherwise.
    #[arg(long, value_name = "B")]
    pub(crate) generated: PathBuf,
    /// The figures [default: all].
    #[arg(long, value_enum, value_delimiter = ',', value_name = "LIST")]
    pub(crate) metrics: Vec<MetricName>,
    /// Key of the split and of all draws.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum MetricName {
    /// Fréchet distance of the normal laws fitted to both.
    FrechetDistance,
    /// Energy distance (V-statistic).
    EnergyDistance,
    /// Sliced Wasserstein-2 distance over 200 directions.
    SlicedWasserstein,
    /// Share of generated rows near real ones (k = 3).
    Precision,
    /// Share of real rows near generated ones (k = 3).
    Recall,
    /// Generated rows in neighbourhoods of real ones (k = 5), over the number to be expected.
    Density,
    /// Share of neighbourhoods of real rows that hold a generated one (k = 5).
    Coverage,
    /// Trace of the covariance, generated over real.
    VarianceKept,
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
    /// How fine the differences between cosines are that decide; the result depends on it.
    #[arg(long, value_enum, default_value_t = PrecisionName::Double)]
    pub(crate) precision: PrecisionName,
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
    /// By angle, for two columns.
    Angular,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum PrecisionName {
    /// Compared in f64: the algorithm as it is written.
    Double,
    /// Compared in f32: near-equal directions tie, and the norm decides.
    Single,
}

impl From<PrecisionName> for gtn_label::Precision {
    fn from(name: PrecisionName) -> Self {
        match name {
            PrecisionName::Double => gtn_label::Precision::Double,
            PrecisionName::Single => gtn_label::Precision::Single,
        }
    }
}

impl From<StrategyName> for gtn_label::Strategy {
    fn from(name: StrategyName) -> Self {
        match name {
            StrategyName::Auto => gtn_label::Strategy::Auto,
            StrategyName::Reference => gtn_label::Strategy::Reference,
            StrategyName::Blocked => gtn_label::Strategy::Blocked,
            StrategyName::Ordered => gtn_label::Strategy::Ordered,
            StrategyName::Angular => gtn_label::Strategy::Angular,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum DataCommand {
    /// Say what is there of a data set and whether it is whole.
    Check(DataCheck),
    /// Download what is missing of a data set, checked by size and SHA-256; an interrupted download goes on.
    Fetch(DataFetch),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gtn data fetch mnist
  gtn data fetch mnist --data-dir ~/datasets --mirror https://example.org/mnist/
  cargo xtask fetch mnist --from hub

HTTPS_PROXY and HTTP_PROXY are honoured. Files that are there and whole are left alone.

--from hub needs a gtn with the feature `hub`, which `cargo xtask fetch` builds. It downloads
ylecun/mnist and makes the four files of it, if they then are the original's. It starts anew
after an interruption, and gives up when nothing comes for two minutes. HF_ENDPOINT names
another hub, HF_TOKEN a token (none is needed), and HF_HUB_DISABLE_TELEMETRY=1 keeps the hub's
library from reporting how fast it was.")]
pub(crate) struct DataFetch {
    /// The data set.
    #[arg(value_enum)]
    pub(crate) name: DataName,
    #[command(flatten)]
    pub(crate) data: DataDir,
    /// Take the files from here, and not from the mirrors that are known; may be given several times.
    #[arg(long, value_name = "URL")]
    pub(crate) mirror: Vec<String>,
    /// Which copy to take.
    #[arg(long, value_enum, default_value_t = Source::Mirrors)]
    pub(crate) from: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Source {
    /// The original files, from the mirrors.
    Mirrors,
    /// The Hugging Face Hub's, made into the same files.
    Hub,
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
