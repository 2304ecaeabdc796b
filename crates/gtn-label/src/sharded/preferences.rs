//! What shards are asked, and what they answer.

use crate::MatchError;
use crate::score::{Scored, preferred_first};

/// A free target row of a [`Shard`](super::Shard), as a source row ranks it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Preference {
    /// The score as it is compared: c of the definition, or the cosine in `f32` with [`Precision::Single`](crate::Precision::Single).
    pub score: f64,
    /// The norm of the target row, which decides between equal scores.
    pub norm: f64,
    /// The cosine that is reported.
    pub similarity: f32,
    /// The index of the target row among those of all shards, which decides between equal norms.
    pub target: u64,
}

impl Preference {
    /// A scored row, which has this index among those of all shards.
    pub(crate) fn new(scored: &Scored, target: u64) -> Self {
        let (score, norm) = scored.score_and_norm();
        Self { score, norm, similarity: scored.similarity, target }
    }

    /// Whether the source row prefers this row to `other`.
    pub(super) fn beats(&self, other: &Self) -> bool {
        preferred_first((self.score, self.norm, self.target), (other.score, other.norm, other.target)).is_lt()
    }
}

/// The best free target rows of a [`Shard`](super::Shard) for one source row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PreferenceList {
    /// The best row first. Every free row of the shard that is not listed is worse than the last.
    pub ranked: Vec<Preference>,
    /// Whether all free rows of the shard are listed.
    pub is_complete: bool,
}

/// A list that was too short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LongerList {
    /// The shard whose list it is.
    pub shard: usize,
    /// The source row that it is for.
    pub source: usize,
    /// The number of rows that are needed.
    pub len: usize,
}

/// The shards of all target rows, wherever they are: in this process, in others, or on disk.
pub trait Shards {
    /// Why one of them failed.
    type Error: From<MatchError>;

    /// The number of shards.
    fn count(&self) -> usize;

    /// The maximum number of source rows whose lists are requested at a time.
    fn block_size(&self) -> usize {
        4096
    }

    /// The shortest target rows of each shard, at most `count` of each: their norms and indices, in ascending order. They are
    /// requested before any row is removed.
    ///
    /// # Errors
    ///
    /// An error ends the matching.
    fn shortest(&mut self, count: usize) -> Result<Vec<Vec<(f64, u64)>>, Self::Error>;

    /// For each shard, the lists of these source rows in this order. A list has about `len` rows, and at least one unless its shard has no free row.
    ///
    /// # Errors
    ///
    /// An error ends the matching.
    fn preferences(&mut self, sources: &[usize], len: usize) -> Result<Vec<Vec<PreferenceList>>, Self::Error>;

    /// Lists of at least the requested lengths, or complete ones, in the order of the requests.
    ///
    /// # Errors
    ///
    /// An error ends the matching.
    fn longer(&mut self, requests: &[LongerList]) -> Result<Vec<PreferenceList>, Self::Error>;

    /// Removes target rows that are taken. Each one belongs to one of the shards, and is removed once.
    ///
    /// # Errors
    ///
    /// An error ends the matching.
    fn remove(&mut self, targets: &[u64]) -> Result<(), Self::Error>;
}
