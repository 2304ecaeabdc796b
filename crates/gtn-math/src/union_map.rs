use crate::cdf_map::image_inside;
use crate::distribution::Distribution;
use crate::distributions::UnionDistribution;
use crate::error::{MapError, UnionError};
use crate::homeomorphism::Homeomorphism;
use crate::interval::OpenInterval;
use crate::interval_union::IntervalUnion;

/// The h of Theorem 2.1 for a target on k intervals (Appendix C): h = F_X⁻¹ ∘ F_Y wherever F_X has an inverse.
///
/// No continuous map carries one interval onto several, so h is not continuous. It is undefined at exactly k − 1
/// points, where F_Y equals the total weight of the first 1, …, k − 1 components, and there it jumps by exactly the
/// gap: the limit from below is the lower end of the gap, and the limit from above is its upper end. Without these
/// [discontinuities](Self::discontinuities) h is a homeomorphism from k pieces of the support of Y onto the k
/// components. This type represents that homeomorphism.
///
/// ```
/// use gtn_math::{Homeomorphism, MapError, Normal, Uniform, UnionDistribution, UnionMap};
///
/// let x = UnionDistribution::new([(0.5, Uniform::new(-2.0, -1.0)?), (0.5, Uniform::new(1.0, 2.0)?)])?;
/// let h = UnionMap::new(Normal::standard(), x)?;
/// assert_eq!(h.discontinuities(), [0.0]);
/// assert!((h.forward(&-1e-9)? + 1.0).abs() < 1e-8);
/// assert!((h.forward(&1e-9)? - 1.0).abs() < 1e-8);
/// let Err(MapError::AtDiscontinuity { gap, .. }) = h.forward(&0.0) else { panic!() };
/// assert_eq!((gap.lower, gap.upper), (-1.0, 1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Accuracy
///
/// In the two outer tails h is as accurate as [`CdfMap`](crate::CdfMap), which it equals for k = 1. Near a
/// discontinuity it uses the difference of a tail of Y and a sum of weights, whose absolute error is a few rounding
/// errors of the smaller tail at that discontinuity. A value next to a discontinuity with the same computed tail is
/// mapped to the `f64` next to the gap.
#[derive(Debug, Clone, PartialEq)]
pub struct UnionMap<Y, X> {
    source: Y,
    target: UnionDistribution<X>,
    /// The points between the pieces.
    discontinuities: Vec<f64>,
    pieces: IntervalUnion,
    /// The probability below each component, then 1.
    below: Vec<f64>,
    /// 1, then the probability above each component.
    above: Vec<f64>,
}

impl<Y: Distribution, X: Distribution> UnionMap<Y, X> {
    /// The map from the distribution of Y on one interval, the source, to the distribution of X on several, the target.
    ///
    /// # Errors
    ///
    /// The weight of a component is so small that its piece of the support of Y contains no `f64`.
    pub fn new(source: Y, target: UnionDistribution<X>) -> Result<Self, UnionError> {
        let (below, above) = (target.weights_below(), target.weights_above());
        let support = source.support();
        let k = target.weights().len();
        let discontinuities: Vec<f64> = (1..k)
            .map(|i| if below[i] <= above[i] { source.quantile(below[i]) } else { source.isf(above[i]) })
            .collect();
        let endpoints = [&[support.lower()], discontinuities.as_slice(), &[support.upper()]].concat();
        let pieces = endpoints.windows(2).zip(target.support().components()).map(|(ends, &component)| {
            OpenInterval::new(ends[0], ends[1]).map_err(|reason| UnionError::PieceTooSmall { component, reason })
        });
        let pieces = IntervalUnion::from_ascending(pieces.collect::<Result<_, _>>()?)?;
        Ok(Self { source, target, discontinuities, pieces, below, above })
    }

    /// The distribution of Y, which is mapped from.
    pub const fn source(&self) -> &Y {
        &self.source
    }

    /// The distribution of X, which is mapped to.
    pub const fn target(&self) -> &UnionDistribution<X> {
        &self.target
    }

