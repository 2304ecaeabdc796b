//! The scores of rows quantized to 8 bits, with AVX-512 VNNI. This is the crate's only unsafe code.
//!
//! One instruction multiplies 64 pairs of bytes and adds up the products in groups of four. On stable Rust, only the intrinsics of
//! `core::arch` provide it. Calling a function compiled for instructions that the processor may lack is unsafe, and so is loading
//! a register from memory. Both are confined to this file: the processor is checked first, and slices are cut to the length that
//! is read. The tests in `dense.rs` require results identical to the portable code, bit by bit. The address sanitizer reports
//! nothing for them (valgrind does not support AVX-512):
//!
//! ```sh
//! RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test -p gtn-label --lib \
//!     --target x86_64-unknown-linux-gnu --target-dir target/sanitized dense
//! ```
#![allow(unsafe_code)]

use super::panels::Lists;
use super::quantized::ScanInput;

/// Whether the processor has the instructions.
pub(crate) fn is_available() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

/// Offers every score that exceeds the bound of its source row.
///
/// # Panics
///
/// If the processor lacks the instructions.
pub(crate) fn scan(input: &ScanInput<'_>, lists: &mut Lists<'_>) {
    assert!(is_available(), "this processor has no AVX-512 VNNI");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the assertion above ensures that the processor has the instructions for which the function is compiled.
    unsafe {
        x86::scan(input, lists);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (input, lists);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m512i, _CMP_GT_OQ, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_loadu_ps,
        _mm512_loadu_si512, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_storeu_ps,
    };

    use crate::dense::panels::{LANES, Lists, ROWS};
    use crate::dense::quantized::{QUAD, ScanInput};

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn scan(input: &ScanInput<'_>, lists: &mut Lists<'_>) {
        let packed = input.packed;
        let panels = input.panels.chunks_exact(packed.quads * LANES * QUAD).zip(input.scales.chunks_exact(LANES));
        for (panel, (columns, scales)) in panels.enumerate() {
            let (columns, _) = columns.as_chunks::<{ LANES * QUAD }>();
            // SAFETY: `scales` has LANES = 16 values.
            let scales = unsafe { _mm512_loadu_ps(scales.as_ptr()) };
            let groups = packed.entries.chunks_exact(packed.quads).zip(packed.offsets.as_chunks::<ROWS>().0);
            for (group, (entries, offsets)) in groups.enumerate() {
                let mut sums: [__m512i; ROWS] = offsets.map(|offset| _mm512_set1_epi32(offset));
                for (column, entries) in columns.iter().zip(entries) {
                    // SAFETY: `column` has LANES * QUAD = 64 bytes.
                    let column = unsafe { _mm512_loadu_si512(column.as_ptr().cast()) };
                    for (sum, &entry) in sums.iter_mut().zip(entries) {
                        let entry = _mm512_set1_epi32(i32::from_ne_bytes(entry.map(|entry| entry as u8)));
                        *sum = _mm512_dpbusd_epi32(*sum, column, entry);
                    }
                }
                for (row, sum) in (group * ROWS..).zip(sums) {
                    let scores = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), scales);
                    if _mm512_cmp_ps_mask::<_CMP_GT_OQ>(scores, _mm512_set1_ps(lists.bounds[row])) != 0 {
                        let mut buffer = [0.0; LANES];
                        // SAFETY: `buffer` has LANES = 16 values.
                        unsafe { _mm512_storeu_ps(buffer.as_mut_ptr(), scores) };
                        lists.offer(row, panel * LANES, &buffer);
                    }
                }
            }
        }
    }
}
