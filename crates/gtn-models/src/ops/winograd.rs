//! Convolutions of kernel 4, stride 2, padding 1 with 9 products where the definition has 16.
//!
//! On cells of 2 × 2 pixels (see [`grid`](super::grid)) the kernel is 2 × 2 and the stride 1. For such kernels the algorithm
//! F(2 × 2, 2 × 2) of Winograd (Lavin and Gray, arXiv 1509.09308) makes 2 × 2 outputs from 3 × 3 inputs by 9 products: in one
//! dimension, with d the inputs and g the kernel,
//!
//! v = (d₀ − d₁, d₁, d₁ − d₂),  u = (g₀, g₀ + g₁, g₁),  m = u v,  y = (m₀ + m₁, m₁ − m₂).
//!
//! All its factors are 0, 1 and −1, so that its errors are those of a few more additions. Every map is linear, and the
//! gradients are its transposes.

use super::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use super::grid::{Grid, KERNEL};
use super::lanes::{transpose, wide};
use rayon::prelude::*;

/// Products for a tile.
const PRODUCTS: usize = 9;

/// Numbers that are worked on together; channels come in multiples of it.
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
fn plus(a: Lane, b: Lane) -> Lane {
    std::array::from_fn(|i| a[i] + b[i])
}

#[inline(always)]
fn minus(a: Lane, b: Lane) -> Lane {
    std::array::from_fn(|i| a[i] - b[i])
}

#[inline(always)]
fn negative(a: Lane) -> Lane {
    std::array::from_fn(|i| -a[i])
}

/// A kernel in both orders that its products need.
#[derive(Debug, Default)]
pub(crate) struct Kernel {
    /// (product, cell, coarse).
    forward: Vec<f32>,
    /// (product, coarse, cell).
    backward: Vec<f32>,
}

/// How much of each tap of a kernel of 2 goes into u.
const TAPS: [[f32; 2]; 3] = [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0]];

/// Where a tap (dy, dx) of a cell's quarter lies in a kernel of 4 × 4.
fn tap(quarter: usize, dy: usize, dx: usize) -> usize {
    (2 * dy + quarter / 2) * KERNEL + 2 * dx + quarter % 2
}

impl Kernel {
    /// Takes up weights, (coarse, fine, ky, kx).
    pub(crate) fn set(&mut self, grid: &Grid, weight: &[f32]) {
        let (cell, coarse) = (grid.cell(), grid.coarse);
        let len = cell * coarse;
        self.forward.resize(PRODUCTS * len, 0.0);
        self.backward.resize(PRODUCTS * len, 0.0);
        let both = self.forward.par_chunks_exact_mut(len).zip(self.backward.par_chunks_exact_mut(len));
        both.enumerate().for_each(|(product, (forward, backward))| {
            let (down, along) = (TAPS[product / 3], TAPS[product % 3]);
            for (row, weight) in backward.chunks_exact_mut(cell).zip(weight.chunks_exact(grid.patch())) {
                for (quarter, part) in row.chunks_exact_mut(grid.fine).enumerate() {
                    for (u, g) in part.iter_mut().zip(weight.chunks_exact(KERNEL * KERNEL)) {
                        let g = |dy: usize, dx: usize| down[dy] * along[dx] * g[tap(quarter, dy, dx)];
                        *u = (g(0, 0) + g(0, 1)) + (g(1, 0) + g(1, 1));
                    }
                }
            }
            transpose(forward, backward, coarse, cell);
        });
    }

    /// The gradient of the weights from that of the kernel, (product, coarse, cell).
    pub(crate) fn weight_gradient<'a>(grid: &'a Grid, gradient: &'a [f32]) -> impl ExactSizeIterator<Item = f32> + 'a {
        let len = grid.cell() * grid.coarse;
        (0..grid.coarse * grid.patch()).map(move |index| {
            let (coarse, within) = (index / grid.patch(), index % grid.patch());
            let (fine, ky, kx) = (within / (KERNEL * KERNEL), within / KERNEL % KERNEL, within % KERNEL);
            let place = coarse * grid.cell() + (ky % 2 * 2 + kx % 2) * grid.fine + fine;
            let mut sum = 0.0;
            for (product, part) in gradient.chunks_exact(len).enumerate() {
                sum += TAPS[product / 3][ky / 2] * TAPS[product % 3][kx / 2] * part[place];
            }
            sum
        })
    }
}

