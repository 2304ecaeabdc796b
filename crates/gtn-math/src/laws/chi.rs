use crate::distribution::{Distribution, is_invertible};
use crate::error::ParameterError;
use crate::incomplete_gamma::IncompleteGamma;
use crate::interval::OpenInterval;
use crate::standard_normal;

/// The law of the norm of a vector of N(0, scale²·I) in `degrees_of_freedom` dimensions: F_|Y| in Equation 4.
///
/// With 1 degree of freedom it is the law of |N(0, scale²)|, with 2 the Rayleigh law, with 3 Maxwell's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chi {
    degrees_of_freedom: usize,
    scale: f64,
    standard: Standard,
}

/// The law at scale 1.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Standard {
    /// One degree of freedom. Apart, because z²/2, on which the gamma functions work, underflows in its lower tail.
    AbsoluteNormal,
    /// Two or more: z²/2 has the gamma law of this shape.
    Gamma(IncompleteGamma),
}

/// Sums have some 10·√d terms; at this limit a distribution function takes up to a tenth of a millisecond.
const MAX_DEGREES_OF_FREEDOM: usize = 1 << 24;

impl Chi {
    /// The law of the norm of N(0, scale²·I) in `degrees_of_freedom` dimensions.
    ///
    /// # Errors
    ///
    /// `degrees_of_freedom` is 0 or above 2²⁴, or the scale is not finite and positive.
    pub fn new(degrees_of_freedom: usize, scale: f64) -> Result<Self, ParameterError> {
        if !(1..=MAX_DEGREES_OF_FREEDOM).contains(&degrees_of_freedom) {
            return Err(ParameterError::DegreesOfFreedom { found: degrees_of_freedom, max: MAX_DEGREES_OF_FREEDOM });
        }
        let standard = match degrees_of_freedom {
            1 => Standard::AbsoluteNormal,
            d => Standard::Gamma(IncompleteGamma::new(0.5 * d as f64)),
        };
        let scale = ParameterError::check_positive("chi", "scale", scale)?;
        Ok(Self { degrees_of_freedom, scale, standard })
    }

    /// The number of dimensions of the vector whose norm this is.
    pub const fn degrees_of_freedom(&self) -> usize {
        self.degrees_of_freedom
    }

    /// The standard deviation of each coordinate of that vector.
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
            Standard::AbsoluteNormal => standard_normal::absolute_cdf(z),
            Standard::Gamma(gamma) => gamma.ln_lower(0.5 * z * z).value.exp(),
        }
    }

    fn sf(&self, x: f64) -> f64 {
        let z = x / self.scale;
        match self.standard {
            _ if z <= 0.0 => 1.0,
            Standard::AbsoluteNormal => standard_normal::absolute_sf(z),
            Standard::Gamma(gamma) => gamma.ln_upper(0.5 * z * z).value.exp(),
        }
    }

    fn quantile(&self, p: f64) -> f64 {
        if !is_invertible(p) {
            return f64::NAN;
        }
        self.scale
            * match self.standard {
                Standard::AbsoluteNormal => standard_normal::absolute_quantile(p),
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
                Standard::AbsoluteNormal => standard_normal::absolute_isf(q),
                Standard::Gamma(gamma) if q > 0.5 => lower_root(&gamma, 1.0 - q),
                Standard::Gamma(gamma) => upper_root(&gamma, q),
            }
    }
}

// Newton's method runs on ln P and ln Q as functions of ln z. Both are concave there (the density of ln z is
// log-concave), so that after its first step it approaches the root from one side and needs no bracket; and a residual
// of a logarithm is the relative error of the probability, however small that is.

/// The z with P(z²/2) = p, for 0 < p ≤ 0.5.
fn lower_root(gamma: &IncompleteGamma, p: f64) -> f64 {
    // The first term of the series bounds P from above, so its root lies left of ours, and close to it for small p.
    // The cubed normal is close everywhere else.
    let start = gamma.first_term_root(p).max(gamma.cubed_normal(standard_normal::quantile(p)));
    newton(start, p, |x| {
        let lower = gamma.ln_lower(x);
        (lower.value, lower.slope)
    })
}

/// The z with Q(z²/2) = q, for 0 < q ≤ 0.5.
fn upper_root(gamma: &IncompleteGamma, q: f64) -> f64 {
    let start = gamma.cubed_normal(standard_normal::isf(q));
    newton(start, q, |x| {
        let upper = gamma.ln_upper(x);
        (upper.value, upper.slope)
    })
}

fn newton(start: f64, probability: f64, ln_tail: impl Fn(f64) -> (f64, f64)) -> f64 {
    // Beyond the median the second derivative of ln P (or ln Q) by ln z is at most the square of the first, so that a step
    // turns a residual r into one of at most r²/2: from here on below half a rounding error.
    const LAST_STEP: f64 = 1e-8;
    // The tests need 7 at most; the limit only makes the end certain.
    const MAX_STEPS: usize = 40;

    let target = probability.ln();
    let mut z = (2.0 * start).sqrt();
    for _ in 0..MAX_STEPS {
        let (value, slope) = ln_tail(0.5 * z * z);
        let residual = target - value;
        // x = z²/2 moves twice as fast as z on the logarithmic scale.
        z *= (residual / (2.0 * slope)).exp();
        if residual.abs() <= LAST_STEP {
            break;
        }
    }
    z
}
