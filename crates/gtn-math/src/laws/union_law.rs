use super::weighted::normalized;
use crate::cdf_map::CdfMap;
use crate::distribution::Distribution;
use crate::error::UnionError;
use crate::interval::OpenInterval;
use crate::interval_union::IntervalUnion;

/// A law on a union of disjoint open intervals: a mass for each interval, and a law on it (Appendix C).
///
/// It is no [`Distribution`]: its distribution function is constant on the gaps, and has no inverse there. There are two ways
/// to reach it from a law Y on one interval: [`UnionMap`](crate::UnionMap), the h of Theorem 2.1 with its jumps, and the
/// paper's remedy, one map for each component, [`component_maps`](Self::component_maps), where the component is drawn first.
///
/// ```
/// use gtn_math::{Homeomorphism, Normal, Uniform, UnionLaw};
///
/// let law = UnionLaw::new([(0.25, Uniform::new(0.0, 1.0)?), (0.75, Uniform::new(4.0, 5.0)?)])?;
/// let maps = law.component_maps(Normal::standard());
/// // The draw of a component, here 0.1 and 0.3, is a uniform number of [0, 1).
/// assert_eq!(maps[law.component_at(0.1)].forward(&0.0)?, 0.5);
/// assert_eq!(maps[law.component_at(0.3)].forward(&0.0)?, 4.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct UnionLaw<D> {
    masses: Vec<f64>,
    components: Vec<D>,
    support: IntervalUnion,
}

impl<D: Distribution> UnionLaw<D> {
    /// The law with the given masses and laws, in any order. The masses are divided by their sum.
    ///
    /// # Errors
    ///
    /// There is no law, two supports overlap, or a mass is not finite and positive or vanishes beside the sum.
    pub fn new(components: impl IntoIterator<Item = (f64, D)>) -> Result<Self, UnionError> {
        let mut components: Vec<(f64, D)> = components.into_iter().collect();
        components.sort_by(|(_, a), (_, b)| a.support().lower().total_cmp(&b.support().lower()));
        let (masses, components): (Vec<f64>, Vec<D>) = components.into_iter().unzip();
        let supports: Vec<OpenInterval> = components.iter().map(Distribution::support).collect();
        let support = IntervalUnion::from_ascending(supports)?;
        let masses = normalized("union", &masses).map_err(UnionError::Mass)?;
        Ok(Self { masses, components, support })
    }

    /// The intervals on which the law lives.
    pub const fn support(&self) -> &IntervalUnion {
        &self.support
    }

    /// The probability of each interval, in ascending order of the intervals; their sum is 1 up to rounding.
    pub fn masses(&self) -> &[f64] {
        &self.masses
    }

    /// The law on each interval, in ascending order of the intervals.
    pub fn components(&self) -> &[D] {
        &self.components
    }

    /// The component for a uniform number of [0, 1): that whose share of the unit interval holds it, so that components are
    /// drawn by their masses. Numbers below the unit interval and NaN give the first, those above it the last.
    pub fn component_at(&self, share: f64) -> usize {
        let shares = self.below();
        // The sum of all masses may be rounded; the last component takes the rest.
        shares[1..shares.len() - 1].partition_point(|below| *below <= share)
    }

    /// The paper's remedy: for each component a homeomorphism from the whole support of Y onto it. If the component is drawn
    /// by [`component_at`](Self::component_at) from a uniform number that is independent of Y, the image of Y under its map
    /// has this law.
    pub fn component_maps<Y: Distribution + Clone>(&self, y: Y) -> Vec<CdfMap<Y, &D>> {
        self.components.iter().map(|law| CdfMap::new(y.clone(), law)).collect()
    }

    /// The probability below each component, and 1 up to rounding at last.
    pub(crate) fn below(&self) -> Vec<f64> {
        partial_sums(self.masses.iter())
    }

    /// The probability above each component, after that above the whole line below them, 1 up to rounding.
    pub(crate) fn above(&self) -> Vec<f64> {
        let mut above = partial_sums(self.masses.iter().rev());
        above.reverse();
        above
    }
}

/// 0, the first, the first two …, all.
fn partial_sums<'a>(masses: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for mass in masses {
        sum += mass;
        sums.push(sum);
    }
    sums
}
