//! linear, transposed conv ReLU, transposed conv tanh, image by image in the cache, forward and backward.

use rayon::prelude::*;

use super::encoder::{mask, relu};
use super::fused::{Batch, Part};
use super::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use super::grid::Grid;
use super::lanes::{add, add_rows, column_sums, transpose, wide};
use super::linear::Linear;
use super::share::{Room, Rooms, Sums, images_of_a_block, images_of_a_share, of};
use super::weight::Weight;
use super::winograd::{Kernel, gradient_len};

/// Latents to images, (n, C, 4s, 4s) in (−1, 1).
#[derive(Debug)]
pub(crate) struct Decoder {
    /// The last transposed convolution, between 2s × 2s and image.
    pub(crate) outer: Grid,
    /// The first, from s × s.
    pub(crate) inner: Grid,
    pub(crate) linear: Linear,
    pub(crate) deconv1: Linear,
    pub(crate) deconv2: Linear,
}

/// What a forward pass keeps.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// What the linear layer gives, channels first.
    flat: Vec<f32>,
    /// After ReLU, channels last.
    hidden: Vec<f32>,
    matrix: Vec<f32>,
    kernel: Kernel,
    /// Room for the backward pass: the gradient of `flat`, and sums of each share.
    down: Vec<f32>,
    shares: Vec<Sums>,
    rooms: Rooms,
}

/// Some images on their way back.
struct Block<'a> {
    y: &'a [f32],
    dy: &'a [f32],
    flat: &'a [f32],
    hidden: &'a [f32],
    /// Where the gradient of `flat` goes.
    down: &'a mut [f32],
}

/// Images that are decoded at once when nothing is to be learned.
const EVALUATED: usize = 64;

impl Decoder {
    /// The first transposed convolution of a block.
    fn block_forward(
        &self,
        flat: &mut [f32],
        (bias, kernel, bias1): (&[f32], &Kernel, &[f32]),
        room: &mut Room,
        hidden: &mut [f32],
    ) {
        let (outer, inner) = (&self.outer, &self.inner);
        room.tiles.begin(inner, flat.len() / inner.coarse_len());
        for (image, flat) in flat.chunks_exact_mut(inner.coarse_len()).enumerate() {
            add(flat, bias);
            transpose(&mut room.inner, flat, inner.coarse, inner.pixels());
            room.tiles.take_pixels(inner, image, &room.inner);
        }
        room.tiles.multiply_backward(inner, kernel);
        for (image, hidden) in hidden.chunks_exact_mut(outer.coarse_len()).enumerate() {
            room.tiles.give_cells(inner, image, &mut room.cells);
            wide(|| {
                for (index, pixel) in hidden.chunks_exact_mut(outer.coarse).enumerate() {
                    let place = inner.in_cells(index / outer.side, index % outer.side);
                    let cell = &room.cells[place..place + outer.coarse];
                    for ((pixel, cell), bias) in pixel.iter_mut().zip(cell).zip(bias1) {
                        *pixel = relu(cell + bias);
                    }
                }
            });
        }
    }

    /// The second transposed convolution of a share.
    fn share_forward(&self, hidden: &[f32], (matrix, bias2): (&[f32], &[f32]), room: &mut Room, images: &mut [f32]) {
        let outer = &self.outer;
        let (rows, columns) = (outer.pixels(), outer.patch());
        for (hidden, image) in hidden.chunks_exact(outer.coarse_len()).zip(images.chunks_exact_mut(outer.fine_len())) {
            let hidden = Matrix::of_rows(hidden, rows, outer.coarse);
            let matrix = Matrix::of_rows(matrix, columns, outer.coarse).transposed();
            multiply(MatrixMut::of_rows(&mut room.patches, rows, columns), Write::Set, hidden, matrix, Threads::One);
            outer.lay_patches(&mut room.laid, &room.patches);
            outer.leave_frame(image, &room.laid, |channel, value| (value + bias2[channel]).tanh());
        }
    }

