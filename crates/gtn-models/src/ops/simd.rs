//! Loops over slices that use the widest vector instructions of the processor.
//!
//! No loop here adds values across lanes, and nothing is contracted into fused multiply-adds, so the results are the same on
//! every processor.

use gtn_label::arch;
use pulp::{Simd, WithSimd};
use rayon::prelude::*;

/// Runs `work` with the vector instructions of the processor. Functions that it calls must be inlined.
#[inline(always)]
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    arch().dispatch(work)
}

/// As [`vectorized`], for a function that is marked `#[inline(always)]`. The body of a long closure would not be inlined, and
/// would run with the instructions that all processors have.
#[inline(always)]
pub(crate) fn vectorized_with<A, R>(function: impl FnOnce(A) -> R, arguments: A) -> R {
    struct Call<F, A>(F, A);
    impl<A, R, F: FnOnce(A) -> R> WithSimd for Call<F, A> {
        type Output = R;

        #[inline(always)]
        fn with_simd<S: Simd>(self, _: S) -> R {
            (self.0)(self.1)
        }
    }
    arch().dispatch(Call(function, arguments))
}

/// Number of values from which on several threads are faster than one. Shorter loops end before other threads wake up.
pub(crate) const MIN_PARALLEL_LEN: usize = 1 << 15;

/// The fewest chunks per thread for an iterator over the chunks of `len` values: all of them if `len` is below
/// [`MIN_PARALLEL_LEN`], which the calling thread then works on alone.
pub(crate) fn min_chunks(len: usize) -> usize {
    if len < MIN_PARALLEL_LEN { usize::MAX } else { 1 }
}

/// dst += src.
pub(crate) fn add(dst: &mut [f32], src: &[f32]) {
    vectorized(|| dst.iter_mut().zip(src).for_each(|(dst, src)| *dst += src));
}

/// Adds the rows of a matrix to `sums`, whose length is the number of columns.
pub(crate) fn add_rows(sums: &mut [f32], rows: &[f32]) {
    vectorized(|| {
        for row in rows.chunks_exact(sums.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += value);
        }
    });
}

/// Rows in a group, and per partial sum. It is independent of the number of threads, and so are the results.
pub(crate) const ROWS: usize = 32;

/// The column sums of a matrix with `width` columns.
pub(crate) fn column_sums(rows: &[f32], width: usize) -> Vec<f32> {
    let partial = |rows: &[f32]| {
        let mut sums = vec![0.0; width];
        add_rows(&mut sums, rows);
        sums
    };
    let parts: Vec<Vec<f32>> =
        rows.par_chunks(ROWS * width).with_min_len(min_chunks(rows.len())).map(partial).collect();
    let mut sums = vec![0.0; width];
    parts.iter().for_each(|part| add(&mut sums, part));
    sums
}

/// Writes the transpose of `src` (`rows` × `columns`) to `dst`.
pub(crate) fn transpose(dst: &mut [f32], src: &[f32], rows: usize, columns: usize) {
    const TILE: usize = 16;
    vectorized(|| {
        for top in (0..rows).step_by(TILE) {
            let bottom = rows.min(top + TILE);
            for left in (0..columns).step_by(TILE) {
                for column in left..columns.min(left + TILE) {
                    for row in top..bottom {
                        dst[column * rows + row] = src[row * columns + column];
                    }
                }
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_of_any_size_are_transposed() {
        for (rows, columns) in [(1, 1), (3, 17), (16, 16), (49, 128), (33, 31)] {
            let src: Vec<f32> = (0..rows * columns).map(|i| i as f32).collect();
            let mut dst = vec![-1.0; src.len()];
            transpose(&mut dst, &src, rows, columns);
            assert!((0..rows).all(|r| (0..columns).all(|c| dst[c * rows + r] == src[r * columns + c])));
        }
    }

    #[test]
    fn column_sums_match_plain_sums() {
        for (n, width) in [(1, 3), (70, 5), (1000, 40)] {
            let rows: Vec<f32> = (0..n * width).map(|i| (i % 7) as f32).collect();
            let sums = column_sums(&rows, width);
            for (column, sum) in sums.iter().enumerate() {
                assert_eq!(*sum, rows.iter().skip(column).step_by(width).sum::<f32>());
            }
        }
    }
}
