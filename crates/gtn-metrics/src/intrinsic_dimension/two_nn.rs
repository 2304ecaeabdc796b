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
