//! The scores of rows quantized to 8 bits, with the vector instructions of x86 processors. This is the crate's only unsafe code.
//!
//! One instruction multiplies 64 (AVX-512 VNNI) or 32 pairs of bytes (AVX-VNNI, AVX2), one of which is unsigned, and adds up neighboring
//! products. On stable Rust, only the intrinsics of `core::arch` provide it. Calling a function compiled for instructions that the processor
//! may lack is unsafe, and so is loading a register from memory. Both are confined to this file: the processor is checked first, and slices
//! are cut to the length that is read. The tests in `dense.rs` require results identical to the portable code, bit by bit. The address
//! sanitizer reports nothing for them (valgrind does not support AVX-512):
//!
//! ```sh
//! RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address cargo test -p gtn-label --lib \
//!     --target x86_64-unknown-linux-gnu --target-dir target/sanitized dense
//! ```
//!
//! The instruction of AVX2, `vpmaddubsw`, adds two products in 16 bits, and saturates: beyond 2¹⁵ − 1, the sum would be wrong. A target
//! byte is at most 255, so source integers of at most 64 keep it exact: 2 · 255 · 64 = 32,640. This is why [`Kernel::max_source`] is
//! lower there. The bound on the error follows, since it is computed from what the rounding has lost.
#![allow(unsafe_code)]

use super::panels::Lists;
use super::quantized::ScanInput;
use crate::Instructions;

/// How the scores of a group are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kernel {
    Avx512Vnni,
    AvxVnni,
    Avx2,
    /// With the code of any processor.
    Portable,
}

impl Kernel {
    /// Those that the processor has, the fastest first, among the instructions that may be used.
    pub(super) fn available() -> impl Iterator<Item = Self> {
        let may = Instructions::in_use();
        [Self::Avx512Vnni, Self::AvxVnni, Self::Avx2, Self::Portable]
            .into_iter()
            .filter(move |kernel| kernel.instructions() <= may && kernel.is_available())
    }

    /// The fastest that may be used.
    pub(super) fn fastest() -> Self {
        Self::available().next().unwrap_or(Self::Portable)
    }

    fn instructions(self) -> Instructions {
        match self {
            Self::Avx512Vnni => Instructions::Avx512,
            Self::AvxVnni | Self::Avx2 => Instructions::Avx2,
            Self::Portable => Instructions::Portable,
        }
    }

    fn is_available(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        {
            match self {
                Self::Avx512Vnni => is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vnni"),
                Self::AvxVnni => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("avxvnni"),
                Self::Avx2 => is_x86_feature_detected!("avx2"),
                Self::Portable => true,
            }
        }
        #[cfg(not(target_arch = "x86_64"))]
        {
            self == Self::Portable
        }
    }

    /// The largest magnitude of an integer of a source row with which every sum is exact.
    pub(super) fn max_source(self) -> i8 {
        if self == Self::Avx2 { 64 } else { 127 }
    }
}

