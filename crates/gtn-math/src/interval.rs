use std::f64::consts::PI;
use std::fmt;

/// Why two values are not the endpoints of an open interval.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IntervalError {
    /// An endpoint is NaN.
    #[error(
        "invalid interval from {lower:?} to {upper:?}: an endpoint is NaN; use an infinity for an unbounded interval"
    )]
    NotANumber {
        /// The lower endpoint.
        lower: f64,
        /// The upper endpoint.
        upper: f64,
    },
    /// No `f64` lies strictly between the endpoints.
    #[error(
        "invalid interval from {lower:?} to {upper:?}: no f64 lies between the endpoints; give a lower endpoint well below the upper"
    )]
    Empty {
        /// The lower endpoint.
        lower: f64,
        /// The upper endpoint.
        upper: f64,
    },
}

/// An open interval `(lower, upper)` of real numbers; either endpoint may be infinite.
///
/// Theorem 2.1 of the paper requires that the support of each distribution is such an interval. At least one `f64` lies
/// strictly between the endpoints.
///
/// ```
/// use gtn_math::OpenInterval;
///
/// let unit = OpenInterval::new(0.0, 1.0)?;
/// assert!(unit.contains(0.5) && !unit.contains(0.0) && !unit.contains(f64::NAN));
/// assert_eq!(OpenInterval::positive().to_string(), "(0.0, inf)");
/// # Ok::<(), gtn_math::IntervalError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OpenInterval {
    lower: f64,
    upper: f64,
}

impl OpenInterval {
    /// The interval from `lower` to `upper`, without its endpoints.
    ///
    /// # Errors
    ///
    /// An endpoint is NaN, or no `f64` lies strictly between the endpoints.
    pub fn new(lower: f64, upper: f64) -> Result<Self, IntervalError> {
        if lower.is_nan() || upper.is_nan() {
            return Err(IntervalError::NotANumber { lower, upper });
        }
        // Between two neighboring f64 values there are real numbers, but no f64.
        if lower.next_up() < upper { Ok(Self { lower, upper }) } else { Err(IntervalError::Empty { lower, upper }) }
    }

    /// The unit interval: `(0, 1)`.
    pub(crate) const UNIT: Self = Self { lower: 0.0, upper: 1.0 };

    /// The angles of the paper's swiss roll: `(1.5π, 4.5π)`.
    pub(crate) const SWISS_ROLL: Self = Self { lower: 1.5 * PI, upper: 4.5 * PI };

    /// All real numbers: `(-inf, inf)`.
    pub const fn real_line() -> Self {
        Self { lower: f64::NEG_INFINITY, upper: f64::INFINITY }
    }

    /// The positive numbers: `(0, inf)`.
    pub const fn positive() -> Self {
        Self { lower: 0.0, upper: f64::INFINITY }
    }

    /// The lower endpoint, which is not in the interval.
    pub const fn lower(&self) -> f64 {
        self.lower
    }

    /// The upper endpoint, which is not in the interval.
    pub const fn upper(&self) -> f64 {
        self.upper
    }

    /// Whether `value` is strictly between the endpoints. NaN and the infinities are in no interval.
    pub fn contains(&self, value: f64) -> bool {
        self.lower < value && value < self.upper
    }

    /// The smallest open interval that contains this one and another.
    pub(crate) fn hull(self, other: Self) -> Self {
        Self { lower: self.lower.min(other.lower), upper: self.upper.max(other.upper) }
    }

    /// Returns a value inside unchanged, and one on or beyond a finite endpoint as the `f64` next to that endpoint. NaN
    /// and values on an infinite endpoint are returned unchanged.
    ///
    /// Exact images are inside an open interval, but rounding can put them on its endpoint.
    pub(crate) fn clamp_inside(&self, value: f64) -> f64 {
        if value <= self.lower && self.lower.is_finite() {
            self.lower.next_up()
        } else if value >= self.upper && self.upper.is_finite() {
            self.upper.next_down()
        } else {
            value
        }
    }
}

impl fmt::Display for OpenInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Debug writes very large and very small numbers with an exponent, Display writes them with hundreds of digits.
        write!(f, "({:?}, {:?})", self.lower, self.upper)
    }
}

/// The closed interval between two neighboring components of a union of open intervals. Its width is 0 if they touch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// The upper endpoint of the component below.
    pub lower: f64,
    /// The lower endpoint of the component above.
    pub upper: f64,
}

impl Gap {
    /// The distance between the components.
    pub fn width(&self) -> f64 {
        self.upper - self.lower
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{:?}, {:?}]", self.lower, self.upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_needs_an_f64_between_its_endpoints() {
        let interval = |lower, upper| OpenInterval::new(lower, upper);
        assert!(matches!(interval(1.0, 1.0), Err(IntervalError::Empty { .. })));
        assert!(matches!(interval(2.0, 1.0), Err(IntervalError::Empty { .. })));
        assert!(matches!(interval(1.0, 1.0_f64.next_up()), Err(IntervalError::Empty { .. })));
        assert!(matches!(interval(f64::NAN, 1.0), Err(IntervalError::NotANumber { .. })));
        assert!(matches!(interval(0.0, f64::NAN), Err(IntervalError::NotANumber { .. })));
        assert!(interval(f64::INFINITY, f64::INFINITY).is_err());
        assert!(interval(f64::MAX, f64::INFINITY).is_err());
        let narrow = interval(1.0, 1.0_f64.next_up().next_up()).unwrap();
        assert!(narrow.contains(1.0_f64.next_up()));
        assert_eq!(interval(f64::NEG_INFINITY, f64::INFINITY), Ok(OpenInterval::real_line()));
    }

    #[test]
    fn endpoints_and_infinities_are_outside() {
        let line = OpenInterval::real_line();
        assert!(line.contains(f64::MAX) && line.contains(f64::MIN));
        for outside in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(!line.contains(outside), "{outside}");
        }
        assert!(!OpenInterval::positive().contains(-0.0));
        assert!(OpenInterval::positive().contains(f64::from_bits(1)));
    }

    #[test]
    fn clamp_inside_moves_by_one_step() {
        let unit = OpenInterval::new(0.0, 1.0).unwrap();
        assert_eq!(unit.clamp_inside(0.0), f64::from_bits(1));
        assert_eq!(unit.clamp_inside(1.0), 1.0_f64.next_down());
        assert_eq!(unit.clamp_inside(0.25), 0.25);
        assert_eq!(OpenInterval::positive().clamp_inside(f64::INFINITY), f64::INFINITY);
        assert!(unit.clamp_inside(f64::NAN).is_nan());
    }
}
