//! The kernels, each with a check that what it is called with is as large as what it reads and writes.
#![allow(
    unsafe_code,
    reason = "a kernel is called by its name, with addresses; each call here says what makes it sound"
)]

mod images;

use candle_core::Result;

use super::machine::{Argument, Extent, Gpu, Span};

pub(super) use images::{Images, Then};

// As in `kernels.cu`.
const TILE: u32 = 32;
const LANES: u32 = 16;
const THREADS: u32 = 256;
const STRETCH: usize = 128;
/// Blocks of a kernel that goes through numbers: more of them do not make it faster.
const BLOCKS: usize = 4096;
/// Blocks of which each adds up a part of a sum.
pub(super) const PARTS: usize = 256;
/// Numbers of a weight that a block of Adam works on.
pub(super) const CHUNK: usize = 16_384;
/// Numbers in a row of Adam's table.
pub(super) const ROW: usize = 5;

/// A place that a sum is put into, or added to what is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum<'a> {
    pub(super) place: Span<'a>,
    pub(super) add: bool,
}

fn int(number: usize) -> Argument<'static> {
    Argument::Int(i32::try_from(number).expect("a batch of fewer than 2³¹ numbers a row"))
}

fn long(number: usize) -> Argument<'static> {
    Argument::Long(i64::try_from(number).expect("memory has fewer numbers"))
}

fn flag(flag: bool) -> Argument<'static> {
    Argument::Int(i32::from(flag))
}

fn count(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than 2³² blocks")
}

/// Threads for each of so many numbers.
fn numbers(len: usize) -> Extent {
    let blocks = len.div_ceil(THREADS as usize).clamp(1, BLOCKS);
    Extent { blocks: [count(blocks), 1], threads: [THREADS, 1] }
}

/// Threads that sum the columns of a matrix.
fn columns(width: usize) -> Extent {
    Extent { blocks: [count(width.div_ceil(TILE as usize)), 1], threads: [TILE, LANES] }
}

/// A block for each of so many rows.
fn blocks(rows: usize) -> Extent {
    Extent { blocks: [count(rows), 1], threads: [THREADS, 1] }
}

/// A matrix of `n` rows and what belongs to its columns.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    pub(super) n: usize,
    pub(super) width: usize,
}

impl Rows {
    fn len(self) -> usize {
        self.n * self.width
    }

    fn check(self, matrices: &[Span<'_>], of_columns: &[Span<'_>]) {
        assert!(matrices.iter().all(|matrix| matrix.len() == self.len()), "matrices of {self:?}");
        assert!(of_columns.iter().all(|of_columns| of_columns.len() == self.width), "vectors for {self:?}");
    }
}

/// BatchNorm's parameters and running statistics.
#[derive(Debug, Clone, Copy)]
pub(super) struct NormSpans<'a> {
    pub(super) gamma: Span<'a>,
    pub(super) beta: Span<'a>,
    pub(super) mean: Span<'a>,
    pub(super) variance: Span<'a>,
}

impl Gpu {
    /// Adds the bias to `a`, normalizes LeakyReLU of it into `y`, and moves the running statistics.
    pub(super) fn norm_forward(
        &self,
        rows: Rows,
        slope: f32,
        (a, bias): (Span<'_>, Span<'_>),
        norm: NormSpans<'_>,
        (y, statistics): (Span<'_>, Span<'_>),
    ) -> Result<()> {
        rows.check(&[a, y], &[bias, norm.gamma, norm.beta, norm.mean, norm.variance]);
        assert_eq!(statistics.len(), 2 * rows.width);
        let arguments = [
            int(rows.n),
            int(rows.width),
            slope.into(),
            a.into(),
            bias.into(),
            norm.gamma.into(),
            norm.beta.into(),
            y.into(),
            statistics.into(),
            norm.mean.into(),
            norm.variance.into(),
        ];
        // SAFETY: the lengths were checked, and the kernel stays within n rows of `width` columns.
        unsafe { self.launch("norm_forward", columns(rows.width), &arguments) }
    }

