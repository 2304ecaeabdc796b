//! `gtn evaluate`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use gtn_io::UnknownName;
use gtn_run::schema::Metric;

use super::device::OnDevice;
use super::folders::{CacheDir, DataDir};
use super::inception::InceptionNetworks;
use super::named_values::by_name;

#[derive(Debug, Args)]
#[command(after_help = "Samples are:
  images   a folder or a .zip archive of .png and .jpg files, one such file, or an f32 array
           (n, C, H, W) with values in [-1, 1]
  vectors  an f32 array (n, d); arrays are in .npy, .npz or .safetensors files
  a run    as --real, its held-out data: validation images, latents if the generated samples
           are latents, or points. Decoded held-out images and two baselines, which are fitted
           to its training latents, are measured beside the generated samples.
           As --generated, samples that are drawn from it, as many as there are real ones; also
           from a weights folder or a model file
  mean and covariance   pytorch-fid's .npz of mu and sigma; only FID can be computed from them

With --latent, the held-out latents of the run --real are compared with as many that are drawn \
from --generated, or that are in its array. Here the noise floor is the value for as many \
training latents, and the distances to the nearest training latents are measured as well.

The real samples are split at random into two halves. The noise floor of a metric compares the \
halves with each other: it is the value for real data. Metrics depend on the number of samples, \
FID most of all, so each metric is also computed of as many samples as its noise floor. \
fid, is and kid, and the features of --features inception, need the weights of Inception \
networks: `gtn data fetch inception`. The features are stored in the cache folder.

Examples:
  gtn evaluate --real test-latents.npy --generated latents.npy
  gtn evaluate --real digits/ --generated samples/ --metrics energy_distance,precision --json
  gtn evaluate --real runs/celeba-d50-seed1 --generated runs/celeba-d50-seed1
  gtn evaluate --latent --real runs/mnist-d5-seed1 --generated runs/mnist-d5-seed1 -n 10000
  gtn evaluate --real faces.zip --generated samples/ --metrics fid,is,kid
  gtn evaluate --real faces.zip --save-stats faces.npz
  gtn evaluate --real faces.npz --generated samples/")]
pub(crate) struct Evaluate {
    /// Real samples.
    #[arg(long, value_name = "REAL")]
    pub(crate) real: PathBuf,
    /// Generated samples.
    #[arg(long, value_name = "GENERATED", required_unless_present = "save_stats")]
    pub(crate) generated: Option<PathBuf>,
    /// Metrics, separated by commas [default: all, as far as the data allow].
    #[arg(long, value_parser = by_name::<Choice>(choices()), value_delimiter = ',', value_name = "LIST")]
    pub(crate) metrics: Vec<Choice>,
    /// Compare latents: the held-out latents of the run --real, with those of --generated.
    #[arg(long, conflicts_with_all = ["features", "inception_dims", "fid_weights", "is_weights", "save_stats"])]
    pub(crate) latent: bool,
    /// Number of latents of each kind with --latent [default: all held-out ones, at most 10,000].
    #[arg(short, value_name = "N", requires = "latent", conflicts_with = "save_stats")]
    pub(crate) n: Option<usize>,
    /// Which latents of the run --real are held out with --latent. The noise floor is that of the training latents for
    /// `validation`, and that of the validation latents for `test`, the official test set.
    #[arg(long, value_enum, value_name = "SPLIT", requires = "latent", default_value_t)]
    pub(crate) split: HeldOutSplit,
    /// Nearest neighbors of precision, recall, density and coverage [default: 3 for precision and recall, 5 for density and
    /// coverage, as in their papers].
    #[arg(long, value_name = "K")]
    pub(crate) neighbors: Option<usize>,
    /// What precision, recall, density, coverage, variance and distances are computed of [default: inception for images if the
    /// weights exist, values otherwise].
    #[arg(long, value_enum, value_name = "FEATURES")]
    pub(crate) features: Option<Features>,
    #[command(flatten)]
    pub(crate) networks: InceptionNetworks,
    /// Write mean and covariance of the Inception features of the real images to this .npz file, in the format of pytorch-fid.
    #[arg(long, value_name = "FILE.npz")]
    pub(crate) save_stats: Option<PathBuf>,
    /// Overwrite an existing file of --save-stats.
    #[arg(long, requires = "save_stats")]
    pub(crate) force: bool,
    /// Random seed for halving the real samples and for all other draws.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Print JSON, one object per line.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) data: DataDir,
    #[command(flatten)]
    pub(crate) cache: CacheDir,
    #[command(flatten)]
    pub(crate) on: OnDevice,
}

/// A value of `--split`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum HeldOutSplit {
    /// Latents of the validation images, on which the best epochs were chosen
    #[default]
    Validation,
    /// Latents of the official test set
    Test,
}

/// A value of `--metrics`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Choice {
    All,
    One(Metric),
}

impl FromStr for Choice {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        if name == ALL { Ok(Choice::All) } else { name.parse().map(Choice::One) }
    }
}

/// A value of `--features`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Features {
    /// The values of the samples themselves: pixels, or coordinates
    Values,
    /// Features of FID's Inception network
    Inception,
}

const ALL: &str = "all";

fn choices() -> impl Iterator<Item = (&'static str, &'static str)> {
    let all = (ALL, "All of them, as far as the data allow");
    std::iter::once(all).chain(METRICS.into_iter().chain(OF_TRAINING).map(|metric| (metric.name(), metric.title())))
}

/// The metrics that the command computes.
pub(crate) const METRICS: [Metric; 11] = [
    Metric::Fid,
    Metric::InceptionScore,
    Metric::KernelDistance,
    Metric::FrechetDistance,
    Metric::EnergyDistance,
    Metric::SlicedWasserstein,
    Metric::Precision,
    Metric::Recall,
    Metric::Density,
    Metric::Coverage,
    Metric::VarianceKept,
];

/// The metrics that it computes with `--latent` only, since they need the training latents.
pub(crate) const OF_TRAINING: [Metric; 2] = [Metric::NnDistanceRatio, Metric::NearCopyFraction];
