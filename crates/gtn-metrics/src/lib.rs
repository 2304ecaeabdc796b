//! Metrics that compare generated samples with real samples.
//!
//! Use this crate to find out how close the output of a generative model is to the data that it was trained on. You
//! pass both sets as arrays with one sample per row, and get numbers back: distances between the two distributions,
//! precision and recall, density and coverage, and checks for memorized training samples. The crate also has two simple
//! baseline generators, [`Gaussian`] and [`GaussianMixture`], and the tools that the metrics are built on:
//! [`SampleMoments`], [`Pca`] and [`NearestNeighbors`].
//!
//! The crate contains no neural networks and reads no files. Where a metric needs random numbers, the random number
//! generator is an argument: `&mut rng`, with any generator of the crate [`rand`]. Its traits and the arrays of the crate
//! [`ndarray`] are re-exported.
//!
//! ```
//! use gtn_metrics::{Subsets, energy_distance, ks_one_sample, mean_over_subsets, sliced_wasserstein, variance_kept};
//! use gtn_metrics::{ndarray::Array2, rand::{Rng, SeedableRng}};
//! use rand_chacha::ChaCha8Rng;
//!
//! // Real rows are uniform in the unit square. Generated rows cover only its middle.
//! let rng = ChaCha8Rng::seed_from_u64;
//! let uniform = |seed| {
//!     let mut rng = rng(seed);
//!     Array2::from_shape_simple_fn((500, 2), || rng.random::<f32>())
//! };
//! let (real, held_out) = (uniform(1), uniform(2));
//! let generated = uniform(3) * 0.5 + 0.25;
//!
//! // Half the width is a quarter of the variance.
//! let kept = variance_kept(real.view(), generated.view())?;
//! assert!((kept - 0.25).abs() < 0.05);
//!
//! // The mean over 5 pairs of random subsets of 200 rows. The noise floor uses the same formula and the same seed.
//! let subsets = Subsets { size: 200, count: 5 };
//! let value = mean_over_subsets(real.view(), generated.view(), subsets, &mut rng(4), energy_distance)?;
//! let floor = mean_over_subsets(real.view(), held_out.view(), subsets, &mut rng(4), energy_distance)?;
//! assert!(floor > 0.0 && value > 5.0 * floor);
//!
//! let value = sliced_wasserstein(real.view(), generated.view(), 50, &mut rng(5))?;
//! let floor = sliced_wasserstein(real.view(), held_out.view(), 50, &mut rng(5))?;
//! assert!(floor > 0.0 && value > 3.0 * floor);
//!
//! // The distribution of the first coordinate is known.
//! let first = |rows: &Array2<f32>| rows.column(0).iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
//! let cdf = |x: f64| x.clamp(0.0, 1.0);
//! let (value, floor) = (ks_one_sample(&first(&generated), cdf)?, ks_one_sample(&first(&real), cdf)?);
//! assert!(value > 0.2 && floor < 0.1);
//! # Ok::<(), gtn_metrics::Error>(())
//! ```
//!
//! # The metrics
//!
//! There are n real and m generated rows of d columns. The noise floor is explained below; the column gives its mean.
//!
//! | metric | function | range | best value | noise floor | source |
//! |---|---|---|---|---|---|
//! | Kolmogorov-Smirnov distance, sample against a CDF | [`ks_one_sample`] | [1/(2n), 1] | 1/(2n) | 0.869/√n, for large n | Kolmogorov 1933 |
//! | Kolmogorov-Smirnov distance, two samples | [`ks_two_sample`] | [0, 1] | 0 | 0.869 √(1/n + 1/m), for large n and m | Smirnov 1939 |
//! | Energy distance | [`energy_distance`] | ≥ 0, unit of the data | 0 | E\|X − X′\| (1/n + 1/m), exactly | Székely and Rizzo 2013 |
//! | Sliced Wasserstein-2 distance | [`sliced_wasserstein`] | ≥ 0, unit of the data | 0 | no closed form; falls as n and m grow | Rabin et al. 2011, Bonneel et al. 2015 |
//! | Fréchet distance (FID if the rows are Inception features) | [`frechet_distance`] | ≥ 0, squared unit of the data | 0 | above tr C (1/n + 1/m) | Dowson and Landau 1982, Heusel et al. 2017 |
//! | Kernel distance (KID if the rows are Inception features) | [`kernel_distance`] | any, near or above 0 | 0 | 0, exactly | Bińkowski et al. 2018 |
//! | Inception Score | [`inception_score`] | [1, number of classes] | high | the score of real images | Salimans et al. 2016 |
//! | Precision | [`precision_recall`] | [0, 1] | 1 | below 1; no closed form | Kynkäänniemi et al. 2019 |
//! | Recall | [`precision_recall`] | [0, 1] | 1 | below 1; no closed form | Kynkäänniemi et al. 2019 |
//! | Density | [`density_coverage`] | [0, n/k] | 1 | 1, exactly | Naeem et al. 2020 |
//! | Coverage | [`density_coverage`] | [0, 1] | 1 | 1 − 2⁻ᵏ, for large n = m | Naeem et al. 2020 |
//! | Memorization: median distance ratio | [`memorization`] | ≥ 0 | 1; below with copies | near 1 | related to Alaa et al. 2022 |
//! | Memorization: probability of being closer | [`memorization`] | [0, 1] | ½; above with copies | ½, exactly | Mann and Whitney 1947, Meehan et al. 2020 |
//! | Memorization: fraction of near copies | [`memorization`] | [0, 1] | 0.01; above with copies | about 0.01 | related to Alaa et al. 2022 |
//! | Variance kept | [`variance_kept`] | ≥ 0 | 1 | near 1 | |
//! | Noise of pairs (y, x) | [`pair_noise`] | ≥ 0 | 0; 2 without a relation | that of the identity on the same y | 1-nearest-neighbor regression, Cover and Hart 1967 |
//! | Normality of the y of pairs | [`source_statistics`] | ≥ 0 | 0 | in the result | Massart 1990 |
//! | Longest step over mean step along a path | [`step_lengths`] | [1, number of steps] | 1 | none: it does not compare two sets | |
//!
//! The intrinsic dimension of rows is estimated from [`Neighborhoods`]: by TwoNN, by maximum likelihood, and by local PCA.
//!
//! [`mean_over_subsets`] averages a metric of two sets of rows over random subsets of them.
//!
//! # The noise floor
//!
//! Two samples of one distribution hold different points, so their distance is not 0. **The noise floor** of a metric
//! is its value when a second real sample takes the place of the generated one, with the same sizes, the same number of
//! subsets and the same random numbers. A perfect generator would score this value on average. So never read a metric
//! without its noise floor:
//!
//! - A distance at its noise floor means that this metric, at this sample size, finds no difference.
//! - A distance below its noise floor, by more than chance explains, means that the generated rows are too close to the
//!   real ones. Copies cause this.
//!
//! To measure the noise floor, pass a second real sample as `generated`. If you have only one real sample, use
//! [`floor_over_subsets`], which splits it. The noise floor of [`ks_one_sample`] is its value for a real sample of n
//! values. The two real samples must be independent: rows that occur in both make the noise floor too low.
//!
//! # Numerics
//!
//! Sums are computed in `f64`, each by one thread, in an order that depends only on the shapes of the arrays. The fit of a
//! mixture, [`pair_noise`] and [`source_statistics`] use the threads of the current rayon pool, whose number changes no bit.
//!
//! # Invalid input
//!
//! No input makes these functions panic. A set that is empty, has the wrong number of columns or contains NaN or an
//! infinity is an [`Error`] that names the set and the row.

