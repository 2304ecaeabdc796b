//! The residual sum and LayerNorm after it, in one pass over the rows forward and one backward.
//!
//! Sums over a row have a fixed number of partial sums. Sums over rows are those of groups of [`ROWS`] rows, in their order. So
//! the results do not depend on the number of threads.

use rayon::prelude::*;

use super::linear_act_norm::inverse_std;
use super::simd::{ROWS, add, min_chunks, vectorized_with};
use super::weight::Weight;

/// Scale and shift of LayerNorm.
#[derive(Debug)]
pub(crate) struct LayerNorm {
    pub(crate) gamma: Weight,
    pub(crate) beta: Weight,
}

/// What LayerNorm saves of its rows for the backward pass.
#[derive(Debug, Default)]
pub(crate) struct NormTape {
    /// Its input: the residual sum.
    pub(crate) h: Vec<f32>,
    /// Its output, followed in each row by the columns that are appended.
    pub(crate) a: Vec<f32>,
    statistics: Vec<RowStatistics>,
}

/// The mean of a row and 1/√(variance + eps).
#[derive(Debug, Clone, Copy, Default)]
struct RowStatistics {
    mean: f32,
    inverse_std: f32,
}

/// What is added to the rows before they are normalized.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addends<'a> {
    /// Rows of the same width, if there are any.
    pub(crate) rows: Option<&'a [f32]>,
    /// A row that is added to each row.
    pub(crate) bias: &'a [f32],
}

/// The last `columns` columns of rows of `stride` values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LastColumns<'a> {
    pub(crate) rows: &'a [f32],
    pub(crate) stride: usize,
    pub(crate) columns: usize,
}

impl LastColumns<'_> {
    /// These columns of this row.
    fn of_row(&self, row: usize) -> &[f32] {
        let end = (row + 1) * self.stride;
        &self.rows[end - self.columns..end]
    }
}

/// Partial sums of a row: enough for several vectors at a time, whatever the width of the processor's.
const LANES: usize = 32;

/// The total of partial sums, by halves.
#[inline(always)]
fn total(mut sums: [f32; LANES]) -> f32 {
    let mut half = LANES / 2;
    while half > 0 {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
        half /= 2;
    }
    sums[0]
}

#[inline(always)]
fn mean_of(row: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += chunk[lane];
        }
    }
    sums.iter_mut().zip(rest).for_each(|(sum, value)| *sum += value);
    total(sums) / row.len() as f32
}

#[inline(always)]
fn variance_of(row: &[f32], mean: f32) -> f32 {
    let mut sums = [0.0; LANES];
    let (chunks, rest) = row.as_chunks::<LANES>();
    for chunk in chunks {
        for lane in 0..LANES {
            let deviation = chunk[lane] - mean;
            sums[lane] += deviation * deviation;
        }
    }
    sums.iter_mut().zip(rest).for_each(|(sum, value)| *sum += (value - mean) * (value - mean));
    total(sums) / row.len() as f32
}

/// Adds `addends` to the rows of `h`, and writes LayerNorm of the result to `a`, each row followed by the columns in
/// `appended`. Both `a` and the statistics are resized.
pub(crate) fn add_and_normalize(
    NormTape { h, a, statistics }: &mut NormTape,
    addends: Addends<'_>,
    (gamma, beta): (&[f32], &[f32]),
    appended: LastColumns<'_>,
) {
    let width = gamma.len();
    let n = h.len() / width;
    let stride = width + appended.columns;
    a.resize(n * stride, 0.0);
    statistics.resize(n, RowStatistics::default());
    let min_groups = min_chunks(h.len());
    let groups = h.par_chunks_mut(ROWS * width).zip(a.par_chunks_mut(ROWS * stride));
    let groups = groups.zip(statistics.par_chunks_mut(ROWS)).enumerate().with_min_len(min_groups);
    groups.for_each(|(group, ((h, a), statistics))| {
        let start = group * ROWS;
        let rows = addends.rows.map(|rows| &rows[start * width..start * width + h.len()]);
        let parameters = (addends.bias, gamma, beta);
        vectorized_with(normalize_group, ((&mut *h, &mut *a, statistics), rows, parameters));
        if appended.columns > 0 {
            for (row, a) in a.chunks_exact_mut(stride).enumerate() {
                a[width..].copy_from_slice(appended.of_row(start + row));
            }
        }
    });
}

/// The rows of a group, its normalized rows, and its statistics.
type GroupRows<'a> = (&'a mut [f32], &'a mut [f32], &'a mut [RowStatistics]);

/// Bias, gamma and beta.
type Parameters<'a> = (&'a [f32], &'a [f32], &'a [f32]);

#[inline(always)]
fn normalize_group(
    ((h, a, statistics), addends, (bias, gamma, beta)): (GroupRows<'_>, Option<&[f32]>, Parameters<'_>),
) {
    let width = gamma.len();
    let stride = a.len() / statistics.len();
    match addends {
        Some(addends) => {
            for (h, addends) in h.chunks_exact_mut(width).zip(addends.chunks_exact(width)) {
                h.iter_mut().zip(bias).zip(addends).for_each(|((h, bias), addend)| *h = (*h + bias) + addend);
            }
        }
        None => {
            for h in h.chunks_exact_mut(width) {
                h.iter_mut().zip(bias).for_each(|(h, bias)| *h += bias);
            }
        }
    }
    for ((h, a), statistics) in h.chunks_exact(width).zip(a.chunks_exact_mut(stride)).zip(statistics) {
        let mean = mean_of(h);
        let inverse_std = inverse_std(variance_of(h, mean));
        for (((a, h), gamma), beta) in a.iter_mut().zip(h).zip(gamma).zip(beta) {
            *a = (h - mean) * inverse_std * gamma + beta;
        }
        *statistics = RowStatistics { mean, inverse_std };
    }
}

