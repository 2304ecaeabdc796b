//! The hidden layer's bias, LeakyReLU and BatchNorm in two passes over the batch, forward and backward.
//!
//! Rows are taken in groups of [`ROWS`], whatever the number of threads; each group's mean and squared deviations are combined
//! in their order, so that results do not depend on threads either.

use rayon::prelude::*;

use super::lanes::{FEW, wide, wide_with};

/// Rows of one group.
const ROWS: usize = 32;

/// BatchNorm's eps and momentum.
pub(crate) const EPS: f64 = 1e-5;
pub(crate) const MOMENTUM: f32 = 0.1;

/// LeakyReLU with its slope at 0; a slope of 0 is ReLU.
#[inline(always)]
fn leaky(a: f32, slope: f32) -> f32 {
    if a > 0.0 { a } else { slope * a }
}

/// What BatchNorm found out about a batch, for each column.
#[derive(Debug, Default)]
pub(crate) struct Statistics {
    pub(crate) mean: Vec<f32>,
    /// The biased variance.
    pub(crate) variance: Vec<f32>,
    /// 1/√(variance + eps).
    inverse: Vec<f32>,
    /// Sums of each group of rows, two rows of numbers a group.
    parts: Vec<f32>,
}

/// Runs `work` on groups of rows of one matrix to write, one to read, and the group's two rows of sums.
fn in_groups(
    width: usize,
    written: &mut [f32],
    parts: &mut [f32],
    work: impl Fn(usize, &mut [f32], &mut [f32]) + Sync,
) {
    let group = ROWS * width;
    if written.len() < FEW {
        let groups = written.chunks_mut(group).zip(parts.chunks_mut(2 * width));
        groups.enumerate().for_each(|(index, (rows, part))| work(index * group, rows, part));
    } else {
        let groups = written.par_chunks_mut(group).zip(parts.par_chunks_mut(2 * width));
        groups.enumerate().for_each(|(index, (rows, part))| work(index * group, rows, part));
    }
}

/// Adds `bias` to the rows of `a`, writes LeakyReLU of them to `out`.
pub(crate) fn activate(a: &mut [f32], bias: &[f32], slope: f32, out: &mut [f32]) {
    let width = bias.len();
    let work = |a: &mut [f32], out: &mut [f32]| {
        wide(|| {
            for (a, out) in a.chunks_exact_mut(width).zip(out.chunks_exact_mut(width)) {
                for ((a, out), bias) in a.iter_mut().zip(out).zip(bias) {
                    *a += bias;
                    *out = leaky(*a, slope);
                }
            }
        });
    };
    if a.len() < FEW {
        work(a, out);
    } else {
        a.par_chunks_mut(ROWS * width).zip(out.par_chunks_mut(ROWS * width)).for_each(|(a, out)| work(a, out));
    }
}

/// Adds `bias` to the rows of `a` and applies, in place, LeakyReLU and then x·`scale` + `shift` of each column.
pub(crate) fn activate_and_scale(a: &mut [f32], bias: &[f32], slope: f32, scale: &[f32], shift: &[f32]) {
    let width = bias.len();
    let work = |a: &mut [f32]| {
        wide(|| {
            for a in a.chunks_exact_mut(width) {
                for (((a, bias), scale), shift) in a.iter_mut().zip(bias).zip(scale).zip(shift) {
                    *a = leaky(*a + bias, slope) * scale + shift;
                }
            }
        });
    };
    if a.len() < FEW { work(a) } else { a.par_chunks_mut(ROWS * width).for_each(work) }
}

/// BatchNorm with fixed statistics as one multiplication and one addition: its scale and shift.
pub(crate) fn folded(gamma: &[f32], beta: &[f32], mean: &[f32], variance: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let scale: Vec<f32> = gamma.iter().zip(variance).map(|(gamma, variance)| gamma * inverse(*variance)).collect();
    let shift = beta.iter().zip(mean).zip(&scale).map(|((beta, mean), scale)| beta - mean * scale).collect();
    (scale, shift)
}

fn inverse(variance: f32) -> f32 {
    (1.0 / (f64::from(variance) + EPS).sqrt()) as f32
}

