//! Estimates of the intrinsic dimension: how many numbers the rows really vary in, of the many that describe them.

mod all;
mod local_pca;
mod maximum_likelihood;
mod neighborhoods;
mod slope;
mod two_nn;

use rand::Rng;

pub use all::{DimensionEstimator, EstimatedDimension};
pub use local_pca::VarianceRule;
pub use maximum_likelihood::{LikelihoodAverage, LikelihoodForm};
pub use neighborhoods::Neighborhoods;
use slope::slope;

/// An estimate of the intrinsic dimension, by the contributions of single rows.
#[derive(Debug, Clone)]
pub struct DimensionEstimate {
    value: f64,
    contributions: Vec<f64>,
    estimator: Estimator,
}

/// How contributions of rows become an estimate.
#[derive(Debug, Clone, Copy)]
enum Estimator {
    TwoNn { discarded: f64 },
    Mean,
    InverseMean,
}

impl Estimator {
    /// The estimate, or `None` if it is infinite. The order of the contributions may change.
    fn estimate(self, contributions: &mut [f64]) -> Option<f64> {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let value = match self {
            Estimator::TwoNn { discarded } => slope(contributions, discarded),
            Estimator::Mean => mean(contributions),
            Estimator::InverseMean => 1.0 / mean(contributions),
        };
        value.is_finite().then_some(value)
    }
}

impl DimensionEstimate {
    fn new(estimator: Estimator, mut contributions: Vec<f64>) -> Result<Self, crate::Error> {
        let value = estimator.estimate(&mut contributions).ok_or(crate::Error::EquidistantNeighbors)?;
        Ok(Self { value, contributions, estimator })
    }

    /// The estimate.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The bootstrap percentile interval that has `confidence` (0.95, for example): the estimate is repeated for as many rows drawn
    /// with replacement, `resamples` times. Neighbors stay those of the complete set, so the interval shows how much the rows that
    /// happen to be in the set matter, and not how wrong the method is: all of these methods underestimate high dimensions.
    ///
    /// Resamples whose estimate is infinite are left out; without any other, both ends are the estimate itself.
    ///
    /// # Errors
    ///
    /// [`Error::ZeroSetting`](crate::Error::ZeroSetting) without resamples,
    /// [`Error::InvalidFraction`](crate::Error::InvalidFraction) if the confidence is not between 0 and 1.
    pub fn interval(&self, resamples: usize, confidence: f64, rng: &mut impl Rng) -> Result<(f64, f64), crate::Error> {
        crate::input_checks::check_counts([("number of resamples", resamples)])?;
        check_fraction("confidence", confidence)?;
        let n = self.contributions.len();
        let mut resample = vec![0.0; n];
        let mut estimates: Vec<f64> = Vec::with_capacity(resamples);
        for _ in 0..resamples {
            resample.fill_with(|| self.contributions[rng.random_range(0..n)]);
            estimates.extend(self.estimator.estimate(&mut resample));
        }
        if estimates.is_empty() {
            return Ok((self.value, self.value));
        }
        estimates.sort_unstable_by(f64::total_cmp);
        let at = |quantile: f64| {
            let position = quantile * (estimates.len() - 1) as f64;
            let (below, above) = (estimates[position.floor() as usize], estimates[position.ceil() as usize]);
            below + (above - below) * position.fract()
        };
        let tail = 0.5 * (1.0 - confidence);
        Ok((at(tail), at(1.0 - tail)))
    }
}

/// Refuses a fraction that is not between 0 and 1, both excluded.
fn check_fraction(setting: &'static str, value: f64) -> Result<(), crate::Error> {
    if value > 0.0 && value < 1.0 { Ok(()) } else { Err(crate::Error::InvalidFraction { setting, value }) }
}
