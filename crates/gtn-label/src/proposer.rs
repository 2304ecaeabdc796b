//! The seam between those who propose candidates and the `f64` arithmetic that decides among them.

/// Rows of norm 1, up to their rounding to `f32`, or all zeros; adjacent in memory.
#[derive(Debug, Clone, Copy)]
pub struct UnitRows<'a> {
    data: &'a [f32],
    dim: usize,
}

impl<'a> UnitRows<'a> {
    /// Reads `data` as rows of `dim` columns; whatever follows the last whole row is left out.
    ///
    /// # Panics
    ///
    /// If `dim` is 0.
    #[must_use]
    pub fn new(data: &'a [f32], dim: usize) -> Self {
        assert!(dim > 0, "rows need columns");
        Self { data: &data[..data.len() / dim * dim], dim }
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len() / self.dim
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// Number of columns.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The row at `index`.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`len`](Self::len).
    #[must_use]
    pub fn row(&self, index: usize) -> &'a [f32] {
        &self.data[index * self.dim..][..self.dim]
    }

    /// All entries, row by row.
    #[must_use]
    pub fn as_slice(&self) -> &'a [f32] {
        self.data
    }
}

/// A target row that may be the one to take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The proposed cosine.
    pub score: f32,
    /// The target row.
    pub target: u32,
}

/// What a [`Proposer`] found for one source row.
///
/// It is a promise: each listed row is free and its cosine with the source row differs from its score by at most
/// [`error`](Self::error), no row is listed twice, and the cosine of every free row that is not listed is at most
/// [`bound`](Self::bound). The cosine here is that of the two [unit rows](UnitRows) as real numbers, which the rounding of
/// their entries may have moved from that of the rows by `2⁻²³`; whoever decides takes that into account.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates {
    listed: Vec<Candidate>,
    error: f32,
    bound: f32,
}

impl Default for Candidates {
    fn default() -> Self {
        Self { listed: Vec::new(), error: 0.0, bound: f32::NEG_INFINITY }
    }
}

impl Candidates {
    /// Forgets all: nothing is listed, and nothing is said to be unlisted.
    pub fn clear(&mut self) {
        self.listed.clear();
        self.error = 0.0;
        self.bound = f32::NEG_INFINITY;
    }

    /// Lists a row.
    pub fn push(&mut self, candidate: Candidate) {
        self.listed.push(candidate);
    }

    /// Sets by how much a listed score may differ from the cosine.
    pub fn set_error(&mut self, error: f32) {
        self.error = error;
    }

    /// Sets what the cosine of a free row that is not listed is at most: −∞ where every free row is listed.
    pub fn set_bound(&mut self, bound: f32) {
        self.bound = bound;
    }

    /// All at once, in the memory that [`take_listed`](Self::take_listed) gave.
    pub(crate) fn set(&mut self, listed: Vec<Candidate>, error: f32, bound: f32) {
        *self = Self { listed, error, bound };
    }

    /// The memory of the list, to be filled anew.
    pub(crate) fn take_listed(&mut self) -> Vec<Candidate> {
        std::mem::take(&mut self.listed)
    }

    /// The rows listed so far.
    #[must_use]
    pub fn listed(&self) -> &[Candidate] {
        &self.listed
    }

    /// By how much a listed score may differ from the cosine.
    #[must_use]
    pub fn error(&self) -> f32 {
        self.error
    }

    /// What the cosine of a free row that is not listed is at most.
    #[must_use]
    pub fn bound(&self) -> f32 {
        self.bound
    }
}

/// Why a [`Proposer`] cannot go on: a device is lost, a machine does not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ProposerError {
    /// What happened, for the user.
    pub reason: String,
}

/// Proposes candidates for source rows among the target rows that are still free.
///
/// It may compute where and how it likes, in whatever precision: this crate scores in `f64` what it proposes, resolves
/// the conflicts between source rows, and asks again with a larger `keep` where a list was too short. The matching does not
/// depend on the proposer as long as it keeps the promise that [`Candidates`] describes.
pub trait Proposer: Send {
    /// Takes in the target rows, all of them free. Called once for each matching (of several components, once for each);
    /// buffers of an earlier call may be used again.
    ///
    /// # Errors
    ///
    /// [`ProposerError`] ends the matching.
    fn begin(&mut self, targets: UnitRows<'_>) -> Result<(), ProposerError>;

    /// Learns that these target rows, each named once, are no longer free; there may be none.
    ///
    /// # Errors
    ///
    /// [`ProposerError`] ends the matching.
    fn remove(&mut self, targets: &[u32]) -> Result<(), ProposerError>;

    /// Fills `candidates[i]`, whatever it held, for the source row `i`, with about `keep` of the best free target rows (all,
    /// if there are fewer) in any order. A proposer that works on several threads takes those of the current rayon pool.
    ///
    /// # Errors
    ///
    /// [`ProposerError`] ends the matching.
    fn propose(
        &mut self,
        sources: UnitRows<'_>,
        keep: usize,
        candidates: &mut [Candidates],
    ) -> Result<(), ProposerError>;
}
