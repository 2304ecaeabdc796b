//! The vector instructions that may be used.

use std::sync::atomic::{AtomicU8, Ordering};

use pulp::Arch;

use crate::options::names;

/// The vector instructions of a processor. No result of this crate depends on them.
///
/// ```
/// use gtn_label::Instructions;
///
/// assert_eq!("avx2".parse(), Ok(Instructions::Avx2));
/// assert!(Instructions::in_use() <= Instructions::of_processor());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Instructions {
    /// Those that every processor of its kind has: what the compiler makes of portable code.
    Portable,
    /// AVX2 and fused multiply-adds, as x86 processors have since about 2013.
    Avx2,
    /// AVX-512.
    Avx512,
}

names!(Instructions, "instructions", "GTN_CPU=NAME gtn label", "All of them, the least first.",
    Portable = "portable", "those that every processor has";
    Avx2 = "avx2", "AVX2 and FMA";
    Avx512 = "avx512", "AVX-512";
);

/// The position in [`Instructions::ALL`] of the most that may be used; another number if there is no limit.
static LIMIT: AtomicU8 = AtomicU8::new(u8::MAX);

impl Instructions {
    /// The most that this processor has.
    #[must_use]
    pub fn of_processor() -> Self {
        match Arch::new() {
            #[cfg(target_arch = "x86_64")]
            Arch::V4(_) => Self::Avx512,
            #[cfg(target_arch = "x86_64")]
            Arch::V3(_) => Self::Avx2,
            _ => Self::Portable,
        }
    }

    /// The most that are used: those of the processor, unless [`limit`](Self::limit) forbids them.
    #[must_use]
    pub fn in_use() -> Self {
        limit().map_or(Self::of_processor(), |most| most.min(Self::of_processor()))
    }

    /// Uses no others from here on in this process, to compare processors or to test.
    pub fn limit(self) {
        LIMIT.store(self as u8, Ordering::Relaxed);
    }
}

/// What loops are dispatched to, also those of gtn-models.
#[doc(hidden)]
#[must_use]
pub fn arch() -> Arch {
    #[cfg(target_arch = "x86_64")]
    match limit() {
        Some(Instructions::Portable) => return Arch::Scalar,
        Some(Instructions::Avx2) => return pulp::x86::V3::try_new().map_or(Arch::Scalar, Arch::V3),
        Some(Instructions::Avx512) | None => {}
    }
    Arch::new()
}

/// The most that may be used, if there is a limit.
fn limit() -> Option<Instructions> {
    Instructions::ALL.get(usize::from(LIMIT.load(Ordering::Relaxed))).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_in_order() {
        assert!(Instructions::ALL.is_sorted());
        assert!(Instructions::ALL.iter().enumerate().all(|(position, &one)| one as usize == position));
        assert!(matches!(
            (Instructions::in_use(), arch()),
            (Instructions::Portable, _) | (Instructions::Avx2 | Instructions::Avx512, Arch::V3(_) | Arch::V4(_))
        ));
    }
}
