//! conv ReLU conv ReLU linear, image by image in the cache, forward and backward.

use rayon::prelude::*;

use super::fused::{Batch, Part};
use super::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use super::grid::Grid;
use super::lanes::{add_rows, column_sums, transpose, wide};
use super::linear::Linear;
use super::share::{Room, Rooms, Sums, images_of_a_block, images_of_a_share, of};
use super::weight::Weight;
use super::winograd::{Kernel, gradient_len};

/// Images, (n, C, 4s, 4s), to latents.
#[derive(Debug)]
pub(crate) struct Encoder {
    /// The first convolution, between image and 2s × 2s.
    pub(crate) outer: Grid,
    /// The second, to s × s.
    pub(crate) inner: Grid,
    pub(crate) conv1: Linear,
    pub(crate) conv2: Linear,
    pub(crate) linear: Linear,
}

/// What a forward pass keeps.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// After the first ReLU, as cells.
    cells: Vec<f32>,
    /// After the second ReLU, channels first: what the linear layer takes.
    flat: Vec<f32>,
    matrix: Vec<f32>,
    kernel: Kernel,
    /// Room for the backward pass: the gradient of `flat`, and sums of each share.
    down: Vec<f32>,
    shares: Vec<Sums>,
    rooms: Rooms,
}

/// Images that are encoded at once when nothing is to be learned.
const EVALUATED: usize = 256;

impl Encoder {
    /// One share forward.
    fn share_forward(&self, x: &[f32], (matrix, bias1): (&[f32], &[f32]), room: &mut Room, cells: &mut [f32]) {
        let (outer, inner) = (&self.outer, &self.inner);
        let images = x.chunks_exact(outer.fine_len()).zip(cells.chunks_exact_mut(inner.cells_len()));
        for (image, cells) in images {
            outer.enter_frame(&mut room.frame, image, |_, pixel| pixel);
            outer.patches(&mut room.patches, &room.frame);
            let patches = Matrix::of_rows(&room.patches, outer.pixels(), outer.patch());
            let matrix = Matrix::of_rows(matrix, outer.patch(), outer.coarse);
            let pixels = MatrixMut::of_rows(&mut room.outer, outer.pixels(), outer.coarse);
            multiply(pixels, Write::Set, patches, matrix, Threads::One);
            let side = outer.side;
            wide(|| {
                for (index, pixel) in room.outer.chunks_exact(outer.coarse).enumerate() {
                    let place = inner.in_cells(index / side, index % side);
                    let cell = &mut cells[place..place + outer.coarse];
                    for ((cell, pixel), bias) in cell.iter_mut().zip(pixel).zip(bias1) {
                        *cell = relu(pixel + bias);
                    }
                }
            });
        }
    }

    /// The second convolution of a block.
    fn block_forward(&self, cells: &[f32], kernel: &Kernel, bias2: &[f32], room: &mut Room, flat: &mut [f32]) {
        let inner = &self.inner;
        room.tiles.begin(inner, flat.len() / inner.coarse_len());
        for (image, cells) in cells.chunks_exact(inner.cells_len()).enumerate() {
            room.tiles.take_cells(inner, image, cells);
        }
        room.tiles.multiply_forward(inner, kernel);
        for (image, flat) in flat.chunks_exact_mut(inner.coarse_len()).enumerate() {
            room.tiles.give_pixels(inner, image, &mut room.inner);
            wide(|| {
                for pixel in room.inner.chunks_exact_mut(inner.coarse) {
                    pixel.iter_mut().zip(bias2).for_each(|(value, bias)| *value = relu(*value + bias));
                }
            });
            transpose(flat, &room.inner, inner.pixels(), inner.coarse);
        }
    }

