//! A safe interface to the matrix products of the `gemm` crate.
//!
//! The `gemm` crate takes raw pointers. This module checks that every access is within its slice before it calls it, and has
//! no other `unsafe` code. The order in which a value of a product is summed depends on the sizes and on the processor, but not
//! on the number of threads: threads divide rows and columns, never the inner dimension. Valgrind reports no errors for the
//! tests below and in `tests/ops.rs`.
#![allow(unsafe_code)]

use rayon::iter::{IntoParallelIterator, ParallelIterator};

/// A product is thin if each value of its largest matrix is used at most so often.
const THIN: usize = 64;
/// Values of the largest matrix, from which on a thin product is divided.
const LARGE: usize = 1 << 18;
/// Parts into which a thin product is divided at most, and a number that divides the rows or columns of all but the last.
const PARTS: usize = 16;
const PART_MULTIPLE: usize = 16;

/// Row stride and column stride, in values.
pub(crate) type Strides = (usize, usize);

/// A matrix that is stored in a slice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    data: &'a [f32],
    rows: usize,
    columns: usize,
    strides: Strides,
}

/// A matrix that is stored in a slice and can be written.
#[derive(Debug)]
pub(crate) struct MatrixMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    columns: usize,
    strides: Strides,
}

/// One more than the largest index that a matrix accesses.
fn extent((rows, columns): (usize, usize), (down, along): Strides) -> usize {
    let (Some(last_row), Some(last_column)) = (rows.checked_sub(1), columns.checked_sub(1)) else { return 0 };
    let last = last_row.checked_mul(down).zip(last_column.checked_mul(along));
    // An index that overflows does not fit into any slice.
    last.and_then(|(down, along)| down.checked_add(along)?.checked_add(1)).unwrap_or(usize::MAX)
}

impl<'a> Matrix<'a> {
    /// A matrix of this size (rows, columns) with these strides at the start of `data`.
    ///
    /// # Panics
    ///
    /// Panics if the matrix does not fit into `data`.
    pub(crate) fn new(data: &'a [f32], size: (usize, usize), strides: Strides) -> Self {
        assert!(
            extent(size, strides) <= data.len(),
            "a matrix of size {size:?} with strides {strides:?} does not fit into {} values",
            data.len()
        );
        Self { data, rows: size.0, columns: size.1, strides }
    }

    /// A contiguous row-major matrix.
    pub(crate) fn row_major(data: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::new(data, (rows, columns), (columns, 1))
    }

    /// Some of its rows.
    fn rows_from(self, first: usize, count: usize) -> Self {
        let (down, along) = self.strides;
        let size = (count.min(self.rows - first), self.columns);
        let data = if extent(size, self.strides) == 0 { &[] } else { &self.data[first * down..] };
        Self::new(data, size, (down, along))
    }

    /// The transposed matrix.
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
    /// Panics if the matrix does not fit into `data`, or if two of its values have the same index.
    pub(crate) fn new(data: &'a mut [f32], size: (usize, usize), strides: Strides) -> Self {
        assert!(
            extent(size, strides) <= data.len(),
            "a matrix of size {size:?} with strides {strides:?} does not fit into {} values",
            data.len()
        );
        let (rows, columns) = size;
        let (down, along) = strides;
        let disjoint = (down == 1 && (along >= rows || columns <= 1)) || (along == 1 && (down >= columns || rows <= 1));
        assert!(disjoint, "a matrix of size {size:?} with strides {strides:?} has overlapping values");
        Self { data, rows, columns, strides }
    }

    /// As [`Matrix::row_major`].
    pub(crate) fn row_major(data: &'a mut [f32], rows: usize, columns: usize) -> Self {
        Self::new(data, (rows, columns), (columns, 1))
    }
}

/// What to do with the previous values of the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// Overwrite them without reading them.
    Set,
    /// Add the product to them.
    Add,
}

/// Which threads compute a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    /// The calling thread only, because other threads compute other products.
    One,
    /// All threads of the pool.
    All,
}

/// Computes `a` · `b` and overwrites `dst` with it or adds it to `dst`.
///
/// # Panics
///
/// Panics if the sizes do not match.
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
    if threads == Threads::All && is_thin(&dst, &a, &b) {
        return multiply_thin(dst, write, a, b);
    }
    let parallelism = match threads {
        Threads::One => gemm::Parallelism::None,
        Threads::All if rayon::current_num_threads() > 1 => gemm::Parallelism::Rayon(0),
        Threads::All => gemm::Parallelism::None,
    };
    // SAFETY: the constructors have checked that every index, computed from row, column and strides, is within its slice,
    // and that no two values of `dst` have the same index. `dst` is borrowed mutably, so it overlaps neither `a` nor `b`.
    unsafe { call(dst.data.as_mut_ptr(), (dst.rows, dst.columns), dst.strides, write, a, b, parallelism) }
}

