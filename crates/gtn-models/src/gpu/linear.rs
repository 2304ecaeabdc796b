//! The linear layer: matrix products for its output, its weight gradient and its input gradient.

use candle_core::{Result, Tensor};

use super::backend::{DeviceSlice, Gemm, Gpu, Operand};
use super::kernels::{MatrixDims, SumOutput};
use crate::ops::{Linear, Weight};

/// The buffer for the gradient of a weight, and whether to add to its present values.
#[derive(Debug)]
pub(super) struct GradientBuffer {
    values: Tensor,
    accumulate: bool,
}

impl GradientBuffer {
    /// The buffer for the next gradient of this weight.
    pub(super) fn for_weight(gpu: &Gpu, weight: &Weight) -> Result<Self> {
        let (values, accumulate) = weight.gradient().buffer_on_gpu(gpu, weight.tensor().elem_count())?;
        Ok(Self { values, accumulate })
    }

    pub(super) fn sum_output(&self, gpu: &Gpu) -> Result<SumOutput<'_>> {
        Ok(SumOutput { values: gpu.slice_of(&self.values)?, accumulate: self.accumulate })
    }

    pub(super) fn store_product(&self, gpu: &Gpu, left: Operand<'_>, right: Operand<'_>) -> Result<()> {
        gpu.gemm(&Gemm::new(gpu.slice_of(&self.values)?, left, right).accumulate(self.accumulate))
    }
}

impl Linear {
    /// y = x Wᵀ, without the bias.
    pub(super) fn product_on_gpu(&self, gpu: &Gpu, x: DeviceSlice<'_>, n: usize, y: DeviceSlice<'_>) -> Result<()> {
        let (output, input) = self.size()?;
        let weight = Operand::new(gpu.slice_of(self.weight.tensor())?, output, input);
        gpu.gemm(&Gemm::new(y, Operand::new(x, n, input), weight.transposed()))
    }

    /// y += x Wᵀ.
    pub(super) fn add_product_on_gpu(&self, gpu: &Gpu, x: DeviceSlice<'_>, n: usize, y: DeviceSlice<'_>) -> Result<()> {
        let (output, input) = self.size()?;
        let weight = Operand::new(gpu.slice_of(self.weight.tensor())?, output, input);
        gpu.gemm(&Gemm::new(y, Operand::new(x, n, input), weight.transposed()).accumulate(true))
    }

    /// y = x Wᵀ + b.
    pub(super) fn forward_on_gpu(&self, gpu: &Gpu, x: DeviceSlice<'_>, n: usize, y: DeviceSlice<'_>) -> Result<()> {
        self.product_on_gpu(gpu, x, n, y)?;
        gpu.add_bias(MatrixDims { n, width: self.size()?.0 }, y, gpu.slice_of(self.bias.tensor())?)
    }

    /// Stores the gradient of the weight: dyᵀ x.
    pub(super) fn weight_gradient_on_gpu(
        &self,
        gpu: &Gpu,
        x: DeviceSlice<'_>,
        n: usize,
        dy: DeviceSlice<'_>,
    ) -> Result<()> {
        let (output, input) = self.size()?;
        let (dy, x) = (Operand::new(dy, n, output).transposed(), Operand::new(x, n, input));
        GradientBuffer::for_weight(gpu, &self.weight)?.store_product(gpu, dy, x)
    }

    /// Stores the gradient of the bias: the column sums of dy.
    pub(super) fn bias_gradient_on_gpu(&self, gpu: &Gpu, n: usize, dy: DeviceSlice<'_>) -> Result<()> {
        let gradient = GradientBuffer::for_weight(gpu, &self.bias)?;
        gpu.column_sums(MatrixDims { n, width: self.size()?.0 }, dy, gradient.sum_output(gpu)?)
    }

    /// The gradient of the input: dx = dy W.
    pub(super) fn input_gradient_on_gpu(
        &self,
        gpu: &Gpu,
        n: usize,
        dy: DeviceSlice<'_>,
        dx: DeviceSlice<'_>,
    ) -> Result<()> {
        let (output, input) = self.size()?;
        let weight = Operand::new(gpu.slice_of(self.weight.tensor())?, output, input);
        gpu.gemm(&Gemm::new(dx, Operand::new(dy, n, output), weight))
    }

    /// Adds the gradient of the input: dx += dy W.
    pub(super) fn add_input_gradient_on_gpu(
        &self,
        gpu: &Gpu,
        n: usize,
        dy: DeviceSlice<'_>,
        dx: DeviceSlice<'_>,
    ) -> Result<()> {
        let (output, input) = self.size()?;
        let weight = Operand::new(gpu.slice_of(self.weight.tensor())?, output, input);
        gpu.gemm(&Gemm::new(dx, Operand::new(dy, n, output), weight).accumulate(true))
    }
}
