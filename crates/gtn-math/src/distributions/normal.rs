use crate::distribution::{Distribution, is_invertible};
use crate::error::ParameterError;
use crate::interval::OpenInterval;
use crate::standard_normal;

/// The normal distribution N(mean, std²): the source Y of the paper.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Normal {
    mean: f64,
    std: f64,
}

impl Normal {
    /// The normal distribution with the given mean and standard deviation.
    ///
    /// # Errors
    ///
    /// The mean is not finite, or the standard deviation is not finite and positive.
    pub fn new(mean: f64, std: f64) -> Result<Self, ParameterError> {
        Ok(Self {
            mean: ParameterError::check_finite("normal", "mean", mean)?,
            std: ParameterError::check_positive("normal", "standard deviation", std)?,
        })
    }

    /// N(0, 1).
    pub const fn standard() -> Self {
        Self { mean: 0.0, std: 1.0 }
    }

    /// The mean.
    pub const fn mean(&self) -> f64 {
        self.mean
    }

    /// The standard deviation.
    pub const fn std(&self) -> f64 {
        self.std
    }

    fn standardize(&self, x: f64) -> f64 {
        (x - self.mean) / self.std
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
        if is_invertible(p) { self.mean + self.std * standard_normal::quantile(p) } else { f64::NAN }
    }

    fn isf(&self, q: f64) -> f64 {
        if is_invertible(q) { self.mean + self.std * standard_normal::isf(q) } else { f64::NAN }
    }
}
