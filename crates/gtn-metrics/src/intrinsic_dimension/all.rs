//! All estimates of one set of neighborhoods.

use rand::Rng;

use super::{DimensionEstimate, LikelihoodAverage, LikelihoodForm, Neighborhoods, VarianceRule};

/// The fraction of the largest quotients that TwoNN leaves out, as in its paper.
const DISCARDED: f64 = 0.1;
/// Repetitions of an estimate for its interval.
const RESAMPLES: usize = 1_000;
const CONFIDENCE: f64 = 0.95;

/// An estimator of the intrinsic dimension with its usual settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DimensionEstimator {
    /// [`Neighborhoods::two_nn`], without the tenth of the largest quotients.
    TwoNn,
    /// [`Neighborhoods::maximum_likelihood`], the mean of inverses.
    MaximumLikelihood,
    /// The same, the mean of estimates.
    MaximumLikelihoodMean,
    /// The same as the first, unbiased; for 3 neighbors or more.
    MaximumLikelihoodUnbiased,
    /// [`Neighborhoods::local_pca`].
    LocalPca,
}

impl DimensionEstimator {
    /// Its name in files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TwoNn => "two_nn",
            Self::MaximumLikelihood => "maximum_likelihood",
            Self::MaximumLikelihoodMean => "maximum_likelihood_mean",
            Self::MaximumLikelihoodUnbiased => "maximum_likelihood_unbiased",
            Self::LocalPca => "local_pca",
        }
    }
}

/// An estimate with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EstimatedDimension {
    /// How it was estimated.
    pub estimator: DimensionEstimator,
    /// The number of neighbors.
    pub neighbors: usize,
    /// The dimension.
    pub value: f64,
    /// The ends of the bootstrap interval, with a confidence of 0.95; see [`DimensionEstimate::interval`].
    pub interval: (f64, f64),
}

impl Neighborhoods {
    /// All estimates, in the order of [`DimensionEstimator`]: by maximum likelihood of `k` neighbors, and by local PCA of `pca_k`.
    ///
    /// # Errors
    ///
    /// As those of the single estimates.
    pub fn all_estimates(
        &self,
        k: usize,
        pca_k: usize,
        rng: &mut impl Rng,
    ) -> Result<Vec<EstimatedDimension>, crate::Error> {
        let likelihood = |unbiased, average| self.maximum_likelihood(k, LikelihoodForm { unbiased, average });
        let mut found: Vec<(DimensionEstimator, usize, DimensionEstimate)> = vec![
            (DimensionEstimator::TwoNn, 2, self.two_nn(DISCARDED)?),
            (DimensionEstimator::MaximumLikelihood, k, likelihood(false, LikelihoodAverage::Inverses)?),
            (DimensionEstimator::MaximumLikelihoodMean, k, likelihood(false, LikelihoodAverage::Estimates)?),
        ];
        if k > 2 {
            let unbiased = likelihood(true, LikelihoodAverage::Inverses)?;
            found.push((DimensionEstimator::MaximumLikelihoodUnbiased, k, unbiased));
        }
        found.push((DimensionEstimator::LocalPca, pca_k, self.local_pca(pca_k, VarianceRule::default())?));
        let with_interval = |(estimator, neighbors, estimate): (_, _, DimensionEstimate)| {
            let interval = estimate.interval(RESAMPLES, CONFIDENCE, rng)?;
            Ok(EstimatedDimension { estimator, neighbors, value: estimate.value(), interval })
        };
        found.into_iter().map(with_interval).collect()
    }
}
