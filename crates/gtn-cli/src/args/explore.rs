//! `gtn explore`.

use std::path::PathBuf;

use clap::Args;
use gtn_report::WeightBits;

use super::named_values::by_name;

#[derive(Debug, Args)]
#[command(
    after_help = "The page contains ĥ and the decoder, and needs no network and no server: open it in a browser, or \
send it to someone. The same seed gives the same samples as `gtn sample`. A page above 64 MB is refused.

Examples:
  gtn explore weights/mnist-d12 --out digits.html
  gtn explore runs/celeba-d100-seed1-flow --out faces.html --open"
)]
pub(crate) struct Explore {
    /// Run folder, weights folder, or model file.
    pub(crate) run: PathBuf,
    /// Output: a .html file.
    #[arg(long, value_name = "FILE.html")]
    pub(crate) out: PathBuf,
    /// Bits for each weight.
    #[arg(long, value_parser = by_name::<WeightBits>(BITS), default_value_t)]
    pub(crate) bits: WeightBits,
    /// Open the page in the browser.
    #[arg(long)]
    pub(crate) open: bool,
    /// Overwrite an existing file.
    #[arg(long)]
    pub(crate) force: bool,
}

const BITS: [(&str, &str); 2] = [
    (WeightBits::Sixteen.name(), "floating-point numbers: pixels differ from those of `gtn sample` by about 1 of 255"),
    (WeightBits::Eight.name(), "whole numbers: half the size, and pixels differ more"),
];
