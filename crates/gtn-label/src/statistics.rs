//! What a matching took.

use std::time::Duration;

use crate::Strategy;

/// What the last matching with a [`Workspace`](crate::Workspace) took.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Statistics {
    /// How it was computed, or began to be where [`Strategy::Blocked`] took over; [`Strategy::Auto`] if there was no matching.
    pub strategy: Strategy,
    /// Scores computed in `f64` to decide among candidates; 0 for strategies without candidates.
    pub rescored: u64,
    /// How often a list of candidates was too short and was asked for again.
    pub refills: u64,
    /// How often every free row was looked at, since no list was long enough.
    pub exhausted: u64,
    /// Norms, sorting, and what the strategy builds before the first row is served.
    pub prepare: Duration,
    /// Proposing candidates; zero for strategies without candidates.
    pub propose: Duration,
    /// Deciding, and resolving conflicts; for strategies without candidates, all the serving.
    pub decide: Duration,
}
