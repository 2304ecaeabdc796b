//! Safe wrappers of the kernels: each checks that its arguments are as large as what the kernel reads and writes.
#![allow(unsafe_code, reason = "launching a kernel is unsafe; each launch here says why it is sound")]

pub(super) mod image_kernels;
pub(super) mod residual_kernels;

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
/// Arguments that a kernel has at most.
const MAX_ARGUMENTS: usize = 16;
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

/// One or more arguments of a kernel, in the order of its parameters.
trait KernelArgs<'a> {
    fn append_to(self, arguments: &mut Vec<KernelArg<'a>>);
}

macro_rules! single_arguments {
    ($($argument:ty),+) => {$(
        impl<'a> KernelArgs<'a> for $argument {
            fn append_to(self, arguments: &mut Vec<KernelArg<'a>>) {
                arguments.push(self.into());
            }
        }
    )+};
}

single_arguments!(DeviceSlice<'a>, KernelArg<'a>, f32);

macro_rules! tuples_of_arguments {
    ($(($($argument:ident),+))+) => {$(
        impl<'a, $($argument: KernelArgs<'a>),+> KernelArgs<'a> for ($($argument,)+) {
            #[allow(non_snake_case, reason = "each argument is named after its type")]
            fn append_to(self, arguments: &mut Vec<KernelArg<'a>>) {
                let ($($argument,)+) = self;
                $($argument.append_to(arguments);)+
            }
        }
    )+};
}

tuples_of_arguments!((A, B)(A, B, C)(A, B, C, D)(A, B, C, D, E)(A, B, C, D, E, F));

impl<'a> KernelArgs<'a> for MatrixDims {
    fn append_to(self, arguments: &mut Vec<KernelArg<'a>>) {
        (i32_arg(self.n), i32_arg(self.width)).append_to(arguments);
    }
}

impl<'a> KernelArgs<'a> for SumOutput<'a> {
    fn append_to(self, arguments: &mut Vec<KernelArg<'a>>) {
        (self.values, bool_arg(self.accumulate)).append_to(arguments);
    }
}

