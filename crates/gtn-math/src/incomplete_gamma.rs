//! The regularized incomplete gamma functions P(a, x) and Q(a, x) = 1 − P(a, x) for a ≥ 1, as logarithms.
//!
//! Their accuracy depends on that of the factor xᵃ·e⁻ˣ / Γ(a + 1). Computed as exp(a·ln x − x − ln Γ(a + 1)), it loses
//! digits to the cancellation of terms of size a·ln a. Here it is expanded around its maximum, so that its relative
//! error is a few rounding errors times its own logarithm.

use std::f64::consts::TAU;

// The ln_gamma of statrs 0.19 is off by 1e-13 around 16, which would be the largest error near the median.
use libm::lgamma;

/// The functions P(a, ·) and Q(a, ·) for one shape a.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct IncompleteGamma {
    shape: f64,
    /// ln Γ(a + 1).
    ln_gamma: f64,
    /// The difference of ln Γ(a + 1) and Stirling's ln(√(2πa)·aᵃ·e⁻ᵃ); used for large shapes only.
    stirling: f64,
}

/// The logarithm of a probability, and its derivative with respect to ln x.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LnTail {
    pub(crate) value: f64,
    pub(crate) derivative: f64,
}

/// At this shape and above, Stirling's series is accurate to all digits; below, the plain formula cancels little.
const LARGE_SHAPE: f64 = 16.0;

impl IncompleteGamma {
    /// The functions for the given shape, which must be finite and at least 1.
    pub(crate) fn new(shape: f64) -> Self {
        Self { shape, ln_gamma: lgamma(shape + 1.0), stirling: stirling_correction(shape) }
    }

    /// ln P(a, x) for any x.
    pub(crate) fn ln_lower(&self, x: f64) -> LnTail {
        if x.is_nan() {
            LnTail { value: f64::NAN, derivative: f64::NAN }
        } else if x <= 0.0 {
            LnTail { value: f64::NEG_INFINITY, derivative: self.shape }
        } else if self.uses_series(x) {
            let sum = self.series(x);
            LnTail { value: (self.ln_factor(x) + sum.ln()).min(0.0), derivative: self.shape / sum }
        } else {
            self.complement(self.ln_upper(x).value, x, 1.0)
        }
    }

    /// ln Q(a, x) for any x.
    pub(crate) fn ln_upper(&self, x: f64) -> LnTail {
        if x.is_nan() {
            LnTail { value: f64::NAN, derivative: f64::NAN }
        } else if x == f64::INFINITY {
            LnTail { value: f64::NEG_INFINITY, derivative: f64::NEG_INFINITY }
        } else if self.uses_series(x) {
            self.complement(self.ln_lower(x).value, x, -1.0)
        } else {
            let fraction = self.continued_fraction(x);
            let value = self.ln_factor(x) + (self.shape * fraction).ln();
            LnTail { value: value.min(0.0), derivative: -1.0 / fraction }
        }
    }

    /// ln(1 − e^value), whose derivative has the given sign.
    fn complement(&self, value: f64, x: f64, sign: f64) -> LnTail {
        let complement = (-value.exp()).ln_1p();
        let derivative = sign * self.shape * (self.ln_factor(x) - complement).exp();
        LnTail { value: complement, derivative }
    }

    /// Whether P is summed as a series and Q is its complement. Otherwise Q, then the smaller of the two, is a
    /// continued fraction and P is its complement.
    fn uses_series(&self, x: f64) -> bool {
        x < self.shape + 1.0
    }

    /// ln(xᵃ·e⁻ˣ / Γ(a + 1)) for x > 0.
    fn ln_factor(&self, x: f64) -> f64 {
        let a = self.shape;
        if x == f64::INFINITY {
            f64::NEG_INFINITY
        } else if a < LARGE_SHAPE {
            a * x.ln() - x - self.ln_gamma
        } else {
            -a * excess_over_ln(x, a) - 0.5 * (TAU * a).ln() - self.stirling
        }
    }

    /// P / factor: 1 + x/(a+1) + x²/((a+1)(a+2)) + …
    fn series(&self, x: f64) -> f64 {
        let (mut term, mut sum, mut denominator) = (1.0, 1.0, self.shape);
        while term > 0.25 * f64::EPSILON * sum {
            denominator += 1.0;
            term *= x / denominator;
            sum += term;
        }
        sum
    }

    /// Q / (a · factor), by Legendre's continued fraction 1/(x+1−a − 1(1−a)/(x+3−a − 2(2−a)/(x+5−a − …))) in Lentz's
    /// method.
    fn continued_fraction(&self, x: f64) -> f64 {
        // Replaces a denominator of 0.
        const TINY: f64 = 1e-300;
        let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };

        let mut partial = x + 1.0 - self.shape;
        let mut d = 1.0 / partial;
        let mut c = 1.0 / TINY;
        let mut fraction = d;
        let mut i = 0.0;
        // The fraction converges within about 10·√a iterations; the limit guarantees termination.
        let max_iterations = 100.0 * self.shape.sqrt() + 1000.0;
        while i < max_iterations {
            i += 1.0;
            partial += 2.0;
            let numerator = -i * (i - self.shape);
            d = 1.0 / away_from_zero(partial + numerator * d);
            c = away_from_zero(partial + numerator / c);
            let factor = c * d;
            fraction *= factor;
            if (factor - 1.0).abs() <= f64::EPSILON {
                break;
            }
        }
        fraction
    }

    /// The x at which xᵃ / Γ(a + 1), an upper bound of P, equals p.
    pub(crate) fn upper_bound_root(&self, p: f64) -> f64 {
        ((p.ln() + self.ln_gamma) / self.shape).exp()
    }

    /// The Wilson-Hilferty approximation of the x with P(a, x) = Φ(z); negative where it fails.
    pub(crate) fn wilson_hilferty(&self, z: f64) -> f64 {
        let variance = 1.0 / (9.0 * self.shape);
        self.shape * (1.0 - variance + z * variance.sqrt()).powi(3)
    }
}

/// ln Γ(a + 1) − ln(√(2πa)·aᵃ·e⁻ᵃ), by Stirling's series. The first omitted term is at most 1e-16 for large shapes.
fn stirling_correction(a: f64) -> f64 {
    const COEFFICIENTS: [f64; 5] = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0];
    let inverse_square = 1.0 / (a * a);
    COEFFICIENTS.iter().rev().fold(0.0, |sum, c| sum * inverse_square + c) / a
}

/// x/a − 1 − ln(x/a) for positive x and a, with a small relative error even near its double zero at x = a.
fn excess_over_ln(x: f64, a: f64) -> f64 {
    let u = (x - a) / a;
    // Far from a, the ratio x/a has more correct digits than x/a − 1.
    if !(-0.5..=1.0).contains(&u) {
        return u - (x / a).ln();
    }
    // With v = u/(2+u), |v| ≤ 1/3: ln(1+u) = 2·artanh(v) and u − 2v = u·v.
    let v = u / (2.0 + u);
    let square = v * v;
    // 18 terms; the next one is below 9⁻¹⁸/39.
    let tail = (1..=18).rev().fold(0.0, |sum, j| sum * square + 1.0 / f64::from(2 * j + 1));
    u * v - 2.0 * v * square * tail
}
