//! The residual network, forward and backward: matrix products, LayerNorm with the residual sum before it, and SiLU.

use candle_core::{Result, Tensor};

use super::backend::{DeviceSlice, Gpu};
use super::gpu_op::{Batch, GpuModule, Gradients};
use super::kernels::MatrixDims;
use super::kernels::residual_kernels::{Columns, NormParameters, NormRows};
use super::linear::GradientBuffer;
use crate::ops::FusedResidual;

/// What a forward pass saves of a LayerNorm.
#[derive(Debug, Default)]
struct SavedNorm {
    /// The residual sum.
    h: Option<Tensor>,
    /// The normalized rows, each followed by the condition.
    a: Option<Tensor>,
    /// The mean and the inverse standard deviation of each row.
    statistics: Option<Tensor>,
}

/// What a forward pass saves of the hidden units of a block.
#[derive(Debug, Default)]
struct SavedActivation {
    /// Derivatives of SiLU.
    derivatives: Option<Tensor>,
    /// The output of SiLU.
    s: Option<Tensor>,
}

/// What a forward pass saves, and scratch memory of the backward pass.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    /// Of the LayerNorm of each block, and of the last one.
    norms: Vec<SavedNorm>,
    activations: Vec<SavedActivation>,
    /// The gradient of the residual sum.
    d: Option<Tensor>,
    /// The gradient of the normalized rows and of the condition.
    d_normalized: Option<Tensor>,
    /// The gradient of SiLU's output, then of its input.
    d_activation: Option<Tensor>,
}

/// The sizes of a network.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    dim: usize,
    condition: usize,
    width: usize,
}

impl FusedResidual {
    fn sizes(&self) -> Result<Sizes> {
        let ((width, columns), (dim, _)) = (self.input.size()?, self.output.size()?);
        Ok(Sizes { dim, condition: columns - dim, width })
    }

    /// Number of columns that LayerNorm number `index` appends to its output: the condition, except after the last block.
    fn appended(&self, index: usize) -> Result<usize> {
        Ok(if index < self.blocks.len() { self.sizes()?.condition } else { 0 })
    }

    /// Adds bias and `addends` to the residual sum `rows.h`, and normalizes it by LayerNorm number `index`.
    fn normalize_on_gpu(
        &self,
        gpu: &Gpu,
        index: usize,
        (n, x): (usize, DeviceSlice<'_>),
        addends: Option<DeviceSlice<'_>>,
        rows: NormRows<'_>,
    ) -> Result<()> {
        let Sizes { dim, condition, width } = self.sizes()?;
        let (bias, norm) = self.norm(index);
        let parameters = NormParameters {
            bias: gpu.slice_of(bias.tensor())?,
            gamma: gpu.slice_of(norm.gamma.tensor())?,
            beta: gpu.slice_of(norm.beta.tensor())?,
        };
        let condition = Columns { values: x, width: dim + condition, start: dim };
        gpu.layer_norm_forward(MatrixDims { n, width }, addends, parameters, condition, self.appended(index)?, rows)
    }

    /// LayerNorm number `index` of the products in `saved`, plus what was saved of the LayerNorm before; the normalized rows.
    fn normalize_saved<'a>(
        &self,
        gpu: &Gpu,
        index: usize,
        (n, x): (usize, DeviceSlice<'_>),
        before: Option<&SavedNorm>,
        SavedNorm { h, a, statistics }: &'a mut SavedNorm,
    ) -> Result<DeviceSlice<'a>> {
        let width = self.sizes()?.width;
        let addends = before.map(|before| gpu.saved(&before.h, n * width)).transpose()?;
        let a = gpu.reserve(a, n * (width + self.appended(index)?))?;
        let rows = NormRows { h: gpu.saved(h, n * width)?, a, statistics: gpu.reserve(statistics, 2 * n)? };
        self.normalize_on_gpu(gpu, index, (n, x), addends, rows)?;
        Ok(a)
    }

    /// The output for the last normalized rows `a`.
    fn output_on_gpu(&self, gpu: &Gpu, Batch { n, x, y }: Batch<'_>, a: DeviceSlice<'_>) -> Result<()> {
        self.output.forward_on_gpu(gpu, a, n, y)?;
        let Sizes { dim, condition, .. } = self.sizes()?;
        if !self.adds_input {
            return Ok(());
        }
        let (x, y) =
            (Columns { values: x, width: dim + condition, start: 0 }, Columns { values: y, width: dim, start: 0 });
        gpu.add_columns(MatrixDims { n, width: dim }, x, y)
    }
}

impl GpuModule for FusedResidual {
    type Saved = Saved;

    const GPU_EVALUATION_BATCH_SIZE: usize = 8192;

    fn forward_on_gpu(&self, gpu: &Gpu, batch: Batch<'_>, saved: &mut Saved) -> Result<()> {
        let Batch { n, x, .. } = batch;
        let width = self.sizes()?.width;
        let Saved { norms, activations, .. } = saved;
        norms.resize_with(self.blocks.len() + 1, SavedNorm::default);
        activations.resize_with(self.blocks.len(), SavedActivation::default);
        self.input.product_on_gpu(gpu, x, n, gpu.reserve(&mut norms[0].h, n * width)?)?;
        for (index, (block, activation)) in self.blocks.iter().zip(activations).enumerate() {
            let (before, rest) = norms.split_at_mut(index);
            let [saved, next, ..] = rest else { unreachable!("there is one more LayerNorm than blocks") };
            let a = self.normalize_saved(gpu, index, (n, x), before.last(), saved)?;
            let SavedActivation { derivatives, s } = activation;
            let (p, s) = (gpu.reserve(derivatives, n * width)?, gpu.reserve(s, n * width)?);
            block.linear1.product_on_gpu(gpu, a, n, p)?;
            gpu.silu_forward(MatrixDims { n, width }, (p, gpu.slice_of(block.linear1.bias.tensor())?), s)?;
            block.linear2.product_on_gpu(gpu, s, n, gpu.reserve(&mut next.h, n * width)?)?;
        }
        let (before, last) = norms.split_at_mut(self.blocks.len());
        let a = self.normalize_saved(gpu, self.blocks.len(), (n, x), before.last(), &mut last[0])?;
        self.output_on_gpu(gpu, batch, a)
    }