    /// The points of the support of Y at which h is undefined, in ascending order. There is one fewer than components.
    /// Each is the `f64` that the quantile function of Y returns.
    pub fn discontinuities(&self) -> &[f64] {
        &self.discontinuities
    }
}

impl<Y: Distribution, X: Distribution> Homeomorphism for UnionMap<Y, X> {
    type Point = f64;
    type Set = IntervalUnion;
    type Error = MapError;

    /// The support of Y without the discontinuities.
    fn domain(&self) -> IntervalUnion {
        self.pieces.clone()
    }

    /// The support of X.
    fn range(&self) -> IntervalUnion {
        self.target.support().clone()
    }

    /// h(y), in the component that corresponds to the piece of `y`.
    ///
    /// # Errors
    ///
    /// `y` is a discontinuity (the error names its gap) or outside the support of Y, the probability beyond it
    /// underflows, or its image overflows.
    fn forward(&self, y: &f64) -> Result<f64, MapError> {
        let value = *y;
        let support = self.source.support();
        if !support.contains(value) {
            return Err(MapError::OutsideSupport { value, support });
        }
        let Some(i) = self.pieces.component_index(value) else {
            // Inside the support, only the discontinuities are outside all pieces.
            let gap = self.target.support().gaps().nth(self.discontinuities.partition_point(|d| *d < value));
            return Err(
                gap.map_or(MapError::OutsideSupport { value, support }, |gap| MapError::AtDiscontinuity { value, gap })
            );
        };
        let (p, q) = (self.source.cdf(value), self.source.sf(value));
        // The probabilities of the parts of the piece below and above the point. Each has two formulas; this
        // takes the one that subtracts the smaller values. In the outer tails nothing is subtracted.
        let lower = if self.below[i] <= self.above[i] { p - self.below[i] } else { self.above[i] - q };
        let upper = if self.above[i + 1] <= self.below[i + 1] { q - self.above[i + 1] } else { self.below[i + 1] - p };
        let weight = self.target.weights()[i];
        let (component, range) = (&self.target.components()[i], self.target.support().components()[i]);
        let from_above = lower > upper;
        let tail = if from_above { upper } else { lower };
        // Next to a discontinuity a tail of 0 is the result of rounding, but in the outer tails it is an underflow.
        let outer = if from_above { i == self.discontinuities.len() } else { i == 0 };
        if (outer && tail < f64::MIN_POSITIVE) || tail.is_nan() {
            return Err(MapError::ProbabilityUnderflow { value, support });
        }
        let rank = (tail / weight).clamp(f64::MIN_POSITIVE, 1.0_f64.next_down());
        image_inside(range, value, if from_above { component.isf(rank) } else { component.quantile(rank) })
    }

    /// h⁻¹(x), in the piece that corresponds to the component of `x`.
    ///
    /// # Errors
    ///
    /// `x` is in a gap or outside the support of X, the probability beyond it underflows, or its image overflows.
    fn inverse(&self, x: &f64) -> Result<f64, MapError> {
        let value = *x;
        let Some(i) = self.target.support().component_index(value) else {
            let outside = MapError::OutsideSupport { value, support: self.target.support().hull() };
            return Err(self
                .target
                .support()
                .gap_containing(value)
                .map_or(outside, |gap| MapError::InGap { value, gap }));
        };
        let (component, weight) = (&self.target.components()[i], self.target.weights()[i]);
        let (p, q) = (self.below[i] + weight * component.cdf(value), self.above[i + 1] + weight * component.sf(value));
        let upper_half = p > 0.5;
        let tail = if upper_half { q } else { p };
        if !(f64::MIN_POSITIVE..=1.0).contains(&tail) {
            return Err(MapError::ProbabilityUnderflow { value, support: self.target.support().components()[i] });
        }
        let range = self.pieces.components()[i];
        image_inside(range, value, if upper_half { self.source.isf(tail) } else { self.source.quantile(tail) })
    }
}
