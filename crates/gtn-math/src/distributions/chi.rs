use crate::distribution::{Distribution, is_invertible};
use crate::error::ParameterError;
use crate::incomplete_gamma::IncompleteGamma;
use crate::interval::OpenInterval;
use crate::standard_normal;

/// The chi distribution: the norm of a vector drawn from N(0, scale²·I) in `degrees_of_freedom` dimensions. Its
/// distribution function is the F_|Y| of Equation 4.
///
/// With 1 degree of freedom it is the half-normal distribution of |N(0, scale²)|, with 2 the Rayleigh distribution,
/// with 3 the Maxwell distribution.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chi {
    degrees_of_freedom: usize,
    scale: f64,
    standard: Standard,
}

/// The distribution with scale 1.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Standard {
    /// One degree of freedom. It has its own case because z²/2, the argument of the gamma functions, underflows in the
    /// lower tail.
    HalfNormal,
    /// Two or more degrees of freedom: z²/2 has the gamma distribution of this shape.
    Gamma(IncompleteGamma),
}

/// Sums have about 10·√d terms. At this limit one evaluation of a distribution function takes up to 0.1 ms.
const MAX_DEGREES_OF_FREEDOM: usize = 1 << 24;

impl Chi {
    /// The chi distribution with the given degrees of freedom and scale.
    ///
    /// # Errors
    ///
    /// `degrees_of_freedom` is 0 or above 2²⁴, or the scale is not finite and positive.
    pub fn new(degrees_of_freedom: usize, scale: f64) -> Result<Self, ParameterError> {
        if !(1..=MAX_DEGREES_OF_FREEDOM).contains(&degrees_of_freedom) {
            return Err(ParameterError::DegreesOfFreedom { degrees_of_freedom, max: MAX_DEGREES_OF_FREEDOM });
        }
        let standard = match degrees_of_freedom {
            1 => Standard::HalfNormal,
            d => Standard::Gamma(IncompleteGamma::new(0.5 * d as f64)),
        };
        let scale = ParameterError::check_positive("chi", "scale", scale)?;
        Ok(Self { degrees_of_freedom, scale, standard })
    }

    /// The number of dimensions of the normal vector.
    pub const fn degrees_of_freedom(&self) -> usize {
        self.degrees_of_freedom
    }

    /// The standard deviation of each coordinate of the normal vector.
    pub const fn scale(&self) -> f64 {
        self.scale
    }
}

impl Distribution for Chi {
    fn support(&self) -> OpenInterval {
        OpenInterval::positive()
    }

    fn cdf(&self, x: f64) -> f64 {
        let z = x / self.scale;
        match self.standard {
            _ if z <= 0.0 => 0.0,
            Standard::HalfNormal => standard_normal::half_normal_cdf(z),
            Standard::Gamma(gamma) => gamma.ln_lower(0.5 * z * z).value.exp(),
        }
    }

    fn sf(&self, x: f64) -> f64 {
        let z = x / self.scale;
        match self.standard {
            _ if z <= 0.0 => 1.0,
            Standard::HalfNormal => standard_normal::half_normal_sf(z),
            Standard::Gamma(gamma) => gamma.ln_upper(0.5 * z * z).value.exp(),
        }
    }

    fn quantile(&self, p: f64) -> f64 {
        if !is_invertible(p) {
            return f64::NAN;
        }
        self.scale
            * match self.standard {
                Standard::HalfNormal => standard_normal::half_normal_quantile(p),
                // 1 - p is exact for p > 0.5.
                Standard::Gamma(gamma) if p > 0.5 => upper_root(&gamma, 1.0 - p),
                Standard::Gamma(gamma) => lower_root(&gamma, p),
            }
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_invertible(q) {
            return f64::NAN;
        }
        self.scale
            * match self.standard {
                Standard::HalfNormal => standard_normal::half_normal_isf(q),
                Standard::Gamma(gamma) if q > 0.5 => lower_root(&gamma, 1.0 - q),
                Standard::Gamma(gamma) => upper_root(&gamma, q),
            }
    }
}

// Newton's method works on ln P and ln Q as functions of ln z. Both are concave (the density of ln z is log-concave),
// so the iteration approaches the root from one side after its first step and needs no bracket. The residual of a
// logarithm is the relative error of the probability, however small the probability is.

/// The z with P(z²/2) = p, for 0 < p ≤ 0.5.
fn lower_root(gamma: &IncompleteGamma, p: f64) -> f64 {
    // The first term of the series is an upper bound of P, so its root is below the exact root, and close to it for
    // small p. The Wilson-Hilferty approximation is close everywhere else.
    let start = gamma.upper_bound_root(p).max(gamma.wilson_hilferty(standard_normal::quantile(p)));
    newton(start, p, |x| {
        let lower = gamma.ln_lower(x);
        (lower.value, lower.derivative)
    })
}

/// The z with Q(z²/2) = q, for 0 < q ≤ 0.5.
fn upper_root(gamma: &IncompleteGamma, q: f64) -> f64 {
    let start = gamma.wilson_hilferty(standard_normal::isf(q));
    newton(start, q, |x| {
        let upper = gamma.ln_upper(x);
        (upper.value, upper.derivative)
    })
}

/// The z at which `ln_tail`, which returns a logarithm and its derivative at z²/2, equals the logarithm of
/// `probability`.
fn newton(start: f64, probability: f64, ln_tail: impl Fn(f64) -> (f64, f64)) -> f64 {
    // Beyond the median the second derivative of ln P (or ln Q) with respect to ln z is at most the square of the
    // first. A step therefore turns a residual r into at most r²/2, which is below half a rounding error once r is this
    // small.
    const MAX_LAST_RESIDUAL: f64 = 1e-8;
    // The tests need at most 7 steps; the limit guarantees termination.
    const MAX_STEPS: usize = 40;

    let target = probability.ln();
    let mut z = (2.0 * start).sqrt();
    for _ in 0..MAX_STEPS {
        let (value, derivative) = ln_tail(0.5 * z * z);
        let residual = target - value;
        // On the logarithmic scale x = z²/2 changes twice as fast as z.
        z *= (residual / (2.0 * derivative)).exp();
        if residual.abs() <= MAX_LAST_RESIDUAL {
            break;
        }
    }
    z
}
