//! SiLU, x/(1 + e⁻ˣ), with the bias before it.

use rayon::prelude::*;

use super::simd::{ROWS, add, min_chunks, vectorized_with};

/// e^−|x| with a relative error below 2⁻²³, and 0 where it is below 2.5e-38. It has no branches, so that loops over it are
/// vectorized.
#[inline(always)]
fn exp_of_negative_abs(x: f32) -> f32 {
    // Adding it rounds to an integer, which is then in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts; products of the first one with integers below 2^9 are exact.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = -x.abs();
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let exponent = shifted - ROUND;
    let r = (x - exponent * LN_2_HIGH) - exponent * LN_2_LOW;
    // The polynomial of `expf` in Cephes (Moshier), for |r| up to ln 2 / 2.
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_6e-1, 0.5] {
        p = p * r + coefficient;
    }
    let power = (p * (r * r) + r) + 1.0;
    // The exponent is added to that of the power.
    let value = f32::from_bits(power.to_bits().wrapping_add(shifted.to_bits() << 23));
    // Below, the result would be subnormal.
    if x < -86.6 { 0.0 } else { value }
}

/// SiLU and its derivative.
#[inline(always)]
fn silu(x: f32) -> (f32, f32) {
    let exp = exp_of_negative_abs(x);
    let inverse = 1.0 / (1.0 + exp);
    // The logistic function of x and of −x, neither as a difference.
    let (small, large) = (exp * inverse, inverse);
    let (of_x, of_minus_x) = if x < 0.0 { (small, large) } else { (large, small) };
    (x * of_x, of_x * (1.0 + x * of_minus_x))
}

/// Adds `bias` to the rows of `x`, writes SiLU of the result to `y`, and replaces `x` by its derivative.
pub(crate) fn silu_and_derivative(x: &mut [f32], bias: &[f32], y: &mut [f32]) {
    let width = bias.len();
    let min_groups = min_chunks(x.len());
    let groups = x.par_chunks_mut(ROWS * width).zip(y.par_chunks_mut(ROWS * width)).with_min_len(min_groups);
    groups.for_each(|(x, y)| vectorized_with(group_forward, (x, bias, y)));
}

#[inline(always)]
fn group_forward((x, bias, y): (&mut [f32], &[f32], &mut [f32])) {
    for (x, y) in x.chunks_exact_mut(bias.len()).zip(y.chunks_exact_mut(bias.len())) {
        for ((x, y), bias) in x.iter_mut().zip(y).zip(bias) {
            (*y, *x) = silu(*x + bias);
        }
    }
}

/// Adds `bias` to the rows of `x` and applies SiLU, in place.
pub(crate) fn add_bias_and_silu(x: &mut [f32], bias: &[f32]) {
    let min_groups = min_chunks(x.len());
    let groups = x.par_chunks_mut(ROWS * bias.len()).with_min_len(min_groups);
    groups.for_each(|x| vectorized_with(group_in_place, (x, bias)));
}

#[inline(always)]
fn group_in_place((x, bias): (&mut [f32], &[f32])) {
    for x in x.chunks_exact_mut(bias.len()) {
        x.iter_mut().zip(bias).for_each(|(x, bias)| *x = silu(*x + bias).0);
    }
}

/// Multiplies the gradients `d` by the derivatives, and returns the column sums of the products: the gradient of the bias.
/// `group_sums` is scratch memory.
pub(crate) fn silu_backward(d: &mut [f32], derivatives: &[f32], width: usize, group_sums: &mut Vec<f32>) -> Vec<f32> {
    let group = ROWS * width;
    group_sums.clear();
    group_sums.resize(d.len().div_ceil(group) * width, 0.0);
    let min_groups = min_chunks(d.len());
    let groups = d.par_chunks_mut(group).zip(derivatives.par_chunks(group)).zip(group_sums.par_chunks_mut(width));
    groups.with_min_len(min_groups).for_each(|((d, derivatives), sums)| {
        vectorized_with(group_backward, (d, derivatives, sums));
    });
    let mut totals = vec![0.0; width];
    group_sums.chunks_exact(width).for_each(|sums| add(&mut totals, sums));
    totals
}

#[inline(always)]
fn group_backward((d, derivatives, sums): (&mut [f32], &[f32], &mut [f32])) {
    for (d, derivatives) in d.chunks_exact_mut(sums.len()).zip(derivatives.chunks_exact(sums.len())) {
        for ((d, derivative), sum) in d.iter_mut().zip(derivatives).zip(sums.iter_mut()) {
            *d *= derivative;
            *sum += *d;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error of `found` relative to `expected`, with `scale` below which it is absolute.
    fn largest_error(values: impl Iterator<Item = f32>, pairs: impl Fn(f32) -> (f32, f64), scale: f64) -> f64 {
        let error = |x: f32| {
            let (found, expected) = pairs(x);
            (f64::from(found) - expected).abs() / expected.abs().max(scale)
        };
        values.map(error).fold(0.0, f64::max)
    }

    /// Values in steps of a thousandth, and of a power of two for small ones.
    fn inputs() -> impl Iterator<Item = f32> {
        let fine = (-86_500..86_500).map(|i| i as f32 * 1e-3 + 1.7e-5);
        let small = (0..60).flat_map(|i| [1.0, -1.0].map(|sign| sign * 0.5_f32.powi(i) * 0.77));
        fine.chain(small)
    }

    #[test]
    fn silu_and_its_derivative_are_accurate() {
        let logistic = |x: f64| 1.0 / (1.0 + (-x).exp());
        let error = largest_error(inputs(), |x| (exp_of_negative_abs(x), (-f64::from(x).abs()).exp()), 0.0);
        assert!(error < 1.2e-7, "e^-|x|: {error:e}");
        let error = largest_error(inputs(), |x| (silu(x).0, f64::from(x) * logistic(x.into())), 0.0);
        assert!(error < 3e-7, "SiLU: {error:e}");
        let derivative = |x: f64| logistic(x) * (1.0 + x * logistic(-x));
        let error = largest_error(inputs(), |x| (silu(x).1, derivative(x.into())), 0.1);
        assert!(error < 4e-7, "derivative: {error:e}");
    }

    #[test]
    fn extreme_values_saturate_and_nan_propagates() {
        assert_eq!(silu(0.0), (0.0, 0.5));
        for x in [100.0, 1e30, f32::MAX] {
            assert_eq!(silu(x), (x, 1.0));
            assert_eq!(silu(-x), (0.0, 0.0));
        }
        assert!(silu(f32::NAN).0.is_nan() && silu(f32::NAN).1.is_nan());
        assert_eq!(silu(f32::INFINITY).0, f32::INFINITY);
    }
}
