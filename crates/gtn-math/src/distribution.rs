use std::sync::Arc;

use crate::interval::OpenInterval;

/// A continuous distribution on the real line whose distribution function is strictly increasing on an open interval.
///
/// These are the assumptions of Theorem 2.1. Implementations must guarantee that:
///
/// - [`cdf`](Self::cdf) is continuous, 0 at or below the support, 1 at or above it, and strictly increasing inside it
///   (in exact arithmetic);
/// - [`sf`](Self::sf) is 1 − `cdf` and [`isf`](Self::isf) is its inverse, and both compute *small* results with a small
///   relative error. There are no default implementations because `1.0 - self.cdf(x)` has no correct digits in the
///   upper tail;
/// - no method panics, whatever the argument; NaN gives NaN.
///
/// The method names follow `scipy.stats`. Distributions are used through [`CdfMap`](crate::CdfMap) and
/// [`RadialMap`](crate::RadialMap), which check their arguments.
pub trait Distribution {
    /// The open interval on which the distribution function increases.
    fn support(&self) -> OpenInterval;

    /// The cumulative distribution function: the probability of a value at or below `x`, in [0, 1].
    ///
    /// `x` may be any number, in the units of the distribution.
    fn cdf(&self, x: f64) -> f64;

    /// The survival function: the probability of a value above `x`, in [0, 1].
    ///
    /// `x` may be any number.
    fn sf(&self, x: f64) -> f64;

    /// The quantile function, the inverse of [`cdf`](Self::cdf): the value that is exceeded with probability 1 − `p`.
    ///
    /// Returns NaN unless `p` is strictly between 0 and 1. The result is in the support or, because of rounding, on one
    /// of its endpoints.
    fn quantile(&self, p: f64) -> f64;

    /// The inverse of [`sf`](Self::sf): the value that is exceeded with probability `q`.
    ///
    /// Returns NaN unless `q` is strictly between 0 and 1. The result is in the support or, because of rounding, on one
    /// of its endpoints.
    fn isf(&self, q: f64) -> f64;
}

/// Whether `p` is strictly between 0 and 1, so that a distribution function can be inverted at it.
pub(crate) fn is_invertible(p: f64) -> bool {
    0.0 < p && p < 1.0
}

macro_rules! forward_to_pointee {
    ($($pointer:ty),*) => {$(
        impl<D: Distribution + ?Sized> Distribution for $pointer {
            fn support(&self) -> OpenInterval {
                (**self).support()
            }

            fn cdf(&self, x: f64) -> f64 {
                (**self).cdf(x)
            }

            fn sf(&self, x: f64) -> f64 {
                (**self).sf(x)
            }

            fn quantile(&self, p: f64) -> f64 {
                (**self).quantile(p)
            }

            fn isf(&self, q: f64) -> f64 {
                (**self).isf(q)
            }
        }
    )*};
}

forward_to_pointee!(&D, Box<D>, Arc<D>);
