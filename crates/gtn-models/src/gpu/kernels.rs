//! Safe wrappers of the kernels: each checks that its arguments are as large as what the kernel reads and writes.
#![allow(unsafe_code, reason = "launching a kernel is unsafe; each launch here says why it is sound")]

pub(super) mod image_kernels;

use candle_core::Result;

use super::backend::{DeviceSlice, Gpu, KernelArg, LaunchDims};
use crate::ops::AdamCoefficients;

// As in `kernels.cu`.
const COLUMNS_PER_BLOCK: u32 = 32;
const THREADS_PER_COLUMN: u32 = 16;
const THREADS_PER_BLOCK: u32 = 256;
const ROWS_PER_BLOCK: usize = 128;
/// Blocks per grid of an elementwise kernel: more do not make it faster.
const MAX_BLOCKS: usize = 4096;
/// Partial sums of the mean squared error, one per block.
pub(super) const PARTIAL_SUMS: usize = 256;
/// Values of a weight that one block of the Adam kernel updates.
pub(super) const ADAM_CHUNK: usize = 16_384;
/// Values per row of the Adam kernel's table.
pub(super) const ADAM_TABLE_COLUMNS: usize = 5;

/// Where a kernel stores sums, and whether it adds them to the present values.
#[derive(Debug, Clone, Copy)]
pub(super) struct SumOutput<'a> {
    pub(super) values: DeviceSlice<'a>,
    pub(super) accumulate: bool,
}

fn i32_arg(value: usize) -> KernelArg<'static> {
    KernelArg::I32(i32::try_from(value).expect("a row of a batch has fewer than 2³¹ values"))
}

fn i64_arg(value: usize) -> KernelArg<'static> {
    KernelArg::I64(i64::try_from(value).expect("no memory holds 2⁶³ values"))
}

fn bool_arg(value: bool) -> KernelArg<'static> {
    KernelArg::I32(i32::from(value))
}

fn to_u32(count: usize) -> u32 {
    u32::try_from(count).expect("fewer than 2³² blocks")
}

/// For a kernel that works on `len` values independently.
fn elementwise(len: usize) -> LaunchDims {
    let blocks = len.div_ceil(THREADS_PER_BLOCK as usize).clamp(1, MAX_BLOCKS);
    LaunchDims { grid: [to_u32(blocks), 1], block: [THREADS_PER_BLOCK, 1] }
}

/// For a kernel that works on the columns of a matrix.
fn columnwise(width: usize) -> LaunchDims {
    let blocks = width.div_ceil(COLUMNS_PER_BLOCK as usize);
    LaunchDims { grid: [to_u32(blocks), 1], block: [COLUMNS_PER_BLOCK, THREADS_PER_COLUMN] }
}

fn one_dimensional(blocks: usize) -> LaunchDims {
    LaunchDims { grid: [to_u32(blocks), 1], block: [THREADS_PER_BLOCK, 1] }
}

/// The shape of a matrix: `n` rows of `width` columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct MatrixDims {
    pub(super) n: usize,
    pub(super) width: usize,
}

impl MatrixDims {
    fn len(self) -> usize {
        self.n * self.width
    }

    /// Checks the lengths of matrices of this shape, and of vectors with one value per column.
    fn check(self, matrices: &[DeviceSlice<'_>], vectors: &[DeviceSlice<'_>]) {
        assert!(matrices.iter().all(|matrix| matrix.len() == self.len()), "matrices of {self:?}");
        assert!(vectors.iter().all(|vector| vector.len() == self.width), "vectors for {self:?}");
    }
}

/// BatchNorm's parameters and running statistics.
#[derive(Debug, Clone, Copy)]
pub(super) struct BatchNormSlices<'a> {
    pub(super) gamma: DeviceSlice<'a>,
    pub(super) beta: DeviceSlice<'a>,
    pub(super) running_mean: DeviceSlice<'a>,
    pub(super) running_variance: DeviceSlice<'a>,
}

impl Gpu {
    /// Adds the bias to `a`, applies LeakyReLU and BatchNorm, writes the result to `y`, and updates the running
    /// statistics. `statistics` receives the mean and the inverse standard deviation of each column.
    pub(super) fn batch_norm_forward(
        &self,
        dims: MatrixDims,
        negative_slope: f32,
        (a, bias): (DeviceSlice<'_>, DeviceSlice<'_>),
        norm: BatchNormSlices<'_>,
        (y, statistics): (DeviceSlice<'_>, DeviceSlice<'_>),
    ) -> Result<()> {
        dims.check(&[a, y], &[bias, norm.gamma, norm.beta, norm.running_mean, norm.running_variance]);
        assert_eq!(statistics.len(), 2 * dims.width);
        let arguments = [
            i32_arg(dims.n),
            i32_arg(dims.width),
            negative_slope.into(),
            a.into(),
            bias.into(),
            norm.gamma.into(),
            norm.beta.into(),
            y.into(),
            statistics.into(),
            norm.running_mean.into(),
            norm.running_variance.into(),
        ];
        // SAFETY: the lengths were checked, and the kernel stays within `n` rows of `width` columns.
        unsafe { self.launch("batch_norm_forward", columnwise(dims.width), &arguments) }
    }