    /// One block backward: from the gradient of `flat`, which is masked by ReLU here.
    fn block_backward(
        &self,
        (x, cells, flat, down): (&[f32], &[f32], &[f32], &mut [f32]),
        (matrix, kernel): (&[f32], &Kernel),
        room: &mut Room,
        sums: &mut Sums,
        mut dx: Option<&mut [f32]>,
    ) {
        let (outer, inner) = (&self.outer, &self.inner);
        let len = inner.coarse_len();
        room.tiles.begin(inner, flat.len() / len);
        for (image, (down, flat)) in down.chunks_exact_mut(len).zip(flat.chunks_exact(len)).enumerate() {
            mask(down, flat);
            transpose(&mut room.inner, down, inner.coarse, inner.pixels());
            add_rows(&mut sums.inner_bias, &room.inner);
            room.tiles.take_pixels(inner, image, &room.inner);
            room.tiles.take_cells(inner, image, &cells[of(image, inner.cells_len())]);
        }
        room.tiles.kernel_gradient(inner, &mut sums.kernel, Write::Add);
        room.tiles.multiply_backward(inner, kernel);
        for (image, cells) in cells.chunks_exact(inner.cells_len()).enumerate() {
            room.tiles.give_cells(inner, image, &mut room.cells);
            mask(&mut room.cells, cells);
            for (index, pixel) in room.outer.chunks_exact_mut(outer.coarse).enumerate() {
                let place = inner.in_cells(index / outer.side, index % outer.side);
                pixel.copy_from_slice(&room.cells[place..place + outer.coarse]);
            }
            add_rows(&mut sums.outer_bias, &room.outer);
            outer.enter_frame(&mut room.frame, &x[of(image, outer.fine_len())], |_, pixel| pixel);
            outer.patches(&mut room.patches, &room.frame);
            let (rows, columns) = (outer.pixels(), outer.patch());
            let pixels = Matrix::of_rows(&room.outer, rows, outer.coarse);
            let patches = Matrix::of_rows(&room.patches, rows, columns).transposed();
            let gradient = MatrixMut::of_rows(&mut sums.matrix, columns, outer.coarse);
            multiply(gradient, Write::Add, patches, pixels, Threads::One);
            if let Some(dx) = &mut dx {
                let matrix = Matrix::of_rows(matrix, columns, outer.coarse).transposed();
                multiply(
                    MatrixMut::of_rows(&mut room.patches, rows, columns),
                    Write::Set,
                    pixels,
                    matrix,
                    Threads::One,
                );
                outer.lay_patches(&mut room.laid, &room.patches);
                outer.leave_frame(&mut dx[of(image, outer.fine_len())], &room.laid, |_, value| value);
            }
        }
    }
}

/// 0 for x ≤ 0, else x; NaN stays NaN, so that a training that left the numbers is noticed.
#[inline(always)]
pub(crate) fn relu(x: f32) -> f32 {
    if x <= 0.0 { 0.0 } else { x }
}

/// ReLU's gradient: 0 where its output is 0.
pub(crate) fn mask(gradient: &mut [f32], output: &[f32]) {
    wide(|| gradient.iter_mut().zip(output).for_each(|(d, y)| *d = if *y <= 0.0 { 0.0 } else { *d }));
}

impl Part for Encoder {
    type Tape = Tape;

    const NAME: &'static str = "encoder";

    fn weights(&self) -> Vec<&Weight> {
        [&self.conv1, &self.conv2, &self.linear].into_iter().flat_map(|layer| [&layer.weight, &layer.bias]).collect()
    }

    fn shape(&self, input: &[usize]) -> candle_core::Result<Vec<usize>> {
        let side = 2 * self.outer.side;
        match *input {
            [n, c, h, w] if c == self.outer.fine && h == side && w == side => Ok(vec![n, self.linear.size()?.0]),
            _ => candle_core::bail!("the encoder takes images (n, {}, {side}, {side}), not {input:?}", self.outer.fine),
        }
    }

