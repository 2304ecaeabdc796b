//! The kernels for images and their patches.

use candle_core::{DType, Result};

use super::{BLOCKS, Sum, THREADS, TILE, count, flag, int, long, numbers};
use crate::gpu::machine::{Extent, Gpu, Span};
use crate::ops::{Grid, KERNEL};

/// Numbers of a row that a block adds up, and blocks to a row, at most.
const SUMMED: usize = 16_384;
const MOST_STRETCHES: usize = 64;

/// Threads for the numbers of each of so many rows of a length.
fn in_rows(rows: usize, length: usize) -> Extent {
    let threads = length.next_multiple_of(TILE as usize).clamp(TILE as usize, THREADS as usize);
    let shares = length.div_ceil(threads).clamp(1, BLOCKS.div_ceil(rows).max(16));
    Extent { blocks: [count(rows), count(shares)], threads: [count(threads), 1] }
}

/// A length that kernels count in 32 bits.
fn small(number: usize) -> usize {
    assert!(i32::try_from(number).is_ok(), "a batch of fewer than 2³¹ numbers a row");
    number
}

/// What is done with a fine image when patches have been laid on each other.
#[derive(Debug, Clone, Copy)]
pub(in crate::gpu) enum Then<'a> {
    AsItIs,
    /// A bias for each channel, then ReLU.
    Relu(Span<'a>),
    /// A bias for each channel, then tanh.
    Tanh(Span<'a>),
    /// 0 where this, of the same layout, is not above 0.
    WhereKept(Span<'a>),
}

/// How fine images lie in memory: `channels` of them in each, and numbers from one channel, and from one image, to the next.
#[derive(Debug, Clone, Copy)]
pub(in crate::gpu) struct Images {
    pub(in crate::gpu) n: usize,
    pub(in crate::gpu) of_channel: usize,
    pub(in crate::gpu) of_image: usize,
}

impl Images {
    /// (image, channel, y, x).
    pub(in crate::gpu) fn images_first(grid: &Grid, n: usize) -> Self {
        let plane = 4 * grid.pixels();
        Self { n, of_channel: plane, of_image: plane * grid.fine }
    }

    /// (channel, image, y, x).
    pub(in crate::gpu) fn channels_first(grid: &Grid, n: usize) -> Self {
        let plane = 4 * grid.pixels();
        Self { n, of_channel: plane * n, of_image: plane }
    }
}

impl Gpu {
    /// Sums the rows of `d`, which are as many as `sums` has places: long ones in stretches, then these.
    pub(in crate::gpu) fn row_sums(&self, d: Span<'_>, sums: Sum<'_>) -> Result<()> {
        let rows = sums.place.len();
        let length = d.len() / rows;
        assert_eq!(d.len(), rows * length, "whole rows");
        let stretches = length.div_ceil(SUMMED).clamp(1, MOST_STRETCHES);
        if stretches == 1 {
            return self.stretch_sums(length, 1, d, sums);
        }
        let parts = self.empty(rows * stretches, DType::F32)?;
        let parts = self.span(&parts)?;
        self.stretch_sums(length, stretches, d, Sum { place: parts, add: false })?;
        self.stretch_sums(stretches, 1, parts, sums)
    }

    fn stretch_sums(&self, length: usize, stretches: usize, d: Span<'_>, sums: Sum<'_>) -> Result<()> {
        let rows = sums.place.len() / stretches;
        assert_eq!((d.len(), sums.place.len()), (rows * length, rows * stretches));
        let stretch = length.div_ceil(stretches);
        let arguments = [int(length), int(stretch), d.into(), sums.place.into(), flag(sums.add)];
        let extent = Extent { blocks: [count(rows), count(stretches)], threads: [THREADS, 1] };
        // SAFETY: there is a block, and a place, for each stretch of each row, and `d` has as many rows of that length.
        unsafe { self.launch("row_sums", extent, &arguments) }
    }

    fn check_patches(grid: &Grid, images: Images, fine: Span<'_>, patches: Span<'_>) {
        assert_eq!(fine.len(), images.n * grid.fine_len(), "{} images of {grid:?}", images.n);
        assert_eq!(patches.len(), grid.patch() * images.n * grid.pixels(), "patches of {grid:?}");
        let layouts = [Images::images_first(grid, images.n), Images::channels_first(grid, images.n)];
        let is = |layout: &Images| (layout.of_channel, layout.of_image) == (images.of_channel, images.of_image);
        assert!(layouts.iter().any(is), "{images:?} of {grid:?}");
    }

    /// The patches of fine images as columns.
    pub(in crate::gpu) fn take_patches(
        &self,
        grid: &Grid,
        images: Images,
        fine: Span<'_>,
        patches: Span<'_>,
    ) -> Result<()> {
        const { assert!(KERNEL == 4, "the kernels know no other") };
        Self::check_patches(grid, images, fine, patches);
        let arguments = [
            int(images.n),
            int(grid.side),
            fine.into(),
            long(images.of_channel),
            long(images.of_image),
            patches.into(),
        ];
        let extent = in_rows(grid.patch(), small(images.n * grid.pixels()));
        // SAFETY: both lie as `grid` and one of two layouts say, which the kernel stays within; it has a row for each number of
        // a patch.
        unsafe { self.launch("take_patches", extent, &arguments) }
    }

    /// Adds patches up where they lie in fine images.
    pub(in crate::gpu) fn lay_patches(
        &self,
        grid: &Grid,
        images: Images,
        patches: Span<'_>,
        then: Then<'_>,
        fine: Span<'_>,
    ) -> Result<()> {
        Self::check_patches(grid, images, fine, patches);
        let (code, other) = match then {
            // Nothing is read then.
            Then::AsItIs => (0, fine),
            Then::Relu(bias) => (1, bias),
            Then::Tanh(bias) => (2, bias),
            Then::WhereKept(kept) => (3, kept),
        };
        let expected = if matches!(then, Then::Relu(_) | Then::Tanh(_)) { grid.fine } else { fine.len() };
        assert_eq!(other.len(), expected, "{then:?} for {grid:?}");
        let arguments = [
            int(images.n),
            int(grid.side),
            patches.into(),
            int(code),
            other.into(),
            fine.into(),
            long(images.of_channel),
            long(images.of_image),
        ];
        let extent = in_rows(grid.fine, small(4 * images.n * grid.pixels()));
        // SAFETY: as in `take_patches`, with a row for each channel; `other` is as long as what is done with it takes.
        unsafe { self.launch("lay_patches", extent, &arguments) }
    }

    /// Adds a bias to each row, of as many as `bias` has numbers, and applies ReLU, in place.
    pub(in crate::gpu) fn bias_relu(&self, x: Span<'_>, bias: Span<'_>) -> Result<()> {
        let length = x.len() / bias.len();
        assert_eq!(x.len(), bias.len() * length, "whole rows");
        let arguments = [int(length), x.into(), bias.into()];
        // SAFETY: x has as many rows of that length.
        unsafe { self.launch("bias_relu", in_rows(bias.len(), length), &arguments) }
    }

    /// Clears `d` where `y` is not above 0.
    pub(in crate::gpu) fn keep_where(&self, d: Span<'_>, y: Span<'_>) -> Result<()> {
        assert_eq!(d.len(), y.len());
        // SAFETY: both have that length.
        unsafe { self.launch("keep_where", numbers(d.len()), &[long(d.len()), d.into(), y.into()]) }
    }

    /// The gradient of tanh's argument, from its result `y` and the gradient of that.
    pub(in crate::gpu) fn tanh_backward(&self, dy: Span<'_>, y: Span<'_>, d: Span<'_>) -> Result<()> {
        assert_eq!([dy.len(), y.len()], [d.len(); 2]);
        let arguments = [long(d.len()), dy.into(), y.into(), d.into()];
        // SAFETY: all have that length.
        unsafe { self.launch("tanh_backward", numbers(d.len()), &arguments) }
    }

    /// (first, second, inner) to (second, first, inner).
    pub(in crate::gpu) fn swap_axes(
        &self,
        [first, second, inner]: [usize; 3],
        from: Span<'_>,
        to: Span<'_>,
    ) -> Result<()> {
        assert_eq!([from.len(), to.len()], [first * second * inner; 2]);
        let arguments = [int(first), int(second), int(inner), from.into(), to.into()];
        // SAFETY: both have the product of the axes as their length; there is a row for each of the first.
        unsafe { self.launch("swap_axes", in_rows(first, small(second * inner)), &arguments) }
    }
}
