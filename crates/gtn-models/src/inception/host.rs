//! The network on a CPU. Images are stored with their channels last, so that a convolution is one matrix product with the
//! patches of its input, whose rows are copied from contiguous memory.

use super::architecture::{Block, Convolution, Layer, POOL_KERNEL, Pool, PoolKind};
use super::weights::Folded;
use crate::ops::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use crate::ops::vectorized;

/// A convolution with its weights, followed by ReLU.
#[derive(Debug)]
pub(super) struct HostConvolution {
    shape: Convolution,
    /// (ky, kx, input channel) × output channels.
    matrix: Vec<f32>,
    bias: Vec<f32>,
}

/// Images between two layers: (image, y, x, channel).
#[derive(Debug, Default)]
pub(super) struct Activations {
    pub(super) images: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) channels: usize,
    pub(super) values: Vec<f32>,
}

impl Activations {
    /// The mean over all pixels of each image, (image, channel).
    pub(super) fn means(&self) -> Vec<f32> {
        let mut means = Vec::with_capacity(self.images * self.channels);
        for image in self.values.chunks_exact(self.height * self.width * self.channels) {
            let mut sums = vec![0.0_f64; self.channels];
            for pixel in image.chunks_exact(self.channels) {
                sums.iter_mut().zip(pixel).for_each(|(sum, value)| *sum += f64::from(*value));
            }
            means.extend(sums.iter().map(|sum| (sum / (self.height * self.width) as f64) as f32));
        }
        means
    }
}

/// Where the output of a layer is written: some of the channels of images.
struct Target<'a> {
    values: &'a mut [f32],
    /// Number of channels of the images.
    channels: usize,
    /// The first of the channels to write.
    first: usize,
}

/// Memory that is reused.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    patches: Vec<f32>,
    free: Vec<Vec<f32>>,
}

impl Scratch {
    /// Memory for `len` values, which are not cleared.
    fn take(&mut self, len: usize) -> Vec<f32> {
        // The smallest that is large enough, otherwise the largest.
        let fits = |values: &Vec<f32>| (values.capacity() < len, values.capacity().abs_diff(len));
        let best = (0..self.free.len()).min_by_key(|index| fits(&self.free[*index]));
        let mut values = best.map(|index| self.free.swap_remove(index)).unwrap_or_default();
        values.resize(len, 0.0);
        values
    }

    /// Returns memory.
    pub(super) fn put(&mut self, values: Vec<f32>) {
        self.free.push(values);
    }

    /// Images of this size with uncleared values.
    pub(super) fn activations(
        &mut self,
        images: usize,
        (height, width): (usize, usize),
        channels: usize,
    ) -> Activations {
        Activations { images, height, width, channels, values: self.take(images * height * width * channels) }
    }
}

/// Values of the patches that are multiplied at a time: few enough to stay in a cache.
const PATCH_VALUES: usize = 1 << 18;
/// The fewest patches that are multiplied at a time, for an efficient product.
const MIN_PATCHES: usize = 128;

/// Height or width after a convolution or a pool.
fn size_after(size: usize, kernel: usize, stride: usize, padding: usize) -> usize {
    (size + 2 * padding - kernel) / stride + 1
}

impl HostConvolution {
    pub(super) fn new(folded: &Folded) -> Self {
        let shape = folded.shape.clone();
        // From (output, input, ky, kx).
        let matrix = folded.weight.view().permuted_axes([2, 3, 1, 0].as_slice()).iter().copied().collect();
        Self { shape, matrix, bias: folded.bias.clone() }
    }

    fn size_after(&self, input: &Activations) -> (usize, usize) {
        let Convolution { kernel, stride, padding, .. } = self.shape;
        (size_after(input.height, kernel.0, stride, padding.0), size_after(input.width, kernel.1, stride, padding.1))
    }

    fn forward(&self, input: &Activations, target: Target<'_>, patches: &mut Vec<f32>) {
        let (height, width) = self.size_after(input);
        let (patch_len, output) = (self.shape.patch_len(), self.shape.output);
        let rows = input.images * height * width;
        let at_once = (PATCH_VALUES / patch_len).max(MIN_PATCHES);
        let is_pointwise = self.shape.kernel == (1, 1) && self.shape.stride == 1;
        let matrix = Matrix::row_major(&self.matrix, patch_len, output);
        for start in (0..rows).step_by(at_once) {
            let count = at_once.min(rows - start);
            let patches = if is_pointwise {
                &input.values[start * patch_len..(start + count) * patch_len]
            } else {
                patches.resize(at_once * patch_len, 0.0);
                self.gather(input, (height, width), start, &mut patches[..count * patch_len]);
                &patches[..count * patch_len]
            };
            let written = &mut target.values[start * target.channels + target.first..];
            let product = MatrixMut::new(written, (count, output), (target.channels, 1));
            multiply(product, Write::Set, Matrix::row_major(patches, count, patch_len), matrix, Threads::One);
            vectorized(|| {
                for pixel in written.chunks_mut(target.channels).take(count) {
                    for (value, bias) in pixel[..output].iter_mut().zip(&self.bias) {
                        *value = (*value + bias).max(0.0);
                    }
                }
            });
        }
    }

