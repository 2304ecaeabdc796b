//! conv ReLU conv ReLU linear, forward and backward.

use candle_core::{Result, Tensor};

use super::convolution::Convolution;
use super::kernels::{Images, Then};
use super::machine::{Gpu, Span};
use super::part::{Batch, GpuPart};
use crate::ops::Encoder;

/// What a forward pass keeps; images have their channels first.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Patches of the images, and of what the first convolution makes of them.
    patches1: Option<Tensor>,
    patches2: Option<Tensor>,
    /// After the first ReLU, and after the second.
    hidden1: Option<Tensor>,
    hidden2: Option<Tensor>,
    /// What the linear layer takes: images first.
    flat: Option<Tensor>,
    /// Gradients of these.
    of_flat: Option<Tensor>,
    of_hidden2: Option<Tensor>,
    of_patches: Option<Tensor>,
    of_hidden1: Option<Tensor>,
}

impl Encoder {
    fn convolutions(&self, n: usize) -> (Convolution<'_>, Convolution<'_>) {
        (
            Convolution { layer: &self.conv1, grid: &self.outer, n },
            Convolution { layer: &self.conv2, grid: &self.inner, n },
        )
    }
}

impl GpuPart for Encoder {
    type Kept = Kept;

    const EVALUATED: usize = 256;

    fn forward_on(&self, gpu: &Gpu, x: Span<'_>, n: usize, y: Span<'_>, kept: &mut Kept) -> Result<()> {
        let (outer, inner) = (&self.outer, &self.inner);
        let (conv1, conv2) = self.convolutions(n);
        let (x, of_hidden) = ((x, Images::images_first(outer, n)), Images::channels_first(inner, n));
        let hidden1 = gpu.fit(&mut kept.hidden1, n * outer.coarse_len())?;
        conv1.narrow(gpu, x, gpu.fit(&mut kept.patches1, conv1.patches_len())?, hidden1)?;
        gpu.bias_relu(hidden1, gpu.span(self.conv1.bias.tensor())?)?;
        let hidden2 = gpu.fit(&mut kept.hidden2, n * inner.coarse_len())?;
        let patches2 = gpu.fit(&mut kept.patches2, conv2.patches_len())?;
        conv2.narrow(gpu, (hidden1, of_hidden), patches2, hidden2)?;
        gpu.bias_relu(hidden2, gpu.span(self.conv2.bias.tensor())?)?;
        let flat = gpu.fit(&mut kept.flat, hidden2.len())?;
        gpu.swap_axes([inner.coarse, n, inner.pixels()], hidden2, flat)?;
        self.linear.forward_on(gpu, flat, n, y)
    }

    fn backward_on(&self, gpu: &Gpu, batch: Batch<'_>, kept: &mut Kept, dx: Option<Span<'_>>) -> Result<()> {
        let Batch { n, dy, .. } = batch;
        let (outer, inner) = (&self.outer, &self.inner);
        let (conv1, conv2) = self.convolutions(n);
        let (len1, len2) = (n * outer.coarse_len(), n * inner.coarse_len());
        self.linear.bias_gradient_on(gpu, n, dy)?;
        self.linear.weight_gradient_on(gpu, gpu.kept(&kept.flat, len2)?, n, dy)?;
        let of_flat = gpu.fit(&mut kept.of_flat, len2)?;
        self.linear.input_gradient_on(gpu, n, dy, of_flat)?;

        let of_hidden2 = gpu.fit(&mut kept.of_hidden2, len2)?;
        gpu.swap_axes([n, inner.coarse, inner.pixels()], of_flat, of_hidden2)?;
        gpu.keep_where(of_hidden2, gpu.kept(&kept.hidden2, len2)?)?;
        conv2.bias_gradient(gpu, of_hidden2)?;
        conv2.weight_gradient(gpu, of_hidden2, gpu.kept(&kept.patches2, conv2.patches_len())?)?;

        let largest = conv2.patches_len().max(conv1.patches_len());
        let of_patches = gpu.fit(&mut kept.of_patches, largest)?;
        let of_hidden1 = (gpu.fit(&mut kept.of_hidden1, len1)?, Images::channels_first(inner, n));
        let patches = of_patches.part(0..conv2.patches_len());
        conv2.widen(gpu, of_hidden2, patches, of_hidden1, Then::WhereKept(gpu.kept(&kept.hidden1, len1)?))?;
        let of_hidden1 = of_hidden1.0;
        conv1.bias_gradient(gpu, of_hidden1)?;
        conv1.weight_gradient(gpu, of_hidden1, gpu.kept(&kept.patches1, conv1.patches_len())?)?;
        if let Some(dx) = dx {
            let patches = of_patches.part(0..conv1.patches_len());
            conv1.widen(gpu, of_hidden1, patches, (dx, Images::images_first(outer, n)), Then::AsItIs)?;
        }
        Ok(())
    }
}
