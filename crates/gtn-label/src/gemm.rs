//! The matrix product that proposes candidates: the crate's only unsafe code.
//!
//! `matrixmultiply` chooses its kernel for the processor at run time; its interface takes raw pointers, which is the whole
//! reason for the `unsafe` here. The wrapper checks that the slices cover all that the kernel reads and writes.
#![allow(unsafe_code)]

/// `out[i][j] = Σₖ a[i][k]·b[j][k]` for `m` rows of `a` and `n` rows of `b`, all of `k` adjacent columns.
///
/// # Panics
///
/// If a slice is shorter than its shape.
pub(crate) fn rows_times_rows(m: usize, n: usize, k: usize, a: &[f32], b: &[f32], out: &mut [f32]) {
    let len = |rows: usize, columns: usize| rows.checked_mul(columns).expect("shape fits memory");
    assert!(a.len() >= len(m, k) && b.len() >= len(n, k) && out.len() >= len(m, n));
    let (k_stride, n_stride) = (k as isize, n as isize);
    // SAFETY: with the strides given, the kernel reads a[0..m*k] and b[0..n*k] and writes out[0..m*n] (with beta = 0 it
    // does not read it); the assertion above says that all three are there, and `out` is borrowed mutably, so it overlaps
    // neither input. Slices never exceed isize::MAX bytes, so the casts are lossless.
    unsafe {
        matrixmultiply::sgemm(
            m,
            k,
            n,
            1.0,
            a.as_ptr(),
            k_stride,
            1,
            b.as_ptr(),
            1,
            k_stride,
            0.0,
            out.as_mut_ptr(),
            n_stride,
            1,
        );
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::rows_times_rows;

    proptest! {
        #[test]
        fn product_equals_the_plain_sum_on_small_integers(
            (m, n, k) in (0_usize..9, 0_usize..35, 0_usize..40),
            seed in 0_u32..1000,
        ) {
            let value = |i: usize| ((i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed) >> 28) as f32 - 8.0;
            let a: Vec<f32> = (0..m * k).map(value).collect();
            let b: Vec<f32> = (0..n * k).map(|i| value(i + 77)).collect();
            let mut out = vec![f32::NAN; m * n];
            rows_times_rows(m, n, k, &a, &b, &mut out);
            for i in 0..m {
                for j in 0..n {
                    let plain: f32 = (0..k).map(|c| a[i * k + c] * b[j * k + c]).sum();
                    prop_assert_eq!(out[i * n + j], plain);
                }
            }
        }
    }
}
