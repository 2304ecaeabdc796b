use crate::distribution::{Distribution, is_invertible};
use crate::error::ParameterError;
use crate::interval::OpenInterval;

/// The exponential distribution, with distribution function 1 − exp(−rate · x) on the positive numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exponential {
    rate: f64,
}

impl Exponential {
    /// The exponential distribution with the given rate, which is the reciprocal of its mean.
    ///
    /// # Errors
    ///
    /// The rate is not finite and positive.
    pub fn new(rate: f64) -> Result<Self, ParameterError> {
        Ok(Self { rate: ParameterError::check_positive("exponential", "rate", rate)? })
    }

    /// The rate: the reciprocal of the mean.
    pub const fn rate(&self) -> f64 {
        self.rate
    }
}

impl Distribution for Exponential {
    fn support(&self) -> OpenInterval {
        OpenInterval::positive()
    }

    fn cdf(&self, x: f64) -> f64 {
        if x <= 0.0 { 0.0 } else { -(-self.rate * x).exp_m1() }
    }

    fn sf(&self, x: f64) -> f64 {
        if x <= 0.0 { 1.0 } else { (-self.rate * x).exp() }
    }

    fn quantile(&self, p: f64) -> f64 {
        if is_invertible(p) { -(-p).ln_1p() / self.rate } else { f64::NAN }
    }

    fn isf(&self, q: f64) -> f64 {
        if is_invertible(q) { -q.ln() / self.rate } else { f64::NAN }
    }
}
