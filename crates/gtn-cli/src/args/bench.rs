//! `gtn bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use gtn_models::Ops;

use super::device::OnDevice;
use super::folders::DataDir;
use crate::commands::bench::cases::BenchCase;
use crate::commands::bench::label::Case;

/// The PyTorch reference of a benchmark.
#[derive(Debug, Args)]
pub(crate) struct Reference {
    /// Python script that does the same work with PyTorch; `cargo xtask bench NAME` passes tests/golden/bench_NAME.py.
    #[arg(long = "reference", value_name = "FILE.py")]
    pub(crate) program: Option<PathBuf>,
    /// Python interpreter with PyTorch.
    #[arg(long, value_name = "PROGRAM", env = "GTN_PYTHON", default_value = "python3")]
    pub(crate) python: String,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, arg_required_else_help = true)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) command: Option<BenchCommand>,
    /// `gtn bench --device ...` is short for `gtn bench device --device ...`.
    #[command(flatten)]
    pub(crate) of_device: BenchDevice,
}

#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// Benchmark training, sampling and labeling at the size of CelebA on one device.
    Device(BenchDevice),
    /// Benchmark training steps, sampling and InceptionV3 with the operations of this program, of Candle, and of PyTorch.
    Train(BenchTrain),
    /// Benchmark Algorithm 1, with and without reading and writing files, and a loop like the authors' in PyTorch.
    Label(BenchLabel),
    /// Benchmark sampling from a run, from weights or from a model file.
    Sample(BenchSample),
}

#[derive(Debug, Args)]
#[command(after_help = "Times are medians over all repetitions. A ratio below 1 means that gtn is faster. The lower \
bound is the time of the matrix products and convolutions, by their definition, at the rate of \
one large matrix product. Run nothing else on the machine.

Examples:
  gtn bench train
  gtn bench train h-mnist h-celeba --repetitions 3 --json
  cargo xtask bench train --python ~/venv/bin/python      # with PyTorch")]