    /// Only one residual sum is kept, to which each block adds.
    fn evaluate_on_gpu(&self, gpu: &Gpu, batch: Batch<'_>, saved: &mut Saved) -> Result<()> {
        let Batch { n, x, .. } = batch;
        let Sizes { condition, width, .. } = self.sizes()?;
        saved.norms.resize_with(saved.norms.len().max(1), SavedNorm::default);
        saved.activations.resize_with(saved.activations.len().max(1), SavedActivation::default);
        let SavedNorm { h, a, statistics } = &mut saved.norms[0];
        let (h, statistics) = (gpu.reserve(h, n * width)?, gpu.reserve(statistics, 2 * n)?);
        let (a, s) = (gpu.reserve(a, n * (width + condition))?, gpu.reserve(&mut saved.activations[0].s, n * width)?);
        self.input.product_on_gpu(gpu, x, n, h)?;
        for (index, block) in self.blocks.iter().enumerate() {
            self.normalize_on_gpu(gpu, index, (n, x), None, NormRows { h, a, statistics })?;
            block.linear1.product_on_gpu(gpu, a, n, s)?;
            gpu.silu_forward(MatrixDims { n, width }, (s, gpu.slice_of(block.linear1.bias.tensor())?), s)?;
            block.linear2.add_product_on_gpu(gpu, s, n, h)?;
        }
        let a = a.slice(0..n * width);
        self.normalize_on_gpu(gpu, self.blocks.len(), (n, x), None, NormRows { h, a, statistics })?;
        self.output_on_gpu(gpu, batch, a)
    }

    fn backward_on_gpu(&self, gpu: &Gpu, batch: Batch<'_>, gradients: Gradients<'_>, saved: &mut Saved) -> Result<()> {
        let (Batch { n, x, .. }, Gradients { dy, dx }) = (batch, gradients);
        let Sizes { dim, condition, width } = self.sizes()?;
        let (dims, last) = (MatrixDims { n, width }, self.blocks.len());
        let Saved { norms, activations, d, d_normalized, d_activation } = saved;
        let d = gpu.reserve(d, n * width)?;
        let d_activation = gpu.reserve(d_activation, n * width)?;
        let d_normalized = gpu.reserve(d_normalized, n * (width + condition))?;
        self.output.bias_gradient_on_gpu(gpu, n, dy)?;
        self.output.weight_gradient_on_gpu(gpu, gpu.saved(&norms[last].a, n * width)?, n, dy)?;
        self.output.input_gradient_on_gpu(gpu, n, dy, d_normalized.slice(0..n * width))?;
        if let Some(dx) = dx {
            let dims = MatrixDims { n, width: dim + condition };
            gpu.extend_rows(dims, dim, self.adds_input.then_some(dy), dx)?;
        }
        for (index, saved) in norms.iter().enumerate().rev() {
            let (bias, norm) = self.norm(index);
            let appended = self.appended(index)?;
            let sums = [&norm.gamma, &norm.beta, bias].map(|weight| GradientBuffer::for_weight(gpu, weight));
            let [gamma_sum, beta_sum, bias_sum] = sums;
            let sums = [gamma_sum?, beta_sum?, bias_sum?];
            let rows = NormRows {
                h: gpu.saved(&saved.h, n * width)?,
                a: d_normalized.slice(0..n * (width + appended)),
                statistics: gpu.saved(&saved.statistics, 2 * n)?,
            };
            let gamma = gpu.slice_of(norm.gamma.tensor())?;
            let outputs = [sums[0].sum_output(gpu)?, sums[1].sum_output(gpu)?, sums[2].sum_output(gpu)?];
            gpu.layer_norm_backward(dims, rows, gamma, (d, index < last), outputs)?;
            if let Some(dx) = dx
                && appended > 0
            {
                let from = Columns { values: rows.a, width: width + condition, start: width };
                let to = Columns { values: dx, width: dim + condition, start: dim };
                gpu.add_columns(MatrixDims { n, width: condition }, from, to)?;
            }
            // `d` is now the gradient of what the block before has added to.
            let Some(before) = index.checked_sub(1) else { break };
            let (block, SavedActivation { derivatives, s }) = (&self.blocks[before], &activations[before]);
            block.linear2.weight_gradient_on_gpu(gpu, gpu.saved(s, n * width)?, n, d)?;
            block.linear2.input_gradient_on_gpu(gpu, n, d, d_activation)?;
            let d_bias = GradientBuffer::for_weight(gpu, &block.linear1.bias)?;
            gpu.silu_backward(dims, (d_activation, gpu.saved(derivatives, n * width)?), d_bias.sum_output(gpu)?)?;
            let a = gpu.saved(&norms[before].a, n * (width + condition))?;
            block.linear1.weight_gradient_on_gpu(gpu, a, n, d_activation)?;
            block.linear1.input_gradient_on_gpu(gpu, n, d_activation, d_normalized)?;
        }
        self.input.weight_gradient_on_gpu(gpu, x, n, d)?;
        dx.map_or(Ok(()), |dx| self.input.add_input_gradient_on_gpu(gpu, n, d, dx))
    }
}
