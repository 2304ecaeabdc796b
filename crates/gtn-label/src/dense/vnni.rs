//! The scores of rows rounded to 8 bits by AVX-512 VNNI: the crate's only unsafe code.
//!
//! One instruction multiplies 64 pairs of bytes and adds them up by fours. Nothing in the standard library or on stable Rust
//! reaches it but the intrinsics of `core::arch`: to call a function compiled for instructions that the processor might lack is
//! unsafe, and so is reading a register from memory. Both are confined to this file; the processor is asked before, and
//! slices are cut to the length that is read. The tests in `dense.rs` hold it to the portable code, to the bit. The address
//! sanitizer has nothing to say of them (valgrind does not know AVX-512):
//!
//! ```sh
//! RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test -p gtn-label --lib \
//!     --target x86_64-unknown-linux-gnu --target-dir target/sanitized dense
//! ```
#![allow(unsafe_code)]

use super::narrow::Work;
use super::panels::Lists;

/// Whether the processor has the instructions.
pub(crate) fn is_there() -> bool {
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
/// If the instructions are not there.
pub(crate) fn scan(work: &Work<'_>, lists: &mut Lists<'_>) {
    assert!(is_there(), "this processor has no AVX-512 VNNI");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the processor has the instructions for which the function is compiled.
    unsafe {
        x86::scan(work, lists);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (work, lists);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m512i, _CMP_GT_OQ, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_loadu_ps,
        _mm512_loadu_si512, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_storeu_ps,
    };

    use crate::dense::narrow::{QUAD, Work};
    use crate::dense::panels::{LANES, Lists, ROWS};

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn scan(work: &Work<'_>, lists: &mut Lists<'_>) {
        let packed = work.packed;
        let panels = work.panels.chunks_exact(packed.quads * LANES * QUAD).zip(work.steps.chunks_exact(LANES));
        for (panel, (columns, steps)) in panels.enumerate() {
            let (columns, _) = columns.as_chunks::<{ LANES * QUAD }>();
            // SAFETY: `steps` has LANES = 16 numbers.
            let steps = unsafe { _mm512_loadu_ps(steps.as_ptr()) };
            let groups = packed.entries.chunks_exact(packed.quads).zip(packed.offsets.as_chunks::<ROWS>().0);
            for (group, (entries, offsets)) in groups.enumerate() {
                let mut sums: [__m512i; ROWS] = offsets.map(|offset| _mm512_set1_epi32(offset));
                for (column, entries) in columns.iter().zip(entries) {
                    // SAFETY: `column` has 64 bytes.
                    let column = unsafe { _mm512_loadu_si512(column.as_ptr().cast()) };
                    for (sum, &entry) in sums.iter_mut().zip(entries) {
                        let entry = _mm512_set1_epi32(i32::from_ne_bytes(entry.map(|entry| entry as u8)));
                        *sum = _mm512_dpbusd_epi32(*sum, column, entry);
                    }
                }
                for (row, sum) in (group * ROWS..).zip(sums) {
                    let scores = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), steps);
                    if _mm512_cmp_ps_mask::<_CMP_GT_OQ>(scores, _mm512_set1_ps(lists.bounds[row])) != 0 {
                        let mut buffer = [0.0; LANES];
                        // SAFETY: `buffer` has 16 numbers.
                        unsafe { _mm512_storeu_ps(buffer.as_mut_ptr(), scores) };
                        lists.offer(row, panel * LANES, &buffer);
                    }
                }
            }
        }
    }
}
