//! linear, transposed conv ReLU, transposed conv tanh, forward and backward.

use candle_core::{Result, Tensor};

use super::convolution::Convolution;
use super::kernels::{Images, Then};
use super::machine::{Gpu, Span};
use super::part::{Batch, GpuPart};
use crate::ops::Decoder;

/// What a forward pass keeps; images have their channels first.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// What the linear layer gives, images first, and its gradient after it.
    flat: Option<Tensor>,
    /// The same, channels first.
    small: Option<Tensor>,
    /// After ReLU.
    hidden: Option<Tensor>,
    /// Patches on their way, forward and backward.
    patches: Option<Tensor>,
    /// Gradients of these.
    of_small: Option<Tensor>,
    of_hidden: Option<Tensor>,
    /// The gradient of tanh's argument, images first, then channels first.
    of_images: [Option<Tensor>; 2],
}

impl Decoder {
    fn convolutions(&self, n: usize) -> (Convolution<'_>, Convolution<'_>) {
        (
            Convolution { layer: &self.deconv1, grid: &self.inner, n },
            Convolution { layer: &self.deconv2, grid: &self.outer, n },
        )
    }
}

impl GpuPart for Decoder {
    type Kept = Kept;

    const EVALUATED: usize = 256;

    fn forward_on(&self, gpu: &Gpu, x: Span<'_>, n: usize, y: Span<'_>, kept: &mut Kept) -> Result<()> {
        let (outer, inner) = (&self.outer, &self.inner);
        let (deconv1, deconv2) = self.convolutions(n);
        let flat = gpu.fit(&mut kept.flat, n * inner.coarse_len())?;
        self.linear.forward_on(gpu, x, n, flat)?;
        let small = gpu.fit(&mut kept.small, flat.len())?;
        gpu.swap_axes([n, inner.coarse, inner.pixels()], flat, small)?;

        let patches = gpu.fit(&mut kept.patches, deconv1.patches_len().max(deconv2.patches_len()))?;
        let hidden = gpu.fit(&mut kept.hidden, n * outer.coarse_len())?;
        let bias = gpu.span(self.deconv1.bias.tensor())?;
        let to = (hidden, Images::channels_first(inner, n));
        deconv1.widen(gpu, small, patches.part(0..deconv1.patches_len()), to, Then::Relu(bias))?;
        let bias = gpu.span(self.deconv2.bias.tensor())?;
        let to = (y, Images::images_first(outer, n));
        deconv2.widen(gpu, hidden, patches.part(0..deconv2.patches_len()), to, Then::Tanh(bias))
    }

    fn backward_on(&self, gpu: &Gpu, batch: Batch<'_>, kept: &mut Kept, dx: Option<Span<'_>>) -> Result<()> {
        let Batch { n, x, y, dy } = batch;
        let (outer, inner) = (&self.outer, &self.inner);
        let (deconv1, deconv2) = self.convolutions(n);
        let [images_first, channels_first] = kept.of_images.each_mut().map(|room| gpu.fit(room, dy.len()));
        let (images_first, channels_first) = (images_first?, channels_first?);
        gpu.tanh_backward(dy, y, images_first)?;
        gpu.swap_axes([n, outer.fine, 4 * outer.pixels()], images_first, channels_first)?;
        deconv2.bias_gradient(gpu, channels_first)?;

        let room = gpu.fit(&mut kept.patches, deconv1.patches_len().max(deconv2.patches_len()))?;
        let hidden = gpu.kept(&kept.hidden, n * outer.coarse_len())?;
        let of_hidden = gpu.fit(&mut kept.of_hidden, hidden.len())?;
        let patches = room.part(0..deconv2.patches_len());
        let of_images = (channels_first, Images::channels_first(outer, n));
        deconv2.narrow(gpu, of_images, patches, of_hidden)?;
        deconv2.weight_gradient(gpu, hidden, patches)?;
        gpu.keep_where(of_hidden, hidden)?;
        deconv1.bias_gradient(gpu, of_hidden)?;

        let small = gpu.kept(&kept.small, n * inner.coarse_len())?;
        let of_small = gpu.fit(&mut kept.of_small, small.len())?;
        let patches = room.part(0..deconv1.patches_len());
        deconv1.narrow(gpu, (of_hidden, Images::channels_first(inner, n)), patches, of_small)?;
        deconv1.weight_gradient(gpu, small, patches)?;

        let of_flat = gpu.fit(&mut kept.flat, small.len())?;
        gpu.swap_axes([inner.coarse, n, inner.pixels()], of_small, of_flat)?;
        self.linear.bias_gradient_on(gpu, n, of_flat)?;
        self.linear.weight_gradient_on(gpu, x, n, of_flat)?;
        match dx {
            Some(dx) => self.linear.input_gradient_on(gpu, n, of_flat, dx),
            None => Ok(()),
        }
    }
}
