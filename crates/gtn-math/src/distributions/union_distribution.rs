use super::weights::normalized;
use crate::cdf_map::CdfMap;
use crate::distribution::Distribution;
use crate::error::UnionError;
use crate::interval::OpenInterval;
use crate::interval_union::IntervalUnion;

/// A distribution on a union of disjoint open intervals, given by a weight and a distribution for each interval
/// (Appendix C).
///
/// It does not implement [`Distribution`], because its distribution function is constant on the gaps and has no inverse
/// there. Two kinds of maps reach it from a distribution Y on one interval: [`UnionMap`](crate::UnionMap) is the h
/// of Theorem 2.1 with its jumps; [`component_maps`](Self::component_maps) is the paper's remedy, one map per
/// component, where the component is drawn first.
///
/// ```
/// use gtn_math::{Homeomorphism, Normal, Uniform, UnionDistribution};
///
/// let x = UnionDistribution::new([(0.25, Uniform::new(0.0, 1.0)?), (0.75, Uniform::new(4.0, 5.0)?)])?;
/// let maps = x.component_maps(Normal::standard());
/// // Draw the component with a uniform random number in [0, 1), here 0.1 and 0.3.
/// assert_eq!(maps[x.component_for_uniform(0.1)].forward(&0.0)?, 0.5);
/// assert_eq!(maps[x.component_for_uniform(0.3)].forward(&0.0)?, 4.5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct UnionDistribution<D> {
    weights: Vec<f64>,
    components: Vec<D>,
    support: IntervalUnion,
}

impl<D: Distribution> UnionDistribution<D> {
    /// The distribution with the given weights and components, in any order. The weights are divided by their sum.
    ///
    /// # Errors
    ///
    /// There are no components, two supports overlap, a weight is not finite and positive, or a weight underflows when
    /// it is divided by the sum.
    pub fn new(components: impl IntoIterator<Item = (f64, D)>) -> Result<Self, UnionError> {
        let mut components: Vec<(f64, D)> = components.into_iter().collect();
        components.sort_by(|(_, a), (_, b)| a.support().lower().total_cmp(&b.support().lower()));
        let (weights, components): (Vec<f64>, Vec<D>) = components.into_iter().unzip();
        let supports: Vec<OpenInterval> = components.iter().map(Distribution::support).collect();
        let support = IntervalUnion::from_ascending(supports)?;
        let weights = normalized("union", &weights).map_err(UnionError::Weights)?;
        Ok(Self { weights, components, support })
    }

    /// The intervals on which the distribution function increases.
    pub const fn support(&self) -> &IntervalUnion {
        &self.support
    }

    /// The probability of each interval, in ascending order of the intervals. Their sum is 1 up to rounding.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The distribution on each interval, in ascending order of the intervals.
    pub fn components(&self) -> &[D] {
        &self.components
    }

    /// Turns a uniform random number `u` in [0, 1) into the index of a component, so that each component is drawn with
    /// the probability given by its weight.
    ///
    /// Values below 0 and NaN give the first component; values of 1 and above give the last.
    pub fn component_for_uniform(&self, u: f64) -> usize {
        let cumulative = self.weights_below();
        // The sum of all weights may be rounded; the last component gets the remainder.
        cumulative[1..cumulative.len() - 1].partition_point(|below| *below <= u)
    }

    /// The paper's remedy: for each component, a homeomorphism from the entire support of Y onto it.
    ///
    /// If the component is drawn by [`component_for_uniform`](Self::component_for_uniform) from a uniform random number
    /// that is independent of Y, the image of Y under its map has this distribution.
    pub fn component_maps<Y: Distribution + Clone>(&self, y: Y) -> Vec<CdfMap<Y, &D>> {
        self.components.iter().map(|component| CdfMap::new(y.clone(), component)).collect()
    }

    /// The probability below each component, followed by the total, which is 1 up to rounding.
    pub(crate) fn weights_below(&self) -> Vec<f64> {
        partial_sums(self.weights.iter())
    }

    /// The total, which is 1 up to rounding, followed by the probability above each component.
    pub(crate) fn weights_above(&self) -> Vec<f64> {
        let mut above = partial_sums(self.weights.iter().rev());
        above.reverse();
        above
    }
}

/// The sums of the first 0, 1, 2, … weights, up to the sum of all.
fn partial_sums<'a>(weights: impl Iterator<Item = &'a f64>) -> Vec<f64> {
    let mut sums = vec![0.0];
    let mut sum = 0.0;
    for weight in weights {
        sum += weight;
        sums.push(sum);
    }
    sums
}
