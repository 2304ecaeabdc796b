//! `gtn bench`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::DataDir;

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
