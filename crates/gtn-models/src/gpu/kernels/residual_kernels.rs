//! Wrappers of the kernels for residual networks: LayerNorm, SiLU, and sums of columns of two matrices.

use candle_core::Result;

use super::{KernelArgs, MatrixDims, SumOutput, bool_arg, columnwise, elementwise, i32_arg, i64_arg, one_dimensional};
use crate::gpu::backend::{DeviceSlice, Gpu, KernelArg};

/// What LayerNorm reads and writes of its rows.
#[derive(Debug, Clone, Copy)]
pub(in crate::gpu) struct NormRows<'a> {
    /// Its input.
    pub(in crate::gpu) h: DeviceSlice<'a>,
    /// Its output, or the gradient of it, each row followed by the columns that are appended.
    pub(in crate::gpu) a: DeviceSlice<'a>,
    /// The mean and the inverse standard deviation of each row.
    pub(in crate::gpu) statistics: DeviceSlice<'a>,
}

/// The bias that is added before LayerNorm, and its scale and shift.
#[derive(Debug, Clone, Copy)]
pub(in crate::gpu) struct NormParameters<'a> {
    pub(in crate::gpu) bias: DeviceSlice<'a>,
    pub(in crate::gpu) gamma: DeviceSlice<'a>,
    pub(in crate::gpu) beta: DeviceSlice<'a>,
}

/// Columns of a matrix with `width` columns, from column `start`.
#[derive(Debug, Clone, Copy)]
pub(in crate::gpu) struct Columns<'a> {
    pub(in crate::gpu) values: DeviceSlice<'a>,
    pub(in crate::gpu) width: usize,
    pub(in crate::gpu) start: usize,
}

impl Columns<'_> {
    /// Checks that there are `n` rows with `columns` such columns.
    fn check(&self, n: usize, columns: usize) {
        assert_eq!(self.values.len(), n * self.width, "{n} rows of {} columns", self.width);
        assert!(self.start + columns <= self.width, "columns {} + {columns} of {}", self.start, self.width);
    }
}

impl<'a> KernelArgs<'a> for Columns<'a> {
    fn append_to(self, arguments: &mut Vec<KernelArg<'a>>) {
        (self.values, i32_arg(self.width), i32_arg(self.start)).append_to(arguments);
    }
}

impl Gpu {
    /// Adds the bias and `addends` to the rows of `h`, and writes LayerNorm of the result to `a`, each row followed by
    /// `appended` columns of `condition`.
    pub(in crate::gpu) fn layer_norm_forward(
        &self,
        dims: MatrixDims,
        addends: Option<DeviceSlice<'_>>,
        NormParameters { bias, gamma, beta }: NormParameters<'_>,
        condition: Columns<'_>,
        appended: usize,
        NormRows { h, a, statistics }: NormRows<'_>,
    ) -> Result<()> {
        dims.check(&[h, addends.unwrap_or(h)], &[bias, gamma, beta]);
        assert_eq!((a.len(), statistics.len()), (dims.n * (dims.width + appended), 2 * dims.n));
        condition.check(dims.n, appended);
        let sizes = (i32_arg(dims.width), i32_arg(appended));
        let addends = (bool_arg(addends.is_some()), addends.unwrap_or(h));
        let arguments = (sizes, (h, addends), (bias, gamma, beta), condition, (a, statistics));
        // SAFETY: the lengths were checked, and there is a block per row.
        unsafe { self.queue("layer_norm_forward", one_dimensional(dims.n), arguments) }
    }

