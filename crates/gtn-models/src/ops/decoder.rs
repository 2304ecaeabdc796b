//! The decoder: linear, transposed conv, ReLU, transposed conv, tanh. Images are processed one by one or in blocks that stay in
//! the cache.

use rayon::prelude::*;

use super::conv_geometry::ConvGeometry;
use super::encoder::{relu, relu_backward};
use super::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use super::host_op::{Batch, FusedModule};
use super::linear::Linear;
use super::shard::{GradientSums, Scratch, ScratchPool, image_range, images_per_block, images_per_shard};
use super::simd::{add, add_rows, column_sums, transpose, vectorized};
use super::weight::Weight;
use super::winograd::{WinogradKernel, gradient_len};

/// Decodes latents to images, (n, C, 4s, 4s) in (−1, 1).
#[derive(Debug)]
pub(crate) struct FusedDecoder {
    /// The second transposed convolution, from 2s × 2s to 4s × 4s.
    pub(crate) outer: ConvGeometry,
    /// The first transposed convolution, from s × s to 2s × 2s.
    pub(crate) inner: ConvGeometry,
    pub(crate) linear: Linear,
    pub(crate) deconv1: Linear,
    pub(crate) deconv2: Linear,
}

/// What the forward pass saves, and scratch memory of the backward pass.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// Output of the linear layer, channels first.
    flat: Vec<f32>,
    /// Output of ReLU, channels last.
    hidden: Vec<f32>,
    matrix: Vec<f32>,
    kernel: WinogradKernel,
    /// Gradient of `flat`.
    dflat: Vec<f32>,
    shards: Vec<GradientSums>,
    scratch_pool: ScratchPool,
}

/// What the backward pass of a block reads and writes.
struct Block<'a> {
    y: &'a [f32],
    dy: &'a [f32],
    flat: &'a [f32],
    hidden: &'a [f32],
    /// Gradient of `flat`, which is written.
    dflat: &'a mut [f32],
}

/// Number of images per forward pass in evaluation mode.
const EVALUATION_BATCH_SIZE: usize = 64;

impl FusedDecoder {
    /// The first transposed convolution and ReLU for the images of a block.
    fn deconv1_forward(
        &self,
        flat: &mut [f32],
        (bias, kernel, bias1): (&[f32], &WinogradKernel, &[f32]),
        scratch: &mut Scratch,
        hidden: &mut [f32],
    ) {
        let (outer, inner) = (&self.outer, &self.inner);
        scratch.tiles.resize(inner, flat.len() / inner.coarse_len());
        for (image, flat) in flat.chunks_exact_mut(inner.coarse_len()).enumerate() {
            add(flat, bias);
            transpose(&mut scratch.inner, flat, inner.coarse_channels, inner.pixels());
            scratch.tiles.output_transform_transposed(inner, image, &scratch.inner);
        }
        scratch.tiles.multiply_backward(inner, kernel);
        for (image, hidden) in hidden.chunks_exact_mut(outer.coarse_len()).enumerate() {
            scratch.tiles.input_transform_transposed(inner, image, &mut scratch.cells);
            vectorized(|| {
                for (index, pixel) in hidden.chunks_exact_mut(outer.coarse_channels).enumerate() {
                    let offset = inner.cell_offset(index / outer.coarse_side, index % outer.coarse_side);
                    let cell = &scratch.cells[offset..offset + outer.coarse_channels];
                    for ((pixel, cell), bias) in pixel.iter_mut().zip(cell).zip(bias1) {
                        *pixel = relu(cell + bias);
                    }
                }
            });
        }
    }

    /// The second transposed convolution and tanh for the images of a shard.
    fn deconv2_forward(
        &self,
        hidden: &[f32],
        (matrix, bias2): (&[f32], &[f32]),
        scratch: &mut Scratch,
        images: &mut [f32],
    ) {
        let outer = &self.outer;
        let (rows, columns) = (outer.pixels(), outer.patch_len());
        for (hidden, image) in hidden.chunks_exact(outer.coarse_len()).zip(images.chunks_exact_mut(outer.fine_len())) {
            let hidden = Matrix::row_major(hidden, rows, outer.coarse_channels);
            let matrix = Matrix::row_major(matrix, columns, outer.coarse_channels).transposed();
            multiply(
                MatrixMut::row_major(&mut scratch.patches, rows, columns),
                Write::Set,
                hidden,
                matrix,
                Threads::One,
            );
            outer.col2im(&mut scratch.folded, &scratch.patches);
            outer.unpad(image, &scratch.folded, |channel, value| (value + bias2[channel]).tanh());
        }
    }

