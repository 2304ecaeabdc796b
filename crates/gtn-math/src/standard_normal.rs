//! The standard normal distribution of Z and the half-normal distribution of |Z|.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

// statrs 0.19: its inverses are accurate to the last digits down to the smallest normal number, but its erf and erfc
// have relative errors up to 1e-10 just above 0.5. Those of libm are accurate to the last digit.
use libm::{erf, erfc};
use statrs::function::erf::{erf_inv, erfc_inv};

/// P(Z ≤ z). The survival function is `cdf(-z)`.
pub(crate) fn cdf(z: f64) -> f64 {
    0.5 * erfc(-z * FRAC_1_SQRT_2)
}

/// The z with P(Z ≤ z) = p, for 0 < p < 1.
pub(crate) fn quantile(p: f64) -> f64 {
    -isf(p)
}

/// The z with P(Z > z) = q, for 0 < q < 1.
pub(crate) fn isf(q: f64) -> f64 {
    SQRT_2 * erfc_inv(2.0 * q)
}

/// P(|Z| ≤ z) for z ≥ 0.
pub(crate) fn half_normal_cdf(z: f64) -> f64 {
    erf(z * FRAC_1_SQRT_2)
}

/// P(|Z| > z) for z ≥ 0.
pub(crate) fn half_normal_sf(z: f64) -> f64 {
    erfc(z * FRAC_1_SQRT_2)
}

/// The z with P(|Z| ≤ z) = p, for 0 < p < 1.
pub(crate) fn half_normal_quantile(p: f64) -> f64 {
    SQRT_2 * erf_inv(p)
}

/// The z with P(|Z| > z) = q, for 0 < q < 1.
pub(crate) fn half_normal_isf(q: f64) -> f64 {
    SQRT_2 * erfc_inv(q)
}
