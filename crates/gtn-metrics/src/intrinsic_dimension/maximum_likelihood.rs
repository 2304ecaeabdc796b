//! Levina and Bickel, "Maximum likelihood estimation of intrinsic dimension", NIPS 2004, with the average of MacKay and Ghahramani,
//! "Comments on 'Maximum likelihood estimation of intrinsic dimension'", 2005.

use super::{DimensionEstimate, Estimator, Neighborhoods};
use crate::{Error, Neighbor};

/// Which of the published forms of the maximum likelihood estimate is computed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LikelihoodForm {
    /// Divides by k − 2 instead of k − 1, which makes the estimate of a single row unbiased.
    pub unbiased: bool,
    /// How the estimates of all rows are averaged.
    pub average: LikelihoodAverage,
}

/// How the estimates of single rows are averaged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LikelihoodAverage {
    /// The inverse of the mean inverse, as MacKay and Ghahramani propose: the maximum likelihood estimate for all rows together.
    #[default]
    Inverses,
    /// The mean, as Levina and Bickel propose.
    Estimates,
}

impl Neighborhoods {
    /// The maximum likelihood estimate with `k` ≥ 2 neighbors (3 if unbiased). With the distances T₁ ≤ … ≤ Tₖ of its neighbors, the
    /// estimate of a row is (k − 1) / Σⱼ log(Tₖ / Tⱼ).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNeighborCount`] if fewer neighbors were searched for, or k is too small; [`Error::EquidistantNeighbors`] if the
    /// k neighbors of all rows (with the mean of estimates: of any row) are equally far.
    pub fn maximum_likelihood(&self, k: usize, form: LikelihoodForm) -> Result<DimensionEstimate, Error> {
        let divisor = k.saturating_sub(if form.unbiased { 2 } else { 1 });
        if divisor == 0 {
            let samples = self.distinct_rows();
            return Err(Error::InvalidNeighborCount { set: crate::SampleSet::Single, k, samples });
        }
        let inverse = |neighbors: &[Neighbor]| {
            let last = neighbors[k - 1].distance;
            neighbors.iter().map(|neighbor| (last / neighbor.distance).ln()).sum::<f64>() / divisor as f64
        };
        let inverses = self.nearest(k)?.map(|(_, neighbors)| inverse(neighbors));
        match form.average {
            LikelihoodAverage::Inverses => DimensionEstimate::new(Estimator::InverseMean, inverses.collect()),
            LikelihoodAverage::Estimates => {
                DimensionEstimate::new(Estimator::Mean, inverses.map(|inverse| 1.0 / inverse).collect())
            }
        }
    }
}
