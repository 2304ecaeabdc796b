//! TwoNN: Facco, d'Errico, Rodriguez and Laio, "Estimating the intrinsic dimension of datasets by a minimal neighborhood
//! information", Scientific Reports 7, 2017.

use super::{DimensionEstimate, Estimator, Neighborhoods};
use crate::Error;

impl Neighborhoods {
    /// TwoNN. For each row, μ = r₂ / r₁ is the distance of its second nearest neighbor divided by that of the nearest. If the density
    /// is constant up to the second neighbor, P(μ > m) = m⁻ᵈ. The estimate is the slope of −log(1 − F(μ)) against log μ through the
    /// origin, with the empirical F, without the `discarded` fraction of the largest μ (0.1 in the paper; in [0, 1)).
    ///
    /// # Errors
    ///
    /// [`Error::InvalidNeighborCount`] unless two neighbors were searched for; [`Error::InvalidFraction`];
    /// [`Error::EquidistantNeighbors`] if both neighbors of all rows that are left are equally far.
    pub fn two_nn(&self, discarded: f64) -> Result<DimensionEstimate, Error> {
        if !(0.0..1.0).contains(&discarded) {
            return Err(Error::InvalidFraction { setting: "discarded fraction", value: discarded });
        }
        let ratios = self.nearest(2)?.map(|(_, neighbors)| neighbors[1].distance / neighbors[0].distance);
        DimensionEstimate::new(Estimator::TwoNn { discarded }, ratios.map(f64::ln).collect())
    }
}

/// The slope of the line through the origin that is nearest to (log μ, −log(1 − F)). Sorts the values.
pub(super) fn slope(logarithms: &mut [f64], discarded: f64) -> f64 {
    logarithms.sort_unstable_by(f64::total_cmp);
    let n = logarithms.len() as f64;
    let kept = (n * (1.0 - discarded)) as usize;
    let points = logarithms[..kept].iter().enumerate().map(|(index, &x)| (x, -(-(index as f64) / n).ln_1p()));
    let (products, squares) =
        points.fold((0.0, 0.0), |(products, squares), (x, y)| (products + x * y, squares + x * x));
    products / squares
}