/// What the backward pass sums over all rows.
pub(crate) struct NormGradients {
    pub(crate) gamma: Vec<f32>,
    pub(crate) beta: Vec<f32>,
    /// The gradient of the bias that was added before.
    pub(crate) bias: Vec<f32>,
}

/// The backward pass: adds to `d`, the gradient of the residual sum, the gradient through LayerNorm. `d_normalized` is that of
/// the output, in the first columns of its rows. `group_sums` is scratch memory.
pub(crate) fn normalize_backward(
    d: &mut [f32],
    d_normalized: &[f32],
    tape: &NormTape,
    gamma: &[f32],
    group_sums: &mut Vec<f32>,
) -> NormGradients {
    let width = gamma.len();
    let n = d.len() / width;
    let stride = d_normalized.len() / n.max(1);
    group_sums.clear();
    group_sums.resize(n.div_ceil(ROWS) * 3 * width, 0.0);
    let min_groups = min_chunks(d.len());
    let groups = d.par_chunks_mut(ROWS * width).zip(group_sums.par_chunks_mut(3 * width));
    groups.enumerate().with_min_len(min_groups).for_each(|(group, (d, sums))| {
        let (start, end) = (group * ROWS, group * ROWS + d.len() / width);
        let rows = (&d_normalized[start * stride..end * stride], &tape.h[start * width..end * width]);
        vectorized_with(group_gradient, (d, rows, (&tape.statistics[start..end], gamma), sums));
    });
    let mut totals = vec![0.0; 3 * width];
    group_sums.chunks_exact(3 * width).for_each(|sums| add(&mut totals, sums));
    let bias = totals.split_off(2 * width);
    let beta = totals.split_off(width);
    NormGradients { gamma: totals, beta, bias }
}

/// The gradients of the normalized rows of a group, and the rows.
type GradientRows<'a> = (&'a [f32], &'a [f32]);

/// The statistics of the rows of a group, and gamma.
type RowNorm<'a> = (&'a [RowStatistics], &'a [f32]);

#[inline(always)]
fn group_gradient(
    (d, (d_normalized, h), (statistics, gamma), sums): (&mut [f32], GradientRows<'_>, RowNorm<'_>, &mut [f32]),
) {
    let width = gamma.len();
    let stride = d_normalized.len() / statistics.len();
    let (gamma_sums, sums) = sums.split_at_mut(width);
    let (beta_sums, bias_sums) = sums.split_at_mut(width);
    let rows = d.chunks_exact_mut(width).zip(d_normalized.chunks_exact(stride)).zip(h.chunks_exact(width));
    for (((d, d_normalized), h), &RowStatistics { mean, inverse_std }) in rows.zip(statistics) {
        let d_normalized = &d_normalized[..width];
        let (sum, product) = gradient_sums(d_normalized, h, gamma, mean);
        let inverse_width = 1.0 / width as f32;
        let (shift, slope) = (sum * inverse_width, product * inverse_std * inverse_width);
        for ((((d, dn), h), gamma), (gamma_sum, beta_sum)) in
            d.iter_mut().zip(d_normalized).zip(h).zip(gamma).zip(gamma_sums.iter_mut().zip(beta_sums.iter_mut()))
        {
            let normalized = (h - mean) * inverse_std;
            *d += inverse_std * (dn * gamma - shift - normalized * slope);
            *gamma_sum += dn * normalized;
            *beta_sum += dn;
        }
        bias_sums.iter_mut().zip(d).for_each(|(sum, d)| *sum += *d);
    }
}

/// Σ d γ and Σ d γ (h − mean) over a row.
#[inline(always)]
fn gradient_sums(d: &[f32], h: &[f32], gamma: &[f32], mean: f32) -> (f32, f32) {
    let (mut sums, mut products) = ([0.0; LANES], [0.0; LANES]);
    let ((d, d_rest), (h, h_rest)) = (d.as_chunks::<LANES>(), h.as_chunks::<LANES>());
    let (gamma, gamma_rest) = gamma.as_chunks::<LANES>();
    for ((d, h), gamma) in d.iter().zip(h).zip(gamma) {
        for lane in 0..LANES {
            let scaled = d[lane] * gamma[lane];
            sums[lane] += scaled;
            products[lane] += scaled * (h[lane] - mean);
        }
    }
    let rest = d_rest.iter().zip(h_rest).zip(gamma_rest);
    for (((d, h), gamma), (sum, product)) in rest.zip(sums.iter_mut().zip(&mut products)) {
        let scaled = d * gamma;
        *sum += scaled;
        *product += scaled * (h - mean);
    }
    (total(sums), total(products))
}

/// Adds the last columns of the rows of `from` to the last columns of the rows of `to`.
pub(crate) fn add_last_columns(to: &mut [f32], to_stride: usize, from: LastColumns<'_>) {
    for (row, to) in to.chunks_exact_mut(to_stride).enumerate() {
        add(&mut to[to_stride - from.columns..], from.of_row(row));
    }
}
