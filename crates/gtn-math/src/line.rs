use crate::ball::OpenBall;
use crate::error::{LineError, Variable, VectorError};
use crate::homeomorphism::Homeomorphism;
use crate::quadrature::{self, Estimate};

/// A density on an open ball around the origin, up to a constant factor.
///
/// The function is evaluated at points of the ball other than the origin. It must be positive there and continuous
/// along every ray, and its integral along every line through the origin must be finite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BallDensity<F> {
    ball: OpenBall,
    scale: f64,
    density: F,
}

impl<F: Fn(&[f64]) -> f64> BallDensity<F> {
    /// The density on the ball of the given dimension and radius, which may be infinite.
    ///
    /// `scale` is a typical length of the distribution, such as a standard deviation or a fraction of the radius.
    /// Integrals are first split at `scale` times the powers of two from 2⁻⁸ to 2⁸. A feature that is much narrower
    /// than its distance from the origin may be missed, and distances far above `scale` lose digits in proportion.
    ///
    /// # Errors
    ///
    /// `dimension` is 0, or the radius or the scale is not positive, or the scale is not finite.
    pub fn new(dimension: usize, radius: f64, scale: f64, density: F) -> Result<Self, LineError> {
        if dimension == 0 {
            return Err(LineError::ZeroDimensions);
        }
        if !(radius > 0.0 && scale > 0.0 && scale.is_finite()) {
            return Err(LineError::InvalidLengths { radius, scale });
        }
        Ok(Self { ball: OpenBall::new(dimension, radius), scale, density })
    }

    /// The ball on which the density is defined.
    pub const fn ball(&self) -> OpenBall {
        self.ball
    }
}

/// The line-wise map of Appendix E: along every line through the origin, the map between the distributions that the two
/// densities induce on that line.
///
/// On the line through y ≠ 0 with unit vector u, the density of Y induces a distribution of the distance from the
/// origin, with density proportional to f_Y(r·u) + f_Y(−r·u) for r > 0. The same holds for X. With F_Y|u and F_X|u for
/// their distribution functions, h(y) = F_X|u⁻¹(F_Y|u(|y|)) · u, and h(0) = 0. This is a bijection along every ray, and
/// a homeomorphism if the integrals of the densities over segments depend continuously on the line.
///
/// The map needs only densities and no distribution of a norm. For d = 1 the line is the entire space and h equals
/// [Equation 4](crate::RadialMap). Between centered normal distributions N(0, s²·I) the two are also equal: both are
/// scalings.
///
/// # For d ≥ 2 it does not carry the distribution of Y to that of X
///
/// The volume at a distance r grows with rᵈ⁻¹, but a density on a line does not take this into account. For example, a
/// map from the normal distribution in the plane to the uniform distribution in the unit disk should put 1/4 of all
/// points within 1/2 of the center. The line-wise map puts fewer there:
///
/// ```
/// use gtn_math::{BallDensity, Chi, Distribution, Homeomorphism, LineMap};
///
/// let normal = BallDensity::new(2, f64::INFINITY, 1.0, |y: &[f64]| (-0.5 * (y[0] * y[0] + y[1] * y[1])).exp())?;
/// let disk = BallDensity::new(2, 1.0, 0.5, |_: &[f64]| 1.0)?;
/// let h = LineMap::new(normal, disk)?;
/// // The radius of the circle that is mapped to the circle of radius 1/2, and the fraction of N(0, I) inside it.
/// let radius = h.inverse(&[0.5, 0.0])?[0];
/// assert!((radius - 0.674_489_750_196_081_7).abs() < 1e-9); // the quartile of N(0, 1)
/// let fraction = Chi::new(2, 1.0)?.cdf(radius);
/// assert!((fraction - 0.2035).abs() < 1e-4); // not 0.25
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Accuracy
///
/// The smaller of the two tails is integrated numerically. The estimated error of every integral is at most 1e-10 times
/// the integral; otherwise the point has no image ([`LineError::InaccurateIntegral`]). The estimate is the difference
/// of two rules of different order. For smooth densities the actual error is far smaller, but no finite number of
/// evaluations can prove it. One image takes about ten thousand evaluations of the densities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineMap<F, G> {
    source: BallDensity<F>,
    target: BallDensity<G>,
}

