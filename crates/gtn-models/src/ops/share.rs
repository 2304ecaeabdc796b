//! How a batch of images is divided among threads.

use std::sync::Mutex;

use super::grid::Grid;
use super::weight::lock;
use super::winograd::Tiles;

/// Parts of a batch whose gradients are summed apart: a number that no count of threads changes, so that the sums do not
/// change either.
const SHARES: usize = 16;

/// Images of each share but the last.
pub(crate) fn images_of_a_share(n: usize) -> usize {
    n.div_ceil(SHARES).max(1)
}

/// Tiles that are worked on together: enough for efficient products, and few enough to stay in a cache.
const TILES: usize = 256;

/// Images whose tiles are worked on together.
pub(crate) fn images_of_a_block(grid: &Grid) -> usize {
    (TILES / grid.tiles_along().pow(2)).max(1)
}

/// Room for the work of one thread.
#[derive(Debug, Default)]
pub(crate) struct Room {
    /// A fine image in its frame, whose edge stays 0.
    pub(crate) frame: Vec<f32>,
    /// A frame that patches are laid into.
    pub(crate) laid: Vec<f32>,
    pub(crate) patches: Vec<f32>,
    /// Pixels of the outer grid's coarse side, channels last.
    pub(crate) outer: Vec<f32>,
    /// Pixels of the inner grid's coarse side, channels last.
    pub(crate) inner: Vec<f32>,
    pub(crate) cells: Vec<f32>,
    pub(crate) tiles: Tiles,
}

impl Room {
    /// Room for images of this outer and inner convolution.
    pub(crate) fn fit(&mut self, outer: &Grid, inner: &Grid) {
        self.frame.resize(outer.frame_len(), 0.0);
        self.laid.resize(outer.frame_len(), 0.0);
        self.patches.resize(outer.pixels() * outer.patch(), 0.0);
        self.outer.resize(outer.coarse_len(), 0.0);
        self.inner.resize(inner.coarse_len(), 0.0);
        self.cells.resize(inner.cells_len(), 0.0);
    }
}

/// Rooms that are free.
#[derive(Debug, Default)]
pub(crate) struct Rooms(Mutex<Vec<Room>>);

impl Rooms {
    /// Works in a room of this size.
    pub(crate) fn with<R>(&self, outer: &Grid, inner: &Grid, work: impl FnOnce(&mut Room) -> R) -> R {
        let mut room = lock(&self.0).pop().unwrap_or_default();
        room.fit(outer, inner);
        let done = work(&mut room);
        lock(&self.0).push(room);
        done
    }
}

/// Gradients of the two convolutions of an encoder or a decoder, summed over a share.
#[derive(Debug, Default)]
pub(crate) struct Sums {
    /// Of the inner kernel.
    pub(crate) kernel: Vec<f32>,
    /// Of the outer convolution's patch matrix.
    pub(crate) matrix: Vec<f32>,
    /// Of the biases.
    pub(crate) inner_bias: Vec<f32>,
    pub(crate) outer_bias: Vec<f32>,
}

impl Sums {
    /// Starts from 0.
    pub(crate) fn clear(&mut self, kernel: usize, matrix: usize, inner_bias: usize, outer_bias: usize) {
        let parts = [
            (&mut self.kernel, kernel),
            (&mut self.matrix, matrix),
            (&mut self.inner_bias, inner_bias),
            (&mut self.outer_bias, outer_bias),
        ];
        for (part, len) in parts {
            part.clear();
            part.resize(len, 0.0);
        }
    }

    /// All shares together, summed in their order into the first.
    pub(crate) fn total(shares: &mut [Sums]) -> &Sums {
        let (first, others) = shares.split_first_mut().expect("a batch has a share");
        for other in others {
            super::lanes::add(&mut first.kernel, &other.kernel);
            super::lanes::add(&mut first.matrix, &other.matrix);
            super::lanes::add(&mut first.inner_bias, &other.inner_bias);
            super::lanes::add(&mut first.outer_bias, &other.outer_bias);
        }
        first
    }
}

/// The place of image `index` among images of `len` numbers.
pub(crate) fn of(index: usize, len: usize) -> std::ops::Range<usize> {
    index * len..(index + 1) * len
}
