//! ĥ, forward and backward: matrix products, and one kernel per layer between them.

use candle_core::{Result, Tensor};

use super::backend::{DeviceSlice, Gpu};
use super::gpu_op::{Batch, GpuModule, Gradients};
use super::kernels::{BatchNormSlices, MatrixDims};
use super::linear::GradientBuffer;
use crate::ops::{FusedMlp, Norm};

/// What a forward pass saves of one hidden layer.
#[derive(Debug, Default)]
struct SavedLayer {
    /// The input of the activation.
    a: Option<Tensor>,
    /// The output of the layer.
    y: Option<Tensor>,
    /// The mean and the inverse standard deviation of each column.
    statistics: Option<Tensor>,
}

/// What a forward pass saves of all hidden layers.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    layers: Vec<SavedLayer>,
    /// Scratch memory: the gradients of two adjacent layers, or in evaluation mode their outputs.
    adjacent: [Option<Tensor>; 2],
}

impl Norm {
    fn slices<'a>(&'a self, gpu: &Gpu) -> Result<BatchNormSlices<'a>> {
        Ok(BatchNormSlices {
            gamma: gpu.slice_of(self.gamma.tensor())?,
            beta: gpu.slice_of(self.beta.tensor())?,
            running_mean: gpu.slice_of(self.mean.as_tensor())?,
            running_variance: gpu.slice_of(self.variance.as_tensor())?,
        })
    }
}

/// The output of the last of `layers`, or the input of the network if there are none.
fn last_output<'a>(gpu: &Gpu, layers: &'a [SavedLayer], x: DeviceSlice<'a>, len: usize) -> Result<DeviceSlice<'a>> {
    match layers.last().and_then(|layer| layer.y.as_ref()) {
        Some(y) => Ok(gpu.slice_of(y)?.slice(0..len)),
        None => Ok(x),
    }
}

impl FusedMlp {
    /// The width of the widest hidden layer.
    fn max_width(&self) -> Result<usize> {
        let widths = self.hidden.iter().map(|layer| Ok(layer.linear.size()?.0));
        Ok(widths.collect::<Result<Vec<_>>>()?.into_iter().max().unwrap_or_default())
    }
}

impl GpuModule for FusedMlp {
    type Saved = Saved;

    const GPU_EVALUATION_BATCH_SIZE: usize = 8192;

    fn forward_on_gpu(&self, gpu: &Gpu, Batch { n, x, y }: Batch<'_>, saved: &mut Saved) -> Result<()> {
        saved.layers.resize_with(self.hidden.len(), SavedLayer::default);
        for (index, layer) in self.hidden.iter().enumerate() {
            let (lower, rest) = saved.layers.split_at_mut(index);
            let SavedLayer { a, y, statistics } = &mut rest[0];
            let (width, input) = layer.linear.size()?;
            let dims = MatrixDims { n, width };
            let (a, y) = (gpu.reserve(a, n * width)?, gpu.reserve(y, n * width)?);
            layer.linear.product_on_gpu(gpu, last_output(gpu, lower, x, n * input)?, n, a)?;
            let bias = gpu.slice_of(layer.linear.bias.tensor())?;
            match &layer.norm {
                None => gpu.leaky_relu_forward(dims, self.negative_slope, (a, bias), y)?,
                Some(norm) => {
                    let statistics = gpu.reserve(statistics, 2 * width)?;
                    gpu.batch_norm_forward(dims, self.negative_slope, (a, bias), norm.slices(gpu)?, (y, statistics))?;
                }
            }
        }
        let input = self.output.size()?.1;
        self.output.forward_on_gpu(gpu, last_output(gpu, &saved.layers, x, n * input)?, n, y)
    }