impl<F: Fn(&[f64]) -> f64, G: Fn(&[f64]) -> f64> LineMap<F, G> {
    /// The line-wise map from the density of Y, the source, to the density of X, the target.
    ///
    /// # Errors
    ///
    /// The densities differ in dimension.
    pub fn new(source: BallDensity<F>, target: BallDensity<G>) -> Result<Self, LineError> {
        let (y, x) = (source.ball.dimension(), target.ball.dimension());
        if y == x { Ok(Self { source, target }) } else { Err(LineError::DimensionMismatch { y, x }) }
    }
}

impl<F: Fn(&[f64]) -> f64, G: Fn(&[f64]) -> f64> Homeomorphism for LineMap<F, G> {
    type Point = [f64];
    type Set = OpenBall;
    type Error = LineError;

    /// The ball of the density of Y.
    fn domain(&self) -> OpenBall {
        self.source.ball
    }

    /// The ball of the density of X.
    fn range(&self) -> OpenBall {
        self.target.ball
    }

    /// h(y), on the ray of y.
    ///
    /// # Errors
    ///
    /// The vector has the wrong length, a coordinate that is not finite, or a norm outside the ball; a density is not a
    /// positive number; or an integral underflows or cannot be computed within the tolerance.
    fn forward(&self, y: &[f64]) -> Result<Vec<f64>, LineError> {
        along_line(y, (&self.source, Variable::Y), (&self.target, Variable::X))
    }

    /// h⁻¹(x), on the ray of x.
    ///
    /// # Errors
    ///
    /// See [`forward`](Self::forward).
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>, LineError> {
        along_line(x, (&self.target, Variable::X), (&self.source, Variable::Y))
    }
}

/// The largest estimated relative error of an integral.
const TOLERANCE: f64 = 1e-10;

fn along_line<F: Fn(&[f64]) -> f64, G: Fn(&[f64]) -> f64>(
    vector: &[f64],
    (from, from_variable): (&BallDensity<F>, Variable),
    (to, to_variable): (&BallDensity<G>, Variable),
) -> Result<Vec<f64>, LineError> {
    let expected = from.ball.dimension();
    let (largest, scaled) = VectorError::check(vector, expected)?;
    if largest == 0.0 {
        return Ok(vec![0.0; expected]);
    }
    let norm = largest * scaled;
    if norm >= from.ball.radius() {
        return Err(LineError::OutsideBall { norm, radius: from.ball.radius() });
    }
    let unit: Vec<f64> = vector.iter().map(|v| v / largest / scaled).collect();
    let range = to.ball;
    let from = DensityOnLine { density: from, variable: from_variable, unit: &unit };
    let to = DensityOnLine { density: to, variable: to_variable, unit: &unit };
    let image = to.distance(from.rank(norm)?)?;
    Ok(range.clamp_inside(unit.iter().map(|u| u * image).collect()))
}

/// The distribution of the distance from the origin that a density induces on a line.
struct DensityOnLine<'a, F> {
    density: &'a BallDensity<F>,
    variable: Variable,
    /// The unit vector of the line.
    unit: &'a [f64],
}

/// The smaller tail of a distance, as a probability.
#[derive(Clone, Copy)]
struct Rank {
    tail: f64,
    upper: bool,
}