impl Gpu {
    /// Queues a kernel.
    ///
    /// # Safety
    ///
    /// As for [`Backend::launch`](super::backend::Backend::launch).
    unsafe fn queue<'a>(&self, kernel: &'static str, dims: LaunchDims, arguments: impl KernelArgs<'a>) -> Result<()> {
        let mut list = Vec::with_capacity(MAX_ARGUMENTS);
        arguments.append_to(&mut list);
        // SAFETY: the caller guarantees that the arguments are valid.
        unsafe { self.launch(kernel, dims, &list) }
    }

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
        let BatchNormSlices { gamma, beta, running_mean, running_variance } = norm;
        let running = (running_mean, running_variance);
        let arguments = (dims, negative_slope, (a, bias), (gamma, beta), (y, statistics), running);
        // SAFETY: the lengths were checked, and the kernel stays within `n` rows of `width` columns.
        unsafe { self.queue("batch_norm_forward", columnwise(dims.width), arguments) }
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
        let arguments = (dims, negative_slope, (d, a), (gamma, statistics), (d_gamma, d_beta, d_bias));
        // SAFETY: as in `batch_norm_forward`.
        unsafe { self.queue("batch_norm_backward", columnwise(dims.width), arguments) }
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
        let BatchNormSlices { gamma, beta, running_mean, running_variance } = norm;
        let arguments = (dims, negative_slope, (a, bias), (gamma, beta), (running_mean, running_variance));
        let mut launch_dims = columnwise(dims.width);
        launch_dims.grid[1] = to_u32(dims.n.div_ceil(ROWS_PER_BLOCK));
        // SAFETY: as in `batch_norm_forward`.
        unsafe { self.queue("batch_norm_inference", launch_dims, arguments) }
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
        let arguments = (dims, negative_slope, (a, bias), y);
        // SAFETY: as in `batch_norm_forward`; the same thread reads each value before it writes it.
        unsafe { self.queue("leaky_relu_forward", elementwise(dims.len()), arguments) }
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
        let arguments = (dims, negative_slope, (d, a), d_bias);
        // SAFETY: as in `batch_norm_forward`.
        unsafe { self.queue("leaky_relu_backward", columnwise(dims.width), arguments) }
    }

    /// Adds the bias to each row of `y`.
    pub(super) fn add_bias(&self, dims: MatrixDims, y: DeviceSlice<'_>, bias: DeviceSlice<'_>) -> Result<()> {
        dims.check(&[y], &[bias]);
        let arguments = (dims, y, bias);
        // SAFETY: as in `batch_norm_forward`.
        unsafe { self.queue("add_bias", elementwise(dims.len()), arguments) }
    }

    /// Sums the columns of `d`.
    pub(super) fn column_sums(&self, dims: MatrixDims, d: DeviceSlice<'_>, sums: SumOutput<'_>) -> Result<()> {
        dims.check(&[d], &[sums.values]);
        let arguments = (dims, d, sums);
        // SAFETY: as in `batch_norm_forward`.
        unsafe { self.queue("column_sums", columnwise(dims.width), arguments) }
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
        let arguments = (i64_arg(output.len()), output, target, partials);
        // SAFETY: both have that length, and `partials` has a value per block.
        unsafe { self.queue("mse_partial_sums", one_dimensional(PARTIAL_SUMS), arguments)? };
        let arguments = (i32_arg(PARTIAL_SUMS), i64_arg(output.len()), partials, mean);
        // SAFETY: `partials` has that length, and `mean` has one value.
        unsafe { self.queue("mse_reduce", one_dimensional(1), arguments) }
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
        let arguments = (i64_arg(d.len()), output, target, gradient, d);
        // SAFETY: all have that length except `gradient`, of which the kernel reads one value.
        unsafe { self.queue("mse_backward", elementwise(d.len()), arguments) }
    }

    /// One step of Adam on the weights that `table` lists.
    ///
    /// # Safety
    ///
    /// Each row must hold the addresses of a chunk of weights, of its gradients and of both its moments, all of them
    /// allocated, and the length of the chunk.
    pub(super) unsafe fn adam(&self, table: DeviceSlice<'_>, coefficients: &AdamCoefficients) -> Result<()> {
        let rows = table.len() / ADAM_TABLE_COLUMNS;
        let c = coefficients;
        let decay_rates = (c.beta1, c.beta2, c.one_minus_beta1, c.one_minus_beta2);
        let arguments =
            (table, decay_rates, (c.step_size, c.inverse_bias_correction2_sqrt, c.eps, (c.weight_decay, c.shrinkage)));
        // SAFETY: the caller guarantees that the table is valid.
        unsafe { self.queue("adam", one_dimensional(rows), arguments) }
    }

    /// to += from.
    pub(crate) fn add_assign(&self, to: DeviceSlice<'_>, from: DeviceSlice<'_>) -> Result<()> {
        assert_eq!(to.len(), from.len());
        // SAFETY: both have that length.
        unsafe { self.queue("add_assign", elementwise(to.len()), (i64_arg(to.len()), to, from)) }
    }

    /// Copies rows of a matrix; `moves` holds pairs of row indices, each a destination and a source.
    ///
    /// # Safety
    ///
    /// Every value of `moves` must be the index of a row.
    pub(super) unsafe fn move_rows(&self, width: usize, moves: DeviceSlice<'_>, rows: DeviceSlice<'_>) -> Result<()> {
        let pairs = moves.len() / 2;
        let arguments = (i32_arg(pairs), i32_arg(width), moves, rows);
        // SAFETY: the caller guarantees that the indices are valid.
        unsafe { self.queue("move_rows", elementwise(pairs * width), arguments) }
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
        let arguments = (i32_arg(width), i32_arg(keep), scores, top, indices, bounds);
        // SAFETY: there is a block per row, and the lengths were checked.
        unsafe { self.queue("top_k_rows", one_dimensional(n), arguments) }
    }
}
