use crate::ball::{OpenBall, scaled_norm};
use crate::error::{LineError, Side};
use crate::homeomorphism::Homeomorphism;
use crate::quadrature;

/// A density on an open ball around the origin, up to a constant factor.
///
/// The function is asked at points of the ball other than the origin. It must be positive there and continuous along every ray;
/// its integral along every line through the origin must be finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BallDensity<F> {
    ball: OpenBall,
    scale: f64,
    density: F,
}

impl<F: Fn(&[f64]) -> f64> BallDensity<F> {
    /// The density on the ball of the given dimension and radius, which may be infinite.
    ///
    /// `scale` is a length typical of the law, such as a standard deviation or a part of the radius. Integrals are first cut
    /// at `scale` times powers of two from 2⁻⁸ to 2⁸; what is much narrower than its distance from the origin may be overlooked, and
    /// distances far above `scale` lose digits in proportion.
    ///
    /// # Errors
    ///
    /// `dimension` is 0, or the radius or the scale is not positive, or the scale is not finite.
    pub fn new(dimension: usize, radius: f64, scale: f64, density: F) -> Result<Self, LineError> {
        if dimension == 0 {
            return Err(LineError::NoDimension);
        }
        if !(radius > 0.0 && scale > 0.0 && scale.is_finite()) {
            return Err(LineError::Lengths { radius, scale });
        }
        Ok(Self { ball: OpenBall::new(dimension, radius), scale, density })
    }

    /// The ball on which the law lives.
    pub const fn ball(&self) -> OpenBall {
        self.ball
    }
}

/// The line-wise map of Appendix E: along every line through the origin, the map between the laws that the two densities leave
/// on that line.
///
/// On the line through y ≠ 0 with unit vector u the density of Y leaves, once it is divided by its integral over the line, a law
/// of the distance from the origin, with density proportional to f_Y(r·u) + f_Y(−r·u) for r > 0; likewise for X. With F_Y|u and
/// F_X|u for their distribution functions, h(y) = F_X|u⁻¹(F_Y|u(|y|)) · u, and h(0) = 0. It is a bijection along every ray, and
/// a homeomorphism if the integrals of the densities over segments depend continuously on the line.
///
/// Only densities are needed, no law of a norm. For d = 1 the line is the whole space and h is
/// [Equation 4](crate::RadialMap); it is so between centered normal laws N(0, s²·I) too, where both are scaling.
///
/// # It does not carry the law of Y to that of X for d ≥ 2
///
/// The volume at a distance r grows with rᵈ⁻¹, which a density on a line does not know. From the normal law in the plane to the
/// uniform law in the unit disc a share 1/4 of all points should end within 1/2 of the center. The line-wise map brings fewer:
///
/// ```
/// use gtn_math::{BallDensity, Chi, Distribution, Homeomorphism, LineMap};
///
/// let normal = BallDensity::new(2, f64::INFINITY, 1.0, |y: &[f64]| (-0.5 * (y[0] * y[0] + y[1] * y[1])).exp())?;
/// let disc = BallDensity::new(2, 1.0, 0.5, |_: &[f64]| 1.0)?;
/// let h = LineMap::new(normal, disc)?;
/// // The circle that goes to the circle of radius 1/2, and what N(0, I) has within it.
/// let radius = h.inverse(&[0.5, 0.0])?[0];
/// assert!((radius - 0.674_489_750_196_081_7).abs() < 1e-9); // the quartile of N(0, 1)
/// let share = Chi::new(2, 1.0)?.cdf(radius);
/// assert!((share - 0.2035).abs() < 1e-4); // not 0.25
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Accuracy
///
/// Integrals are numeric. Each has an estimated error of at most 1e-10 times itself, or the point has no
/// image ([`LineError::Integral`]); the smaller of the two tails is integrated. The estimate is the difference of two rules of
/// different order. For smooth densities the error is far smaller than that, but no finite number of values proves it.
/// An image takes some ten thousand values of the densities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineMap<F, G> {
    y: BallDensity<F>,
    x: BallDensity<G>,
}

impl<F: Fn(&[f64]) -> f64, G: Fn(&[f64]) -> f64> LineMap<F, G> {
    /// The line-wise map from the density of Y to that of X.
    ///
    /// # Errors
    ///
    /// The densities differ in dimension.
    pub fn new(y: BallDensity<F>, x: BallDensity<G>) -> Result<Self, LineError> {
        let (expected, found) = (y.ball.dimension(), x.ball.dimension());
        if expected == found { Ok(Self { y, x }) } else { Err(LineError::Dimension { expected, found }) }
    }
}

impl<F: Fn(&[f64]) -> f64, G: Fn(&[f64]) -> f64> Homeomorphism for LineMap<F, G> {
    type Point = [f64];
    type Set = OpenBall;
    type Error = LineError;

    /// The ball of the density of Y.
    fn domain(&self) -> OpenBall {
        self.y.ball
    }

    /// The ball of the density of X.
    fn range(&self) -> OpenBall {
        self.x.ball
    }

    /// h(y), on the ray of y.
    ///
    /// # Errors
    ///
    /// The vector has the wrong length, a coordinate that is not finite or a norm outside the ball; a density is no positive
    /// number, or an integral is not found within the tolerance or underflows.
    fn forward(&self, y: &[f64]) -> Result<Vec<f64>, LineError> {
        along_line(y, (&self.y, Side::Y), (&self.x, Side::X))
    }

    /// h⁻¹(x), on the ray of x.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward).
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>, LineError> {
        along_line(x, (&self.x, Side::X), (&self.y, Side::Y))
    }
}

/// The largest estimated relative error of an integral.
const TOLERANCE: f64 = 1e-10;