    /// Turns `d`, the gradient of `y` above, into that of `a`; sums those of gamma, beta and the bias.
    pub(super) fn norm_backward(
        &self,
        rows: Rows,
        slope: f32,
        (d, a): (Span<'_>, Span<'_>),
        (gamma, statistics): (Span<'_>, Span<'_>),
        [of_gamma, of_beta, of_bias]: [Sum<'_>; 3],
    ) -> Result<()> {
        rows.check(&[d, a], &[gamma, of_gamma.place, of_beta.place, of_bias.place]);
        assert_eq!(statistics.len(), 2 * rows.width);
        let arguments = [
            int(rows.n),
            int(rows.width),
            slope.into(),
            d.into(),
            a.into(),
            gamma.into(),
            statistics.into(),
            of_gamma.place.into(),
            flag(of_gamma.add),
            of_beta.place.into(),
            flag(of_beta.add),
            of_bias.place.into(),
            flag(of_bias.add),
        ];
        // SAFETY: as in `norm_forward`.
        unsafe { self.launch("norm_backward", columns(rows.width), &arguments) }
    }

    /// Adds the bias to `a`, applies LeakyReLU, and normalizes by the running statistics, in place.
    pub(super) fn norm_evaluate(
        &self,
        rows: Rows,
        slope: f32,
        (a, bias): (Span<'_>, Span<'_>),
        norm: NormSpans<'_>,
    ) -> Result<()> {
        rows.check(&[a], &[bias, norm.gamma, norm.beta, norm.mean, norm.variance]);
        let arguments = [
            int(rows.n),
            int(rows.width),
            slope.into(),
            a.into(),
            bias.into(),
            norm.gamma.into(),
            norm.beta.into(),
            norm.mean.into(),
            norm.variance.into(),
        ];
        let mut extent = columns(rows.width);
        extent.blocks[1] = count(rows.n.div_ceil(STRETCH));
        // SAFETY: as in `norm_forward`.
        unsafe { self.launch("norm_evaluate", extent, &arguments) }
    }

    /// Adds the bias to `a`, and writes LeakyReLU of it to `y`, which may be `a`.
    pub(super) fn leaky_forward(
        &self,
        rows: Rows,
        slope: f32,
        (a, bias): (Span<'_>, Span<'_>),
        y: Span<'_>,
    ) -> Result<()> {
        rows.check(&[a, y], &[bias]);
        let arguments = [int(rows.n), int(rows.width), slope.into(), a.into(), bias.into(), y.into()];
        // SAFETY: as in `norm_forward`; each number is read before it is written, by the same thread.
        unsafe { self.launch("leaky_forward", numbers(rows.len()), &arguments) }
    }

    /// Turns `d`, the gradient of `y` above, into that of `a`, and sums that of the bias.
    pub(super) fn leaky_backward(
        &self,
        rows: Rows,
        slope: f32,
        (d, a): (Span<'_>, Span<'_>),
        of_bias: Sum<'_>,
    ) -> Result<()> {
        rows.check(&[d, a], &[of_bias.place]);
        let arguments =
            [int(rows.n), int(rows.width), slope.into(), d.into(), a.into(), of_bias.place.into(), flag(of_bias.add)];
        // SAFETY: as in `norm_forward`.
        unsafe { self.launch("leaky_backward", columns(rows.width), &arguments) }
    }

    /// Adds the bias to each row of `y`.
    pub(super) fn add_bias(&self, rows: Rows, y: Span<'_>, bias: Span<'_>) -> Result<()> {
        rows.check(&[y], &[bias]);
        let arguments = [int(rows.n), int(rows.width), y.into(), bias.into()];
        // SAFETY: as in `norm_forward`.
        unsafe { self.launch("add_bias", numbers(rows.len()), &arguments) }
    }

    /// Sums the columns of `d`.
    pub(super) fn column_sums(&self, rows: Rows, d: Span<'_>, sums: Sum<'_>) -> Result<()> {
        rows.check(&[d], &[sums.place]);
        let arguments = [int(rows.n), int(rows.width), d.into(), sums.place.into(), flag(sums.add)];
        // SAFETY: as in `norm_forward`.
        unsafe { self.launch("column_sums", columns(rows.width), &arguments) }
    }

    /// Parts of the sum of squared differences, and their mean over all.
    pub(super) fn mean_of_squares(
        &self,
        output: Span<'_>,
        target: Span<'_>,
        parts: Span<'_>,
        mean: Span<'_>,
    ) -> Result<()> {
        assert_eq!(output.len(), target.len());
        assert_eq!((parts.len(), mean.len()), (PARTS, 1));
        let arguments = [long(output.len()), output.into(), target.into(), parts.into()];
        // SAFETY: both have that length, and there is a place for each block.
        unsafe { self.launch("squares", blocks(PARTS), &arguments)? };
        let arguments = [int(PARTS), long(output.len()), parts.into(), mean.into()];
        // SAFETY: there are as many parts, and one place.
        unsafe { self.launch("mean_of_parts", blocks(1), &arguments) }
    }

    /// The gradient of `output` in the mean above, from the gradient of that.
    pub(super) fn squares_backward(
        &self,
        output: Span<'_>,
        target: Span<'_>,
        gradient: Span<'_>,
        d: Span<'_>,
    ) -> Result<()> {
        assert_eq!([output.len(), target.len()], [d.len(); 2]);
        assert_eq!(gradient.len(), 1);
        let arguments = [long(d.len()), output.into(), target.into(), gradient.into(), d.into()];
        // SAFETY: all have that length but `gradient`, of which one number is read.
        unsafe { self.launch("squares_backward", numbers(d.len()), &arguments) }
    }

    /// A step of Adam on what the rows of `table` name.
    ///
    /// # Safety
    ///
    /// Each row must hold the addresses of a chunk of weights, its gradients and both moments, all alive, and its length.
    pub(super) unsafe fn adam(&self, table: Span<'_>, rates: &crate::ops::Rates) -> Result<()> {
        let rows = table.len() / ROW;
        let crate::ops::Rates { beta1, beta2, rest1, rest2, size, root, eps, l2 } = *rates;
        let numbers = [beta1, beta2, rest1, rest2, size, root, eps, l2];
        let mut arguments = vec![Argument::At(table)];
        arguments.extend(numbers.map(Argument::Float));
        // SAFETY: the caller vouches for the table.
        unsafe { self.launch("adam", blocks(rows), &arguments) }
    }

    /// to += from.
    pub(crate) fn add_to(&self, to: Span<'_>, from: Span<'_>) -> Result<()> {
        assert_eq!(to.len(), from.len());
        // SAFETY: both have that length.
        unsafe { self.launch("add_to", numbers(to.len()), &[long(to.len()), to.into(), from.into()]) }
    }

    /// Moves rows of a matrix; `moves` has pairs, each a row to write and one to read.
    ///
    /// # Safety
    ///
    /// Every number among `moves` must be the number of a row.
    pub(super) unsafe fn move_rows(&self, width: usize, moves: Span<'_>, rows: Span<'_>) -> Result<()> {
        let pairs = moves.len() / 2;
        let arguments = [int(pairs), int(width), moves.into(), rows.into()];
        // SAFETY: the caller vouches for the rows.
        unsafe { self.launch("move_rows", numbers(pairs * width), &arguments) }
    }

    /// The `keep` best numbers of each row of `scores`, their places, and a bound on the others.
    pub(super) fn best_of_rows(
        &self,
        Rows { n, width }: Rows,
        keep: usize,
        scores: Span<'_>,
        (best, places): (Span<'_>, Span<'_>),
        bounds: Span<'_>,
    ) -> Result<()> {
        assert_eq!(scores.len(), n * width);
        assert_eq!((best.len(), places.len(), bounds.len()), (n * keep, n * keep, n));
        let arguments = [int(width), int(keep), scores.into(), best.into(), places.into(), bounds.into()];
        // SAFETY: there are as many blocks as rows, and the lengths were checked.
        unsafe { self.launch("best_of_rows", blocks(n), &arguments) }
    }
}
