//! Winograd convolution: kernel 4, stride 2, padding 1 with 9 products instead of 16.
//!
//! On cells of 2 × 2 pixels (see [`conv_geometry`](super::conv_geometry)), the kernel is 2 × 2 and the stride is 1. For such
//! kernels, Winograd's algorithm F(2 × 2, 2 × 2) (Lavin and Gray, arXiv 1509.09308) computes 2 × 2 outputs from 3 × 3 inputs with
//! 9 products. In one dimension, with inputs d and kernel g:
//!
//! v = (d₀ − d₁, d₁, d₁ − d₂),  u = (g₀, g₀ + g₁, g₁),  m = u v,  y = (m₀ + m₁, m₁ − m₂).
//!
//! All factors are 0, 1 and −1, so the rounding errors are only those of a few more additions. Every step is linear, and the
//! gradients are computed by the transposed steps.

use super::conv_geometry::{ConvGeometry, KERNEL};
use super::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use super::simd::{transpose, vectorized};
use rayon::prelude::*;

/// Number of products per tile.
const PRODUCTS: usize = 9;

/// Values per vector. The numbers of channels are multiples of this.
const LANES: usize = 16;
type Lane = [f32; LANES];

#[inline(always)]
fn load(from: &[f32], at: usize) -> Lane {
    let mut lane = [0.0; LANES];
    lane.copy_from_slice(&from[at..at + LANES]);
    lane
}

#[inline(always)]
fn store(to: &mut [f32], at: usize, lane: Lane) {
    to[at..at + LANES].copy_from_slice(&lane);
}

#[inline(always)]
fn add(a: Lane, b: Lane) -> Lane {
    std::array::from_fn(|i| a[i] + b[i])
}

#[inline(always)]
fn subtract(a: Lane, b: Lane) -> Lane {
    std::array::from_fn(|i| a[i] - b[i])
}

#[inline(always)]
fn negate(a: Lane) -> Lane {
    std::array::from_fn(|i| -a[i])
}

/// A transformed kernel, u, in the layouts that the forward and the backward products need.
#[derive(Debug, Default)]
pub(crate) struct WinogradKernel {
    /// (product, cell, coarse).
    forward: Vec<f32>,
    /// (product, coarse, cell).
    backward: Vec<f32>,
}

/// Factors of the two taps of a kernel in each of the three values of u, in one dimension.
const TAPS: [[f32; 2]; 3] = [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];

/// Index in the 4 × 4 kernel of the tap (dy, dx) for a quarter of a cell.
fn tap_index(quarter: usize, dy: usize, dx: usize) -> usize {
    (2 * dy + quarter / 2) * KERNEL + 2 * dx + quarter % 2
}

impl WinogradKernel {
    /// Transforms weights, (coarse, fine, ky, kx).
    pub(crate) fn transform(&mut self, geometry: &ConvGeometry, weight: &[f32]) {
        let (cell, coarse) = (geometry.cell_len(), geometry.coarse_channels);
        let len = cell * coarse;
        self.forward.resize(PRODUCTS * len, 0.0);
        self.backward.resize(PRODUCTS * len, 0.0);
        let both = self.forward.par_chunks_exact_mut(len).zip(self.backward.par_chunks_exact_mut(len));
        both.enumerate().for_each(|(product, (forward, backward))| {
            let (down, along) = (TAPS[product / 3], TAPS[product % 3]);
            for (row, weight) in backward.chunks_exact_mut(cell).zip(weight.chunks_exact(geometry.patch_len())) {
                for (quarter, part) in row.chunks_exact_mut(geometry.fine_channels).enumerate() {
                    for (u, g) in part.iter_mut().zip(weight.chunks_exact(KERNEL * KERNEL)) {
                        let g = |dy: usize, dx: usize| down[dy] * along[dx] * g[tap_index(quarter, dy, dx)];
                        *u = (g(0, 0) + g(0, 1)) + (g(1, 0) + g(1, 1));
                    }
                }
            }
            transpose(forward, backward, coarse, cell);
        });
    }

    /// The gradient of the weights from that of the transformed kernel, (product, coarse, cell).
    pub(crate) fn weight_gradient<'a>(
        geometry: &'a ConvGeometry,
        gradient: &'a [f32],
    ) -> impl ExactSizeIterator<Item = f32> + 'a {
        let len = geometry.cell_len() * geometry.coarse_channels;
        (0..geometry.coarse_channels * geometry.patch_len()).map(move |index| {
            let (coarse, within) = (index / geometry.patch_len(), index % geometry.patch_len());
            let (fine, ky, kx) = (within / (KERNEL * KERNEL), within / KERNEL % KERNEL, within % KERNEL);
            let offset = coarse * geometry.cell_len() + (ky % 2 * 2 + kx % 2) * geometry.fine_channels + fine;
            let mut sum = 0.0;
            for (product, part) in gradient.chunks_exact(len).enumerate() {
                sum += TAPS[product / 3][ky / 2] * TAPS[product % 3][kx / 2] * part[offset];
            }
            sum
        })
    }
}