impl<F: Fn(&[f64]) -> f64> DensityOnLine<'_, F> {
    fn rank(&self, distance: f64) -> Result<Rank, LineError> {
        let (lower, upper) = (self.integral(0.0, distance)?, self.integral(distance, self.density.ball.radius())?);
        let total = lower + upper;
        let rank = if lower <= upper {
            Rank { tail: lower / total, upper: false }
        } else {
            Rank { tail: upper / total, upper: true }
        };
        if rank.tail >= f64::MIN_POSITIVE {
            Ok(rank)
        } else {
            Err(LineError::TailUnderflow { variable: self.variable, distance })
        }
    }

    /// The distance of a rank, by Newton's method on the logarithm of the tail with a shrinking bracket.
    fn distance(&self, rank: Rank) -> Result<f64, LineError> {
        // Newton's method squares the relative step, so the remaining error is below the errors of the integrals.
        const MAX_LAST_STEP: f64 = 1e-9;
        const MAX_STEPS: usize = 200;

        let radius = self.density.ball.radius();
        let target = rank.tail * self.integral(0.0, radius)?;
        if target < f64::MIN_POSITIVE {
            return Err(LineError::TailUnderflow {
                variable: self.variable,
                distance: if rank.upper { radius } else { 0.0 },
            });
        }
        let (mut low, mut high) = (0.0, radius);
        let mut distance = self.density.scale.min(0.5 * radius);
        for _ in 0..MAX_STEPS {
            let tail = if rank.upper { self.integral(distance, radius)? } else { self.integral(0.0, distance)? };
            // The lower tail increases with the distance, the upper tail decreases.
            if (tail < target) == rank.upper {
                high = distance;
            } else {
                low = distance;
            }
            let relative = (target / tail).ln() * tail / self.density_at(distance)? / distance;
            // For a density that is flat around the origin the lower tail is a power of the distance. For one that
            // decays fast the upper tail is roughly exponential. On these scales a step goes far without overshooting.
            let newton = if rank.upper { distance * (1.0 - relative) } else { distance * relative.exp() };
            if relative.abs() <= MAX_LAST_STEP {
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
        Err(LineError::NoConvergence { variable: self.variable, low, high })
    }

    /// The integral of the density over the distances from `from` to `to`.
    fn integral(&self, from: f64, to: f64) -> Result<f64, LineError> {
        let scale = self.density.scale;
        // The substitution w = r/(scale + r) maps the half-line to the unit interval.
        let to_unit = |r: f64| if r == f64::INFINITY { 1.0 } else { r / (scale + r) };
        let inner = (-8..=8).map(|k| scale * 2f64.powi(k)).filter(|&r| from < r && r < to);
        let breakpoints: Vec<f64> = [from].into_iter().chain(inner).chain([to]).map(to_unit).collect();
        // Beyond about 10¹⁵ scales f64 cannot resolve w.
        if breakpoints[0] == breakpoints[breakpoints.len() - 1] {
            return Ok(0.0);
        }
        let integrand = |w: f64| -> Result<f64, LineError> {
            let w = w.min(1.0_f64.next_down());
            Ok(self.density_at(scale * w / (1.0 - w))? * (scale / (1.0 - w) / (1.0 - w)))
        };
        let Estimate { integral, error } = quadrature::integrate(integrand, &breakpoints, TOLERANCE)?;
        if error <= TOLERANCE * integral {
            Ok(integral)
        } else {
            Err(LineError::InaccurateIntegral { variable: self.variable, from, to, integral, error })
        }
    }

    /// The sum of the densities at a distance on both rays of the line.
    fn density_at(&self, distance: f64) -> Result<f64, LineError> {
        let on_ray = |distance: f64| {
            let point: Vec<f64> = self.unit.iter().map(|u| u * distance).collect();
            let density = (self.density.density)(&point);
            // 0 is accepted because positive densities may underflow.
            if density >= 0.0 && density.is_finite() {
                Ok(density)
            } else {
                Err(LineError::InvalidDensity { variable: self.variable, distance, density })
            }
        };
        Ok(on_ray(distance)? + on_ray(-distance)?)
    }
}
