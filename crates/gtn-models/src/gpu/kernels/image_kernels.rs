//! Wrappers of the kernels for images and their patches.

use candle_core::{DType, Result};

use super::{COLUMNS_PER_BLOCK, MAX_BLOCKS, SumOutput, THREADS_PER_BLOCK, elementwise, i32_arg, i64_arg, to_u32};
use crate::gpu::backend::{DeviceSlice, Gpu, KernelArg, LaunchDims};
use crate::ops::{ConvGeometry, KERNEL};

/// Values of a row that one block sums; more if the row would otherwise need more than [`MAX_CHUNKS`] blocks.
const CHUNK: usize = 16_384;
const MAX_CHUNKS: usize = 64;

/// For an elementwise kernel that needs the row index of each value: several blocks share a row.
fn elementwise_in_rows(rows: usize, length: usize) -> LaunchDims {
    let warp = COLUMNS_PER_BLOCK as usize;
    let threads = length.next_multiple_of(warp).clamp(warp, THREADS_PER_BLOCK as usize);
    let blocks_per_row = length.div_ceil(threads).clamp(1, MAX_BLOCKS.div_ceil(rows).max(16));
    LaunchDims { grid: [to_u32(rows), to_u32(blocks_per_row)], block: [to_u32(threads), 1] }
}

/// Checks a length for which the kernels use 32-bit indices.
fn check_32_bit(len: usize) -> usize {
    assert!(i32::try_from(len).is_ok(), "a row of a batch has fewer than 2³¹ values");
    len
}