/// Scratch memory for the tiles of a block of images.
#[derive(Debug, Default)]
pub(crate) struct Tiles {
    /// (product, tile, cell).
    fine: Vec<f32>,
    /// (product, tile, coarse).
    coarse: Vec<f32>,
    /// Number of tiles.
    count: usize,
}

impl Tiles {
    /// Resizes the memory for this number of images.
    pub(crate) fn resize(&mut self, geometry: &ConvGeometry, images: usize) {
        self.count = images * geometry.tiles_per_side().pow(2);
        self.fine.resize(PRODUCTS * self.count * geometry.cell_len(), 0.0);
        self.coarse.resize(PRODUCTS * self.count * geometry.coarse_channels, 0.0);
    }

    /// The input transform: computes v from the cells of one image.
    pub(crate) fn input_transform(&mut self, geometry: &ConvGeometry, image: usize, cells: &[f32]) {
        let (cell, along, row) =
            (geometry.cell_len(), geometry.tiles_per_side(), geometry.cells_per_side() * geometry.cell_len());
        let len = self.count * cell;
        vectorized(|| {
            for tile in 0..along * along {
                let from = 2 * (tile / along) * row + 2 * (tile % along) * cell;
                let to = (image * along * along + tile) * cell;
                for lane in (0..cell).step_by(LANES) {
                    let d: [[Lane; 3]; 3] =
                        std::array::from_fn(|i| std::array::from_fn(|j| load(cells, from + i * row + j * cell + lane)));
                    for i in 0..3 {
                        let t: [Lane; 3] = std::array::from_fn(|j| match i {
                            0 => subtract(d[0][j], d[1][j]),
                            1 => d[1][j],
                            _ => subtract(d[1][j], d[2][j]),
                        });
                        let at = |j: usize| (3 * i + j) * len + to + lane;
                        store(&mut self.fine, at(0), subtract(t[0], t[1]));
                        store(&mut self.fine, at(1), t[1]);
                        store(&mut self.fine, at(2), subtract(t[1], t[2]));
                    }
                }
            }
        });
    }

    /// The transpose of [`input_transform`](Self::input_transform): clears the cells and adds to them.
    pub(crate) fn input_transform_transposed(&self, geometry: &ConvGeometry, image: usize, cells: &mut [f32]) {
        let (cell, along, row) =
            (geometry.cell_len(), geometry.tiles_per_side(), geometry.cells_per_side() * geometry.cell_len());
        let len = self.count * cell;
        cells.fill(0.0);
        vectorized(|| {
            for tile in 0..along * along {
                let to = 2 * (tile / along) * row + 2 * (tile % along) * cell;
                let from = (image * along * along + tile) * cell;
                for lane in (0..cell).step_by(LANES) {
                    let t: [[Lane; 3]; 3] = std::array::from_fn(|i| {
                        let v: [Lane; 3] = std::array::from_fn(|j| load(&self.fine, (3 * i + j) * len + from + lane));
                        [v[0], subtract(add(v[1], v[2]), v[0]), negate(v[2])]
                    });
                    for column in 0..3 {
                        let [above, level, below] = t.map(|t| t[column]);
                        let d = [above, subtract(add(level, below), above), negate(below)];
                        for (i, d) in d.into_iter().enumerate() {
                            let at = to + i * row + column * cell + lane;
                            let sum = add(load(cells, at), d);
                            store(cells, at, sum);
                        }
                    }
                }
            }
        });
    }

