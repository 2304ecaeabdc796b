//! Bias, LeakyReLU and BatchNorm of a hidden layer, in two passes over the batch forward and two backward.
//!
//! Rows are processed in groups of [`ROWS`]. The mean and the squared deviations of the groups are combined in their order, so
//! the results do not depend on the number of threads.

use rayon::prelude::*;

use super::simd::{MIN_PARALLEL_LEN, ROWS, min_chunks, vectorized, vectorized_with};

/// Eps of BatchNorm.
pub(crate) const EPS: f64 = 1e-5;
/// Momentum of BatchNorm's running statistics.
pub(crate) const MOMENTUM: f32 = 0.1;

/// LeakyReLU, whose derivative at 0 is the negative slope. With a negative slope of 0 it is ReLU.
#[inline(always)]
fn leaky_relu(a: f32, negative_slope: f32) -> f32 {
    if a > 0.0 { a } else { negative_slope * a }
}

/// The statistics of a batch, one value per column.
#[derive(Debug, Default)]
pub(crate) struct BatchStatistics {
    pub(crate) mean: Vec<f32>,
    /// Biased variance.
    pub(crate) variance: Vec<f32>,
    /// 1/√(variance + eps).
    inverse_std: Vec<f32>,
    /// Sums over each group of rows: two rows of sums per group.
    group_sums: Vec<f32>,
}

/// Runs `work` on each group of rows, with the offset of its first value, its rows, and its two rows of sums.
fn for_row_groups(
    width: usize,
    matrix: &mut [f32],
    group_sums: &mut [f32],
    work: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) {
    let group = ROWS * width;
    let min_groups = min_chunks(matrix.len());
    let groups = matrix.par_chunks_mut(group).zip(group_sums.par_chunks_mut(2 * width));
    let groups = groups.enumerate().with_min_len(min_groups);
    groups.for_each(|(index, (rows, sums))| work(index * group, rows, sums));
}

/// Adds `bias` to the rows of `a`, and writes LeakyReLU of the result to `out`.
pub(crate) fn activate(a: &mut [f32], bias: &[f32], negative_slope: f32, out: &mut [f32]) {
    let width = bias.len();
    let work = |(a, out): (&mut [f32], &mut [f32])| {
        vectorized(|| {
            for (a, out) in a.chunks_exact_mut(width).zip(out.chunks_exact_mut(width)) {
                for ((a, out), bias) in a.iter_mut().zip(out).zip(bias) {
                    *a += bias;
                    *out = leaky_relu(*a, negative_slope);
                }
            }
        });
    };
    let min_groups = min_chunks(a.len());
    a.par_chunks_mut(ROWS * width).zip(out.par_chunks_mut(ROWS * width)).with_min_len(min_groups).for_each(work);
}

/// Adds `bias` to the rows of `a` and applies LeakyReLU, then x·`scale` + `shift` per column, in place.
pub(crate) fn activate_and_scale(a: &mut [f32], bias: &[f32], negative_slope: f32, scale: &[f32], shift: &[f32]) {
    let width = bias.len();
    let work = |a: &mut [f32]| {
        vectorized(|| {
            for a in a.chunks_exact_mut(width) {
                for (((a, bias), scale), shift) in a.iter_mut().zip(bias).zip(scale).zip(shift) {
                    *a = leaky_relu(*a + bias, negative_slope) * scale + shift;
                }
            }
        });
    };
    let min_groups = min_chunks(a.len());
    a.par_chunks_mut(ROWS * width).with_min_len(min_groups).for_each(work);
}

/// Scale and shift of each column that are equivalent to BatchNorm with fixed statistics.
pub(crate) fn fold_batch_norm(gamma: &[f32], beta: &[f32], mean: &[f32], variance: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let scale: Vec<f32> = gamma.iter().zip(variance).map(|(gamma, variance)| gamma * inverse_std(*variance)).collect();
    let shift = beta.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
    (scale, shift)
}

/// 1/√(variance + eps).
pub(super) fn inverse_std(variance: f32) -> f32 {
    (1.0 / (f64::from(variance) + EPS).sqrt()) as f32
}

