//! The encoder: conv, ReLU, conv, ReLU, linear; forward and backward.

use candle_core::{Result, Tensor};

use super::backend::Gpu;
use super::gpu_op::{Batch, GpuModule, Gradients};
use super::kernels::image_kernels::{Epilogue, ImageLayout};
use crate::ops::{ConvLayers, FusedEncoder};

/// What a forward pass saves, and scratch memory of the backward pass. Hidden images are (channel, image, y, x).
#[derive(Debug, Default)]
pub(crate) struct Saved {
    /// Patches of the input images, and of the output of the first ReLU.
    patches1: Option<Tensor>,
    patches2: Option<Tensor>,
    /// The output of the first and of the second ReLU.
    hidden1: Option<Tensor>,
    hidden2: Option<Tensor>,
    /// The input of the linear layer: (image, channel, y, x).
    flat: Option<Tensor>,
    d_flat: Option<Tensor>,
    d_hidden2: Option<Tensor>,
    d_patches: Option<Tensor>,
    d_hidden1: Option<Tensor>,
}

impl GpuModule for FusedEncoder {
    type Saved = Saved;

    const GPU_EVALUATION_BATCH_SIZE: usize = 256;

    fn forward_on_gpu(&self, gpu: &Gpu, Batch { n, x, y }: Batch<'_>, saved: &mut Saved) -> Result<()> {
        let ConvLayers { outer, inner, outer_layer, inner_layer, linear } = &self.0;
        let [conv1, conv2] = self.0.convolutions(n);
        let hidden1 = gpu.reserve(&mut saved.hidden1, n * outer.coarse_len())?;
        let patches1 = gpu.reserve(&mut saved.patches1, conv1.patches_len())?;
        conv1.conv(gpu, (x, ImageLayout::nchw(outer, n)), patches1, hidden1)?;
        gpu.bias_relu(hidden1, gpu.slice_of(outer_layer.bias.tensor())?)?;
        let hidden2 = gpu.reserve(&mut saved.hidden2, n * inner.coarse_len())?;
        let patches2 = gpu.reserve(&mut saved.patches2, conv2.patches_len())?;
        conv2.conv(gpu, (hidden1, ImageLayout::cnhw(inner, n)), patches2, hidden2)?;
        gpu.bias_relu(hidden2, gpu.slice_of(inner_layer.bias.tensor())?)?;
        let flat = gpu.reserve(&mut saved.flat, hidden2.len())?;
        gpu.swap_axes([inner.coarse_channels, n, inner.pixels()], hidden2, flat)?;
        linear.forward_on_gpu(gpu, flat, n, y)
    }

    fn backward_on_gpu(&self, gpu: &Gpu, batch: Batch<'_>, gradients: Gradients<'_>, saved: &mut Saved) -> Result<()> {
        let (Batch { n, .. }, Gradients { dy, dx }) = (batch, gradients);
        let ConvLayers { outer, inner, linear, .. } = &self.0;
        let [conv1, conv2] = self.0.convolutions(n);
        let (len1, len2) = (n * outer.coarse_len(), n * inner.coarse_len());
        linear.bias_gradient_on_gpu(gpu, n, dy)?;
        linear.weight_gradient_on_gpu(gpu, gpu.saved(&saved.flat, len2)?, n, dy)?;
        let d_flat = gpu.reserve(&mut saved.d_flat, len2)?;
        linear.input_gradient_on_gpu(gpu, n, dy, d_flat)?;

        let d_hidden2 = gpu.reserve(&mut saved.d_hidden2, len2)?;
        gpu.swap_axes([n, inner.coarse_channels, inner.pixels()], d_flat, d_hidden2)?;
        gpu.relu_backward(d_hidden2, gpu.saved(&saved.hidden2, len2)?)?;
        conv2.bias_gradient(gpu, d_hidden2)?;
        conv2.weight_gradient(gpu, d_hidden2, gpu.saved(&saved.patches2, conv2.patches_len())?)?;

        let d_patches = gpu.reserve(&mut saved.d_patches, conv2.patches_len().max(conv1.patches_len()))?;
        let d_hidden1 = gpu.reserve(&mut saved.d_hidden1, len1)?;
        let patches = d_patches.slice(0..conv2.patches_len());
        let relu_backward = Epilogue::ReluBackward(gpu.saved(&saved.hidden1, len1)?);
        conv2.conv_transpose(gpu, d_hidden2, patches, (d_hidden1, ImageLayout::cnhw(inner, n)), relu_backward)?;
        conv1.bias_gradient(gpu, d_hidden1)?;
        conv1.weight_gradient(gpu, d_hidden1, gpu.saved(&saved.patches1, conv1.patches_len())?)?;
        if let Some(dx) = dx {
            let patches = d_patches.slice(0..conv1.patches_len());
            conv1.conv_transpose(gpu, d_hidden1, patches, (dx, ImageLayout::nchw(outer, n)), Epilogue::Identity)?;
        }
        Ok(())
    }
}
