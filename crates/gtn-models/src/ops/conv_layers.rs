//! What the encoder and the decoder have in common: two convolutions and a linear layer, the memory of their passes, and the
//! division of a batch among threads.

use std::ops::Range;

use candle_core::Result;
use rayon::prelude::*;

use super::conv_geometry::ConvGeometry;
use super::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use super::linear::Linear;
use super::shard::{GradientSums, Scratch, ScratchPool, images_per_block, images_per_shard};
use super::weight::Weight;
use super::winograd::{WinogradKernel, gradient_len};

/// The layers of an encoder or a decoder of images of side 4s.
#[derive(Debug)]
pub(crate) struct ConvLayers {
    /// The convolution between 4s × 4s and 2s × 2s.
    pub(crate) outer: ConvGeometry,
    /// The convolution between 2s × 2s and s × s.
    pub(crate) inner: ConvGeometry,
    pub(crate) outer_layer: Linear,
    pub(crate) inner_layer: Linear,
    pub(crate) linear: Linear,
}

/// What the forward pass saves, and scratch memory of the backward pass.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// Output of the ReLU between the convolutions: as cells in the encoder, channels last in the decoder.
    pub(super) hidden: Vec<f32>,
    /// Input (encoder) or output (decoder) of the linear layer, channels first.
    pub(super) flat: Vec<f32>,
    /// Weights of the outer convolution, by which patches are multiplied.
    pub(super) matrix: Vec<f32>,
    /// Weights of the inner convolution.
    pub(super) kernel: WinogradKernel,
    /// Gradient of `flat`.
    pub(super) dflat: Vec<f32>,
    pub(super) shards: Vec<GradientSums>,
    pub(super) scratch_pool: ScratchPool,
}

/// A block of images in a backward pass.
pub(super) struct Block<'a> {
    /// The images of the block, as indices in the batch.
    images: Range<usize>,
    /// Gradient of `flat`.
    pub(super) dflat: &'a mut [f32],
    /// Gradient of the input, if it is wanted.
    pub(super) dx: Option<&'a mut [f32]>,
    pub(super) scratch: &'a mut Scratch,
    pub(super) sums: &'a mut GradientSums,
}

impl Block<'_> {
    /// The values of the block in an array with `len` values per image of the batch.
    pub(super) fn of<'b>(&self, array: &'b [f32], len: usize) -> &'b [f32] {
        &array[self.images.start * len..self.images.end * len]
    }
}

impl ConvLayers {
    /// Weight and bias of each of these layers.
    pub(super) fn weights<const N: usize>(layers: [&Linear; N]) -> Vec<&Weight> {
        layers.into_iter().flat_map(|layer| [&layer.weight, &layer.bias]).collect()
    }

    /// Prepares the tape for a forward pass of `n` images with `hidden_len` values between the convolutions.
    pub(super) fn prepare(&self, tape: &mut Tape, n: usize, hidden_len: usize) -> Result<()> {
        tape.matrix = self.outer.patch_matrix(&self.outer_layer.weight.read()?);
        tape.kernel.transform(&self.inner, &self.inner_layer.weight.read()?);
        tape.hidden.resize(n * hidden_len, 0.0);
        tape.flat.resize(n * self.inner.coarse_len(), 0.0);
        Ok(())
    }

    /// The backward pass of the convolutions: runs `work` on each block of a batch of `n` images, and stores the gradients that
    /// it has summed. `dx` is empty if no gradient of the input is wanted.
    pub(super) fn backward(
        &self,
        n: usize,
        (dflat, dx): (&mut [f32], &mut [f32]),
        (shards, scratch_pool): (&mut Vec<GradientSums>, &ScratchPool),
        work: impl Fn(Block<'_>) + Sync,
    ) {
        let (shard_len, block_len) = (images_per_shard(n), images_per_block(&self.inner));
        shards.resize_with(n.div_ceil(shard_len), GradientSums::default);
        let (flat_len, x_len) = (self.inner.coarse_len(), dx.len() / n);
        // If no gradient of the input is wanted, no shard gets a part of it.
        let mut parts: Vec<Option<&mut [f32]>> = dx.chunks_mut((shard_len * x_len).max(1)).map(Some).collect();
        parts.resize_with(shards.len(), || None);
        shards.par_iter_mut().zip(dflat.par_chunks_mut(shard_len * flat_len)).zip(parts).enumerate().for_each(
            |(index, ((sums, dflat), mut dx))| {
                sums.reset(gradient_len(&self.inner), &self.outer_layer, &self.inner_layer);
                scratch_pool.with(&self.outer, &self.inner, |scratch| {
                    for (block_index, dflat) in dflat.chunks_mut(block_len * flat_len).enumerate() {
                        let (start, count) = (block_index * block_len, dflat.len() / flat_len);
                        let first = index * shard_len + start;
                        let dx = dx.as_deref_mut().map(|dx| &mut dx[start * x_len..(start + count) * x_len]);
                        work(Block { images: first..first + count, dflat, dx, scratch, sums });
                    }
                });
            },
        );
        let sums = GradientSums::total(shards);
        self.outer_layer.weight.gradient().accumulate(self.outer.weights_from_patch_matrix(&sums.matrix));
        self.outer_layer.bias.gradient().accumulate(sums.outer_bias.iter().copied());
        self.inner_layer.weight.gradient().accumulate(WinogradKernel::weight_gradient(&self.inner, &sums.kernel));
        self.inner_layer.bias.gradient().accumulate(sums.inner_bias.iter().copied());
    }
}

/// The outer convolution of one image as products with its patch matrix. Coarse images are channels last.
impl ConvGeometry {
    fn patch_rows<'a>(&self, patches: &'a [f32]) -> Matrix<'a> {
        Matrix::row_major(patches, self.pixels(), self.patch_len())
    }

    fn coarse_rows<'a>(&self, coarse: &'a [f32]) -> Matrix<'a> {
        Matrix::row_major(coarse, self.pixels(), self.coarse_channels)
    }

    /// The convolution, from patches to a coarse image.
    pub(super) fn multiply_patches(&self, coarse: &mut [f32], patches: &[f32], matrix: &[f32]) {
        let coarse = MatrixMut::row_major(coarse, self.pixels(), self.coarse_channels);
        let matrix = Matrix::row_major(matrix, self.patch_len(), self.coarse_channels);
        multiply(coarse, Write::Set, self.patch_rows(patches), matrix, Threads::One);
    }

    /// The transposed convolution, from a coarse image to patches.
    pub(super) fn multiply_coarse(&self, patches: &mut [f32], coarse: &[f32], matrix: &[f32]) {
        let patches = MatrixMut::row_major(patches, self.pixels(), self.patch_len());
        let matrix = Matrix::row_major(matrix, self.patch_len(), self.coarse_channels).transposed();
        multiply(patches, Write::Set, self.coarse_rows(coarse), matrix, Threads::One);
    }

    /// Adds the gradient of the patch matrix for one image.
    pub(super) fn add_matrix_gradient(&self, gradient: &mut [f32], patches: &[f32], coarse: &[f32]) {
        let gradient = MatrixMut::row_major(gradient, self.patch_len(), self.coarse_channels);
        let patches = self.patch_rows(patches).transposed();
        multiply(gradient, Write::Add, patches, self.coarse_rows(coarse), Threads::One);
    }
}
