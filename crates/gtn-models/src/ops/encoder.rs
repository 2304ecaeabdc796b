//! The encoder: conv, ReLU, conv, ReLU, linear. Images are processed one by one or in blocks that stay in the cache.

use candle_core::Result;
use rayon::prelude::*;

use super::conv_layers::{Block, ConvLayers, Tape};
use super::gemm::Write;
use super::host_op::{Batch, FusedModule};
use super::shard::{Scratch, image_range, images_per_block, images_per_shard};
use super::simd::{add_rows, transpose, vectorized};
use super::weight::Weight;
use super::winograd::WinogradKernel;

/// Encodes images, (n, C, 4s, 4s), to latents.
#[derive(Debug)]
pub(crate) struct FusedEncoder(pub(crate) ConvLayers);

impl FusedEncoder {
    /// The first convolution and ReLU for the images of a shard.
    fn conv1_forward(&self, x: &[f32], (matrix, bias1): (&[f32], &[f32]), scratch: &mut Scratch, cells: &mut [f32]) {
        let ConvLayers { outer, inner, .. } = &self.0;
        let images = x.chunks_exact(outer.fine_len()).zip(cells.chunks_exact_mut(inner.cells_len()));
        for (image, cells) in images {
            outer.pad(&mut scratch.padded, image, |_, pixel| pixel);
            outer.im2col(&mut scratch.patches, &scratch.padded);
            outer.multiply_patches(&mut scratch.outer, &scratch.patches, matrix);
            let side = outer.coarse_side;
            vectorized(|| {
                for (index, pixel) in scratch.outer.chunks_exact(outer.coarse_channels).enumerate() {
                    let offset = inner.cell_offset(index / side, index % side);
                    let cell = &mut cells[offset..offset + outer.coarse_channels];
                    for ((cell, pixel), bias) in cell.iter_mut().zip(pixel).zip(bias1) {
                        *cell = relu(pixel + bias);
                    }
                }
            });
        }
    }

    /// The second convolution and ReLU for the images of a block.
    fn conv2_forward(
        &self,
        cells: &[f32],
        kernel: &WinogradKernel,
        bias2: &[f32],
        scratch: &mut Scratch,
        flat: &mut [f32],
    ) {
        let inner = &self.0.inner;
        scratch.tiles.resize(inner, flat.len() / inner.coarse_len());
        for (image, cells) in cells.chunks_exact(inner.cells_len()).enumerate() {
            scratch.tiles.input_transform(inner, image, cells);
        }
        scratch.tiles.multiply_forward(inner, kernel);
        for (image, flat) in flat.chunks_exact_mut(inner.coarse_len()).enumerate() {
            scratch.tiles.output_transform(inner, image, &mut scratch.inner);
            vectorized(|| {
                for pixel in scratch.inner.chunks_exact_mut(inner.coarse_channels) {
                    pixel.iter_mut().zip(bias2).for_each(|(value, bias)| *value = relu(*value + bias));
                }
            });
            transpose(flat, &scratch.inner, inner.pixels(), inner.coarse_channels);
        }
    }

    /// The backward pass for the images of a block, from the gradient of `flat`, to which the backward pass of ReLU is applied.
    fn block_backward(&self, x: &[f32], tape: (&[f32], &[f32]), matrices: (&[f32], &WinogradKernel), block: Block<'_>) {
        let ConvLayers { outer, inner, .. } = &self.0;
        let len = inner.coarse_len();
        let (x, flat, cells) =
            (block.of(x, outer.fine_len()), block.of(tape.0, len), block.of(tape.1, inner.cells_len()));
        let ((matrix, kernel), Block { dflat, mut dx, scratch, sums, .. }) = (matrices, block);
        scratch.tiles.resize(inner, flat.len() / len);
        for (image, (dflat, flat)) in dflat.chunks_exact_mut(len).zip(flat.chunks_exact(len)).enumerate() {
            relu_backward(dflat, flat);
            transpose(&mut scratch.inner, dflat, inner.coarse_channels, inner.pixels());
            add_rows(&mut sums.inner_bias, &scratch.inner);
            scratch.tiles.output_transform_transposed(inner, image, &scratch.inner);
            scratch.tiles.input_transform(inner, image, &cells[image_range(image, inner.cells_len())]);
        }
        scratch.tiles.kernel_gradient(inner, &mut sums.kernel, Write::Add);
        scratch.tiles.multiply_backward(inner, kernel);
        for (image, cells) in cells.chunks_exact(inner.cells_len()).enumerate() {
            scratch.tiles.input_transform_transposed(inner, image, &mut scratch.cells);
            relu_backward(&mut scratch.cells, cells);
            for (index, pixel) in scratch.outer.chunks_exact_mut(outer.coarse_channels).enumerate() {
                let offset = inner.cell_offset(index / outer.coarse_side, index % outer.coarse_side);
                pixel.copy_from_slice(&scratch.cells[offset..offset + outer.coarse_channels]);
            }
            add_rows(&mut sums.outer_bias, &scratch.outer);
            outer.pad(&mut scratch.padded, &x[image_range(image, outer.fine_len())], |_, pixel| pixel);
            outer.im2col(&mut scratch.patches, &scratch.padded);
            outer.add_matrix_gradient(&mut sums.matrix, &scratch.patches, &scratch.outer);
            if let Some(dx) = &mut dx {
                outer.multiply_coarse(&mut scratch.patches, &scratch.outer, matrix);
                outer.col2im(&mut scratch.folded, &scratch.patches);
                outer.unpad(&mut dx[image_range(image, outer.fine_len())], &scratch.folded, |_, value| value);
            }
        }
    }
}

