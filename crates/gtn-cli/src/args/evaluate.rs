//! `gtn evaluate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
    /// Generated rows in neighborhoods of real ones (k = 5), over the number to be expected.
    Density,
    /// Share of neighborhoods of real rows that hold a generated one (k = 5).
    Coverage,
    /// Trace of the covariance, generated over real.
    VarianceKept,
}
