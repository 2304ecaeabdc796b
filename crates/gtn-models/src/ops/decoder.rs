//! The decoder: linear, transposed conv, ReLU, transposed conv, tanh. Images are processed one by one or in blocks that stay in
//! the cache.

use candle_core::Result;
use rayon::prelude::*;

use super::conv_layers::{Block, ConvLayers, Tape};
use super::encoder::{relu, relu_backward};
use super::gemm::Write;
use super::host_op::{Batch, FusedModule};
use super::shard::{Scratch, image_range, images_per_block, images_per_shard};
use super::simd::{add, add_rows, transpose, vectorized};
use super::weight::Weight;
use super::winograd::WinogradKernel;

/// Decodes latents to images, (n, C, 4s, 4s) in (−1, 1).
#[derive(Debug)]
pub(crate) struct FusedDecoder(pub(crate) ConvLayers);

impl FusedDecoder {
    /// The first transposed convolution and ReLU for the images of a block.
    fn deconv1_forward(
        &self,
        flat: &mut [f32],
        (bias, kernel, bias1): (&[f32], &WinogradKernel, &[f32]),
        scratch: &mut Scratch,
        hidden: &mut [f32],
    ) {
        let ConvLayers { outer, inner, .. } = &self.0;
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
        let outer = &self.0.outer;
        for (hidden, image) in hidden.chunks_exact(outer.coarse_len()).zip(images.chunks_exact_mut(outer.fine_len())) {
            outer.multiply_coarse(&mut scratch.patches, hidden, matrix);
            outer.col2im(&mut scratch.folded, &scratch.patches);
            outer.unpad(image, &scratch.folded, |channel, value| (value + bias2[channel]).tanh());
        }
    }

    /// The backward pass for the images of a block.
    fn block_backward(
        &self,
        batch: &Batch<'_>,
        tape: (&[f32], &[f32]),
        matrices: (&[f32], &WinogradKernel),
        block: Block<'_>,
    ) {
        let ConvLayers { outer, inner, .. } = &self.0;
        let (y, dy) = (block.of(batch.y, outer.fine_len()), block.of(batch.dy, outer.fine_len()));
        let (flat, hidden) = (block.of(tape.0, inner.coarse_len()), block.of(tape.1, outer.coarse_len()));
        let ((matrix, kernel), Block { dflat, scratch, sums, .. }) = (matrices, block);
        scratch.tiles.resize(inner, flat.len() / inner.coarse_len());
        for (image, hidden) in hidden.chunks_exact(outer.coarse_len()).enumerate() {
            let (y, dy) = (&y[image_range(image, outer.fine_len())], &dy[image_range(image, outer.fine_len())]);
            outer.pad(&mut scratch.padded, dy, |index, dy| dy * (1.0 - y[index] * y[index]));
            add_rows(&mut sums.outer_bias, &scratch.padded);
            outer.im2col(&mut scratch.patches, &scratch.padded);
            outer.add_matrix_gradient(&mut sums.matrix, &scratch.patches, hidden);
            outer.multiply_patches(&mut scratch.outer, &scratch.patches, matrix);
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

    const EVALUATION_BATCH_SIZE: usize = 64;

    fn weights(&self) -> Vec<&Weight> {
        ConvLayers::weights([&self.0.linear, &self.0.inner_layer, &self.0.outer_layer])
    }

    fn shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let (dim, side) = (self.0.linear.size()?.1, 2 * self.0.outer.coarse_side);
        match *input {
            [n, columns] if columns == dim => Ok(vec![n, self.0.outer.fine_channels, side, side]),
            _ => candle_core::bail!("the decoder needs latents of shape (n, {dim}), not {input:?}"),
        }
    }

    fn forward(&self, x: &[f32], n: usize, tape: &mut Tape) -> Result<Vec<f32>> {
        let ConvLayers { outer, inner, outer_layer, inner_layer, linear } = &self.0;
        self.0.prepare(tape, n, outer.coarse_len())?;
        let Tape { flat, hidden, matrix, kernel, scratch_pool, .. } = tape;
        linear.product(x, n, flat)?;
        let biases = (linear.bias.read()?, inner_layer.bias.read()?, outer_layer.bias.read()?);
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

    fn backward(&self, batch: &Batch<'_>, tape: &mut Tape, needs_input_grad: bool) -> Result<Option<Vec<f32>>> {
        let Tape { flat, hidden, matrix, kernel, dflat, shards, scratch_pool } = tape;
        let (n, linear) = (batch.n, &self.0.linear);
        dflat.resize(flat.len(), 0.0);
        self.0.backward(n, (dflat.as_mut_slice(), &mut []), (shards, scratch_pool), |block| {
            self.block_backward(batch, (flat, hidden), (matrix, kernel), block);
        });
        linear.parameter_gradients(batch.x, n, dflat)?;
        let mut dx = Vec::new();
        if needs_input_grad {
            linear.input_gradient(n, dflat, &mut dx)?;
        }
        Ok(needs_input_grad.then_some(dx))
    }
}