    /// The output transform: computes y of one image, (pixel, coarse).
    pub(crate) fn output_transform(&self, geometry: &ConvGeometry, image: usize, pixels: &mut [f32]) {
        let (coarse, along, side) = (geometry.coarse_channels, geometry.tiles_per_side(), geometry.coarse_side);
        let len = self.count * coarse;
        vectorized(|| {
            for tile in 0..along * along {
                let (top, left) = (2 * (tile / along), 2 * (tile % along));
                let from = (image * along * along + tile) * coarse;
                for lane in (0..coarse).step_by(LANES) {
                    let t: [[Lane; 2]; 3] = std::array::from_fn(|i| {
                        let m: [Lane; 3] = std::array::from_fn(|j| load(&self.coarse, (3 * i + j) * len + from + lane));
                        [add(m[0], m[1]), subtract(m[1], m[2])]
                    });
                    for column in 0..2 {
                        let [above, level, below] = t.map(|t| t[column]);
                        for (i, y) in [add(above, level), subtract(level, below)].into_iter().enumerate() {
                            if top + i < side && left + column < side {
                                store(pixels, ((top + i) * side + left + column) * coarse + lane, y);
                            }
                        }
                    }
                }
            }
        });
    }

    /// The transpose of [`output_transform`](Self::output_transform).
    pub(crate) fn output_transform_transposed(&mut self, geometry: &ConvGeometry, image: usize, pixels: &[f32]) {
        let (coarse, along, side) = (geometry.coarse_channels, geometry.tiles_per_side(), geometry.coarse_side);
        let len = self.count * coarse;
        vectorized(|| {
            for tile in 0..along * along {
                let (top, left) = (2 * (tile / along), 2 * (tile % along));
                let to = (image * along * along + tile) * coarse;
                for lane in (0..coarse).step_by(LANES) {
                    let y: [[Lane; 2]; 2] = std::array::from_fn(|i| {
                        std::array::from_fn(|j| {
                            if top + i < side && left + j < side {
                                load(pixels, ((top + i) * side + left + j) * coarse + lane)
                            } else {
                                [0.0; LANES]
                            }
                        })
                    });
                    for i in 0..3 {
                        let t: [Lane; 2] = std::array::from_fn(|j| match i {
                            0 => y[0][j],
                            1 => add(y[0][j], y[1][j]),
                            _ => negate(y[1][j]),
                        });
                        let at = |j: usize| (3 * i + j) * len + to + lane;
                        store(&mut self.coarse, at(0), t[0]);
                        store(&mut self.coarse, at(1), add(t[0], t[1]));
                        store(&mut self.coarse, at(2), negate(t[1]));
                    }
                }
            }
        });
    }

    /// The products from fine to coarse: m = v u.
    pub(crate) fn multiply_forward(&mut self, geometry: &ConvGeometry, kernel: &WinogradKernel) {
        let (cell, coarse, count) = (geometry.cell_len(), geometry.coarse_channels, self.count);
        let products = self.coarse.chunks_exact_mut(count * coarse).zip(self.fine.chunks_exact(count * cell));
        for ((m, v), u) in products.zip(kernel.forward.chunks_exact(cell * coarse)) {
            let (v, u) = (Matrix::row_major(v, count, cell), Matrix::row_major(u, cell, coarse));
            multiply(MatrixMut::row_major(m, count, coarse), Write::Set, v, u, Threads::One);
        }
    }

    /// The products from coarse to fine, the transpose of [`multiply_forward`](Self::multiply_forward).
    pub(crate) fn multiply_backward(&mut self, geometry: &ConvGeometry, kernel: &WinogradKernel) {
        let (cell, coarse, count) = (geometry.cell_len(), geometry.coarse_channels, self.count);
        let products = self.fine.chunks_exact_mut(count * cell).zip(self.coarse.chunks_exact(count * coarse));
        for ((v, m), u) in products.zip(kernel.backward.chunks_exact(cell * coarse)) {
            let (m, u) = (Matrix::row_major(m, count, coarse), Matrix::row_major(u, coarse, cell));
            multiply(MatrixMut::row_major(v, count, cell), Write::Set, m, u, Threads::One);
        }
    }

    /// The gradient of the transformed kernel, (product, coarse, cell): mᵀ v.
    pub(crate) fn kernel_gradient(&self, geometry: &ConvGeometry, gradient: &mut [f32], write: Write) {
        let (cell, coarse, count) = (geometry.cell_len(), geometry.coarse_channels, self.count);
        let products = self.coarse.chunks_exact(count * coarse).zip(self.fine.chunks_exact(count * cell));
        for ((m, v), du) in products.zip(gradient.chunks_exact_mut(cell * coarse)) {
            let (m, v) = (Matrix::row_major(m, count, coarse).transposed(), Matrix::row_major(v, count, cell));
            multiply(MatrixMut::row_major(du, coarse, cell), write, m, v, Threads::One);
        }
    }
}

/// Number of values in the gradient of a transformed kernel.
pub(crate) fn gradient_len(geometry: &ConvGeometry) -> usize {
    PRODUCTS * geometry.cell_len() * geometry.coarse_channels
}
