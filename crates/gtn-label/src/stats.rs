//! Counters and times of a matching.

use std::time::Duration;

use crate::Strategy;

/// Counters and times of the last matching in a [`Workspace`](crate::Workspace).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct MatchStats {
    /// The strategy used, or the first one if [`Strategy::Dense`] took over; [`Strategy::Auto`] if there was no matching.
    pub strategy: Strategy,
    /// Scores computed in `f64` to decide among candidates; 0 for strategies without candidates.
    pub rescored: u64,
    /// How often a list of candidates was too short and was requested again.
    pub refills: u64,
    /// How often every free row was scanned because no list was long enough.
    pub full_scans: u64,
    /// Time for norms, sorting, and what the strategy builds before the first row is processed.
    pub prepare: Duration,
    /// Time for proposing candidates; zero for strategies without candidates.
    pub propose: Duration,
    /// Time for deciding and for resolving conflicts; for strategies without candidates, for processing all rows.
    pub decide: Duration,
}
