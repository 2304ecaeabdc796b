use crate::distribution::{Distribution, is_invertible};
use crate::error::ParameterError;
use crate::interval::OpenInterval;

/// The uniform distribution on an open interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uniform {
    support: OpenInterval,
}

impl Uniform {
    /// The uniform distribution on `(lower, upper)`.
    ///
    /// # Errors
    ///
    /// An endpoint is not finite, no `f64` lies between the endpoints, or their distance exceeds the largest `f64`.
    pub fn new(lower: f64, upper: f64) -> Result<Self, ParameterError> {
        ParameterError::check_finite("uniform", "lower endpoint", lower)?;
        ParameterError::check_finite("uniform", "upper endpoint", upper)?;
        let support = OpenInterval::new(lower, upper).map_err(ParameterError::Endpoints)?;
        if (upper - lower).is_finite() { Ok(Self { support }) } else { Err(ParameterError::TooWide { lower, upper }) }
    }

    /// The uniform distribution on `(0, 1)`.
    pub fn standard() -> Self {
        Self { support: OpenInterval::UNIT }
    }

    fn width(&self) -> f64 {
        self.support.upper() - self.support.lower()
    }
}

impl Distribution for Uniform {
    fn support(&self) -> OpenInterval {
        self.support
    }

    fn cdf(&self, x: f64) -> f64 {
        // Clamping before the subtraction avoids overflow; NaN passes through.
        let x = x.clamp(self.support.lower(), self.support.upper());
        (x - self.support.lower()) / self.width()
    }

    fn sf(&self, x: f64) -> f64 {
        let x = x.clamp(self.support.lower(), self.support.upper());
        (self.support.upper() - x) / self.width()
    }

    // Measured from the nearer endpoint, so that a small distance from it keeps its digits.
    fn quantile(&self, p: f64) -> f64 {
        match self.support {
            _ if !is_invertible(p) => f64::NAN,
            support if p <= 0.5 => support.lower() + p * self.width(),
            support => support.upper() - (1.0 - p) * self.width(),
        }
    }

    fn isf(&self, q: f64) -> f64 {
        match self.support {
            _ if !is_invertible(q) => f64::NAN,
            support if q <= 0.5 => support.upper() - q * self.width(),
            support => support.lower() + (1.0 - q) * self.width(),
        }
    }
}