/// Whether a product has a large matrix, each of whose values is used only a few times: the layers of an autoencoder with small batches.
/// The `gemm` crate copies that matrix on one thread before it computes on all.
fn is_thin(dst: &MatrixMut<'_>, a: &Matrix<'_>, b: &Matrix<'_>) -> bool {
    let uses = dst.rows.min(dst.columns).min(a.columns);
    let largest = (dst.rows * dst.columns).max(a.rows * a.columns).max(b.rows * b.columns);
    uses <= THIN && largest >= LARGE
}

/// Computes parts of rows or of columns as products of their own. Their boundaries depend on the sizes alone, and so do all sums.
fn multiply_thin(dst: MatrixMut<'_>, write: Write, a: Matrix<'_>, b: Matrix<'_>) {
    if dst.rows == 0 || dst.columns == 0 {
        return;
    }
    let by_rows = dst.rows >= dst.columns;
    let (length, stride) = if by_rows { (dst.rows, dst.strides.0) } else { (dst.columns, dst.strides.1) };
    let part = length.div_ceil(PARTS).next_multiple_of(PART_MULTIPLE);
    let start = SharedStart(dst.data.as_mut_ptr());
    (0..length.div_ceil(part)).into_par_iter().for_each(|index| {
        let (first, count) = (index * part, part.min(length - index * part));
        let (size, a, b) = match by_rows {
            true => ((count, dst.columns), a.rows_from(first, count), b),
            false => ((dst.rows, count), a, b.transposed().rows_from(first, count).transposed()),
        };
        // SAFETY: as in `multiply`. The rows or columns of a part belong to no other one, and no two values of `dst` have the same index,
        // so that threads write different values.
        unsafe {
            call(start.get().add(first * stride), size, dst.strides, write, a, b, gemm::Parallelism::None);
        }
    });
}

/// Where a destination starts whose parts are written by several threads.
#[derive(Clone, Copy)]
struct SharedStart(*mut f32);

// SAFETY: the pointer is used by `multiply_thin` only, whose threads write different values while it borrows them all.
unsafe impl Send for SharedStart {}
// SAFETY: as above.
unsafe impl Sync for SharedStart {}

impl SharedStart {
    fn get(self) -> *mut f32 {
        self.0
    }
}

