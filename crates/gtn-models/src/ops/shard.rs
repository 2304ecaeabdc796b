//! Division of a batch of images among threads: into shards, and these into blocks.

use std::sync::Mutex;

use super::conv_geometry::ConvGeometry;
use super::linear::Linear;
use super::weight::lock;
use super::winograd::Tiles;

/// Number of shards of a batch. Gradients are summed per shard, so it is independent of the number of threads.
const SHARDS: usize = 16;

/// Number of images in each shard but the last.
pub(crate) fn images_per_shard(n: usize) -> usize {
    n.div_ceil(SHARDS).max(1)
}

/// Tiles per matrix product: enough for an efficient product, and few enough to stay in a cache.
const TILES_PER_BLOCK: usize = 256;

/// Number of images whose tiles are in one matrix product.
pub(crate) fn images_per_block(geometry: &ConvGeometry) -> usize {
    (TILES_PER_BLOCK / geometry.tiles_per_side().pow(2)).max(1)
}

/// Scratch memory of one thread.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// A padded fine image, whose border stays 0.
    pub(crate) padded: Vec<f32>,
    /// A padded fine image that patches are added to.
    pub(crate) folded: Vec<f32>,
    pub(crate) patches: Vec<f32>,
    /// A coarse image of the outer convolution, channels last.
    pub(crate) outer: Vec<f32>,
    /// A coarse image of the inner convolution, channels last.
    pub(crate) inner: Vec<f32>,
    pub(crate) cells: Vec<f32>,
    pub(crate) tiles: Tiles,
}

impl Scratch {
    /// Resizes everything but the tiles for one image of these convolutions.
    fn resize(&mut self, outer: &ConvGeometry, inner: &ConvGeometry) {
        self.padded.resize(outer.padded_len(), 0.0);
        self.folded.resize(outer.padded_len(), 0.0);
        self.patches.resize(outer.pixels() * outer.patch_len(), 0.0);
        self.outer.resize(outer.coarse_len(), 0.0);
        self.inner.resize(inner.coarse_len(), 0.0);
        self.cells.resize(inner.cells_len(), 0.0);
    }
}

/// Scratch memory that no thread uses.
#[derive(Debug, Default)]
pub(crate) struct ScratchPool(Mutex<Vec<Scratch>>);

impl ScratchPool {
    /// Runs `work` with scratch memory for these convolutions.
    pub(crate) fn with<R>(
        &self,
        outer: &ConvGeometry,
        inner: &ConvGeometry,
        work: impl FnOnce(&mut Scratch) -> R,
    ) -> R {
        let mut scratch = lock(&self.0).pop().unwrap_or_default();
        scratch.resize(outer, inner);
        let result = work(&mut scratch);
        lock(&self.0).push(scratch);
        result
    }
}

/// Gradients of the two convolutions of an encoder or a decoder, summed over a shard.
#[derive(Debug, Default)]
pub(crate) struct GradientSums {
    /// Gradient of the inner convolution's transformed kernel.
    pub(crate) kernel: Vec<f32>,
    /// Gradient of the outer convolution's patch matrix.
    pub(crate) matrix: Vec<f32>,
    pub(crate) inner_bias: Vec<f32>,
    pub(crate) outer_bias: Vec<f32>,
}

impl GradientSums {
    /// Resizes the sums for these layers and sets them to 0. `kernel` is the number of values of the transformed kernel.
    pub(crate) fn reset(&mut self, kernel: usize, outer: &Linear, inner: &Linear) {
        let sums = [
            (&mut self.kernel, kernel),
            (&mut self.matrix, outer.weight.tensor().elem_count()),
            (&mut self.inner_bias, inner.bias.tensor().elem_count()),
            (&mut self.outer_bias, outer.bias.tensor().elem_count()),
        ];
        for (sum, len) in sums {
            sum.clear();
            sum.resize(len, 0.0);
        }
    }

    /// Adds the sums of all shards to those of the first one, in their order.
    pub(crate) fn total(shards: &mut [GradientSums]) -> &GradientSums {
        let (first, others) = shards.split_first_mut().expect("a batch has at least one shard");
        for other in others {
            super::simd::add(&mut first.kernel, &other.kernel);
            super::simd::add(&mut first.matrix, &other.matrix);
            super::simd::add(&mut first.inner_bias, &other.inner_bias);
            super::simd::add(&mut first.outer_bias, &other.outer_bias);
        }
        first
    }
}

/// The range of image `index` in a slice of images with `len` values each.
pub(crate) fn image_range(index: usize, len: usize) -> std::ops::Range<usize> {
    index * len..(index + 1) * len
}