    /// One block backward; leaves the gradient of `flat` in `down`.
    fn block_backward(
        &self,
        Block { y, dy, flat, hidden, down }: Block<'_>,
        (matrix, kernel): (&[f32], &Kernel),
        room: &mut Room,
        sums: &mut Sums,
    ) {
        let (outer, inner) = (&self.outer, &self.inner);
        let (rows, columns) = (outer.pixels(), outer.patch());
        room.tiles.begin(inner, flat.len() / inner.coarse_len());
        for (image, hidden) in hidden.chunks_exact(outer.coarse_len()).enumerate() {
            let (y, dy) = (&y[of(image, outer.fine_len())], &dy[of(image, outer.fine_len())]);
            outer.enter_frame(&mut room.frame, dy, |index, dy| dy * (1.0 - y[index] * y[index]));
            add_rows(&mut sums.outer_bias, &room.frame);
            outer.patches(&mut room.patches, &room.frame);
            let patches = Matrix::of_rows(&room.patches, rows, columns);
            let gradient = MatrixMut::of_rows(&mut sums.matrix, columns, outer.coarse);
            let before = Matrix::of_rows(hidden, rows, outer.coarse);
            multiply(gradient, Write::Add, patches.transposed(), before, Threads::One);
            let matrix = Matrix::of_rows(matrix, columns, outer.coarse);
            let pixels = MatrixMut::of_rows(&mut room.outer, rows, outer.coarse);
            multiply(pixels, Write::Set, patches, matrix, Threads::One);
            mask(&mut room.outer, hidden);
            add_rows(&mut sums.inner_bias, &room.outer);
            room.cells.fill(0.0);
            for (index, pixel) in room.outer.chunks_exact(outer.coarse).enumerate() {
                let place = inner.in_cells(index / outer.side, index % outer.side);
                room.cells[place..place + outer.coarse].copy_from_slice(pixel);
            }
            room.tiles.take_cells(inner, image, &room.cells);
            transpose(&mut room.inner, &flat[of(image, inner.coarse_len())], inner.coarse, inner.pixels());
            room.tiles.take_pixels(inner, image, &room.inner);
        }
        room.tiles.kernel_gradient(inner, &mut sums.kernel, Write::Add);
        room.tiles.multiply_forward(inner, kernel);
        for (image, down) in down.chunks_exact_mut(inner.coarse_len()).enumerate() {
            room.tiles.give_pixels(inner, image, &mut room.inner);
            transpose(down, &room.inner, inner.pixels(), inner.coarse);
        }
    }
}

impl Part for Decoder {
    type Tape = Tape;

    const NAME: &'static str = "decoder";

    fn weights(&self) -> Vec<&Weight> {
        [&self.linear, &self.deconv1, &self.deconv2]
            .into_iter()
            .flat_map(|layer| [&layer.weight, &layer.bias])
            .collect()
    }

    fn shape(&self, input: &[usize]) -> candle_core::Result<Vec<usize>> {
        let (dim, side) = (self.linear.size()?.1, 2 * self.outer.side);
        match *input {
            [n, columns] if columns == dim => Ok(vec![n, self.outer.fine, side, side]),
            _ => candle_core::bail!("the decoder takes latents (n, {dim}), not {input:?}"),
        }
    }