/// # Safety
///
/// Every index of `dst` with this size and these strides must be valid for writes, and no two values of it may have the same index.
unsafe fn call(
    dst: *mut f32,
    (rows, columns): (usize, usize),
    strides: Strides,
    write: Write,
    a: Matrix<'_>,
    b: Matrix<'_>,
    parallelism: gemm::Parallelism,
) {
    let stride = |stride: usize| stride as isize;
    // SAFETY: `a` and `b` lie within their slices, as their constructor has checked; the caller answers for `dst`.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            a.columns,
            dst,
            stride(strides.1),
            stride(strides.0),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Test values that depend on the index and the key only.
    fn test_values(len: usize, key: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 31 + key * 17) % 23) as f32 / 11.0 - 1.0).collect()
    }

    proptest! {
        #[test]
        fn products_match_the_definition(
            rows in 0_usize..40, columns in 0_usize..40, inner in 0_usize..40, gap in 0_usize..4,
            layout in 0_usize..8, add in any::<bool>(), all in any::<bool>(),
        ) {
            let strides = |(rows, columns): (usize, usize), by_columns: bool| {
                if by_columns { (1, rows + gap) } else { (columns + gap, 1) }
            };
            let (a_size, b_size, dst_size) = ((rows, inner), (inner, columns), (rows, columns));
            let (a_strides, b_strides) = (strides(a_size, layout & 1 > 0), strides(b_size, layout & 2 > 0));
            let dst_strides = strides(dst_size, layout & 4 > 0);
            let (a, b) = (test_values(extent(a_size, a_strides), 1), test_values(extent(b_size, b_strides), 2));
            // Values behind the matrix and in gaps between rows must not change.
            let before = test_values(extent(dst_size, dst_strides) + 5, 3);
            let mut dst = before.clone();
            let write = if add { Write::Add } else { Write::Set };
            multiply(
                MatrixMut::new(&mut dst, dst_size, dst_strides),
                write,
                Matrix::new(&a, a_size, a_strides),
                Matrix::new(&b, b_size, b_strides),
                if all { Threads::All } else { Threads::One },
            );
            let mut expected: Vec<f64> = before.iter().map(|value| f64::from(*value)).collect();
            for row in 0..rows {
                for column in 0..columns {
                    let term = |k: usize| {
                        let (a, b) = (a[row * a_strides.0 + k * a_strides.1], b[k * b_strides.0 + column * b_strides.1]);
                        f64::from(a) * f64::from(b)
                    };
                    let offset = row * dst_strides.0 + column * dst_strides.1;
                    let before = if add { expected[offset] } else { 0.0 };
                    expected[offset] = before + (0..inner).map(term).sum::<f64>();
                }
            }
            for (found, expected) in dst.iter().zip(expected) {
                prop_assert!((f64::from(*found) - expected).abs() < 1e-4, "{found} instead of {expected}");
            }
        }
    }

    #[test]
    fn thin_products_match_those_of_one_thread_and_do_not_depend_on_the_number_of_threads() {
        for (rows, columns, inner, by_columns) in [
            (16, 100, 4_000, false),
            (3_000, 16, 112, true),
            (16, 3_001, 96, false),
            (5_000, 96, 16, false),
            (7, 9, 70_000, true),
        ] {
            let (a, b) = (test_values(rows * inner, 1), test_values(inner * columns, 2));
            let of = |a, rows, columns| match by_columns {
                true => Matrix::row_major(a, columns, rows).transposed(),
                false => Matrix::row_major(a, rows, columns),
            };
            let product = |threads, write| {
                let mut dst = test_values(rows * columns, 3);
                let (a, b) = (of(&a, rows, inner), of(&b, inner, columns));
                multiply(MatrixMut::row_major(&mut dst, rows, columns), write, a, b, threads);
                dst
            };
            // By columns, and with gaps between rows, whose values must not change.
            for (size, strides) in
                [((rows, columns), (1, rows)), ((rows, columns), (columns + 3, 1)), ((0, columns), (columns, 1))]
            {
                let before = test_values(rows.max(1) * (columns + 3), 4);
                let of_size = |threads| {
                    let mut dst = before.clone();
                    let a = Matrix::new(&a, (size.0, inner), if by_columns { (1, rows) } else { (inner, 1) });
                    multiply(MatrixMut::new(&mut dst, size, strides), Write::Set, a, of(&b, inner, columns), threads);
                    dst
                };
                let (found, expected) = (of_size(Threads::All), of_size(Threads::One));
                let difference = found.iter().zip(&expected).map(|(a, b)| (a - b).abs() / (1.0 + b.abs()));
                assert!(difference.fold(0.0, f32::max) < 1e-3);
                let gaps =
                    |values: &[f32]| (0..rows - 1).map(|row| values[row * (columns + 3) + columns]).collect::<Vec<_>>();
                assert!(strides.0 != columns + 3 || gaps(&found) == gaps(&before));
            }
            for write in [Write::Set, Write::Add] {
                let pool = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let [one, three] = [1, 3].map(|threads| pool(threads).install(|| product(Threads::All, write)));
                assert!(one.iter().zip(&three).all(|(a, b)| a.to_bits() == b.to_bits()));
                let expected = product(Threads::One, write);
                let difference = one.iter().zip(&expected).map(|(a, b)| (a - b).abs() / (1.0 + b.abs()));
                assert!(difference.fold(0.0, f32::max) < 1e-3);
            }
        }
    }

    #[test]
    fn matrices_that_do_not_fit_are_rejected() {
        let panics = |make: fn(&mut [f32])| std::panic::catch_unwind(move || make(&mut [0.0; 6])).is_err();
        assert!(panics(|data| {
            let _ = Matrix::row_major(data, 2, 4).transposed();
        }));
        assert!(panics(|data| {
            let _ = Matrix::new(data, (2, 3), (4, 1)).transposed();
        }));
        assert!(panics(|data| {
            let _ = MatrixMut::new(data, (2, 3), (3, 2));
        }));
        assert!(panics(|data| {
            let _ = MatrixMut::new(data, (2, 3), (2, 1));
        }));
        assert!(panics(|data| {
            let (one, other) = data.split_at_mut(3);
            let (a, b) = (Matrix::row_major(&[1.0, 2.0], 1, 2), Matrix::row_major(other, 3, 1));
            multiply(MatrixMut::row_major(one, 1, 1), Write::Set, a, b, Threads::One);
        }));
        assert!(!panics(|data| {
            let _ = MatrixMut::row_major(data, 2, 3);
        }));
    }
}
