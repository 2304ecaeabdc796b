//! `gtn bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{DataDir, OnDevice};
use crate::commands::bench::label::Case;

/// What stands beside this program's own work.
#[derive(Debug, Args)]
pub(crate) struct Twin {
    /// A Python program that does the same with PyTorch; `cargo xtask bench NAME` gives tests/golden/bench_NAME.py.
    #[arg(long = "twin", value_name = "FILE.py")]
    pub(crate) program: Option<PathBuf>,
    /// The Python that has PyTorch.
    #[arg(long, value_name = "PROGRAM", env = "GTN_PYTHON", default_value = "python3")]
    pub(crate) python: String,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, arg_required_else_help = true)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) command: Option<BenchCommand>,
    /// `gtn bench --device ...` is `gtn bench device --device ...`.
    #[command(flatten)]
    pub(crate) of_device: BenchDevice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Time training, sampling and labeling at CelebA's full size on one device.
    Device(BenchDevice),
    /// Time training steps and samples by this program's operations, by Candle's, and by PyTorch's, in turn.
    Train(BenchTrain),
    /// Time Algorithm 1: by itself, with its files, and beside a loop like the authors' in PyTorch.
    Label(BenchLabel),
    /// Time drawing samples from a run or from weights.
    Sample(BenchSample),
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
    #[command(flatten)]
    pub(crate) twin: Twin,
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

#[derive(Debug, Args)]
#[command(
    after_help = "Source rows are standard normal. So are target rows of `normal`; in those of `decaying` column k = 1, 2, ... has
standard deviation σ = 1/√k and mean 0.3σ, much as latents of images have.

matching  seconds of the matching itself: the median of up to 9 in 3 seconds
process   seconds of `gtn label` on .npy files that were just written, to its end
Gop/s     n²d operations of Algorithm 1 as it is defined (n²/2 pairs, a multiplication and an
          addition for each column) over the seconds of the matching, in billions a second;
          a strategy that does not look at all pairs does better than any machine could
of peak   the same over the rate of one large matrix product
memory    the most that the process held while it first matched, less what it held just
          before, the rows among it (Linux: VmHWM, set back by /proc/self/clear_refs, less VmRSS)
loop      a loop in PyTorch: for one source row after another the cosine similarity with all
          remaining target rows, argmax, and that row is removed; ~ if only parts of it were
          done and the rest follows from them
ratio     loop over matching

Run it alone on the machine.

Examples:
  gtn bench label
  gtn bench label 20000x100:normal 50000x10:decaying --check --json
  gtn bench label --scaling --figure scaling.svg
  cargo xtask bench label --python ~/venv/bin/python      # beside PyTorch"
)]
pub(crate) struct BenchLabel {
    /// What to match, ROWSxCOLUMNS:DATA with `normal` or `decaying` DATA [default: 20000x100:normal, 20000x100:decaying,
    /// 162770x100:decaying, 20000x5:normal, 1000000x5:normal, 1000000x5:decaying, 1000000x2:normal, 10000000x1:normal].
    #[arg(value_name = "CASE", conflicts_with = "scaling")]
    pub(crate) cases: Vec<Case>,
    /// Verify each matching: whole by the strategy `blocked` where that is another one and takes about a minute at most,
    /// otherwise in 1,000 steps by the definition.
    #[arg(long, conflicts_with = "scaling")]
    pub(crate) check: bool,
    /// Time twice as many rows again and again instead, for d = 2, 5, 10, 25 and 100 columns, and fit the exponent b of
    /// seconds = a·nᵇ to the upper half of them.
    #[arg(long)]
    pub(crate) scaling: bool,
    /// Draw that on logarithmic axes.
    #[arg(long, value_name = "FILE.svg", requires = "scaling")]
    pub(crate) figure: Option<PathBuf>,
    /// Seconds that a number of rows may be expected to take, for --scaling to try it; two of them are always tried.
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0, requires = "scaling")]
    pub(crate) limit: f64,
    /// Replace the figure if it is there.
    #[arg(long, requires = "figure")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) twin: Twin,
    /// Write JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Match the one case in this process, and say what was found.
    #[arg(long, hide = true)]
    pub(crate) worker: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "h-epoch            an epoch of ĥ: 25 hidden layers of 1,200, d = 100, batches of 200
autoencoder-epoch  an epoch of the autoencoder: images of 3 × 64 × 64, d = 100, batches of 200
samples            1,000 images from normal vectors: ĥ, then the decoder; they stay on the device
samples-to-host    the same, and the images are brought to memory
labeling          Algorithm 1 on rows of 100 columns, spread like latents of images

Data are made up. Each is warmed up first, and is over when the device has done all of it. A ratio below 1 means that gtn is
faster. On a CPU all of it takes the better part of an hour; --rows makes it less. Run it alone on the machine.

Examples:
  gtn bench --device cuda
  gtn bench --device cuda --tf32 --json
  gtn bench device --device cpu --rows 2000
  cargo xtask bench device --device cuda --python ~/venv/bin/python      # beside PyTorch")]
pub(crate) struct BenchDevice {
    #[command(flatten)]
    pub(crate) on: OnDevice,
    /// Training rows, and rows to match.
    #[arg(long, value_name = "N", default_value_t = 162_770, value_parser = clap::value_parser!(u32).range(2..=300_000))]
    pub(crate) rows: u32,
    /// How often each epoch, and labeling, is timed; the median counts.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) epochs: u16,
    /// How often drawing samples is timed; the median counts.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) repetitions: u16,
    #[command(flatten)]
    pub(crate) twin: Twin,
    /// Write JSON, one object a line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Times are medians of all repetitions after one that warms up, in this process, from drawing the normal vectors to
all images in memory; nothing is written. They end when the last number is there, so that nothing is still at work.

ĥ         seconds of drawing the normal vectors and of ĥ
decoder   seconds of the decoder; none for runs without images
together  seconds of both, measured as a whole

The paper reports 4.07 s for 1,000 images on a PC. It also reports 0.00367 s on a T4, which is less than that card's
arithmetic for the paper's networks for CelebA takes (18 ms), so that it was timed without waiting for the card. The networks
of a run for MNIST are much smaller than those; `gtn bench train samples` times networks of their size.

Run it alone on the machine.

Examples:
  gtn bench sample weights/mnist-d5
  gtn bench sample weights/mnist-d5 -n 10000 --repetitions 25 --json"
)]
pub(crate) struct BenchSample {
    /// Folder of the run, or of weights.
    pub(crate) run: PathBuf,
    /// How many samples to draw.
    #[arg(short, value_name = "N", default_value_t = 1000)]
    pub(crate) n: usize,
    /// How often that is timed, at least 9 times.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(9..))]
    pub(crate) repetitions: u16,
    /// Write JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}
