//! `gtn dimension`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gtn_data::own_images::Resize;

use super::fit::RESIZES;
use super::folders::{CacheDir, DataDir};
use super::named_values::by_name;

#[derive(Debug, Args)]
#[command(
    group(clap::ArgGroup::new("rows").required(true).args(["set", "images", "latents"])),
    after_help = "Images and latents often vary in fewer numbers than they consist of. The estimates differ, because none of \
them is exact on finite data: TwoNN and maximum likelihood are too low in high dimensions. Compare \
estimates of the same kind. The interval shows only how much the rows that happen to be in the set \
matter.

Examples:
  gtn dimension mnist
  gtn dimension --images animals/ --side 32
  gtn dimension --latents runs/mnist-d5-seed1/latents/latents.safetensors:train
  gtn dimension --latents x.npy --neighbors 5 --json"
)]
pub(crate) struct Dimension {
    /// The pixels of the training images of a data set.
    #[arg(value_enum)]
    pub(crate) set: Option<ImageSetName>,
    /// The pixels of your own images: a folder, or a .zip or .tar archive.
    #[arg(long, value_name = "DIR|ZIP|TAR")]
    pub(crate) images: Option<PathBuf>,
    /// Vectors: an array (n, d) in a .npy, .npz or .safetensors file; FILE:NAME selects one of several arrays.
    #[arg(long, value_name = "FILE")]
    pub(crate) latents: Option<PathBuf>,
    /// Side in pixels to which own images are scaled: a multiple of 4, at most 256.
    #[arg(long, value_name = "PIXELS", default_value_t = 64)]
    pub(crate) side: usize,
    /// How own images become squares.
    #[arg(long, value_parser = by_name::<Resize>(RESIZES), default_value = "crop")]
    pub(crate) resize: Resize,
    /// Neighbors of each row for maximum likelihood.
    #[arg(long, value_name = "K", default_value_t = 20)]
    pub(crate) neighbors: usize,
    /// Neighbors of each row for local PCA.
    #[arg(long, value_name = "K", default_value_t = 100)]
    pub(crate) pca_neighbors: usize,
    /// Use at most this many rows, spread evenly over the set.
    #[arg(long, value_name = "N", default_value_t = 50_000)]
    pub(crate) limit: usize,
    /// Search for the neighbors of at most this many rows among all of them.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    pub(crate) queries: usize,
    /// Random seed of the bootstrap intervals.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print one line of JSON for each estimate.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: DataDir,
    #[command(flatten)]
    pub(crate) cache: CacheDir,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImageSetName {
    /// Handwritten digits.
    Mnist,
    /// Faces, 64×64.
    Celeba,
    /// Hands, 64×64.
    Hap,
}