/// Room for the tiles of some images.
#[derive(Debug, Default)]
pub(crate) struct Tiles {
    /// (product, tile, cell).
    fine: Vec<f32>,
    /// (product, tile, coarse).
    coarse: Vec<f32>,
    /// Tiles there are.
    count: usize,
}

impl Tiles {
    /// Makes room for `images`.
    pub(crate) fn begin(&mut self, grid: &Grid, images: usize) {
        self.count = images * grid.tiles_along().pow(2);
        self.fine.resize(PRODUCTS * self.count * grid.cell(), 0.0);
        self.coarse.resize(PRODUCTS * self.count * grid.coarse, 0.0);
    }

    /// v of the cells of one image.
    pub(crate) fn take_cells(&mut self, grid: &Grid, image: usize, cells: &[f32]) {
        let (cell, along, row) = (grid.cell(), grid.tiles_along(), grid.cells_along() * grid.cell());
        let len = self.count * cell;
        wide(|| {
            for tile in 0..along * along {
                let from = 2 * (tile / along) * row + 2 * (tile % along) * cell;
                let to = (image * along * along + tile) * cell;
                for lane in (0..cell).step_by(LANES) {
                    let d: [[Lane; 3]; 3] =
                        std::array::from_fn(|i| std::array::from_fn(|j| load(cells, from + i * row + j * cell + lane)));
                    for i in 0..3 {
                        let t: [Lane; 3] = std::array::from_fn(|j| match i {
                            0 => minus(d[0][j], d[1][j]),
                            1 => d[1][j],
                            _ => minus(d[1][j], d[2][j]),
                        });
                        let at = |j: usize| (3 * i + j) * len + to + lane;
                        store(&mut self.fine, at(0), minus(t[0], t[1]));
                        store(&mut self.fine, at(1), t[1]);
                        store(&mut self.fine, at(2), minus(t[1], t[2]));
                    }
                }
            }
        });
    }

    /// The transpose of [`take_cells`](Self::take_cells): adds to the cells, which are cleared before.
    pub(crate) fn give_cells(&self, grid: &Grid, image: usize, cells: &mut [f32]) {
        let (cell, along, row) = (grid.cell(), grid.tiles_along(), grid.cells_along() * grid.cell());
        let len = self.count * cell;
        cells.fill(0.0);
        wide(|| {
            for tile in 0..along * along {
                let to = 2 * (tile / along) * row + 2 * (tile % along) * cell;
                let from = (image * along * along + tile) * cell;
                for lane in (0..cell).step_by(LANES) {
                    let t: [[Lane; 3]; 3] = std::array::from_fn(|i| {
                        let v: [Lane; 3] = std::array::from_fn(|j| load(&self.fine, (3 * i + j) * len + from + lane));
                        [v[0], minus(plus(v[1], v[2]), v[0]), negative(v[2])]
                    });
                    for column in 0..3 {
                        let [above, level, below] = t.map(|t| t[column]);
                        let d = [above, minus(plus(level, below), above), negative(below)];
                        for (i, d) in d.into_iter().enumerate() {
                            let at = to + i * row + column * cell + lane;
                            let sum = plus(load(cells, at), d);
                            store(cells, at, sum);
                        }
                    }
                }
            }
        });
    }

