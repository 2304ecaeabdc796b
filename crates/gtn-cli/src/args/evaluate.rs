//! `gtn evaluate`.

use std::path::PathBuf;

use clap::Args;
use gtn_run::schema::Metric;

use super::named_values::by_name;

#[derive(Debug, Args)]
#[command(after_help = "The real samples are split at random into two halves. Each metric compares as many generated
samples with the first half. Its noise floor compares the second half with the first: the
value for real data compared with other real data.

Examples:
  gtn evaluate --real test-latents.npy --generated latents.npy
  gtn evaluate --real digits/ --generated samples/ --metrics energy_distance,precision --json
  gtn evaluate --real digits/ --generated weights/mnist-d5")]
pub(crate) struct Evaluate {
    /// Real samples: an array (n, d) in a .npy, .npz or .safetensors file, or images as for `gtn encode`, compared by pixels.
    #[arg(long, value_name = "REAL")]
    pub(crate) real: PathBuf,
    /// Generated samples in one of these forms; or a run folder, weights folder or model file, from which samples are drawn: latents if the real
    /// samples have the latent dimension, images otherwise.
    #[arg(long, value_name = "GENERATED")]
    pub(crate) generated: PathBuf,
    /// Metrics, separated by commas [default: all].
    #[arg(long, value_parser = by_name::<Metric>(METRICS.map(|metric| (metric.name(), metric.title()))), value_delimiter = ',', value_name = "LIST")]
    pub(crate) metrics: Vec<Metric>,
    /// Random seed for halving the real samples and for all other draws.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print JSON, one object per line.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The metrics that the command computes, of samples of any kind.
pub(crate) const METRICS: [Metric; 8] = [
    Metric::FrechetDistance,
    Metric::EnergyDistance,
    Metric::SlicedWasserstein,
    Metric::Precision,
    Metric::Recall,
    Metric::Density,
    Metric::Coverage,
    Metric::VarianceKept,
];
