//! The encoder: conv, ReLU, conv, ReLU, linear. Images are processed one by one or in blocks that stay in the cache.

use rayon::prelude::*;

use super::conv_geometry::ConvGeometry;
use super::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use super::host_op::{Batch, FusedModule};
use super::linear::Linear;
use super::shard::{GradientSums, Scratch, ScratchPool, image_range, images_per_block, images_per_shard};
use super::simd::{add_rows, column_sums, transpose, vectorized};
use super::weight::Weight;
use super::winograd::{WinogradKernel, gradient_len};

/// Encodes images, (n, C, 4s, 4s), to latents.
#[derive(Debug)]
pub(crate) struct FusedEncoder {
    /// The first convolution, from 4s × 4s to 2s × 2s.
    pub(crate) outer: ConvGeometry,
    /// The second convolution, from 2s × 2s to s × s.
    pub(crate) inner: ConvGeometry,
    pub(crate) conv1: Linear,
    pub(crate) conv2: Linear,
    pub(crate) linear: Linear,
}

/// What the forward pass saves, and scratch memory of the backward pass.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// Output of the first ReLU, as cells.
    cells: Vec<f32>,
    /// Output of the second ReLU, channels first: the input of the linear layer.
    flat: Vec<f32>,
    matrix: Vec<f32>,
    kernel: WinogradKernel,
    /// Gradient of `flat`.
    dflat: Vec<f32>,
    shards: Vec<GradientSums>,
    scratch_pool: ScratchPool,
}

/// Number of images per forward pass in evaluation mode.
const EVALUATION_BATCH_SIZE: usize = 256;

