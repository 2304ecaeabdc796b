//! The convolutions of the encoder and the decoder: im2col or col2im, and one matrix product for the entire batch.

use candle_core::Result;

use super::backend::{DeviceSlice, Gemm, Gpu, Operand};
use super::kernels::image_kernels::{Epilogue, ImageLayout};
use super::linear::GradientBuffer;
use crate::ops::{ConvGeometry, ConvLayers, Linear};

/// A convolution from fine to coarse images, or its transpose, for a batch of `n` images.
#[derive(Debug, Clone, Copy)]
pub(super) struct Convolution<'a> {
    pub(super) layer: &'a Linear,
    pub(super) geometry: &'a ConvGeometry,
    pub(super) n: usize,
}

impl ConvLayers {
    /// The outer and the inner convolution for a batch of `n` images.
    pub(super) fn convolutions(&self, n: usize) -> [Convolution<'_>; 2] {
        [
            Convolution { layer: &self.outer_layer, geometry: &self.outer, n },
            Convolution { layer: &self.inner_layer, geometry: &self.inner, n },
        ]
    }
}

impl Convolution<'_> {
    /// Coarse pixels of the batch.
    fn columns(&self) -> usize {
        self.n * self.geometry.pixels()
    }

    /// Values in the patches of the batch.
    pub(super) fn patches_len(&self) -> usize {
        self.geometry.patch_len() * self.columns()
    }

    /// The weights as a matrix: (coarse channel, patch).
    fn kernel(&self, gpu: &Gpu) -> Result<Operand<'_>> {
        let weight = gpu.slice_of(self.layer.weight.tensor())?;
        Ok(Operand::new(weight, self.geometry.coarse_channels, self.geometry.patch_len()))
    }

    fn coarse<'a>(&self, values: DeviceSlice<'a>) -> Operand<'a> {
        Operand::new(values, self.geometry.coarse_channels, self.columns())
    }

    fn patches<'a>(&self, values: DeviceSlice<'a>) -> Operand<'a> {
        Operand::new(values, self.geometry.patch_len(), self.columns())
    }

    /// The convolution, without the bias. The coarse images are (channel, image, y, x). `patches` receives the result
    /// of im2col, which the weight gradient needs.
    pub(super) fn conv(
        &self,
        gpu: &Gpu,
        (fine, layout): (DeviceSlice<'_>, ImageLayout),
        patches: DeviceSlice<'_>,
        coarse: DeviceSlice<'_>,
    ) -> Result<()> {
        gpu.im2col(self.geometry, layout, fine, patches)?;
        gpu.gemm(&Gemm::new(coarse, self.kernel(gpu)?, self.patches(patches)))
    }

    /// The transposed convolution with an epilogue. The coarse images are (channel, image, y, x); `patches` is scratch
    /// memory.
    pub(super) fn conv_transpose(
        &self,
        gpu: &Gpu,
        coarse: DeviceSlice<'_>,
        patches: DeviceSlice<'_>,
        (fine, layout): (DeviceSlice<'_>, ImageLayout),
        epilogue: Epilogue<'_>,
    ) -> Result<()> {
        gpu.gemm(&Gemm::new(patches, self.kernel(gpu)?.transposed(), self.coarse(coarse)))?;
        gpu.col2im(self.geometry, layout, patches, epilogue, fine)
    }

    /// Stores the gradient of the weights, given coarse images and the patches of fine images. One of the two is an
    /// input of the layer, the other a gradient.
    pub(super) fn weight_gradient(&self, gpu: &Gpu, coarse: DeviceSlice<'_>, patches: DeviceSlice<'_>) -> Result<()> {
        let gradient = GradientBuffer::for_weight(gpu, &self.layer.weight)?;
        gradient.store_product(gpu, self.coarse(coarse), self.patches(patches).transposed())
    }

    /// Stores the gradient of the bias, given the gradient `d` of the output in the layout (channel, image, y, x).
    pub(super) fn bias_gradient(&self, gpu: &Gpu, d: DeviceSlice<'_>) -> Result<()> {
        gpu.row_sums(d, GradientBuffer::for_weight(gpu, &self.layer.bias)?.sum_output(gpu)?)
    }
}