/// Offers every score that exceeds the bound of its source row.
///
/// # Panics
///
/// If the processor lacks the instructions, or if the kernel has no instructions.
pub(super) fn scan(kernel: Kernel, input: &ScanInput<'_>, lists: &mut Lists<'_>) {
    assert!(kernel.is_available(), "this processor has no {kernel:?}");
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the assertion above ensures that the processor has the instructions for which the function is compiled.
    unsafe {
        match kernel {
            Kernel::Avx512Vnni => return x86::scan_avx512_vnni(input, lists),
            Kernel::AvxVnni => return x86::scan_avx_vnni(input, lists),
            Kernel::Avx2 => return x86::scan_avx2(input, lists),
            Kernel::Portable => {}
        }
    }
    super::portable::scan(input, lists);
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        __m256, __m256i, __m512i, _CMP_GT_OQ, _mm256_add_epi32, _mm256_cmp_ps, _mm256_cvtepi32_ps,
        _mm256_dpbusd_avx_epi32, _mm256_loadu_ps, _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16,
        _mm256_movemask_ps, _mm256_mul_ps, _mm256_or_ps, _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps,
        _mm256_storeu_ps, _mm512_cmp_ps_mask, _mm512_cvtepi32_ps, _mm512_dpbusd_epi32, _mm512_loadu_ps,
        _mm512_loadu_si512, _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_storeu_ps,
    };

    use crate::dense::panels::{LANES, Lists, ROWS};
    use crate::dense::quantized::{QUAD, ScanInput};

    #[target_feature(enable = "avx512f,avx512vnni")]
    pub(super) fn scan_avx512_vnni(input: &ScanInput<'_>, lists: &mut Lists<'_>) {
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

    /// Source rows whose sums fill half of the 16 registers; the rest is for a column of the panel, an entry, and products.
    const ROWS_256: usize = 4;
    const HALF: usize = LANES / 2;

    /// A scan with registers of 256 bits, where `$add` adds the products of 32 unsigned and signed bytes to the sums of 8 rows.
    macro_rules! scan_256 {
        ($name:ident, $features:literal, $add:ident) => {
            #[target_feature(enable = $features)]
            pub(super) fn $name(input: &ScanInput<'_>, lists: &mut Lists<'_>) {
                let packed = input.packed;
                let panels = input.panels.chunks_exact(packed.quads * LANES * QUAD);
                let panels = panels.zip(input.scales.as_chunks::<LANES>().0);
                for (panel, (columns, scales)) in panels.enumerate() {
                    let (columns, _) = columns.as_chunks::<{ LANES * QUAD }>();
                    // SAFETY: `scales` has LANES = 2 * HALF = 16 values.
                    let scales: [__m256; 2] =
                        unsafe { [_mm256_loadu_ps(scales.as_ptr()), _mm256_loadu_ps(scales[HALF..].as_ptr())] };
                    let groups = packed.entries.chunks_exact(packed.quads).zip(packed.offsets.as_chunks::<ROWS>().0);
                    for (group, (entries, offsets)) in groups.enumerate() {
                        for (part, offsets) in offsets.as_chunks::<ROWS_256>().0.iter().enumerate() {
                            let mut sums: [[__m256i; 2]; ROWS_256] =
                                offsets.map(|offset| [_mm256_set1_epi32(offset); 2]);
                            for (column, entries) in columns.iter().zip(entries) {
                                // SAFETY: `column` has LANES * QUAD = 64 bytes.
                                let column = unsafe {
                                    [
                                        _mm256_loadu_si256(column.as_ptr().cast()),
                                        _mm256_loadu_si256(column[HALF * QUAD..].as_ptr().cast()),
                                    ]
                                };
                                for (sums, &entry) in sums.iter_mut().zip(&entries.as_chunks::<ROWS_256>().0[part]) {
                                    let entry = _mm256_set1_epi32(i32::from_ne_bytes(entry.map(|entry| entry as u8)));
                                    sums[0] = $add(sums[0], column[0], entry);
                                    sums[1] = $add(sums[1], column[1], entry);
                                }
                            }
                            for (row, sums) in (group * ROWS + part * ROWS_256..).zip(sums) {
                                let bound = _mm256_set1_ps(lists.bounds[row]);
                                let low = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[0]), scales[0]);
                                let high = _mm256_mul_ps(_mm256_cvtepi32_ps(sums[1]), scales[1]);
                                let reaches = _mm256_or_ps(
                                    _mm256_cmp_ps::<_CMP_GT_OQ>(low, bound),
                                    _mm256_cmp_ps::<_CMP_GT_OQ>(high, bound),
                                );
                                if _mm256_movemask_ps(reaches) != 0 {
                                    let mut buffer = [0.0; LANES];
                                    let (to_low, to_high) = buffer.split_at_mut(HALF);
                                    // SAFETY: both halves of `buffer` have 8 values.
                                    unsafe {
                                        _mm256_storeu_ps(to_low.as_mut_ptr(), low);
                                        _mm256_storeu_ps(to_high.as_mut_ptr(), high);
                                    }
                                    lists.offer(row, panel * LANES, &buffer);
                                }
                            }
                        }
                    }
                }
            }
        };
    }

    scan_256!(scan_avx_vnni, "avx2,avxvnni", _mm256_dpbusd_avx_epi32);
    scan_256!(scan_avx2, "avx2", add_products);

    /// What [`_mm256_dpbusd_avx_epi32`] does, in three instructions, if no sum of two products exceeds 16 bits.
    #[target_feature(enable = "avx2")]
    #[inline]
    fn add_products(sums: __m256i, unsigned: __m256i, signed: __m256i) -> __m256i {
        let pairs = _mm256_maddubs_epi16(unsigned, signed);
        _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
    }
}