/// Adds `bias` to the rows of `a`, computes the statistics of LeakyReLU of the result, and writes LeakyReLU, normalized by them,
/// to `out`.
pub(crate) fn activate_and_normalize(
    a: &mut [f32],
    bias: &[f32],
    negative_slope: f32,
    (gamma, beta): (&[f32], &[f32]),
    out: &mut [f32],
    statistics: &mut BatchStatistics,
) {
    let width = bias.len();
    let n = a.len() / width;
    statistics.group_sums.clear();
    statistics.group_sums.resize(n.div_ceil(ROWS) * 2 * width, 0.0);
    for_row_groups(width, a, &mut statistics.group_sums, |_, a, sums| {
        vectorized_with(group_statistics, (a, bias, negative_slope, sums.split_at_mut(width)));
    });
    statistics.combine(n, width);

    let (scale, shift) = fold_batch_norm(gamma, beta, &statistics.mean, &statistics.variance);
    let a = &*a;
    let write = |(out, a): (&mut [f32], &[f32])| {
        vectorized(|| {
            for (out, a) in out.chunks_exact_mut(width).zip(a.chunks_exact(width)) {
                for (((out, a), scale), shift) in out.iter_mut().zip(a).zip(&scale).zip(&shift) {
                    *out = leaky_relu(*a, negative_slope) * scale + shift;
                }
            }
        });
    };
    let groups = out.par_chunks_mut(ROWS * width).zip(a.par_chunks(ROWS * width));
    groups.with_min_len(min_chunks(a.len())).for_each(write);
}

/// The two rows of sums of a group.
type GroupSums<'a> = (&'a mut [f32], &'a mut [f32]);

/// Adds the bias to a group of rows, and computes the mean of LeakyReLU of the result and the squared deviations from it.
#[inline(always)]
fn group_statistics((a, bias, negative_slope, (mean, squares)): (&mut [f32], &[f32], f32, GroupSums<'_>)) {
    let width = bias.len();
    let inverse_count = 1.0 / (a.len() / width) as f32;
    for a in a.chunks_exact_mut(width) {
        for ((a, bias), sum) in a.iter_mut().zip(bias).zip(mean.iter_mut()) {
            *a += bias;
            *sum += leaky_relu(*a, negative_slope);
        }
    }
    mean.iter_mut().for_each(|sum| *sum *= inverse_count);
    for a in a.chunks_exact(width) {
        for ((a, mean), square) in a.iter().zip(mean.iter()).zip(squares.iter_mut()) {
            let deviation = leaky_relu(*a, negative_slope) - mean;
            *square += deviation * deviation;
        }
    }
}

impl BatchStatistics {
    /// Combines the groups' means and squared deviations (Chan, Golub and LeVeque 1979).
    fn combine(&mut self, n: usize, width: usize) {
        let Self { mean, variance, inverse_std: inverse_stds, group_sums } = self;
        for values in [&mut *mean, &mut *variance, &mut *inverse_stds] {
            values.resize(width, 0.0);
        }
        let count = |group: usize| ROWS.min(n - group * ROWS) as f64;
        for column in 0..width {
            let groups = || group_sums.chunks_exact(2 * width).enumerate();
            let mean_of_means: f64 =
                groups().map(|(group, sums)| count(group) * f64::from(sums[column])).sum::<f64>() / n as f64;
            let squares: f64 = groups()
                .map(|(group, sums)| {
                    let deviation = f64::from(sums[column]) - mean_of_means;
                    f64::from(sums[width + column]) + count(group) * deviation * deviation
                })
                .sum();
            mean[column] = mean_of_means as f32;
            variance[column] = (squares / n as f64) as f32;
            inverse_stds[column] = inverse_std(variance[column]);
        }
    }
}

/// Gradients of the parameters of a hidden layer but for its weight.
pub(crate) struct LayerGradients {
    pub(crate) bias: Vec<f32>,
    pub(crate) gamma: Vec<f32>,
    pub(crate) beta: Vec<f32>,
}

/// The backward pass of LeakyReLU: replaces `d`, the gradient of its output, by that of its input `a`.
pub(crate) fn activate_backward(d: &mut [f32], a: &[f32], negative_slope: f32) {
    let work = |(d, a): (&mut [f32], &[f32])| {
        vectorized(|| d.iter_mut().zip(a).for_each(|(d, a)| *d = if *a > 0.0 { *d } else { negative_slope * *d }));
    };
    // Fewer values than that are a single chunk.
    d.par_chunks_mut(MIN_PARALLEL_LEN).zip(a.par_chunks(MIN_PARALLEL_LEN)).for_each(work);
}

/// The backward pass of BatchNorm and LeakyReLU: replaces `d`, the gradient of the layer's output, by that of `a`, the input of
/// LeakyReLU, and returns the gradients of the parameters.
pub(crate) fn normalize_backward(
    d: &mut [f32],
    a: &[f32],
    negative_slope: f32,
    gamma: &[f32],
    statistics: &mut BatchStatistics,
) -> LayerGradients {
    let width = gamma.len();
    let n = a.len() / width;
    let BatchStatistics { mean, inverse_std, group_sums, .. } = statistics;
    let (mean, inverse_std) = (mean.as_slice(), inverse_std.as_slice());
    let clear = |group_sums: &mut Vec<f32>| {
        group_sums.clear();
        group_sums.resize(n.div_ceil(ROWS) * 2 * width, 0.0);
    };
    clear(group_sums);
    for_row_groups(width, d, group_sums, |start, d, sums| {
        let a = &a[start..start + d.len()];
        vectorized_with(group_products, ((d, a, negative_slope), (mean, inverse_std), sums.split_at_mut(width)));
    });
    let (beta, gamma_gradient) = totals(group_sums, width);

    let inverse_count = 1.0 / n as f32;
    clear(group_sums);
    for_row_groups(width, d, group_sums, |start, d, sums| {
        let a = &a[start..start + d.len()];
        let totals = (beta.as_slice(), gamma_gradient.as_slice(), inverse_count);
        vectorized_with(
            group_gradient,
            ((d, a, negative_slope), (mean, inverse_std, gamma), totals, &mut sums[..width]),
        );
    });
    let (bias, _) = totals(group_sums, width);
    LayerGradients { bias, gamma: gamma_gradient, beta }
}

/// Sums the gradients of a group, and their products with the normalized rows.
#[inline(always)]
fn group_products(
    ((d, a, negative_slope), (mean, inverse_std), (sums, products)): (GroupRows<'_>, (&[f32], &[f32]), GroupSums<'_>),
) {
    let width = mean.len();
    for (d, a) in d.chunks_exact(width).zip(a.chunks_exact(width)) {
        for (((((d, a), mean), inverse_std), sum), product) in
            d.iter().zip(a).zip(mean).zip(inverse_std).zip(sums.iter_mut()).zip(products.iter_mut())
        {
            *sum += d;
            *product += d * ((leaky_relu(*a, negative_slope) - mean) * inverse_std);
        }
    }
}

/// Gradients of a group of rows, the input of LeakyReLU in these rows, and the negative slope.
type GroupRows<'a> = (&'a mut [f32], &'a [f32], f32);

/// Gradients of beta and gamma, and 1 over the number of rows.
type GammaBetaGradients<'a> = (&'a [f32], &'a [f32], f32);

/// Mean, inverse standard deviation, and gamma of each column.
type ColumnNorm<'a> = (&'a [f32], &'a [f32], &'a [f32]);

