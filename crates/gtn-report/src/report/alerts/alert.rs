//! What a reader must know.

/// What a reader must know, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) struct Alert {
    /// The rule.
    pub(in crate::report) kind: Kind,
    /// What was found, with its number.
    pub(in crate::report) finding: String,
    /// What it means, and what helps.
    pub(in crate::report) advice: String,
}

/// The rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::report) enum Kind {
    Alike,
    NearZero,
    FarFromFloor,
    Shrunk,
    Memorized,
    Decoder,
    StillFalling,
    Overfitted,
    FewSamples,
    NotComparable,
}

impl Kind {
    /// Whether samples are bad, and not only measured or trained with less than could be.
    pub(in crate::report) fn is_serious(self) -> bool {
        matches!(self, Kind::Alike | Kind::NearZero | Kind::FarFromFloor | Kind::Shrunk | Kind::Memorized)
    }
}
