use crate::distribution::Distribution;
use crate::error::{MapError, UnionError};
use crate::homeomorphism::Homeomorphism;
use crate::interval::OpenInterval;
use crate::interval_union::IntervalUnion;
use crate::laws::UnionLaw;

/// The h of Theorem 2.1 for a target on k intervals (Appendix C): h = F_X⁻¹ ∘ F_Y wherever F_X has an inverse.
///
/// No continuous map carries an interval onto several, so h cannot be one. It is undefined at exactly k − 1 points, where F_Y
/// equals the mass of the first 1, …, k − 1 components, and there it jumps by exactly the gap: the limit from below is the lower
/// end of the gap, that from above the upper. Without these [`breaks`](Self::breaks) h is a homeomorphism, from k pieces of
/// the support of Y onto the k components, and this is the map that the type stands for.
///
/// ```
/// use gtn_math::{Homeomorphism, MapError, Normal, Uniform, UnionLaw, UnionMap};
///
/// let x = UnionLaw::new([(0.5, Uniform::new(-2.0, -1.0)?), (0.5, Uniform::new(1.0, 2.0)?)])?;
/// let h = UnionMap::new(Normal::standard(), x)?;
/// assert_eq!(h.breaks(), [0.0]);
/// assert!((h.forward(&-1e-9)? + 1.0).abs() < 1e-8);
/// assert!((h.forward(&1e-9)? - 1.0).abs() < 1e-8);
/// let Err(MapError::AtBreak { gap, .. }) = h.forward(&0.0) else { panic!() };
/// assert_eq!((gap.lower, gap.upper), (-1.0, 1.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Accuracy
///
/// At the two outer ends h is as honest as [`CdfMap`](crate::CdfMap), which it equals for k = 1. Towards a break it works on the
/// difference of a tail of Y and a sum of masses, whose absolute error is a few rounding errors of the smaller tail at that
/// break. Numbers next to a break whose computed tail is that of the break itself go to the number next to the gap.
#[derive(Debug, Clone, PartialEq)]
pub struct UnionMap<Y, X> {
    y: Y,
    x: UnionLaw<X>,
    /// The points between the pieces.
    breaks: Vec<f64>,
    pieces: IntervalUnion,
    /// The mass below each component, then 1.
    below: Vec<f64>,
    /// 1, then the mass above each component.
    above: Vec<f64>,
}

impl<Y: Distribution, X: Distribution> UnionMap<Y, X> {
    /// The map from the law of Y on one interval to the law of X on several.
    ///
    /// # Errors
    ///
    /// A component has so little mass that no two numbers of the support of Y bound its piece.
    pub fn new(y: Y, x: UnionLaw<X>) -> Result<Self, UnionError> {
        let (below, above) = (x.below(), x.above());
        let support = y.support();
        let k = x.masses().len();
        let breaks: Vec<f64> =
            (1..k).map(|i| if below[i] <= above[i] { y.quantile(below[i]) } else { y.isf(above[i]) }).collect();
        let ends = [&[support.lower()], breaks.as_slice(), &[support.upper()]].concat();
        let pieces = ends.windows(2).zip(x.support().components()).map(|(ends, &component)| {
            OpenInterval::new(ends[0], ends[1]).map_err(|piece| UnionError::Piece { component, piece })
        });
        let pieces = IntervalUnion::from_ascending(pieces.collect::<Result<_, _>>()?)?;
        Ok(Self { y, x, breaks, pieces, below, above })
    }

    /// The law that is mapped from.
    pub const fn law_of_y(&self) -> &Y {
        &self.y
    }

    /// The law that is mapped to.
    pub const fn law_of_x(&self) -> &UnionLaw<X> {
        &self.x
    }

    /// The points of the support of Y at which h is undefined, ascending; one fewer than components. Each is the `f64` that
    /// the quantile function of Y returns.
    pub fn breaks(&self) -> &[f64] {
        &self.breaks
    }
}