/// Adds `bias` to the rows of `a`, takes the statistics of LeakyReLU of them, and writes it, normalized by them, to `out`.
pub(crate) fn activate_and_normalize(
    a: &mut [f32],
    bias: &[f32],
    slope: f32,
    (gamma, beta): (&[f32], &[f32]),
    out: &mut [f32],
    statistics: &mut Statistics,
) {
    let width = bias.len();
    let n = a.len() / width;
    statistics.parts.clear();
    statistics.parts.resize(n.div_ceil(ROWS) * 2 * width, 0.0);
    in_groups(width, a, &mut statistics.parts, |_, a, part| {
        wide_with(group_statistics, (a, bias, slope, part.split_at_mut(width)));
    });
    statistics.combine(n, width);

    let (scale, shift) = folded(gamma, beta, &statistics.mean, &statistics.variance);
    let a = &*a;
    let write = |(out, a): (&mut [f32], &[f32])| {
        wide(|| {
            for (out, a) in out.chunks_exact_mut(width).zip(a.chunks_exact(width)) {
                for (((out, a), scale), shift) in out.iter_mut().zip(a).zip(&scale).zip(&shift) {
                    *out = leaky(*a, slope) * scale + shift;
                }
            }
        });
    };
    if a.len() < FEW {
        write((out, a));
    } else {
        out.par_chunks_mut(ROWS * width).zip(a.par_chunks(ROWS * width)).for_each(write);
    }
}

/// A group's two rows of sums.
type Part<'a> = (&'a mut [f32], &'a mut [f32]);