    /// The backward pass of [`batch_norm_forward`](Self::batch_norm_forward): replaces `d`, the gradient of `y`, with
    /// the gradient of `a`, and computes the gradients of gamma, beta and the bias.
    pub(super) fn batch_norm_backward(
        &self,
        dims: MatrixDims,
        negative_slope: f32,
        (d, a): (DeviceSlice<'_>, DeviceSlice<'_>),
        (gamma, statistics): (DeviceSlice<'_>, DeviceSlice<'_>),
        [d_gamma, d_beta, d_bias]: [SumOutput<'_>; 3],
    ) -> Result<()> {
        dims.check(&[d, a], &[gamma, d_gamma.values, d_beta.values, d_bias.values]);
        assert_eq!(statistics.len(), 2 * dims.width);
        let arguments = [
            i32_arg(dims.n),
            i32_arg(dims.width),
            negative_slope.into(),
            d.into(),
            a.into(),
            gamma.into(),
            statistics.into(),
            d_gamma.values.into(),
            bool_arg(d_gamma.accumulate),
            d_beta.values.into(),
            bool_arg(d_beta.accumulate),
            d_bias.values.into(),
            bool_arg(d_bias.accumulate),
        ];
        // SAFETY: as in `batch_norm_forward`.
        unsafe { self.launch("batch_norm_backward", columnwise(dims.width), &arguments) }
    }

    /// Adds the bias to `a`, applies LeakyReLU, and normalizes by the running statistics, in place.
    pub(super) fn batch_norm_inference(
        &self,
        dims: MatrixDims,
        negative_slope: f32,
        (a, bias): (DeviceSlice<'_>, DeviceSlice<'_>),
        norm: BatchNormSlices<'_>,
    ) -> Result<()> {
        dims.check(&[a], &[bias, norm.gamma, norm.beta, norm.running_mean, norm.running_variance]);
        let arguments = [
            i32_arg(dims.n),
            i32_arg(dims.width),
            negative_slope.into(),
            a.into(),
            bias.into(),
            norm.gamma.into(),
            norm.beta.into(),
            norm.running_mean.into(),
            norm.running_variance.into(),
        ];
        let mut launch_dims = columnwise(dims.width);
        launch_dims.grid[1] = to_u32(dims.n.div_ceil(ROWS_PER_BLOCK));
        // SAFETY: as in `batch_norm_forward`.
        unsafe { self.launch("batch_norm_inference", launch_dims, &arguments) }
    }

    /// Adds the bias to `a`, and writes LeakyReLU of the result to `y`, which may be `a`.
    pub(super) fn leaky_relu_forward(
        &self,
        dims: MatrixDims,
        negative_slope: f32,
        (a, bias): (DeviceSlice<'_>, DeviceSlice<'_>),
        y: DeviceSlice<'_>,
    ) -> Result<()> {
        dims.check(&[a, y], &[bias]);
        let arguments = [i32_arg(dims.n), i32_arg(dims.width), negative_slope.into(), a.into(), bias.into(), y.into()];
        // SAFETY: as in `batch_norm_forward`; the same thread reads each value before it writes it.
        unsafe { self.launch("leaky_relu_forward", elementwise(dims.len()), &arguments) }
    }

    /// The backward pass of [`leaky_relu_forward`](Self::leaky_relu_forward): replaces `d`, the gradient of `y`, with
    /// the gradient of `a`, and computes the gradient of the bias.
    pub(super) fn leaky_relu_backward(
        &self,
        dims: MatrixDims,
        negative_slope: f32,
        (d, a): (DeviceSlice<'_>, DeviceSlice<'_>),
        d_bias: SumOutput<'_>,
    ) -> Result<()> {
        dims.check(&[d, a], &[d_bias.values]);
        let arguments = [
            i32_arg(dims.n),
            i32_arg(dims.width),
            negative_slope.into(),
            d.into(),
            a.into(),
            d_bias.values.into(),
            bool_arg(d_bias.accumulate),
        ];
        // SAFETY: as in `batch_norm_forward`.
        unsafe { self.launch("leaky_relu_backward", columnwise(dims.width), &arguments) }
    }

    /// Adds the bias to each row of `y`.
    pub(super) fn add_bias(&self, dims: MatrixDims, y: DeviceSlice<'_>, bias: DeviceSlice<'_>) -> Result<()> {
        dims.check(&[y], &[bias]);
        let arguments = [i32_arg(dims.n), i32_arg(dims.width), y.into(), bias.into()];
        // SAFETY: as in `batch_norm_forward`.
        unsafe { self.launch("add_bias", elementwise(dims.len()), &arguments) }
    }

    /// Sums the columns of `d`.
    pub(super) fn column_sums(&self, dims: MatrixDims, d: DeviceSlice<'_>, sums: SumOutput<'_>) -> Result<()> {
        dims.check(&[d], &[sums.values]);
        let arguments = [i32_arg(dims.n), i32_arg(dims.width), d.into(), sums.values.into(), bool_arg(sums.accumulate)];
        // SAFETY: as in `batch_norm_forward`.
        unsafe { self.launch("column_sums", columnwise(dims.width), &arguments) }
    }

    /// The mean squared error. `partials` is scratch memory for the partial sums.
    pub(super) fn mse_forward(
        &self,
        output: DeviceSlice<'_>,
        target: DeviceSlice<'_>,
        partials: DeviceSlice<'_>,
        mean: DeviceSlice<'_>,
    ) -> Result<()> {
        assert_eq!(output.len(), target.len());
        assert_eq!((partials.len(), mean.len()), (PARTIAL_SUMS, 1));
        let arguments = [i64_arg(output.len()), output.into(), target.into(), partials.into()];
        // SAFETY: both have that length, and `partials` has a value per block.
        unsafe { self.launch("mse_partial_sums", one_dimensional(PARTIAL_SUMS), &arguments)? };
        let arguments = [i32_arg(PARTIAL_SUMS), i64_arg(output.len()), partials.into(), mean.into()];
        // SAFETY: `partials` has that length, and `mean` has one value.
        unsafe { self.launch("mse_reduce", one_dimensional(1), &arguments) }
    }

    /// The gradient of `output`, given the gradient of the mean squared error.
    pub(super) fn mse_backward(
        &self,
        output: DeviceSlice<'_>,
        target: DeviceSlice<'_>,
        gradient: DeviceSlice<'_>,
        d: DeviceSlice<'_>,
    ) -> Result<()> {
        assert_eq!([output.len(), target.len()], [d.len(); 2]);
        assert_eq!(gradient.len(), 1);
        let arguments = [i64_arg(d.len()), output.into(), target.into(), gradient.into(), d.into()];
        // SAFETY: all have that length except `gradient`, of which the kernel reads one value.
        unsafe { self.launch("mse_backward", elementwise(d.len()), &arguments) }
    }

    /// One step of Adam on the weights that `table` lists.
    ///
    /// # Safety
    ///
    /// Each row must hold the addresses of a chunk of weights, of its gradients and of both its moments, all of them
    /// allocated, and the length of the chunk.
    pub(super) unsafe fn adam(&self, table: DeviceSlice<'_>, coefficients: &AdamCoefficients) -> Result<()> {
        let rows = table.len() / ADAM_TABLE_COLUMNS;
        let AdamCoefficients {
            beta1,
            beta2,
            one_minus_beta1,
            one_minus_beta2,
            step_size,
            inverse_bias_correction2_sqrt,
            eps,
            weight_decay,
        } = *coefficients;
        let arguments = [
            table.into(),
            beta1.into(),
            beta2.into(),
            one_minus_beta1.into(),
            one_minus_beta2.into(),
            step_size.into(),
            inverse_bias_correction2_sqrt.into(),
            eps.into(),
            weight_decay.into(),
        ];
        // SAFETY: the caller guarantees that the table is valid.
        unsafe { self.launch("adam", one_dimensional(rows), &arguments) }
    }

    /// to += from.
    pub(crate) fn add_assign(&self, to: DeviceSlice<'_>, from: DeviceSlice<'_>) -> Result<()> {
        assert_eq!(to.len(), from.len());
        // SAFETY: both have that length.
        unsafe { self.launch("add_assign", elementwise(to.len()), &[i64_arg(to.len()), to.into(), from.into()]) }
    }

    /// Copies rows of a matrix; `moves` holds pairs of row indices, each a destination and a source.
    ///
    /// # Safety
    ///
    /// Every value of `moves` must be the index of a row.
    pub(super) unsafe fn move_rows(&self, width: usize, moves: DeviceSlice<'_>, rows: DeviceSlice<'_>) -> Result<()> {
        let pairs = moves.len() / 2;
        let arguments = [i32_arg(pairs), i32_arg(width), moves.into(), rows.into()];
        // SAFETY: the caller guarantees that the indices are valid.
        unsafe { self.launch("move_rows", elementwise(pairs * width), &arguments) }
    }

    /// The `keep` highest scores of each row, their column indices, and the highest score that was left out.
    pub(super) fn top_k_rows(
        &self,
        MatrixDims { n, width }: MatrixDims,
        keep: usize,
        scores: DeviceSlice<'_>,
        (top, indices): (DeviceSlice<'_>, DeviceSlice<'_>),
        bounds: DeviceSlice<'_>,
    ) -> Result<()> {
        assert_eq!(scores.len(), n * width);
        assert_eq!((top.len(), indices.len(), bounds.len()), (n * keep, n * keep, n));
        let arguments = [i32_arg(width), i32_arg(keep), scores.into(), top.into(), indices.into(), bounds.into()];
        // SAFETY: there is a block per row, and the lengths were checked.
        unsafe { self.launch("top_k_rows", one_dimensional(n), &arguments) }
    }
}