impl<Y: Distribution, X: Distribution> Homeomorphism for UnionMap<Y, X> {
    type Point = f64;
    type Set = IntervalUnion;
    type Error = MapError;

    /// The support of Y without the breaks.
    fn domain(&self) -> IntervalUnion {
        self.pieces.clone()
    }

    /// The support of X.
    fn range(&self) -> IntervalUnion {
        self.x.support().clone()
    }

    /// h(y), in the component that belongs to the piece of `y`.
    ///
    /// # Errors
    ///
    /// `y` is a break, which names its gap, or not inside the support of Y; the probability beyond it underflows, or its
    /// image overflows.
    fn forward(&self, y: &f64) -> Result<f64, MapError> {
        let value = *y;
        let support = self.y.support();
        if !support.contains(value) {
            return Err(MapError::OutsideSupport { value, support });
        }
        let Some(i) = self.pieces.component_of(value) else {
            // Inside the support only the breaks belong to no piece.
            let gap = self.x.support().gaps().nth(self.breaks.partition_point(|b| *b < value));
            return Err(gap.map_or(MapError::OutsideSupport { value, support }, |gap| MapError::AtBreak { value, gap }));
        };
        let (p, q) = (self.y.cdf(value), self.y.sf(value));
        // The probabilities of the piece on both sides of the point. Of the two ways to each, the one that subtracts the smaller
        // numbers; in the outer tails nothing is subtracted.
        let lower = if self.below[i] <= self.above[i] { p - self.below[i] } else { self.above[i] - q };
        let upper = if self.above[i + 1] <= self.below[i + 1] { q - self.above[i + 1] } else { self.below[i + 1] - p };
        let mass = self.x.masses()[i];
        let (law, range) = (&self.x.components()[i], self.x.support().components()[i]);
        let from_above = lower > upper;
        let tail = if from_above { upper } else { lower };
        // Beside a break a tail of 0 is a difference that rounding swallowed; at the outer ends it is a probability lost.
        let outer = if from_above { i == self.breaks.len() } else { i == 0 };
        if (outer && tail < f64::MIN_POSITIVE) || tail.is_nan() {
            return Err(MapError::ProbabilityUnderflow { value, support });
        }
        let share = (tail / mass).clamp(f64::MIN_POSITIVE, 1.0_f64.next_down());
        let image = range.pull_inside(if from_above { law.isf(share) } else { law.quantile(share) });
        if range.contains(image) { Ok(image) } else { Err(MapError::ImageOutsideRange { value, image, range }) }
    }

    /// h⁻¹(x), in the piece that belongs to the component of `x`.
    ///
    /// # Errors
    ///
    /// `x` lies in a gap or outside all components, the probability beyond it underflows, or its image overflows.
    fn inverse(&self, x: &f64) -> Result<f64, MapError> {
        let value = *x;
        let Some(i) = self.x.support().component_of(value) else {
            let outside = MapError::OutsideSupport { value, support: self.x.support().hull() };
            return Err(self.x.support().gap_of(value).map_or(outside, |gap| MapError::InGap { value, gap }));
        };
        let (law, mass) = (&self.x.components()[i], self.x.masses()[i]);
        let (p, q) = (self.below[i] + mass * law.cdf(value), self.above[i + 1] + mass * law.sf(value));
        let upper_half = p > 0.5;
        let tail = if upper_half { q } else { p };
        if !(f64::MIN_POSITIVE..=1.0).contains(&tail) {
            return Err(MapError::ProbabilityUnderflow { value, support: self.x.support().components()[i] });
        }
        let range = self.pieces.components()[i];
        let image = range.pull_inside(if upper_half { self.y.isf(tail) } else { self.y.quantile(tail) });
        if range.contains(image) { Ok(image) } else { Err(MapError::ImageOutsideRange { value, image, range }) }
    }
}
