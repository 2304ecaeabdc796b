use std::sync::Arc;

use crate::interval::OpenInterval;

/// A continuous law on the line whose distribution function increases strictly on an open interval.
///
/// These are the assumptions of Theorem 2.1. Implementors promise that:
///
/// - [`cdf`](Self::cdf) is continuous, 0 at or below the support, 1 at or above it, and strictly increasing inside
///   (in exact arithmetic);
/// - [`sf`](Self::sf) is 1 − `cdf` and [`isf`](Self::isf) is its inverse, each computed so that *small* results are
///   relatively accurate. There are no default implementations, because `1.0 - self.cdf(x)` has no correct digit in the
///   upper tail;
/// - no method panics, whatever the argument; NaN gives NaN.
///
/// Laws are used through [`CdfMap`](crate::CdfMap) and [`RadialMap`](crate::RadialMap), which check their arguments.
pub trait Distribution {
    /// The open interval on which the law lives.
    fn support(&self) -> OpenInterval;

    /// The distribution function: the probability of a value at or below `x`, in [0, 1]. `x` is any number, in the
    /// law's own units.
    fn cdf(&self, x: f64) -> f64;

    /// The survival function: the probability of a value above `x`, in [0, 1]. `x` is any number.
    fn sf(&self, x: f64) -> f64;

    /// The inverse of [`cdf`](Self::cdf): the value that is exceeded with probability 1 − `p`.
    ///
    /// `p` must lie strictly between 0 and 1; NaN is returned otherwise. The result lies in the support or, by rounding,
    /// on its end.
    fn quantile(&self, p: f64) -> f64;

    /// The inverse of [`sf`](Self::sf): the value that is exceeded with probability `q`.
    ///
    /// `q` must lie strictly between 0 and 1; NaN is returned otherwise. The result lies in the support or, by rounding,
    /// on its end.
    fn isf(&self, q: f64) -> f64;
}

/// Whether `p` is a probability that a strictly increasing distribution function can invert.
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
