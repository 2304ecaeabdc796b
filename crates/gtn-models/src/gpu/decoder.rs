//! The decoder: linear, transposed conv, ReLU, transposed conv, tanh; forward and backward.

use candle_core::{Result, Tensor};

use super::backend::Gpu;
use super::gpu_op::{Batch, GpuModule, Gradients};
use super::kernels::image_kernels::{Epilogue, ImageLayout};
use crate::ops::{ConvLayers, FusedDecoder};

/// What a forward pass saves, and scratch memory of both passes. Hidden images are (channel, image, y, x).
#[derive(Debug, Default)]
pub(crate) struct Saved {
    /// The output of the linear layer, (image, channel, y, x); in the backward pass its gradient.
    flat: Option<Tensor>,
    /// The output of the linear layer, (channel, image, y, x).
    unflattened: Option<Tensor>,
    /// The output of ReLU.
    hidden: Option<Tensor>,
    /// Scratch memory for patches, in both passes.
    patches: Option<Tensor>,
    d_unflattened: Option<Tensor>,
    d_hidden: Option<Tensor>,
    /// The gradient of the input of tanh: (image, channel, y, x), then (channel, image, y, x).
    d_tanh_input: [Option<Tensor>; 2],
}

impl GpuModule for FusedDecoder {
    type Saved = Saved;

    const GPU_EVALUATION_BATCH_SIZE: usize = 256;

    fn forward_on_gpu(&self, gpu: &Gpu, Batch { n, x, y }: Batch<'_>, saved: &mut Saved) -> Result<()> {
        let ConvLayers { outer, inner, outer_layer, inner_layer, linear } = &self.0;
        let [deconv2, deconv1] = self.0.convolutions(n);
        let flat = gpu.reserve(&mut saved.flat, n * inner.coarse_len())?;
        linear.forward_on_gpu(gpu, x, n, flat)?;
        let unflattened = gpu.reserve(&mut saved.unflattened, flat.len())?;
        gpu.swap_axes([n, inner.coarse_channels, inner.pixels()], flat, unflattened)?;

        let patches = gpu.reserve(&mut saved.patches, deconv1.patches_len().max(deconv2.patches_len()))?;
        let (patches1, patches2) = (patches.slice(0..deconv1.patches_len()), patches.slice(0..deconv2.patches_len()));
        let hidden = gpu.reserve(&mut saved.hidden, n * outer.coarse_len())?;
        let bias_relu = Epilogue::BiasRelu(gpu.slice_of(inner_layer.bias.tensor())?);
        deconv1.conv_transpose(gpu, unflattened, patches1, (hidden, ImageLayout::cnhw(inner, n)), bias_relu)?;
        let bias_tanh = Epilogue::BiasTanh(gpu.slice_of(outer_layer.bias.tensor())?);
        deconv2.conv_transpose(gpu, hidden, patches2, (y, ImageLayout::nchw(outer, n)), bias_tanh)
    }

    fn backward_on_gpu(&self, gpu: &Gpu, batch: Batch<'_>, gradients: Gradients<'_>, saved: &mut Saved) -> Result<()> {
        let (Batch { n, x, y }, Gradients { dy, dx }) = (batch, gradients);
        let ConvLayers { outer, inner, linear, .. } = &self.0;
        let [deconv2, deconv1] = self.0.convolutions(n);
        let [nchw, cnhw] = saved.d_tanh_input.each_mut().map(|buffer| gpu.reserve(buffer, dy.len()));
        let (nchw, cnhw) = (nchw?, cnhw?);
        gpu.tanh_backward(dy, y, nchw)?;
        gpu.swap_axes([n, outer.fine_channels, 4 * outer.pixels()], nchw, cnhw)?;
        deconv2.bias_gradient(gpu, cnhw)?;

        let patches = gpu.reserve(&mut saved.patches, deconv1.patches_len().max(deconv2.patches_len()))?;
        let (patches1, patches2) = (patches.slice(0..deconv1.patches_len()), patches.slice(0..deconv2.patches_len()));
        let hidden = gpu.saved(&saved.hidden, n * outer.coarse_len())?;
        let d_hidden = gpu.reserve(&mut saved.d_hidden, hidden.len())?;
        deconv2.conv(gpu, (cnhw, ImageLayout::cnhw(outer, n)), patches2, d_hidden)?;
        deconv2.weight_gradient(gpu, hidden, patches2)?;
        gpu.relu_backward(d_hidden, hidden)?;
        deconv1.bias_gradient(gpu, d_hidden)?;

        let unflattened = gpu.saved(&saved.unflattened, n * inner.coarse_len())?;
        let d_unflattened = gpu.reserve(&mut saved.d_unflattened, unflattened.len())?;
        deconv1.conv(gpu, (d_hidden, ImageLayout::cnhw(inner, n)), patches1, d_unflattened)?;
        deconv1.weight_gradient(gpu, unflattened, patches1)?;

        let d_flat = gpu.reserve(&mut saved.flat, unflattened.len())?;
        gpu.swap_axes([inner.coarse_channels, n, inner.pixels()], d_unflattened, d_flat)?;
        linear.bias_gradient_on_gpu(gpu, n, d_flat)?;
        linear.weight_gradient_on_gpu(gpu, x, n, d_flat)?;
        match dx {
            Some(dx) => linear.input_gradient_on_gpu(gpu, n, d_flat, dx),
            None => Ok(()),
        }
    }
}
