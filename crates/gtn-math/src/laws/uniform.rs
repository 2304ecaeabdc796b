use crate::distribution::{Distribution, is_invertible};
use crate::error::ParameterError;
use crate::interval::OpenInterval;

/// The uniform law on an open interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uniform {
    support: OpenInterval,
}

impl Uniform {
    /// The uniform law on `(lower, upper)`.
    ///
    /// # Errors
    ///
    /// An end is not finite, no `f64` lies between the ends, or their distance exceeds the largest `f64`.
    pub fn new(lower: f64, upper: f64) -> Result<Self, ParameterError> {
        ParameterError::check_finite("uniform", "lower end", lower)?;
        ParameterError::check_finite("uniform", "upper end", upper)?;
        let support = OpenInterval::new(lower, upper).map_err(ParameterError::Ends)?;
        if (upper - lower).is_finite() { Ok(Self { support }) } else { Err(ParameterError::TooWide { lower, upper }) }
    }

    /// The uniform law on `(0, 1)`.
    pub fn standard() -> Self {
        Self { support: OpenInterval::UNIT }
    }

    fn width(&self) -> f64 {
        self.support.upper() - self.support.lower()
    }

    /// The value at the given share of the width above the lower end.
    fn above_lower(&self, share: f64) -> f64 {
        self.support.lower() + share * self.width()
    }

    /// The value at the given share of the width below the upper end.
    fn below_upper(&self, share: f64) -> f64 {
        self.support.upper() - share * self.width()
    }
}

impl Distribution for Uniform {
    fn support(&self) -> OpenInterval {
        self.support
    }

    fn cdf(&self, x: f64) -> f64 {
        // Clamped before the subtraction, which could overflow; NaN passes through.
        let x = x.clamp(self.support.lower(), self.support.upper());
        (x - self.support.lower()) / self.width()
    }

    fn sf(&self, x: f64) -> f64 {
        let x = x.clamp(self.support.lower(), self.support.upper());
        (self.support.upper() - x) / self.width()
    }

    // From the nearer end, so that a small distance from it keeps its digits.
    fn quantile(&self, p: f64) -> f64 {
        if !is_invertible(p) {
            f64::NAN
        } else if p <= 0.5 {
            self.above_lower(p)
        } else {
            self.below_upper(1.0 - p)
        }
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_invertible(q) {
            f64::NAN
        } else if q <= 0.5 {
            self.below_upper(q)
        } else {
            self.above_lower(1.0 - q)
        }
    }
}
