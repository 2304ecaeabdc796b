use ndarray::Array2;

use crate::Result;
use crate::context::{Context, Counter};

/// A way to pair normal vectors with targets.
pub(crate) trait Pairing {
    /// Pairs each row of `source` with its own row of `target`, which has as many. `counter` counts the rows.
    fn pair(
        &self,
        source: Array2<f32>,
        target: &Array2<f32>,
        counter: &Counter,
        context: &mut Context<'_>,
    ) -> Result<Matched>;
}

/// The pairs of one split, as they were computed.
pub(crate) struct Matched {
    /// The normal vectors y.
    pub(crate) source: Array2<f32>,
    /// For each of them the row of its target.
    pub(crate) assignment: Vec<usize>,
    /// Rows of the sources in the order in which they were paired.
    pub(crate) order: Vec<usize>,
    /// Cosine similarity of each pair.
    pub(crate) similarity: Vec<f32>,
}
