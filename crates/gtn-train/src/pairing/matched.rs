use gtn_run::schema::Split;
use gtn_run::{Artifact, Statistics};
use ndarray::Array2;

use super::space::{Space, SpaceTargets};
use crate::Result;
use crate::context::{Context, Counter};
use crate::handoff::FreshPairs;

/// A way to pair normal vectors with targets.
pub(crate) trait Pairing {
    /// Prepares what the pairs of every split are computed with, such as a trained network, and resumes that work if it was
    /// interrupted. Returns its checksum, if there is anything.
    fn prepare(&mut self, _space: &Space<'_>, _context: &mut Context<'_>) -> Result<Option<String>> {
        Ok(None)
    }

    /// Pairs each target of a split with its own normal vector. `counter` counts the rows.
    fn pair(
        &self,
        split: Split,
        targets: &SpaceTargets,
        space: &Space<'_>,
        counter: &Counter,
        context: &mut Context<'_>,
    ) -> Result<Matched>;

    /// The rows that process 0 asks another process for while it pairs.
    fn rows(&self, _request: &[u8]) -> Result<Array2<f32>> {
        Err(gtn_dist::Error::Message { rank: 0 }.into())
    }

    /// Further training pairs, whose targets are not in the data.
    fn fresh(&self, _space: &Space<'_>, _counter: &Counter, _context: &mut Context<'_>) -> Result<Option<FreshPairs>> {
        Ok(None)
    }

    /// The number of those.
    fn fresh_pairs(&self) -> usize {
        0
    }

    /// Statistics and metadata of the pairs, beside those that all pairings have.
    fn describe(&self, _artifact: &mut Artifact, _statistics: &mut Statistics) -> Result<()> {
        Ok(())
    }
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