    /// The backward pass for the images of a block.
    fn block_backward(
        &self,
        Block { y, dy, flat, hidden, dflat }: Block<'_>,
        (matrix, kernel): (&[f32], &WinogradKernel),
        scratch: &mut Scratch,
        sums: &mut GradientSums,
    ) {
        let (outer, inner) = (&self.outer, &self.inner);
        let (rows, columns) = (outer.pixels(), outer.patch_len());
        scratch.tiles.resize(inner, flat.len() / inner.coarse_len());
        for (image, hidden) in hidden.chunks_exact(outer.coarse_len()).enumerate() {
            let (y, dy) = (&y[image_range(image, outer.fine_len())], &dy[image_range(image, outer.fine_len())]);
            outer.pad(&mut scratch.padded, dy, |index, dy| dy * (1.0 - y[index] * y[index]));
            add_rows(&mut sums.outer_bias, &scratch.padded);
            outer.im2col(&mut scratch.patches, &scratch.padded);
            let patches = Matrix::row_major(&scratch.patches, rows, columns);
            let gradient = MatrixMut::row_major(&mut sums.matrix, columns, outer.coarse_channels);
            let hidden_rows = Matrix::row_major(hidden, rows, outer.coarse_channels);
            multiply(gradient, Write::Add, patches.transposed(), hidden_rows, Threads::One);
            let matrix = Matrix::row_major(matrix, columns, outer.coarse_channels);
            let pixels = MatrixMut::row_major(&mut scratch.outer, rows, outer.coarse_channels);
            multiply(pixels, Write::Set, patches, matrix, Threads::One);
            relu_backward(&mut scratch.outer, hidden);
            add_rows(&mut sums.inner_bias, &scratch.outer);
            scratch.cells.fill(0.0);
            for (index, pixel) in scratch.outer.chunks_exact(outer.coarse_channels).enumerate() {
                let offset = inner.cell_offset(index / outer.coarse_side, index % outer.coarse_side);
                scratch.cells[offset..offset + outer.coarse_channels].copy_from_slice(pixel);
            }
            scratch.tiles.input_transform(inner, image, &scratch.cells);
            transpose(
                &mut scratch.inner,
                &flat[image_range(image, inner.coarse_len())],
                inner.coarse_channels,
                inner.pixels(),
            );
            scratch.tiles.output_transform_transposed(inner, image, &scratch.inner);
        }
        scratch.tiles.kernel_gradient(inner, &mut sums.kernel, Write::Add);
        scratch.tiles.multiply_forward(inner, kernel);
        for (image, dflat) in dflat.chunks_exact_mut(inner.coarse_len()).enumerate() {
            scratch.tiles.output_transform(inner, image, &mut scratch.inner);
            transpose(dflat, &scratch.inner, inner.pixels(), inner.coarse_channels);
        }
    }
}

impl FusedModule for FusedDecoder {
    type Tape = Tape;

    const NAME: &'static str = "decoder";

    fn weights(&self) -> Vec<&Weight> {
        [&self.linear, &self.deconv1, &self.deconv2]
            .into_iter()
            .flat_map(|layer| [&layer.weight, &layer.bias])
            .collect()
    }

    fn shape(&self, input: &[usize]) -> candle_core::Result<Vec<usize>> {
        let (dim, side) = (self.linear.size()?.1, 2 * self.outer.coarse_side);
        match *input {
            [n, columns] if columns == dim => Ok(vec![n, self.outer.fine_channels, side, side]),
            _ => candle_core::bail!("the decoder needs latents of shape (n, {dim}), not {input:?}"),
        }
    }