/// What [`Gpu::col2im`] applies to the fine images before it stores them.
#[derive(Debug, Clone, Copy)]
pub(in crate::gpu) enum Epilogue<'a> {
    Identity,
    /// Adds a bias per channel and applies ReLU.
    BiasRelu(DeviceSlice<'a>),
    /// Adds a bias per channel and applies tanh.
    BiasTanh(DeviceSlice<'a>),
    /// Multiplies by the derivative of ReLU, given the output of ReLU in the layout of the fine images.
    ReluBackward(DeviceSlice<'a>),
}

/// The memory layout of `n` fine images.
#[derive(Debug, Clone, Copy)]
pub(in crate::gpu) struct ImageLayout {
    pub(in crate::gpu) n: usize,
    pub(in crate::gpu) channel_stride: usize,
    pub(in crate::gpu) image_stride: usize,
}

impl ImageLayout {
    /// (image, channel, y, x).
    pub(in crate::gpu) fn nchw(geometry: &ConvGeometry, n: usize) -> Self {
        let plane = 4 * geometry.pixels();
        Self { n, channel_stride: plane, image_stride: plane * geometry.fine_channels }
    }

    /// (channel, image, y, x).
    pub(in crate::gpu) fn cnhw(geometry: &ConvGeometry, n: usize) -> Self {
        let plane = 4 * geometry.pixels();
        Self { n, channel_stride: plane * n, image_stride: plane }
    }

    /// The strides as arguments of a kernel.
    fn strides(self) -> (KernelArg<'static>, KernelArg<'static>) {
        (i64_arg(self.channel_stride), i64_arg(self.image_stride))
    }
}

impl Gpu {
    /// Sums the rows of `d`, one for each value of `sums`. Long rows are summed in chunks first.
    pub(in crate::gpu) fn row_sums(&self, d: DeviceSlice<'_>, sums: SumOutput<'_>) -> Result<()> {
        let rows = sums.values.len();
        let length = d.len() / rows;
        assert_eq!(d.len(), rows * length, "complete rows");
        let chunks = length.div_ceil(CHUNK).clamp(1, MAX_CHUNKS);
        if chunks == 1 {
            return self.chunk_sums(length, 1, d, sums);
        }
        let partials = self.empty(rows * chunks, DType::F32)?;
        let partials = self.slice_of(&partials)?;
        self.chunk_sums(length, chunks, d, SumOutput { values: partials, accumulate: false })?;
        self.chunk_sums(chunks, 1, partials, sums)
    }

    fn chunk_sums(&self, length: usize, chunks: usize, d: DeviceSlice<'_>, sums: SumOutput<'_>) -> Result<()> {
        let rows = sums.values.len() / chunks;
        assert_eq!((d.len(), sums.values.len()), (rows * length, rows * chunks));
        let chunk = length.div_ceil(chunks);
        let arguments = (i32_arg(length), i32_arg(chunk), d, sums);
        let dims = LaunchDims { grid: [to_u32(rows), to_u32(chunks)], block: [THREADS_PER_BLOCK, 1] };
        // SAFETY: there is a block and an output value for each chunk of each row, and `d` has that many rows of that
        // length.
        unsafe { self.queue("row_sums", dims, arguments) }
    }

    fn check_patches(geometry: &ConvGeometry, layout: ImageLayout, fine: DeviceSlice<'_>, patches: DeviceSlice<'_>) {
        assert_eq!(fine.len(), layout.n * geometry.fine_len(), "{} images of {geometry:?}", layout.n);
        assert_eq!(patches.len(), geometry.patch_len() * layout.n * geometry.pixels(), "patches of {geometry:?}");
        let strides = |layout: ImageLayout| (layout.channel_stride, layout.image_stride);
        let valid = [ImageLayout::nchw(geometry, layout.n), ImageLayout::cnhw(geometry, layout.n)];
        assert!(valid.map(strides).contains(&strides(layout)), "{layout:?} of {geometry:?}");
    }

    /// Writes the patches of the fine images to the columns of a matrix.
    pub(in crate::gpu) fn im2col(
        &self,
        geometry: &ConvGeometry,
        layout: ImageLayout,
        fine: DeviceSlice<'_>,
        patches: DeviceSlice<'_>,
    ) -> Result<()> {
        const { assert!(KERNEL == 4, "the CUDA kernels support no other kernel size") };
        Self::check_patches(geometry, layout, fine, patches);
        let sizes = (i32_arg(layout.n), i32_arg(geometry.coarse_side));
        let arguments = (sizes, fine, layout.strides(), patches);
        let dims = elementwise_in_rows(geometry.patch_len(), check_32_bit(layout.n * geometry.pixels()));
        // SAFETY: both have the size that `geometry` and one of the two layouts require, which the kernel stays within;
        // there is a row for each value of a patch.
        unsafe { self.queue("im2col", dims, arguments) }
    }

    /// The adjoint of [`im2col`](Self::im2col): adds the patches up in the fine images, and applies the epilogue.
    pub(in crate::gpu) fn col2im(
        &self,
        geometry: &ConvGeometry,
        layout: ImageLayout,
        patches: DeviceSlice<'_>,
        epilogue: Epilogue<'_>,
        fine: DeviceSlice<'_>,
    ) -> Result<()> {
        Self::check_patches(geometry, layout, fine, patches);
        let (code, operand) = match epilogue {
            // The kernel does not read the operand.
            Epilogue::Identity => (0, fine),
            Epilogue::BiasRelu(bias) => (1, bias),
            Epilogue::BiasTanh(bias) => (2, bias),
            Epilogue::ReluBackward(y) => (3, y),
        };
        let expected = match epilogue {
            Epilogue::BiasRelu(_) | Epilogue::BiasTanh(_) => geometry.fine_channels,
            Epilogue::Identity | Epilogue::ReluBackward(_) => fine.len(),
        };
        assert_eq!(operand.len(), expected, "{epilogue:?} for {geometry:?}");
        let sizes = (i32_arg(layout.n), i32_arg(geometry.coarse_side));
        let arguments = (sizes, patches, i32_arg(code), operand, fine, layout.strides());
        let dims = elementwise_in_rows(geometry.fine_channels, check_32_bit(4 * layout.n * geometry.pixels()));
        // SAFETY: as in `im2col`, with a row for each channel; the operand has the length that the epilogue requires.
        unsafe { self.queue("col2im", dims, arguments) }
    }

    /// Adds a bias to each row and applies ReLU, in place. There are as many rows as `bias` has values.
    pub(in crate::gpu) fn bias_relu(&self, x: DeviceSlice<'_>, bias: DeviceSlice<'_>) -> Result<()> {
        let length = x.len() / bias.len();
        assert_eq!(x.len(), bias.len() * length, "complete rows");
        let arguments = (i32_arg(length), x, bias);
        // SAFETY: `x` has that many rows of that length.
        unsafe { self.queue("bias_relu", elementwise_in_rows(bias.len(), length), arguments) }
    }

    /// Sets `d` to 0 where `y`, the output of ReLU, is not above 0.
    pub(in crate::gpu) fn relu_backward(&self, d: DeviceSlice<'_>, y: DeviceSlice<'_>) -> Result<()> {
        assert_eq!(d.len(), y.len());
        // SAFETY: both have that length.
        unsafe { self.queue("relu_backward", elementwise(d.len()), (i64_arg(d.len()), d, y)) }
    }

    /// The gradient of the input of tanh, given its output `y` and the gradient `dy` of the output.
    pub(in crate::gpu) fn tanh_backward(
        &self,
        dy: DeviceSlice<'_>,
        y: DeviceSlice<'_>,
        d: DeviceSlice<'_>,
    ) -> Result<()> {
        assert_eq!([dy.len(), y.len()], [d.len(); 2]);
        let arguments = (i64_arg(d.len()), dy, y, d);
        // SAFETY: all have that length.
        unsafe { self.queue("tanh_backward", elementwise(d.len()), arguments) }
    }

    /// Copies an array of shape (first, second, inner) to one of shape (second, first, inner).
    pub(in crate::gpu) fn swap_axes(
        &self,
        [first, second, inner]: [usize; 3],
        from: DeviceSlice<'_>,
        to: DeviceSlice<'_>,
    ) -> Result<()> {
        assert_eq!([from.len(), to.len()], [first * second * inner; 2]);
        let arguments = ((i32_arg(first), i32_arg(second), i32_arg(inner)), from, to);
        // SAFETY: the length of both is the product of the axes; there is a row for each index of the first axis.
        unsafe { self.queue("swap_axes", elementwise_in_rows(first, check_32_bit(second * inner)), arguments) }
    }
}