/// Adds the bias to a group of rows; its mean after LeakyReLU, and the squared deviations from that.
#[inline(always)]
fn group_statistics((a, bias, slope, (mean, squares)): (&mut [f32], &[f32], f32, Part<'_>)) {
    let width = bias.len();
    let share = 1.0 / (a.len() / width) as f32;
    for a in a.chunks_exact_mut(width) {
        for ((a, bias), sum) in a.iter_mut().zip(bias).zip(mean.iter_mut()) {
            *a += bias;
            *sum += leaky(*a, slope);
        }
    }
    mean.iter_mut().for_each(|sum| *sum *= share);
    for a in a.chunks_exact(width) {
        for ((a, mean), square) in a.iter().zip(mean.iter()).zip(squares.iter_mut()) {
            let deviation = leaky(*a, slope) - mean;
            *square += deviation * deviation;
        }
    }
}

impl Statistics {
    /// Combines the groups' means and squared deviations (Chan, Golub and LeVeque 1979).
    fn combine(&mut self, n: usize, width: usize) {
        let Self { mean, variance, inverse: inverses, parts } = self;
        for values in [&mut *mean, &mut *variance, &mut *inverses] {
            values.resize(width, 0.0);
        }
        let count = |group: usize| ROWS.min(n - group * ROWS) as f64;
        for column in 0..width {
            let groups = || parts.chunks_exact(2 * width).enumerate();
            let of_means: f64 =
                groups().map(|(group, part)| count(group) * f64::from(part[column])).sum::<f64>() / n as f64;
            let squares: f64 = groups()
                .map(|(group, part)| {
                    let apart = f64::from(part[column]) - of_means;
                    f64::from(part[width + column]) + count(group) * apart * apart
                })
                .sum();
            mean[column] = of_means as f32;
            variance[column] = (squares / n as f64) as f32;
            inverses[column] = inverse(variance[column]);
        }
    }
}

/// Gradients for the parameters of a layer.
pub(crate) struct LayerGradients {
    pub(crate) bias: Vec<f32>,
    pub(crate) gamma: Vec<f32>,
    pub(crate) beta: Vec<f32>,
}

/// Turns `d`, the gradient of LeakyReLU's output, into that of its input `a`.
pub(crate) fn activate_backward(d: &mut [f32], a: &[f32], slope: f32) {
    let work = |(d, a): (&mut [f32], &[f32])| {
        wide(|| d.iter_mut().zip(a).for_each(|(d, a)| *d = if *a > 0.0 { *d } else { slope * *d }));
    };
    if a.len() < FEW { work((d, a)) } else { d.par_chunks_mut(FEW).zip(a.par_chunks(FEW)).for_each(work) }
}

/// Turns `d`, the gradient of the layer's output, into that of `a`, which the bias was added to; gives those of the
/// parameters.
pub(crate) fn normalize_backward(
    d: &mut [f32],
    a: &[f32],
    slope: f32,
    gamma: &[f32],
    statistics: &mut Statistics,
) -> LayerGradients {
    let width = gamma.len();
    let n = a.len() / width;
    let Statistics { mean, inverse, parts, .. } = statistics;
    let (mean, inverse) = (mean.as_slice(), inverse.as_slice());
    let clear = |parts: &mut Vec<f32>| {
        parts.clear();
        parts.resize(n.div_ceil(ROWS) * 2 * width, 0.0);
    };
    clear(parts);
    in_groups(width, d, parts, |start, d, part| {
        let a = &a[start..start + d.len()];
        wide_with(group_products, ((d, a, slope), (mean, inverse), part.split_at_mut(width)));
    });
    let (beta, gamma_gradient) = totals(parts, width);

    let share = 1.0 / n as f32;
    clear(parts);
    in_groups(width, d, parts, |start, d, part| {
        let a = &a[start..start + d.len()];
        let sums = (beta.as_slice(), gamma_gradient.as_slice(), share);
        wide_with(group_gradient, ((d, a, slope), (mean, inverse, gamma), sums, &mut part[..width]));
    });
    let (bias, _) = totals(parts, width);
    LayerGradients { bias, gamma: gamma_gradient, beta }
}

/// The sums of a group's gradients, and of their products with the normalized rows.
#[inline(always)]
fn group_products(((d, a, slope), (mean, inverse), (sums, products)): (Group<'_>, (&[f32], &[f32]), Part<'_>)) {
    let width = mean.len();
    for (d, a) in d.chunks_exact(width).zip(a.chunks_exact(width)) {
        for (((((d, a), mean), inverse), sum), product) in
            d.iter().zip(a).zip(mean).zip(inverse).zip(sums.iter_mut()).zip(products.iter_mut())
        {
            *sum += d;
            *product += d * ((leaky(*a, slope) - mean) * inverse);
        }
    }
}

/// The gradients of a group of rows, these rows as the activation took them, and its slope.
type Group<'a> = (&'a mut [f32], &'a [f32], f32);

/// The gradients of beta and gamma, and 1 over the number of rows.
type Totals<'a> = (&'a [f32], &'a [f32], f32);

/// Mean, inverse deviation and gamma of each column.
type Columns<'a> = (&'a [f32], &'a [f32], &'a [f32]);

/// Turns a group's gradient of the output into that of the input, whose sums are those of the bias.
#[inline(always)]
fn group_gradient(
    ((d, a, slope), (mean, inverse, gamma), (betas, products, share), biases): (
        Group<'_>,
        Columns<'_>,
        Totals<'_>,
        &mut [f32],
    ),
) {
    let width = mean.len();
    for (d, a) in d.chunks_exact_mut(width).zip(a.chunks_exact(width)) {
        for (((((((d, a), mean), inverse), gamma), beta), product), bias) in
            d.iter_mut().zip(a).zip(mean).zip(inverse).zip(gamma).zip(betas).zip(products).zip(biases.iter_mut())
        {
            let normalized = (leaky(*a, slope) - mean) * inverse;
            let of_norm = gamma * inverse * (*d - share * (beta + normalized * product));
            *d = if *a > 0.0 { of_norm } else { slope * of_norm };
            *bias += *d;
        }
    }
}

/// The sums of all groups' first and second rows.
fn totals(parts: &[f32], width: usize) -> (Vec<f32>, Vec<f32>) {
    let (mut first, mut second) = (vec![0.0; width], vec![0.0; width]);
    for part in parts.chunks_exact(2 * width) {
        super::lanes::add(&mut first, &part[..width]);
        super::lanes::add(&mut second, &part[width..]);
    }
    (first, second)
}
