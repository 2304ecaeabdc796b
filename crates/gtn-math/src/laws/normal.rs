use crate::distribution::{Distribution, is_invertible};
use crate::error::ParameterError;
use crate::interval::OpenInterval;
use crate::standard_normal;

/// The normal law N(mean, sd²) on the real line: the source Y of the paper.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    mean: f64,
    standard_deviation: f64,
}

impl Normal {
    /// The normal law with the given mean and standard deviation.
    ///
    /// # Errors
    ///
    /// The mean is not finite, or the standard deviation is not finite and positive.
    pub fn new(mean: f64, standard_deviation: f64) -> Result<Self, ParameterError> {
        Ok(Self {
            mean: ParameterError::check_finite("normal", "mean", mean)?,
            standard_deviation: ParameterError::check_positive("normal", "standard deviation", standard_deviation)?,
        })
    }

    /// N(0, 1).
    pub const fn standard() -> Self {
        Self { mean: 0.0, standard_deviation: 1.0 }
    }

    /// The mean.
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation.
    pub const fn standard_deviation(&self) -> f64 {
        self.standard_deviation
    }

    fn standardize(&self, x: f64) -> f64 {
        (x - self.mean) / self.standard_deviation
    }
}

impl Distribution for Normal {
    fn support(&self) -> OpenInterval {
        OpenInterval::real_line()
    }

    fn cdf(&self, x: f64) -> f64 {
        standard_normal::cdf(self.standardize(x))
    }

    fn sf(&self, x: f64) -> f64 {
        standard_normal::cdf(-self.standardize(x))
    }

    fn quantile(&self, p: f64) -> f64 {
        if !is_invertible(p) {
            return f64::NAN;
        }
        self.mean + self.standard_deviation * standard_normal::quantile(p)
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_invertible(q) {
            return f64::NAN;
        }
        self.mean + self.standard_deviation * standard_normal::isf(q)
    }
}
