//! The regularized incomplete gamma functions P(a, x) and Q(a, x) = 1 − P(a, x) for a ≥ 1, as logarithms.
//!
//! The weight xᵃ·e⁻ˣ / Γ(a + 1) decides their accuracy. Written as exp(a·ln x − x − ln Γ(a + 1)) it loses digits to the
//! cancellation of terms of size a·ln a; here it is taken around its maximum, so that its relative error is a few
//! rounding errors times its own logarithm.

use std::f64::consts::TAU;

// That of statrs 0.19 is off by 1e-13 around 16, which would be the largest error near the median.
use libm::lgamma;

/// P(a, ·) and Q(a, ·) for one shape a.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct IncompleteGamma {
    shape: f64,
    /// ln Γ(a + 1).
    ln_gamma: f64,
    /// What ln Γ(a + 1) exceeds Stirling's ln(√(2πa)·aᵃ·e⁻ᵃ) by; used for large shapes only.
    stirling: f64,
}

/// The logarithm of a probability, and its derivative by ln x.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LnTail {
    pub(crate) value: f64,
    pub(crate) slope: f64,
}

/// From this shape on Stirling's series has all digits; below it the plain formula cancels little.
const LARGE_SHAPE: f64 = 16.0;

impl IncompleteGamma {
    /// The functions of the given shape, which is finite and at least 1.
    pub(crate) fn new(shape: f64) -> Self {
        Self { shape, ln_gamma: lgamma(shape + 1.0), stirling: stirling_correction(shape) }
    }

    /// ln P(a, x) for any x.
    pub(crate) fn ln_lower(&self, x: f64) -> LnTail {
        if x.is_nan() {
            LnTail { value: f64::NAN, slope: f64::NAN }
        } else if x <= 0.0 {
            LnTail { value: f64::NEG_INFINITY, slope: self.shape }
        } else if self.uses_series(x) {
            let sum = self.series(x);
            LnTail { value: (self.ln_weight(x) + sum.ln()).min(0.0), slope: self.shape / sum }
        } else {
            self.opposite(self.ln_upper(x).value, x, 1.0)
        }
    }

    /// ln Q(a, x) for any x.
    pub(crate) fn ln_upper(&self, x: f64) -> LnTail {
        if x.is_nan() {
            LnTail { value: f64::NAN, slope: f64::NAN }
        } else if x == f64::INFINITY {
            LnTail { value: f64::NEG_INFINITY, slope: f64::NEG_INFINITY }
        } else if self.uses_series(x) {
            self.opposite(self.ln_lower(x).value, x, -1.0)
        } else {
            let fraction = self.continued_fraction(x);
            let value = self.ln_weight(x) + (self.shape * fraction).ln();
            LnTail { value: value.min(0.0), slope: -1.0 / fraction }
        }
    }

    /// ln(1 − e^value), where the density has the given sign.
    fn opposite(&self, value: f64, x: f64, sign: f64) -> LnTail {
        let opposite = (-value.exp()).ln_1p();
        let slope = sign * self.shape * (self.ln_weight(x) - opposite).exp();
        LnTail { value: opposite, slope }
    }

    /// Where P is summed and Q is its complement; elsewhere Q is, and is the smaller of the two.
    fn uses_series(&self, x: f64) -> bool {
        x < self.shape + 1.0
    }

    /// ln(xᵃ·e⁻ˣ / Γ(a + 1)) for x > 0.
    fn ln_weight(&self, x: f64) -> f64 {
        let a = self.shape;
        if x == f64::INFINITY {
            f64::NEG_INFINITY
        } else if a < LARGE_SHAPE {
            a * x.ln() - x - self.ln_gamma
        } else {
            -a * excess_over_ln(x, a) - 0.5 * (TAU * a).ln() - self.stirling
        }
    }

    /// P / weight: 1 + x/(a+1) + x²/((a+1)(a+2)) + …
    fn series(&self, x: f64) -> f64 {
        let (mut term, mut sum, mut denominator) = (1.0, 1.0, self.shape);
        while term > 0.25 * f64::EPSILON * sum {
            denominator += 1.0;
            term *= x / denominator;
            sum += term;
        }
        sum
    }

    /// Q / (a · weight), by Legendre's continued fraction 1/(x+1−a − 1(1−a)/(x+3−a − 2(2−a)/(x+5−a − …))) in Lentz's
    /// form.
    fn continued_fraction(&self, x: f64) -> f64 {
        // Stands in for a denominator that vanishes.
        const TINY: f64 = 1e-300;
        let away_from_zero = |v: f64| if v.abs() < TINY { TINY } else { v };

        let mut partial = x + 1.0 - self.shape;
        let mut d = 1.0 / partial;
        let mut c = 1.0 / TINY;
        let mut fraction = d;
        let mut i = 0.0;
        // It settles within some 10·√a rounds; the bound only makes the end certain.
        let rounds = 100.0 * self.shape.sqrt() + 1000.0;
        while i < rounds {
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

    /// The x at which the weight without its e⁻ˣ, an upper bound of P, is p.
    pub(crate) fn first_term_root(&self, p: f64) -> f64 {
        ((p.ln() + self.ln_gamma) / self.shape).exp()
    }

    /// Wilson and Hilferty's approximation of the x whose probability is that of the standard normal number z; negative
    /// where it fails.
    pub(crate) fn cubed_normal(&self, z: f64) -> f64 {
        let variance = 1.0 / (9.0 * self.shape);
        self.shape * (1.0 - variance + z * variance.sqrt()).powi(3)
    }
}

/// ln Γ(a + 1) − ln(√(2πa)·aᵃ·e⁻ᵃ), by Stirling's series, whose next term is at most 1e-16 here.
fn stirling_correction(a: f64) -> f64 {
    const COEFFICIENTS: [f64; 5] = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1260.0, -1.0 / 1680.0, 1.0 / 1188.0];
    let inverse_square = 1.0 / (a * a);
    COEFFICIENTS.iter().rev().fold(0.0, |sum, c| sum * inverse_square + c) / a
}

/// x/a − 1 − ln(x/a) for positive x and a, relatively accurate around its double zero at x = a.
fn excess_over_ln(x: f64, a: f64) -> f64 {
    let u = (x - a) / a;
    // Far below a the ratio holds more digits than its distance from 1.
    if !(-0.5..=1.0).contains(&u) {
        return u - (x / a).ln();
    }
    // With v = u/(2+u), |v| ≤ 1/3: ln(1+u) = 2·artanh(v) and u − 2v = u·v.
    let v = u / (2.0 + u);
    let square = v * v;
    // 18 terms: the next one is below 9⁻¹⁸/39.
    let tail = (1..=18).rev().fold(0.0, |sum, j| sum * square + 1.0 / f64::from(2 * j + 1));
    u * v - 2.0 * v * square * tail
}
