//! Figures of merit for generated samples, as formulas on arrays: no network, no files, and no randomness of its own.
//!
//! Rows are samples. Sums are taken in `f64`, in an order that the shapes alone determine, on one thread. Where chance
//! enters, the generator is an argument.
//!
//! ```
//! use gtn_metrics::{Draws, energy_distance, ks_from_cdf, mean_over_draws, sliced_wasserstein, variance_kept};
//! use ndarray::Array2;
//! use rand::{Rng, SeedableRng};
//! use rand_chacha::ChaCha8Rng;
//!
//! // Real rows are uniform in the unit square; the generated ones cover its middle only.
//! let stream = ChaCha8Rng::seed_from_u64;
//! let uniform = |seed| {
//!     let mut rng = stream(seed);
//!     Array2::from_shape_simple_fn((500, 2), || rng.random::<f32>())
//! };
//! let (real, held_out) = (uniform(1), uniform(2));
//! let generated = uniform(3) * 0.5 + 0.25;
//!
//! // Half the width is a quarter of the variance.
//! let share = variance_kept(real.view(), generated.view())?;
//! assert!((share - 0.25).abs() < 0.05);
//!
//! // 200 rows against 200, mean of 5 draws; the floor has the same formula and the same stream.
//! let draws = Draws { size: 200, draws: 5 };
//! let figure = mean_over_draws(real.view(), generated.view(), draws, stream(4), energy_distance)?;
//! let floor = mean_over_draws(real.view(), held_out.view(), draws, stream(4), energy_distance)?;
//! assert!(floor > 0.0 && figure > 5.0 * floor);
//!
//! let figure = sliced_wasserstein(real.view(), generated.view(), 50, stream(5))?;
//! let floor = sliced_wasserstein(real.view(), held_out.view(), 50, stream(5))?;
//! assert!(floor > 0.0 && figure > 3.0 * floor);
//!
//! // Here the law of the first coordinate is known.
//! let first = |rows: &Array2<f32>| rows.column(0).iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
//! let cdf = |x: f64| x.clamp(0.0, 1.0);
//! let (figure, floor) = (ks_from_cdf(&first(&generated), cdf)?, ks_from_cdf(&first(&real), cdf)?);
//! assert!(figure > 0.2 && floor < 0.1);
//! # Ok::<(), gtn_metrics::Error>(())
//! ```
//!
//! | figure | compares | unit | 0 means |
//! |---|---|---|---|
//! | [`ks_from_cdf`] | numbers with a law | none, up to 1 | never below 1/(2n) |
//! | [`ks_between`] | numbers with numbers | none, up to 1 | equal empirical laws |
//! | [`energy_distance`] | rows with rows, all directions at once | that of the data | equal empirical laws |
//! | [`sliced_wasserstein`] | rows with rows, on random lines | that of the data | equal empirical laws on those lines |
//! | [`variance_kept`] | the spread of rows with that of rows | none | the generated rows are all the same; 1 is the aim |
//!
//! [`step_lengths`] is about one way through space rather than two laws: how evenly it goes, and whether it jumps.
//!
//! # The floor
//!
//! Two samples of one law are not at distance 0: they hold different points, and each of these distances sees that.
//! **The floor** of a figure is what the same formula gives when real samples stand in the place of the generated ones:
//! same sizes, same number of draws, same random stream. It is what a perfect generator would score on average, so a
//! figure without it cannot be read, and it stands beside every figure. A figure at its floor says that this formula,
//! at this size, sees no difference; a figure below it by more than chance says that generated rows are too close to
//! the real ones, as copies are.
//!
//! | figure | what gives its floor | its mean under equal laws |
//! |---|---|---|
//! | [`ks_from_cdf`] | a real sample of n numbers | 0.869/√n, for large n |
//! | [`ks_between`] | a second real sample as `generated` | 0.869 √(1/n + 1/m), for large n and m |
//! | [`energy_distance`] | a second real sample as `generated` | E\|X − X′\| (1/n + 1/m), exactly |
//! | [`sliced_wasserstein`] | a second real sample as `generated` | no closed form; falls as the samples grow |
//! | [`mean_over_draws`] | a second real sample as `generated`, or [`floor_over_draws`] from one | that of its metric |
//! | [`variance_kept`] | a second real sample as `generated` | near 1 |
//!
//! The two real samples must be independent: rows that occur in both make the floor too low.
//!
//! # Input
//!
//! No input makes these functions panic. Sets that are empty, differ in their columns or hold an infinity or NaN are an
//! [`Error`] that names the set and the row.

mod continuity;
mod density_coverage;
mod eigen;
mod energy;
mod error;
mod floor;
mod frechet;
mod gaussian;
mod input;
mod ks;
mod memorization;
mod mixture;
mod moments;
mod nearest;
mod precision_recall;
mod principal;
mod rows;
mod sliced;
mod variance;

pub use continuity::{Steps, step_lengths};
pub use density_coverage::{DensityCoverage, density_coverage};
pub use energy::energy_distance;
pub use error::{Error, Set};
pub use floor::{Draws, floor_over_draws, floors_over_draws, mean_over_draws, means_over_draws};
pub use frechet::{frechet_between, frechet_distance};
pub use gaussian::Gaussian;
pub use ks::{ks_between, ks_from_cdf};
pub use memorization::{Memorization, memorization, memorization_between};
pub use mixture::{Em, GaussianMixture};
pub use moments::Moments;
pub use nearest::{Nearest, NearestRows};
pub use precision_recall::{PrecisionRecall, precision_recall};
pub use principal::PrincipalAxes;
pub use sliced::sliced_wasserstein;
pub use variance::{total_variance, variance_kept};