pub(crate) struct BenchTrain {
    /// Benchmarks: autoencoder-mnist, autoencoder-celeba, h-mnist, h-celeba, flow-step, residual-h-step, samples, inception, load [default: all].
    #[arg(value_name = "BENCHMARK")]
    pub(crate) cases: Vec<BenchCase>,
    /// Number of measurements of each.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) repetitions: u16,
    #[command(flatten)]
    pub(crate) reference: Reference,
    /// Print JSON, one object per line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Do the work with these operations for each line of input (internal).
    #[arg(long, hide = true)]
    pub(crate) worker: Option<Ops>,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

#[derive(Debug, Args)]
#[command(after_help = "Rows are standard normal, except where the data say otherwise:
normal     all of them
decaying   column k = 1, 2, ... of the target rows has standard deviation σ = 1/√k and mean 0.3σ,
           similar to latents of images
cone       source rows are one row plus 0.01 times a normal one: all compete for the same target rows
equal      a hundred different target rows
multiples  target rows are multiples of one row: cosines differ by rounding alone
zeros      every other target row and every fourth source row is all zeros

matching  seconds of the matching alone: the median of up to 9 repetitions in 3 seconds
process   seconds of the command `gtn label` on .npy files that were just written
Gop/s     n²d operations of Algorithm 1 by its definition (n²/2 pairs, a multiplication and an
          addition per column) divided by the seconds of the matching, in billions per second;
          a strategy that skips pairs can exceed the peak of the machine
of peak   the same, relative to the rate of one large matrix product
memory    peak memory of the first matching, minus the memory before it, which includes the rows
          (Linux: VmHWM, reset through /proc/self/clear_refs, minus VmRSS)
loop      a loop in PyTorch: for each source row, the cosine similarity with all remaining target
          rows and argmax, and that row is removed; ~ if it was extrapolated from parts of the loop
ratio     loop divided by matching

Run nothing else on the machine.

Examples:
  gtn bench label
  gtn bench label 20000x100:normal 50000x10:decaying --check --json
  gtn bench label 20000x100:cone 20000x100:equal 20000x100:multiples 20000x100:zeros --check
  gtn bench label --scaling --figure scaling.svg
  cargo xtask bench label --python ~/venv/bin/python      # with PyTorch")]
pub(crate) struct BenchLabel {
    /// Cases ROWSxCOLUMNS:DATA; the kinds of DATA are below [default: 20000x100:normal, 20000x100:decaying, 162770x100:decaying,
    /// 20000x5:normal, 1000000x5:normal, 1000000x5:decaying, 1000000x2:normal, 10000000x1:normal].
    #[arg(value_name = "CASE", conflicts_with = "scaling")]
    pub(crate) cases: Vec<Case>,
    /// Verify each matching: with another strategy if that takes at most about a minute, otherwise 1,000 steps of it.
    #[arg(long, conflicts_with = "scaling")]
    pub(crate) check: bool,
    /// Double the number of rows repeatedly, for d = 2, 5, 10, 25 and 100 columns, and fit the exponent b of seconds = a·nᵇ to
    /// the upper half.
    #[arg(long)]
    pub(crate) scaling: bool,
    /// Plot the result on logarithmic axes.
    #[arg(long, value_name = "FILE.svg", requires = "scaling")]
    pub(crate) figure: Option<PathBuf>,
    /// With --scaling, stop before a size that is expected to take longer; the two smallest sizes are always measured.
    #[arg(long, value_name = "SECONDS", default_value_t = 20.0, requires = "scaling")]
    pub(crate) max_seconds: f64,
    /// Overwrite an existing figure.
    #[arg(long, requires = "figure")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) reference: Reference,
    /// Print JSON, one object per line.
    #[arg(long)]
    pub(crate) json: bool,
    /// Match one case in this process, and print the result (internal).
    #[arg(long, hide = true)]
    pub(crate) worker: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "h-epoch            an epoch of ĥ: 25 hidden layers of 1,200, d = 100, batches of 200
autoencoder-epoch  an epoch of the autoencoder: images of 3 × 64 × 64, d = 100, batches of 200
samples            1,000 images from normal vectors, with ĥ and the decoder; they stay on the device
samples-to-host    the same, with the images copied to host memory
labeling           Algorithm 1 on rows of 100 columns, distributed like latents of images

All data are synthetic. Each benchmark is warmed up first, and ends when the device has \
finished. A ratio below 1 means that gtn is faster. On a CPU, everything takes almost an hour; \
--rows shortens it. Run nothing else on the machine.

Examples:
  gtn bench --device cuda
  gtn bench --device cuda --tf32 --json
  gtn bench device --device cpu --rows 2000
  cargo xtask bench device --device cuda --python ~/venv/bin/python      # with PyTorch")]
pub(crate) struct BenchDevice {
    #[command(flatten)]
    pub(crate) on: OnDevice,
    /// Number of training rows, and of rows to match.
    #[arg(long, value_name = "N", default_value_t = 162_770, value_parser = clap::value_parser!(u32).range(2..=300_000))]
    pub(crate) rows: u32,
    /// Number of measurements of each epoch and of labeling; the median is reported.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) epoch_repetitions: u16,
    /// Number of measurements of sampling; the median is reported.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) repetitions: u16,
    #[command(flatten)]
    pub(crate) reference: Reference,
    /// Print JSON, one object per line.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Times are medians of all repetitions after a warm-up, from drawing the normal vectors to all \
images in host memory; nothing is written. They include waiting for the device.

ĥ         seconds for the normal vectors and ĥ
decoder   seconds for the decoder; runs on images only
total     seconds for both

The paper reports 4.07 s for 1,000 images on a PC. It also reports 0.00367 s on a T4, which is \
less than that card needs for the arithmetic of the paper's networks for CelebA (18 ms), so it \
was measured without waiting for the card. Networks for MNIST are much smaller; `gtn bench \
train samples` uses networks of CelebA's size.

Run nothing else on the machine.

Examples:
  gtn bench sample weights/mnist-d5
  gtn bench sample weights/mnist-d5 -n 10000 --repetitions 25 --json")]
pub(crate) struct BenchSample {
    /// Run folder, weights folder, or model file.
    pub(crate) run: PathBuf,
    /// Number of samples.
    #[arg(short, value_name = "N", default_value_t = 1000)]
    pub(crate) n: usize,
    /// Number of measurements, at least 9.
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u16).range(9..))]
    pub(crate) repetitions: u16,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}