    /// y of one image: (pixel, coarse).
    pub(crate) fn give_pixels(&self, grid: &Grid, image: usize, pixels: &mut [f32]) {
        let (coarse, along, side) = (grid.coarse, grid.tiles_along(), grid.side);
        let len = self.count * coarse;
        wide(|| {
            for tile in 0..along * along {
                let (top, left) = (2 * (tile / along), 2 * (tile % along));
                let from = (image * along * along + tile) * coarse;
                for lane in (0..coarse).step_by(LANES) {
                    let t: [[Lane; 2]; 3] = std::array::from_fn(|i| {
                        let m: [Lane; 3] = std::array::from_fn(|j| load(&self.coarse, (3 * i + j) * len + from + lane));
                        [plus(m[0], m[1]), minus(m[1], m[2])]
                    });
                    for column in 0..2 {
                        let [above, level, below] = t.map(|t| t[column]);
                        for (i, y) in [plus(above, level), minus(level, below)].into_iter().enumerate() {
                            if top + i < side && left + column < side {
                                store(pixels, ((top + i) * side + left + column) * coarse + lane, y);
                            }
                        }
                    }
                }
            }
        });
    }

    /// The transpose of [`give_pixels`](Self::give_pixels).
    pub(crate) fn take_pixels(&mut self, grid: &Grid, image: usize, pixels: &[f32]) {
        let (coarse, along, side) = (grid.coarse, grid.tiles_along(), grid.side);
        let len = self.count * coarse;
        wide(|| {
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
                            1 => plus(y[0][j], y[1][j]),
                            _ => negative(y[1][j]),
                        });
                        let at = |j: usize| (3 * i + j) * len + to + lane;
                        store(&mut self.coarse, at(0), t[0]);
                        store(&mut self.coarse, at(1), plus(t[0], t[1]));
                        store(&mut self.coarse, at(2), negative(t[1]));
                    }
                }
            }
        });
    }

    /// From fine to coarse: m = v u.
    pub(crate) fn multiply_forward(&mut self, grid: &Grid, kernel: &Kernel) {
        let (cell, coarse, count) = (grid.cell(), grid.coarse, self.count);
        let products = self.coarse.chunks_exact_mut(count * coarse).zip(self.fine.chunks_exact(count * cell));
        for ((m, v), u) in products.zip(kernel.forward.chunks_exact(cell * coarse)) {
            let (v, u) = (Matrix::of_rows(v, count, cell), Matrix::of_rows(u, cell, coarse));
            multiply(MatrixMut::of_rows(m, count, coarse), Write::Set, v, u, Threads::One);
        }
    }

    /// From coarse to fine: the transpose of [`multiply_forward`](Self::multiply_forward).
    pub(crate) fn multiply_backward(&mut self, grid: &Grid, kernel: &Kernel) {
        let (cell, coarse, count) = (grid.cell(), grid.coarse, self.count);
        let products = self.fine.chunks_exact_mut(count * cell).zip(self.coarse.chunks_exact(count * coarse));
        for ((v, m), u) in products.zip(kernel.backward.chunks_exact(cell * coarse)) {
            let (m, u) = (Matrix::of_rows(m, count, coarse), Matrix::of_rows(u, coarse, cell));
            multiply(MatrixMut::of_rows(v, count, cell), Write::Set, m, u, Threads::One);
        }
    }

    /// The gradient of the kernel, (product, coarse, cell): mᵀ v.
    pub(crate) fn kernel_gradient(&self, grid: &Grid, gradient: &mut [f32], write: Write) {
        let (cell, coarse, count) = (grid.cell(), grid.coarse, self.count);
        let products = self.coarse.chunks_exact(count * coarse).zip(self.fine.chunks_exact(count * cell));
        for ((m, v), du) in products.zip(gradient.chunks_exact_mut(cell * coarse)) {
            let (m, v) = (Matrix::of_rows(m, count, coarse).transposed(), Matrix::of_rows(v, count, cell));
            multiply(MatrixMut::of_rows(du, coarse, cell), write, m, v, Threads::One);
        }
    }
}

/// Numbers of a kernel's gradient.
pub(crate) fn gradient_len(grid: &Grid) -> usize {
    PRODUCTS * grid.cell() * grid.coarse
}