/// Replaces the gradients of a group's output by those of its input, and sums them for the gradient of the bias.
#[inline(always)]
fn group_gradient(
    ((d, a, negative_slope), (mean, inverse_std, gamma), (betas, products, inverse_count), biases): (
        GroupRows<'_>,
        ColumnNorm<'_>,
        GammaBetaGradients<'_>,
        &mut [f32],
    ),
) {
    let width = mean.len();
    for (d, a) in d.chunks_exact_mut(width).zip(a.chunks_exact(width)) {
        for (((((((d, a), mean), inverse_std), gamma), beta), product), bias) in
            d.iter_mut().zip(a).zip(mean).zip(inverse_std).zip(gamma).zip(betas).zip(products).zip(biases.iter_mut())
        {
            let normalized = (leaky_relu(*a, negative_slope) - mean) * inverse_std;
            let through_norm = gamma * inverse_std * (*d - inverse_count * (beta + normalized * product));
            *d = if *a > 0.0 { through_norm } else { negative_slope * through_norm };
            *bias += *d;
        }
    }
}

/// Totals over all groups of the first and of the second row of sums.
fn totals(group_sums: &[f32], width: usize) -> (Vec<f32>, Vec<f32>) {
    let (mut first, mut second) = (vec![0.0; width], vec![0.0; width]);
    for sums in group_sums.chunks_exact(2 * width) {
        super::simd::add(&mut first, &sums[..width]);
        super::simd::add(&mut second, &sums[width..]);
    }
    (first, second)
}
