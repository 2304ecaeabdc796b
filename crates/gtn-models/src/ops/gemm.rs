//! Matrix products on slices, by the `gemm` crate.
//!
//! The crate takes raw pointers; here every access is shown to lie within its slice before it is called, which is all the
//! `unsafe` there is. In what order a number of a product is summed depends on the sizes and on the processor, and not on the
//! number of threads: these divide rows and columns, never the inner dimension. Valgrind finds nothing to say of the tests in
//! `tests/ops.rs` and below.
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
    let (Some(last_row), Some(last_column)) = (rows.checked_sub(1), columns.checked_sub(1)) else { return 0 };
    let last = last_row.checked_mul(down).zip(last_column.checked_mul(along));
    // One that wraps fits nowhere.
    last.and_then(|(down, along)| down.checked_add(along)?.checked_add(1)).unwrap_or(usize::MAX)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Numbers that depend on the place alone.
    fn numbers(len: usize, key: usize) -> Vec<f32> {
        (0..len).map(|i| ((i * 31 + key * 17) % 23) as f32 / 11.0 - 1.0).collect()
    }

    proptest! {
        #[test]
        fn products_are_those_of_the_definition(
            rows in 0_usize..40, columns in 0_usize..40, inner in 0_usize..40, gap in 0_usize..4,
            layout in 0_usize..8, add in any::<bool>(), all in any::<bool>(),
        ) {
            let strides = |(rows, columns): (usize, usize), by_columns: bool| {
                if by_columns { (1, rows + gap) } else { (columns + gap, 1) }
            };
            let (a_size, b_size, dst_size) = ((rows, inner), (inner, columns), (rows, columns));
            let (a_strides, b_strides) = (strides(a_size, layout & 1 > 0), strides(b_size, layout & 2 > 0));
            let dst_strides = strides(dst_size, layout & 4 > 0);
            let (a, b) = (numbers(extent(a_size, a_strides), 1), numbers(extent(b_size, b_strides), 2));
            // What lies behind and between the numbers of a matrix is left alone.
            let before = numbers(extent(dst_size, dst_strides) + 5, 3);
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
                    let of = |k: usize| {
                        let (a, b) = (a[row * a_strides.0 + k * a_strides.1], b[k * b_strides.0 + column * b_strides.1]);
                        f64::from(a) * f64::from(b)
                    };
                    let place = row * dst_strides.0 + column * dst_strides.1;
                    let there = if add { expected[place] } else { 0.0 };
                    expected[place] = there + (0..inner).map(of).sum::<f64>();
                }
            }
            for (found, expected) in dst.iter().zip(expected) {
                prop_assert!((f64::from(*found) - expected).abs() < 1e-4, "{found} instead of {expected}");
            }
        }
    }

    #[test]
    fn matrices_that_do_not_fit_are_refused() {
        let refused = |make: fn(&mut [f32])| std::panic::catch_unwind(move || make(&mut [0.0; 6])).is_err();
        assert!(refused(|data| {
            let _ = Matrix::of_rows(data, 2, 4).transposed();
        }));
        assert!(refused(|data| {
            let _ = Matrix::new(data, (2, 3), (4, 1)).transposed();
        }));
        assert!(refused(|data| {
            let _ = MatrixMut::new(data, (2, 3), (3, 2));
        }));
        assert!(refused(|data| {
            let _ = MatrixMut::new(data, (2, 3), (2, 1));
        }));
        assert!(refused(|data| {
            let (one, other) = data.split_at_mut(3);
            let (a, b) = (Matrix::of_rows(&[1.0, 2.0], 1, 2), Matrix::of_rows(other, 3, 1));
            multiply(MatrixMut::of_rows(one, 1, 1), Write::Set, a, b, Threads::One);
        }));
        assert!(!refused(|data| {
            let _ = MatrixMut::of_rows(data, 2, 3);
        }));
    }
}