impl FusedEncoder {
    /// The first convolution and ReLU for the images of a shard.
    fn conv1_forward(&self, x: &[f32], (matrix, bias1): (&[f32], &[f32]), scratch: &mut Scratch, cells: &mut [f32]) {
        let (outer, inner) = (&self.outer, &self.inner);
        let images = x.chunks_exact(outer.fine_len()).zip(cells.chunks_exact_mut(inner.cells_len()));
        for (image, cells) in images {
            outer.pad(&mut scratch.padded, image, |_, pixel| pixel);
            outer.im2col(&mut scratch.patches, &scratch.padded);
            let patches = Matrix::row_major(&scratch.patches, outer.pixels(), outer.patch_len());
            let matrix = Matrix::row_major(matrix, outer.patch_len(), outer.coarse_channels);
            let pixels = MatrixMut::row_major(&mut scratch.outer, outer.pixels(), outer.coarse_channels);
            multiply(pixels, Write::Set, patches, matrix, Threads::One);
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
        let inner = &self.inner;
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
    fn block_backward(
        &self,
        (x, cells, flat, dflat): (&[f32], &[f32], &[f32], &mut [f32]),
        (matrix, kernel): (&[f32], &WinogradKernel),
        scratch: &mut Scratch,
        sums: &mut GradientSums,
        mut dx: Option<&mut [f32]>,
    ) {
        let (outer, inner) = (&self.outer, &self.inner);
        let len = inner.coarse_len();
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
            let (rows, columns) = (outer.pixels(), outer.patch_len());
            let pixels = Matrix::row_major(&scratch.outer, rows, outer.coarse_channels);
            let patches = Matrix::row_major(&scratch.patches, rows, columns).transposed();
            let gradient = MatrixMut::row_major(&mut sums.matrix, columns, outer.coarse_channels);
            multiply(gradient, Write::Add, patches, pixels, Threads::One);
            if let Some(dx) = &mut dx {
                let matrix = Matrix::row_major(matrix, columns, outer.coarse_channels).transposed();
                multiply(
                    MatrixMut::row_major(&mut scratch.patches, rows, columns),
                    Write::Set,
                    pixels,
                    matrix,
                    Threads::One,
                );
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

    fn weights(&self) -> Vec<&Weight> {
        [&self.conv1, &self.conv2, &self.linear].into_iter().flat_map(|layer| [&layer.weight, &layer.bias]).collect()
    }

    fn shape(&self, input: &[usize]) -> candle_core::Result<Vec<usize>> {
        let side = 2 * self.outer.coarse_side;
        match *input {
            [n, c, h, w] if c == self.outer.fine_channels && h == side && w == side => {
                Ok(vec![n, self.linear.size()?.0])
            }
            _ => candle_core::bail!(
                "the encoder needs images of shape (n, {}, {side}, {side}), not {input:?}",
                self.outer.fine_channels
            ),
        }
    }

    fn forward(&self, x: &[f32], n: usize, tape: &mut Tape) -> candle_core::Result<Vec<f32>> {
        let (outer, inner) = (&self.outer, &self.inner);
        let Tape { cells, flat, matrix, kernel, scratch_pool, .. } = tape;
        *matrix = outer.patch_matrix(&self.conv1.weight.read()?);
        kernel.transform(inner, &self.conv2.weight.read()?);
        cells.resize(n * inner.cells_len(), 0.0);
        flat.resize(n * inner.coarse_len(), 0.0);
        let (bias1, bias2) = (self.conv1.bias.read()?, self.conv2.bias.read()?);
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
        self.linear.forward(flat, n)
    }

    fn evaluate(&self, x: &[f32], n: usize, tape: &mut Tape) -> candle_core::Result<Vec<f32>> {
        let mut latents = Vec::with_capacity(n * self.linear.size()?.0);
        for x in x.chunks(EVALUATION_BATCH_SIZE * self.outer.fine_len()) {
            latents.extend(self.forward(x, x.len() / self.outer.fine_len(), tape)?);
        }
        Ok(latents)
    }

    fn backward(
        &self,
        batch: &Batch<'_>,
        tape: &mut Tape,
        needs_input_grad: bool,
    ) -> candle_core::Result<Option<Vec<f32>>> {
        let Batch { n, x, dy, .. } = *batch;
        let (outer, inner) = (&self.outer, &self.inner);
        let Tape { cells, flat, matrix, kernel, dflat, shards, scratch_pool } = tape;
        self.linear.bias.gradient().accumulate(column_sums(dy, self.linear.size()?.0).into_iter());
        self.linear.weight_gradient(flat, n, dy)?;
        dflat.resize(flat.len(), 0.0);
        self.linear.input_gradient(n, dy, dflat)?;

        let (shard_len, block_len) = (images_per_shard(n), images_per_block(inner));
        shards.resize_with(n.div_ceil(shard_len), GradientSums::default);
        let mut dx = vec![0.0; if needs_input_grad { x.len() } else { 0 }];
        // If no gradient of the input is wanted, no shard gets a part of it.
        let mut parts: Vec<Option<&mut [f32]>> = dx.chunks_mut(shard_len * outer.fine_len()).map(Some).collect();
        parts.resize_with(shards.len(), || None);
        let (x_len, cells_len, flat_len) = (outer.fine_len(), inner.cells_len(), inner.coarse_len());
        let (cells, flat) = (&*cells, &*flat);
        shards.par_iter_mut().zip(dflat.par_chunks_mut(shard_len * flat_len)).zip(parts).enumerate().for_each(
            |(index, ((sums, dflat), mut dx))| {
                sums.reset(gradient_len(inner), matrix.len(), inner.coarse_channels, outer.coarse_channels);
                scratch_pool.with(outer, inner, |scratch| {
                    for (block_index, dflat) in dflat.chunks_mut(block_len * flat_len).enumerate() {
                        let first = index * shard_len + block_index * block_len;
                        let images = first..first + dflat.len() / flat_len;
                        let range = |len: usize| images.start * len..images.end * len;
                        let arrays = (&x[range(x_len)], &cells[range(cells_len)], &flat[range(flat_len)], dflat);
                        let start = block_index * block_len * x_len;
                        let dx = dx.as_deref_mut().map(|dx| &mut dx[start..start + images.len() * x_len]);
                        self.block_backward(arrays, (matrix, kernel), scratch, sums, dx);
                    }
                });
            },
        );
        let sums = GradientSums::total(shards);
        self.conv1.weight.gradient().accumulate(outer.weights_from_patch_matrix(&sums.matrix));
        self.conv1.bias.gradient().accumulate(sums.outer_bias.iter().copied());
        self.conv2.weight.gradient().accumulate(WinogradKernel::weight_gradient(inner, &sums.kernel));
        self.conv2.bias.gradient().accumulate(sums.inner_bias.iter().copied());
        Ok(needs_input_grad.then_some(dx))
    }
}
