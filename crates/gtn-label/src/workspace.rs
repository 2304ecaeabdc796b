use crate::Statistics;
use crate::dense::{Narrow, Single};
use crate::engine::Buffers;
use crate::tree::Tree;

/// Memory that many matchings use one after another, and what the last of them took.
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
/// assert_ne!(workspace.statistics().strategy, Strategy::Auto); // what was chosen
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct Workspace {
    pub(crate) buffers: Buffers,
    pub(crate) single: Single,
    pub(crate) narrow: Narrow,
    pub(crate) tree: Tree,
    pub(crate) statistics: Statistics,
}

impl Workspace {
    /// A workspace that holds no memory yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What the last matching took.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.statistics
    }
}