/// 0 for x ≤ 0, x otherwise. NaN stays NaN, so that diverging training is noticed.
#[inline(always)]
pub(crate) fn relu(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { x }
}

/// The backward pass of ReLU: sets the gradient to 0 where the output is 0.
pub(crate) fn relu_backward(gradient: &mut [f32], output: &[f32]) {
    vectorized(|| gradient.iter_mut().zip(output).for_each(|(d, y)| *d = if *y <= 0.0 { 0.0 } else { *d }));
}

impl FusedModule for FusedEncoder {
    type Tape = Tape;

    const NAME: &'static str = "encoder";

    const EVALUATION_BATCH_SIZE: usize = 256;

    fn weights(&self) -> Vec<&Weight> {
        ConvLayers::weights([&self.0.outer_layer, &self.0.inner_layer, &self.0.linear])
    }

    fn shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let (channels, side) = (self.0.outer.fine_channels, 2 * self.0.outer.coarse_side);
        match *input {
            [n, c, h, w] if c == channels && h == side && w == side => Ok(vec![n, self.0.linear.size()?.0]),
            _ => candle_core::bail!("the encoder needs images of shape (n, {channels}, {side}, {side}), not {input:?}"),
        }
    }

    fn forward(&self, x: &[f32], n: usize, tape: &mut Tape) -> Result<Vec<f32>> {
        let ConvLayers { outer, inner, outer_layer, inner_layer, linear } = &self.0;
        self.0.prepare(tape, n, inner.cells_len())?;
        let Tape { hidden: cells, flat, matrix, kernel, scratch_pool, .. } = tape;
        let (bias1, bias2) = (outer_layer.bias.read()?, inner_layer.bias.read()?);
        let (bias1, bias2): (&[f32], &[f32]) = (&bias1, &bias2);
        let (shard_len, block_len) = (images_per_shard(n), images_per_block(inner));
        x.par_chunks(shard_len * outer.fine_len())
            .zip(cells.par_chunks_mut(shard_len * inner.cells_len()))
            .zip(flat.par_chunks_mut(shard_len * inner.coarse_len()))
            .for_each(|((x, cells), flat)| {
                scratch_pool.with(outer, inner, |scratch| {
                    self.conv1_forward(x, (matrix, bias1), scratch, cells);
                    let blocks = cells.chunks(block_len * inner.cells_len());
                    for (cells, flat) in blocks.zip(flat.chunks_mut(block_len * inner.coarse_len())) {
                        self.conv2_forward(cells, kernel, bias2, scratch, flat);
                    }
                });
            });
        linear.forward(flat, n)
    }

    fn backward(&self, batch: &Batch<'_>, tape: &mut Tape, needs_input_grad: bool) -> Result<Option<Vec<f32>>> {
        let Batch { n, x, dy, .. } = *batch;
        let Tape { hidden: cells, flat, matrix, kernel, dflat, shards, scratch_pool } = tape;
        self.0.linear.parameter_gradients(flat, n, dy)?;
        self.0.linear.input_gradient(n, dy, dflat)?;
        let mut dx = vec![0.0; if needs_input_grad { x.len() } else { 0 }];
        self.0.backward(n, (dflat.as_mut_slice(), dx.as_mut_slice()), (shards, scratch_pool), |block| {
            self.block_backward(x, (flat, cells), (matrix, kernel), block);
        });
        Ok(needs_input_grad.then_some(dx))
    }
}