    /// Writes the patches, (ky, kx, channel), of the output pixels from `start` on.
    fn gather(&self, input: &Activations, (height, width): (usize, usize), start: usize, patches: &mut [f32]) {
        let Convolution { input: channels, kernel, stride, padding, .. } = self.shape;
        for (index, patch) in patches.chunks_exact_mut(self.shape.patch_len()).enumerate() {
            let pixel = start + index;
            let (image, y, x) = (pixel / (height * width), pixel / width % height, pixel % width);
            // Columns of the kernel that are inside the image.
            let left = x * stride;
            let skipped = padding.1.saturating_sub(left);
            let end = kernel.1.min(input.width + padding.1 - left);
            for (ky, row) in patch.chunks_exact_mut(kernel.1 * channels).enumerate() {
                let inside = (y * stride + ky).checked_sub(padding.0).filter(|y| *y < input.height);
                let Some(source) = inside else {
                    row.fill(0.0);
                    continue;
                };
                let from = ((image * input.height + source) * input.width + left + skipped - padding.1) * channels;
                row[..skipped * channels].fill(0.0);
                row[skipped * channels..end * channels]
                    .copy_from_slice(&input.values[from..from + (end - skipped) * channels]);
                row[end * channels..].fill(0.0);
            }
        }
    }
}

impl Pool {
    fn size_after(self, input: &Activations) -> (usize, usize) {
        let after = |size| size_after(size, POOL_KERNEL, self.stride, self.padding);
        (after(input.height), after(input.width))
    }

    fn forward(self, input: &Activations, target: Target<'_>) {
        let (height, width) = self.size_after(input);
        let channels = input.channels;
        vectorized(|| {
            for (index, pixel) in target.values.chunks_mut(target.channels).enumerate() {
                let (image, y, x) = (index / (height * width), index / width % height, index % width);
                let pixel = &mut pixel[target.first..target.first + channels];
                let span = |at: usize, size: usize| {
                    let first = (at * self.stride).saturating_sub(self.padding);
                    first..(at * self.stride + POOL_KERNEL - self.padding).min(size)
                };
                let (rows, columns) = (span(y, input.height), span(x, input.width));
                let taps = match self.kind {
                    PoolKind::AverageInside => rows.len() * columns.len(),
                    PoolKind::Average | PoolKind::Max => POOL_KERNEL * POOL_KERNEL,
                };
                let mut is_first = true;
                for row in rows {
                    for column in columns.clone() {
                        let from = ((image * input.height + row) * input.width + column) * channels;
                        let source = &input.values[from..from + channels];
                        match self.kind {
                            _ if is_first => pixel.copy_from_slice(source),
                            PoolKind::Max => {
                                pixel.iter_mut().zip(source).for_each(|(max, value)| *max = max.max(*value))
                            }
                            _ => pixel.iter_mut().zip(source).for_each(|(sum, value)| *sum += value),
                        }
                        is_first = false;
                    }
                }
                if self.kind != PoolKind::Max {
                    let factor = 1.0 / taps as f32;
                    pixel.iter_mut().for_each(|sum| *sum *= factor);
                }
            }
        });
    }
}

/// Height, width and channels after layers.
fn shape_after(layers: &[Layer<HostConvolution>], input: &Activations) -> ((usize, usize), usize) {
    let mut shape = Activations { values: Vec::new(), ..*input };
    for layer in layers {
        let (size, channels) = match layer {
            Layer::Convolution(convolution) => (convolution.size_after(&shape), convolution.shape.output),
            Layer::Pool(pool) => (pool.size_after(&shape), shape.channels),
            Layer::Branches(branches) => {
                let shapes: Vec<_> = branches.iter().map(|branch| shape_after(branch, &shape)).collect();
                (shapes[0].0, shapes.iter().map(|(_, channels)| channels).sum())
            }
        };
        (shape.height, shape.width, shape.channels) = (size.0, size.1, channels);
    }
    ((shape.height, shape.width), shape.channels)
}

impl Block<HostConvolution> {
    /// The output of the block.
    pub(super) fn forward(&self, input: &Activations, scratch: &mut Scratch) -> Activations {
        let (size, channels) = shape_after(&self.layers, input);
        let mut output = scratch.activations(input.images, size, channels);
        forward(&self.layers, input, Target { values: &mut output.values, channels, first: 0 }, scratch);
        output
    }
}

fn forward(layers: &[Layer<HostConvolution>], input: &Activations, target: Target<'_>, scratch: &mut Scratch) {
    let Some((last, others)) = layers.split_last() else { unreachable!("all branches have layers") };
    let mut current: Option<Activations> = None;
    for layer in others {
        let from = current.as_ref().unwrap_or(input);
        let (size, channels) = shape_after(std::slice::from_ref(layer), from);
        let mut output = scratch.activations(from.images, size, channels);
        apply(layer, from, Target { values: &mut output.values, channels, first: 0 }, scratch);
        if let Some(previous) = current.replace(output) {
            scratch.put(previous.values);
        }
    }
    apply(last, current.as_ref().unwrap_or(input), target, scratch);
    if let Some(last) = current {
        scratch.put(last.values);
    }
}

fn apply(layer: &Layer<HostConvolution>, input: &Activations, target: Target<'_>, scratch: &mut Scratch) {
    match layer {
        Layer::Convolution(convolution) => convolution.forward(input, target, &mut scratch.patches),
        Layer::Pool(pool) => pool.forward(input, target),
        Layer::Branches(branches) => {
            let mut first = target.first;
            for branch in branches {
                let (_, channels) = shape_after(branch, input);
                let part = Target { values: &mut *target.values, channels: target.channels, first };
                forward(branch, input, part, scratch);
                first += channels;
            }
        }
    }
}
