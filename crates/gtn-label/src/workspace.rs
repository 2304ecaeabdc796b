use crate::MatchStats;
use crate::dense::{Float32Proposer, Int8Proposer};
use crate::engine::Buffers;
use crate::tree::Tree;

/// Memory that successive matchings reuse, and the statistics of the last one.
///
/// ```
/// use gtn_label::{Matcher, Rows, Strategy, Workspace};
///
/// let mut workspace = Workspace::new();
/// for shift in [0.0, 1.0] {
///     let target = [shift, 1.0, 0.0, 1.0, shift, 0.5];
///     let target = Rows::new(&target, 2, 3)?;
///     let matched = Matcher::new().match_rows_in(&mut workspace, target.clone(), target)?;
///     assert_eq!(matched.len(), 2);
/// }
/// assert_ne!(workspace.stats().strategy, Strategy::Auto); // the strategy that `Auto` chose
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Workspace {
    pub(crate) buffers: Buffers,
    pub(crate) float32: Float32Proposer,
    pub(crate) int8: Int8Proposer,
    pub(crate) tree: Tree,
    pub(crate) stats: MatchStats,
}

impl Workspace {
    /// Creates a workspace that has not allocated memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counters and times of the last matching.
    #[must_use]
    pub fn stats(&self) -> &MatchStats {
        &self.stats
    }
}