    fn forward(&self, x: &[f32], n: usize, tape: &mut Tape) -> candle_core::Result<Vec<f32>> {
        let (outer, inner) = (&self.outer, &self.inner);
        let Tape { flat, hidden, matrix, kernel, rooms, .. } = tape;
        *matrix = outer.patch_matrix(&self.deconv2.weight.read()?);
        kernel.set(inner, &self.deconv1.weight.read()?);
        flat.resize(n * inner.coarse_len(), 0.0);
        hidden.resize(n * outer.coarse_len(), 0.0);
        self.linear.product(x, n, flat)?;
        let biases = (self.linear.bias.read()?, self.deconv1.bias.read()?, self.deconv2.bias.read()?);
        let (bias, bias1, bias2): (&[f32], &[f32], &[f32]) = (&biases.0, &biases.1, &biases.2);
        let mut images = vec![0.0; n * outer.fine_len()];
        let (share, block) = (images_of_a_share(n), images_of_a_block(inner));
        images
            .par_chunks_mut(share * outer.fine_len())
            .zip(hidden.par_chunks_mut(share * outer.coarse_len()))
            .zip(flat.par_chunks_mut(share * inner.coarse_len()))
            .for_each(|((images, hidden), flat)| {
                rooms.with(outer, inner, |room| {
                    let blocks = flat.chunks_mut(block * inner.coarse_len());
                    for (flat, hidden) in blocks.zip(hidden.chunks_mut(block * outer.coarse_len())) {
                        self.block_forward(flat, (bias, kernel, bias1), room, hidden);
                    }
                    self.share_forward(hidden, (matrix, bias2), room, images);
                });
            });
        Ok(images)
    }

    fn evaluate(&self, x: &[f32], n: usize, tape: &mut Tape) -> candle_core::Result<Vec<f32>> {
        let dim = self.linear.size()?.1;
        let mut images = Vec::with_capacity(n * self.outer.fine_len());
        for x in x.chunks(EVALUATED * dim) {
            images.extend(self.forward(x, x.len() / dim, tape)?);
        }
        Ok(images)
    }

    fn backward(&self, batch: &Batch<'_>, tape: &mut Tape, wants_input: bool) -> candle_core::Result<Option<Vec<f32>>> {
        let Batch { n, x, y, dy } = *batch;
        let (outer, inner) = (&self.outer, &self.inner);
        let Tape { flat, hidden, matrix, kernel, down, shares, rooms } = tape;
        let (share, block) = (images_of_a_share(n), images_of_a_block(inner));
        shares.resize_with(n.div_ceil(share), Sums::default);
        down.resize(flat.len(), 0.0);
        let (y_len, hidden_len, flat_len) = (outer.fine_len(), outer.coarse_len(), inner.coarse_len());
        let (flat, hidden) = (&*flat, &*hidden);
        shares.par_iter_mut().zip(down.par_chunks_mut(share * flat_len)).enumerate().for_each(
            |(index, (sums, down))| {
                sums.clear(gradient_len(inner), matrix.len(), inner.fine, outer.fine);
                rooms.with(outer, inner, |room| {
                    for (step, down) in down.chunks_mut(block * flat_len).enumerate() {
                        let first = index * share + step * block;
                        let images = first..first + down.len() / flat_len;
                        let part = |len: usize| images.start * len..images.end * len;
                        let (y, dy) = (&y[part(y_len)], &dy[part(y_len)]);
                        let (flat, hidden) = (&flat[part(flat_len)], &hidden[part(hidden_len)]);
                        self.block_backward(Block { y, dy, flat, hidden, down }, (matrix, kernel), room, sums);
                    }
                });
            },
        );
        let sums = Sums::total(shares);
        self.deconv2.weight.gradient().put(outer.weights_of_patch_matrix(&sums.matrix));
        self.deconv2.bias.gradient().put(sums.outer_bias.iter().copied());
        self.deconv1.weight.gradient().put(Kernel::weight_gradient(inner, &sums.kernel));
        self.deconv1.bias.gradient().put(sums.inner_bias.iter().copied());
        self.linear.bias.gradient().put(column_sums(down, flat_len).into_iter());
        self.linear.weight_gradient(x, n, down)?;
        if !wants_input {
            return Ok(None);
        }
        let mut dx = vec![0.0; x.len()];
        self.linear.input_gradient(n, down, &mut dx)?;
        Ok(Some(dx))
    }
}