    fn evaluate_on_gpu(&self, gpu: &Gpu, Batch { n, x, y }: Batch<'_>, saved: &mut Saved) -> Result<()> {
        let max_width = self.max_width()?;
        let [first, second] = saved.adjacent.each_mut().map(|buffer| gpu.reserve_tensor(buffer, n * max_width));
        let (first, second) = (first?, second?);
        let (mut current, mut next) = (gpu.slice_of(&first)?, gpu.slice_of(&second)?);
        for (index, layer) in self.hidden.iter().enumerate() {
            let (width, input) = layer.linear.size()?;
            let a = next.slice(0..n * width);
            layer.linear.product_on_gpu(gpu, if index == 0 { x } else { current.slice(0..n * input) }, n, a)?;
            let bias = gpu.slice_of(layer.linear.bias.tensor())?;
            let dims = MatrixDims { n, width };
            match &layer.norm {
                None => gpu.leaky_relu_forward(dims, self.negative_slope, (a, bias), a)?,
                Some(norm) => gpu.batch_norm_inference(dims, self.negative_slope, (a, bias), norm.slices(gpu)?)?,
            }
            std::mem::swap(&mut current, &mut next);
        }
        let input = self.output.size()?.1;
        self.output.forward_on_gpu(gpu, if self.hidden.is_empty() { x } else { current.slice(0..n * input) }, n, y)
    }

    fn backward_on_gpu(&self, gpu: &Gpu, batch: Batch<'_>, gradients: Gradients<'_>, saved: &mut Saved) -> Result<()> {
        let (Batch { n, x, .. }, Gradients { dy, dx }) = (batch, gradients);
        let Saved { layers, adjacent } = saved;
        self.output.bias_gradient_on_gpu(gpu, n, dy)?;
        let input = self.output.size()?.1;
        self.output.weight_gradient_on_gpu(gpu, last_output(gpu, layers, x, n * input)?, n, dy)?;
        if self.hidden.is_empty() {
            return dx.map_or(Ok(()), |dx| self.output.input_gradient_on_gpu(gpu, n, dy, dx));
        }
        let max_width = self.max_width()?;
        let [first, second] = adjacent.each_mut().map(|buffer| gpu.reserve_tensor(buffer, n * max_width));
        let (first, second) = (first?, second?);
        let (mut current, mut next) = (gpu.slice_of(&first)?, gpu.slice_of(&second)?);
        self.output.input_gradient_on_gpu(gpu, n, dy, current.slice(0..n * input))?;
        for (index, layer) in self.hidden.iter().enumerate().rev() {
            let (lower, SavedLayer { a, statistics, .. }) = (&layers[..index], &layers[index]);
            let (width, input) = layer.linear.size()?;
            let (dims, d) = (MatrixDims { n, width }, current.slice(0..n * width));
            let a = gpu.saved(a, n * width)?;
            let d_bias = GradientBuffer::for_weight(gpu, &layer.linear.bias)?;
            match &layer.norm {
                None => gpu.leaky_relu_backward(dims, self.negative_slope, (d, a), d_bias.sum_output(gpu)?)?,
                Some(norm) => {
                    let d_gamma = GradientBuffer::for_weight(gpu, &norm.gamma)?;
                    let d_beta = GradientBuffer::for_weight(gpu, &norm.beta)?;
                    let sums = [d_gamma.sum_output(gpu)?, d_beta.sum_output(gpu)?, d_bias.sum_output(gpu)?];
                    let statistics = gpu.saved(statistics, 2 * width)?;
                    let gamma = gpu.slice_of(norm.gamma.tensor())?;
                    gpu.batch_norm_backward(dims, self.negative_slope, (d, a), (gamma, statistics), sums)?;
                }
            }
            layer.linear.weight_gradient_on_gpu(gpu, last_output(gpu, lower, x, n * input)?, n, d)?;
            let d_input = if index == 0 { dx } else { Some(next.slice(0..n * input)) };
            if let Some(d_input) = d_input {
                layer.linear.input_gradient_on_gpu(gpu, n, d, d_input)?;
            }
            std::mem::swap(&mut current, &mut next);
        }
        Ok(())
    }
}