    /// The backward pass of [`layer_norm_forward`](Self::layer_norm_forward), given the gradient of its output: writes or adds
    /// the gradient of its input to `d`, and computes the gradients of gamma, of beta, and of the bias from all of `d`.
    pub(in crate::gpu) fn layer_norm_backward(
        &self,
        dims: MatrixDims,
        NormRows { h, a: d_normalized, statistics }: NormRows<'_>,
        gamma: DeviceSlice<'_>,
        (d, accumulate): (DeviceSlice<'_>, bool),
        [d_gamma, d_beta, d_bias]: [SumOutput<'_>; 3],
    ) -> Result<()> {
        dims.check(&[h, d], &[gamma, d_gamma.values, d_beta.values, d_bias.values]);
        assert_eq!(statistics.len(), 2 * dims.n);
        let stride = d_normalized.len() / dims.n;
        assert!(stride >= dims.width && stride * dims.n == d_normalized.len());
        let rows = (h, d_normalized, i32_arg(stride), statistics);
        let arguments = (i32_arg(dims.width), rows, gamma, (d, bool_arg(accumulate)));
        // SAFETY: the lengths were checked, and there is a block per row.
        unsafe { self.queue("layer_norm_backward", one_dimensional(dims.n), arguments)? };
        let arguments = (dims, rows, d, (d_gamma, d_beta, d_bias));
        // SAFETY: the lengths were checked, and the kernel stays within `n` rows of `width` columns.
        unsafe { self.queue("layer_norm_parameter_gradients", columnwise(dims.width), arguments) }
    }

    /// Adds the bias to `x`, replaces it by the derivative of SiLU, and writes SiLU to `y`. If `y` is `x`, only SiLU remains.
    pub(in crate::gpu) fn silu_forward(
        &self,
        dims: MatrixDims,
        (x, bias): (DeviceSlice<'_>, DeviceSlice<'_>),
        y: DeviceSlice<'_>,
    ) -> Result<()> {
        dims.check(&[x, y], &[bias]);
        // SAFETY: the lengths were checked; the same thread reads each value before it writes it.
        unsafe { self.queue("silu_forward", elementwise(dims.len()), (dims, x, bias, y)) }
    }

    /// Multiplies `d`, the gradient of SiLU, by its derivatives, and computes the gradient of the bias.
    pub(in crate::gpu) fn silu_backward(
        &self,
        dims: MatrixDims,
        (d, derivatives): (DeviceSlice<'_>, DeviceSlice<'_>),
        d_bias: SumOutput<'_>,
    ) -> Result<()> {
        dims.check(&[d, derivatives], &[d_bias.values]);
        // SAFETY: the lengths were checked, and the kernel stays within `n` rows of `width` columns.
        unsafe { self.queue("silu_backward", columnwise(dims.width), (dims, d, derivatives, d_bias)) }
    }

    /// Adds columns of one matrix to columns of another one; `dims` are those of the columns.
    pub(in crate::gpu) fn add_columns(&self, dims: MatrixDims, from: Columns<'_>, to: Columns<'_>) -> Result<()> {
        from.check(dims.n, dims.width);
        to.check(dims.n, dims.width);
        // SAFETY: the lengths were checked.
        unsafe { self.queue("add_columns", elementwise(dims.len()), (dims, from, to)) }
    }

    /// Writes rows of `columns` values to the first columns of `to`, whose dimensions are `dims`, and 0 to all others.
    pub(in crate::gpu) fn extend_rows(
        &self,
        dims: MatrixDims,
        columns: usize,
        from: Option<DeviceSlice<'_>>,
        to: DeviceSlice<'_>,
    ) -> Result<()> {
        dims.check(&[to], &[]);
        // Without rows, no column is copied, and nothing is read.
        let (columns, from) = from.map_or((0, to), |from| (columns, from));
        assert!(columns <= dims.width && from.len() >= dims.n * columns);
        // SAFETY: the lengths were checked.
        unsafe { self.queue("extend_rows", elementwise(dims.len()), (dims, i32_arg(columns), from, to)) }
    }

    /// Moves `averages` toward `values` by this fraction of their difference.
    pub(crate) fn move_towards(&self, averages: DeviceSlice<'_>, values: DeviceSlice<'_>, fraction: f32) -> Result<()> {
        assert_eq!(averages.len(), values.len());
        let arguments = (i64_arg(averages.len()), fraction, averages, values);
        // SAFETY: both have that length.
        unsafe { self.queue("move_towards", elementwise(averages.len()), arguments) }
    }
}