    fn forward(&self, x: &[f32], n: usize, tape: &mut Tape) -> candle_core::Result<Vec<f32>> {
        let (outer, inner) = (&self.outer, &self.inner);
        let Tape { cells, flat, matrix, kernel, rooms, .. } = tape;
        *matrix = outer.patch_matrix(&self.conv1.weight.read()?);
        kernel.set(inner, &self.conv2.weight.read()?);
        cells.resize(n * inner.cells_len(), 0.0);
        flat.resize(n * inner.coarse_len(), 0.0);
        let (bias1, bias2) = (self.conv1.bias.read()?, self.conv2.bias.read()?);
        let (bias1, bias2): (&[f32], &[f32]) = (&bias1, &bias2);
        let (share, block) = (images_of_a_share(n), images_of_a_block(inner));
        x.par_chunks(share * outer.fine_len())
            .zip(cells.par_chunks_mut(share * inner.cells_len()))
            .zip(flat.par_chunks_mut(share * inner.coarse_len()))
            .for_each(|((x, cells), flat)| {
                rooms.with(outer, inner, |room| {
                    self.share_forward(x, (matrix, bias1), room, cells);
                    let blocks = cells.chunks(block * inner.cells_len());
                    for (cells, flat) in blocks.zip(flat.chunks_mut(block * inner.coarse_len())) {
                        self.block_forward(cells, kernel, bias2, room, flat);
                    }
                });
            });
        self.linear.forward(flat, n)
    }

    fn evaluate(&self, x: &[f32], n: usize, tape: &mut Tape) -> candle_core::Result<Vec<f32>> {
        let mut latents = Vec::with_capacity(n * self.linear.size()?.0);
        for x in x.chunks(EVALUATED * self.outer.fine_len()) {
            latents.extend(self.forward(x, x.len() / self.outer.fine_len(), tape)?);
        }
        Ok(latents)
    }

    fn backward(&self, batch: &Batch<'_>, tape: &mut Tape, wants_input: bool) -> candle_core::Result<Option<Vec<f32>>> {
        let Batch { n, x, dy, .. } = *batch;
        let (outer, inner) = (&self.outer, &self.inner);
        let Tape { cells, flat, matrix, kernel, down, shares, rooms } = tape;
        self.linear.bias.gradient().put(column_sums(dy, self.linear.size()?.0).into_iter());
        self.linear.weight_gradient(flat, n, dy)?;
        down.resize(flat.len(), 0.0);
        self.linear.input_gradient(n, dy, down)?;

        let (share, block) = (images_of_a_share(n), images_of_a_block(inner));
        shares.resize_with(n.div_ceil(share), Sums::default);
        let mut dx = vec![0.0; if wants_input { x.len() } else { 0 }];
        // Without a gradient to write, every share gets none of it.
        let mut parts: Vec<Option<&mut [f32]>> = dx.chunks_mut(share * outer.fine_len()).map(Some).collect();
        parts.resize_with(shares.len(), || None);
        let (x_len, cells_len, flat_len) = (outer.fine_len(), inner.cells_len(), inner.coarse_len());
        let (cells, flat) = (&*cells, &*flat);
        shares.par_iter_mut().zip(down.par_chunks_mut(share * flat_len)).zip(parts).enumerate().for_each(
            |(index, ((sums, down), mut dx))| {
                sums.clear(gradient_len(inner), matrix.len(), inner.coarse, outer.coarse);
                rooms.with(outer, inner, |room| {
                    for (step, down) in down.chunks_mut(block * flat_len).enumerate() {
                        let first = index * share + step * block;
                        let images = first..first + down.len() / flat_len;
                        let part = |len: usize| images.start * len..images.end * len;
                        let arrays = (&x[part(x_len)], &cells[part(cells_len)], &flat[part(flat_len)], down);
                        let within = step * block * x_len;
                        let dx = dx.as_deref_mut().map(|dx| &mut dx[within..within + images.len() * x_len]);
                        self.block_backward(arrays, (matrix, kernel), room, sums, dx);
                    }
                });
            },
        );
        let sums = Sums::total(shares);
        self.conv1.weight.gradient().put(outer.weights_of_patch_matrix(&sums.matrix));
        self.conv1.bias.gradient().put(sums.outer_bias.iter().copied());
        self.conv2.weight.gradient().put(Kernel::weight_gradient(inner, &sums.kernel));
        self.conv2.bias.gradient().put(sums.inner_bias.iter().copied());
        Ok(wants_input.then_some(dx))
    }
}