mod density_coverage;
mod eigen;
mod energy_distance;
mod error;
mod frechet_distance;
mod gaussian;
mod gaussian_mixture;
mod inception_score;
mod input_checks;
mod intrinsic_dimension;
mod k_means;
mod kernel_distance;
mod kolmogorov_smirnov;
mod large_matrices;
mod memorization;
mod mixture_selection;
mod nearest_neighbors;
mod pair_noise;
mod pairwise_distances;
mod pca;
mod precision_recall;
mod sample_moments;
mod sliced_wasserstein;
mod source_statistics;
mod step_lengths;
mod subsets;
mod variance;

/// The crate of the arrays in this API.
pub use ndarray;
/// The crate of the random number generators in this API.
pub use rand;

pub use density_coverage::{DensityCoverage, density_coverage};
pub use energy_distance::energy_distance;
pub use error::{Error, SampleSet};
pub use frechet_distance::{frechet_distance, frechet_distance_from_moments};
pub use gaussian::Gaussian;
pub use gaussian_mixture::{GaussianMixture, GaussianMixtureParams};
pub use inception_score::{InceptionScore, inception_score, inception_score_from_probabilities};
pub use intrinsic_dimension::{
    DimensionEstimate, DimensionEstimator, EstimatedDimension, LikelihoodAverage, LikelihoodForm, Neighborhoods,
    VarianceRule,
};
pub use kernel_distance::{KernelDistance, kernel_distance, kernel_distances_of_subsets};
pub use kolmogorov_smirnov::{ks_one_sample, ks_two_sample};
pub use memorization::{Memorization, memorization, memorization_from_neighbors};
pub use mixture_selection::{MixtureCandidate, MixtureSelection};
pub use nearest_neighbors::{NearestNeighbors, Neighbor};
pub use pair_noise::pair_noise;
pub use pca::Pca;
pub use precision_recall::{PrecisionRecall, precision_recall};
pub use sample_moments::SampleMoments;
pub use sliced_wasserstein::sliced_wasserstein;
pub use source_statistics::{SourceStatistics, source_statistics};
pub use step_lengths::{StepLengths, step_lengths};
pub use subsets::{Subsets, floor_over_subsets, floors_over_subsets, mean_over_subsets, means_over_subsets};
pub use variance::{total_variance, variance_kept};

/// Compiles and runs the program of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