    fn forward(&self, x: &[f32], n: usize, tape: &mut Tape) -> candle_core::Result<Vec<f32>> {
        let (outer, inner) = (&self.outer, &self.inner);
        let Tape { flat, hidden, matrix, kernel, scratch_pool, .. } = tape;
        *matrix = outer.patch_matrix(&self.deconv2.weight.read()?);
        kernel.transform(inner, &self.deconv1.weight.read()?);
        flat.resize(n * inner.coarse_len(), 0.0);
        hidden.resize(n * outer.coarse_len(), 0.0);
        self.linear.product(x, n, flat)?;
        let biases = (self.linear.bias.read()?, self.deconv1.bias.read()?, self.deconv2.bias.read()?);
        let (bias, bias1, bias2): (&[f32], &[f32], &[f32]) = (&biases.0, &biases.1, &biases.2);
        let mut images = vec![0.0; n * outer.fine_len()];
        let (shard_len, block_len) = (images_per_shard(n), images_per_block(inner));
        images
            .par_chunks_mut(shard_len * outer.fine_len())
            .zip(hidden.par_chunks_mut(shard_len * outer.coarse_len()))
            .zip(flat.par_chunks_mut(shard_len * inner.coarse_len()))
            .for_each(|((images, hidden), flat)| {
                scratch_pool.with(outer, inner, |scratch| {
                    let blocks = flat.chunks_mut(block_len * inner.coarse_len());
                    for (flat, hidden) in blocks.zip(hidden.chunks_mut(block_len * outer.coarse_len())) {
                        self.deconv1_forward(flat, (bias, kernel, bias1), scratch, hidden);
                    }
                    self.deconv2_forward(hidden, (matrix, bias2), scratch, images);
                });
            });
        Ok(images)
    }

    fn evaluate(&self, x: &[f32], n: usize, tape: &mut Tape) -> candle_core::Result<Vec<f32>> {
        let dim = self.linear.size()?.1;
        let mut images = Vec::with_capacity(n * self.outer.fine_len());
        for x in x.chunks(EVALUATION_BATCH_SIZE * dim) {
            images.extend(self.forward(x, x.len() / dim, tape)?);
        }
        Ok(images)
    }

    fn backward(
        &self,
        batch: &Batch<'_>,
        tape: &mut Tape,
        needs_input_grad: bool,
    ) -> candle_core::Result<Option<Vec<f32>>> {
        let Batch { n, x, y, dy } = *batch;
        let (outer, inner) = (&self.outer, &self.inner);
        let Tape { flat, hidden, matrix, kernel, dflat, shards, scratch_pool } = tape;
        let (shard_len, block_len) = (images_per_shard(n), images_per_block(inner));
        shards.resize_with(n.div_ceil(shard_len), GradientSums::default);
        dflat.resize(flat.len(), 0.0);
        let (y_len, hidden_len, flat_len) = (outer.fine_len(), outer.coarse_len(), inner.coarse_len());
        let (flat, hidden) = (&*flat, &*hidden);
        shards.par_iter_mut().zip(dflat.par_chunks_mut(shard_len * flat_len)).enumerate().for_each(
            |(index, (sums, dflat))| {
                sums.reset(gradient_len(inner), matrix.len(), inner.fine_channels, outer.fine_channels);
                scratch_pool.with(outer, inner, |scratch| {
                    for (block_index, dflat) in dflat.chunks_mut(block_len * flat_len).enumerate() {
                        let first = index * shard_len + block_index * block_len;
                        let images = first..first + dflat.len() / flat_len;
                        let range = |len: usize| images.start * len..images.end * len;
                        let (y, dy) = (&y[range(y_len)], &dy[range(y_len)]);
                        let (flat, hidden) = (&flat[range(flat_len)], &hidden[range(hidden_len)]);
                        self.block_backward(Block { y, dy, flat, hidden, dflat }, (matrix, kernel), scratch, sums);
                    }
                });
            },
        );
        let sums = GradientSums::total(shards);
        self.deconv2.weight.gradient().accumulate(outer.weights_from_patch_matrix(&sums.matrix));
        self.deconv2.bias.gradient().accumulate(sums.outer_bias.iter().copied());
        self.deconv1.weight.gradient().accumulate(WinogradKernel::weight_gradient(inner, &sums.kernel));
        self.deconv1.bias.gradient().accumulate(sums.inner_bias.iter().copied());
        self.linear.bias.gradient().accumulate(column_sums(dflat, flat_len).into_iter());
        self.linear.weight_gradient(x, n, dflat)?;
        if !needs_input_grad {
            return Ok(None);
        }
        let mut dx = vec![0.0; x.len()];
        self.linear.input_gradient(n, dflat, &mut dx)?;
        Ok(Some(dx))
    }
}
