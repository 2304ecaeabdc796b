//! Matrix products on slices, by the `gemm` crate.
//!
//! The crate takes raw pointers; here every access is shown to lie within its slice before it is called, which is all the
//! `unsafe` there is. Each number of a product is one chain of fused multiply-adds over the inner dimension, cut into blocks
//! that depend on the sizes alone, so that a product is the same on any number of threads.
#![allow(unsafe_code)]

/// Steps from one row, and from one column, to the next.
pub(crate) type Strides = (usize, usize);

/// A matrix in a slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    strides: Strides,
}

/// A matrix in a slice, to be written.
#[derive(Debug)]
pub(crate) struct MatrixMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    strides: Strides,
}

/// One more than the largest index that a matrix touches.
fn extent((rows, columns): (usize, usize), (down, along): Strides) -> usize {
    match (rows.checked_sub(1), columns.checked_sub(1)) {
        (Some(last_row), Some(last_column)) => last_row * down + last_column * along + 1,
        _ => 0,
    }
}

impl<'a> Matrix<'a> {
    /// A matrix of this size and these strides at the start of `data`.
    ///
    /// # Panics
    ///
    /// It does not fit into `data`.
    pub(crate) fn new(data: &'a [f32], size: (usize, usize), strides: Strides) -> Self {
        assert!(extent(size, strides) <= data.len(), "a matrix of {size:?} by {strides:?} in {} numbers", data.len());
        Self { data, rows: size.0, columns: size.1, strides }
    }

    /// A matrix whose rows follow one another.
    pub(crate) fn of_rows(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::new(data, (rows, columns), (columns, 1))
    }

    /// Rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        let (down, along) = self.strides;
        Self { rows: self.columns, columns: self.rows, strides: (along, down), ..self }
    }
}

impl<'a> MatrixMut<'a> {
    /// As [`Matrix::new`].
    ///
    /// # Panics
    ///
    /// It does not fit into `data`, or two of its numbers would lie in the same place.
    pub(crate) fn new(data: &'a mut [f32], size: (usize, usize), strides: Strides) -> Self {
        assert!(extent(size, strides) <= data.len(), "a matrix of {size:?} by {strides:?} in {} numbers", data.len());
        let (rows, columns) = size;
        let (down, along) = strides;
        let apart = (down == 1 && (along >= rows || columns <= 1)) || (along == 1 && (down >= columns || rows <= 1));
        assert!(apart, "the numbers of a matrix of {size:?} by {strides:?} share places");
        Self { data, rows, columns, strides }
    }

    /// As [`Matrix::of_rows`].
    pub(crate) fn of_rows(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::new(data, (rows, columns), (columns, 1))
    }
}

/// What becomes of the numbers that were there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// They are replaced, unread.
    Set,
    /// The product is added to them.
    Add,
}

/// Who multiplies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    /// The calling thread alone, which is one of many that each have a product of their own.
    One,
    /// All threads of the pool.
    All,
}

/// `a` · `b` into `dst`.
///
/// # Panics
///
/// The sizes do not fit each other.
pub(crate) fn multiply(dst: MatrixMut<'_>, write: Write, a: Matrix<'_>, b: Matrix<'_>, threads: Threads) {
    assert!(
        dst.rows == a.rows && dst.columns == b.columns && a.columns == b.rows,
        "({}, {}) · ({}, {}) into ({}, {})",
        a.rows,
        a.columns,
        b.rows,
        b.columns,
        dst.rows,
        dst.columns
    );
    let parallelism = match threads {
        Threads::One => gemm::Parallelism::None,
        Threads::All if rayon::current_num_threads() > 1 => gemm::Parallelism::Rayon(0),
        Threads::All => gemm::Parallelism::None,
    };
    let stride = |steps: usize| steps as isize;
    // SAFETY: the constructors have checked that every index below rows and columns, by its strides, lies within its slice,
    // and that no two numbers of `dst` share a place; `dst` is borrowed mutably, so that it overlaps neither `a` nor `b`.
    unsafe {
        gemm::gemm(
            dst.rows,
            dst.columns,
            a.columns,
            dst.data.as_mut_ptr(),
            stride(dst.strides.1),
            stride(dst.strides.0),
            write == Write::Add,
            a.data.as_ptr(),
            stride(a.strides.1),
            stride(a.strides.0),
            b.data.as_ptr(),
            stride(b.strides.1),
            stride(b.strides.0),
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}