fn along_line<F: Fn(&[f64]) -> f64, G: Fn(&[f64]) -> f64>(
    vector: &[f64],
    (from, from_side): (&BallDensity<F>, Side),
    (to, to_side): (&BallDensity<G>, Side),
) -> Result<Vec<f64>, LineError> {
    let expected = from.ball.dimension();
    if vector.len() != expected {
        return Err(LineError::Dimension { expected, found: vector.len() });
    }
    if let Some((index, &value)) = vector.iter().enumerate().find(|(_, v)| !v.is_finite()) {
        return Err(LineError::NotFinite { index, value });
    }
    let (largest, scaled) = scaled_norm(vector);
    if largest == 0.0 {
        return Ok(vec![0.0; expected]);
    }
    let norm = largest * scaled;
    if norm >= from.ball.radius() {
        return Err(LineError::OutsideBall { norm, radius: from.ball.radius() });
    }
    let unit: Vec<f64> = vector.iter().map(|v| v / largest / scaled).collect();
    let range = to.ball;
    let from = Line { law: from, side: from_side, unit: &unit };
    let to = Line { law: to, side: to_side, unit: &unit };
    let image = to.distance(from.rank(norm)?)?;
    Ok(range.pull_inside(unit.iter().map(|u| u * image).collect()))
}

/// The law of the distance from the origin that a density leaves on a line.
struct Line<'a, F> {
    law: &'a BallDensity<F>,
    side: Side,
    unit: &'a [f64],
}

/// The smaller tail of a distance.
#[derive(Clone, Copy)]
struct Rank {
    tail: f64,
    upper: bool,
}

impl<F: Fn(&[f64]) -> f64> Line<'_, F> {
    fn rank(&self, distance: f64) -> Result<Rank, LineError> {
        let (lower, upper) = (self.mass(0.0, distance)?, self.mass(distance, self.law.ball.radius())?);
        let whole = lower + upper;
        let rank = if lower <= upper {
            Rank { tail: lower / whole, upper: false }
        } else {
            Rank { tail: upper / whole, upper: true }
        };
        if rank.tail >= f64::MIN_POSITIVE { Ok(rank) } else { Err(LineError::Mass { side: self.side, distance }) }
    }

    /// The distance of a rank, by Newton's method on the logarithm of the tail, between bounds that close in.
    fn distance(&self, rank: Rank) -> Result<f64, LineError> {
        // Newton's method squares it: what is left is below the errors of the integrals.
        const LAST_STEP: f64 = 1e-9;
        const MAX_STEPS: usize = 200;

        let radius = self.law.ball.radius();
        let target = rank.tail * self.mass(0.0, radius)?;
        if target < f64::MIN_POSITIVE {
            return Err(LineError::Mass { side: self.side, distance: if rank.upper { radius } else { 0.0 } });
        }
        let (mut low, mut high) = (0.0, radius);
        let mut distance = self.law.scale.min(0.5 * radius);
        for _ in 0..MAX_STEPS {
            let tail = if rank.upper { self.mass(distance, radius)? } else { self.mass(0.0, distance)? };
            // The lower tail grows with the distance, the upper one falls.
            if (tail < target) == rank.upper {
                high = distance;
            } else {
                low = distance;
            }
            let relative = (target / tail).ln() * tail / self.density(distance)? / distance;
            // A density that is flat around the origin makes the lower tail a power of the distance, and one that falls off
            // fast the upper tail about an exponential: the scales on which a step goes far without overshooting.
            let newton = if rank.upper { distance * (1.0 - relative) } else { distance * relative.exp() };
            if relative.abs() <= LAST_STEP {
                return Ok(newton.clamp(low, high));
            }
            let next = if low < newton && newton < high {
                newton
            } else if low == 0.0 {
                0.25 * distance
            } else if high == f64::INFINITY {
                4.0 * distance
            } else {
                low + 0.5 * (high - low)
            };
            if next <= low || next >= high {
                return Ok(distance);
            }
            distance = next;
        }
        Err(LineError::Distance { side: self.side, low, high })
    }

    /// The integral of the density over the distances between two.
    fn mass(&self, from: f64, to: f64) -> Result<f64, LineError> {
        let scale = self.law.scale;
        // In w = r/(scale + r) the half-line is the unit interval.
        let place = |r: f64| if r == f64::INFINITY { 1.0 } else { r / (scale + r) };
        let inner = (-8..=8).map(|k| scale * 2f64.powi(k)).filter(|&cut| from < cut && cut < to);
        let cuts: Vec<f64> = [from].into_iter().chain(inner).chain([to]).map(place).collect();
        // Beyond some 10¹⁵ scales the numbers of w end.
        if cuts[0] == cuts[cuts.len() - 1] {
            return Ok(0.0);
        }
        let integrand = |w: f64| {
            let w = w.min(1.0_f64.next_down());
            Ok(self.density(scale * w / (1.0 - w))? * (scale / (1.0 - w) / (1.0 - w)))
        };
        let found = quadrature::integral(integrand, &cuts, TOLERANCE)?;
        if found.error <= TOLERANCE * found.integral {
            Ok(found.integral)
        } else {
            Err(LineError::Integral { side: self.side, from, to, integral: found.integral, error: found.error })
        }
    }

    /// The density at a distance, on both rays of the line together.
    fn density(&self, distance: f64) -> Result<f64, LineError> {
        let at = |distance: f64| {
            let point: Vec<f64> = self.unit.iter().map(|u| u * distance).collect();
            let density = (self.law.density)(&point);
            // Positive densities may underflow.
            if density >= 0.0 && density.is_finite() {
                Ok(density)
            } else {
                Err(LineError::Density { side: self.side, distance, density })
            }
        };
        Ok(at(distance)? + at(-distance)?)
    }
}
