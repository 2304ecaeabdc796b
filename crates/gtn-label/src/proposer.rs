//! The interface between proposers of candidates and the `f64` arithmetic that decides among them.

/// Rows of norm 1, up to rounding to `f32`, or all zeros; contiguous in memory.
#[derive(Debug, Clone, Copy)]
pub struct UnitRows<'a> {
    data: &'a [f32],
    dim: usize,
}

impl<'a> UnitRows<'a> {
    /// Reads `data` as rows of `dim` columns; values after the last complete row are ignored.
    ///
    /// # Panics
    ///
    /// If `dim` is 0.
    #[must_use]
    pub fn new(data: &'a [f32], dim: usize) -> Self {
        assert!(dim > 0, "rows need at least one column");
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
    /// If `index` is not less than [`len`](Self::len).
    #[must_use]
    pub fn row(&self, index: usize) -> &'a [f32] {
        &self.data[index * self.dim..][..self.dim]
    }

    /// All values, row by row.
    #[must_use]
    pub fn as_slice(&self) -> &'a [f32] {
        self.data
    }
}

/// A target row that a source row may take.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The approximate cosine.
    pub score: f32,
    /// The index of the target row.
    pub target: u32,
}

/// The list of candidates that a [`Proposer`] found for one source row.
///
/// Its contract: each listed row is free, its cosine with the source row differs from its score by at most
/// [`error`](Self::error), no row is listed twice, and the cosine of every free row that is not listed is at most
/// [`bound`](Self::bound). The cosine here is that of the two [unit rows](UnitRows) as real numbers. The rounding of their
/// entries may have moved it from the cosine of the original rows by `2⁻²³`; this crate accounts for that when it decides.
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
    /// Empties the list, and resets the error to 0 and the bound to −∞, as if every free row were listed.
    pub fn clear(&mut self) {
        self.listed.clear();
        self.error = 0.0;
        self.bound = f32::NEG_INFINITY;
    }

    /// Adds a row to the list.
    pub fn push(&mut self, candidate: Candidate) {
        self.listed.push(candidate);
    }

    /// Sets the maximum difference between a listed score and the cosine.
    pub fn set_error(&mut self, error: f32) {
        self.error = error;
    }

    /// Sets the upper bound on the cosine of any free row that is not listed: −∞ if every free row is listed.
    pub fn set_bound(&mut self, bound: f32) {
        self.bound = bound;
    }

    /// Sets all three fields; `listed` may reuse the memory from [`take_listed`](Self::take_listed).
    pub(crate) fn set(&mut self, listed: Vec<Candidate>, error: f32, bound: f32) {
        *self = Self { listed, error, bound };
    }

    /// Replaces the index of each listed row.
    pub(crate) fn rename(&mut self, index: impl Fn(u32) -> u32) {
        self.listed.iter_mut().for_each(|candidate| candidate.target = index(candidate.target));
    }

    /// Takes the list, so that its memory can be reused.
    pub(crate) fn take_listed(&mut self) -> Vec<Candidate> {
        std::mem::take(&mut self.listed)
    }

    /// The listed rows.
    #[must_use]
    pub fn listed(&self) -> &[Candidate] {
        &self.listed
    }

    /// The maximum difference between a listed score and the cosine.
    #[must_use]
    pub fn error(&self) -> f32 {
        self.error
    }

    /// The upper bound on the cosine of any free row that is not listed.
    #[must_use]
    pub fn bound(&self) -> f32 {
        self.bound
    }
}

/// Why a [`Proposer`] failed: for example, a device was lost.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct ProposerError {
    /// What happened, in words for the user.
    pub reason: String,
}

/// Proposes candidates for source rows among the target rows that are still free.
///
/// An implementation may compute on any device, by any method, in any precision: this crate rescores its candidates in `f64`,
/// resolves the conflicts between source rows, and asks again with a larger `k` if a list was too short. The matching
/// does not depend on the proposer as long as it keeps the contract that [`Candidates`] describes.
pub trait Proposer: Send {
    /// Receives the target rows, all of them free. Called once per matching, or once per component; buffers of an
    /// earlier call may be reused.
    ///
    /// # Errors
    ///
    /// [`ProposerError`] ends the matching.
    fn begin(&mut self, targets: UnitRows<'_>) -> Result<(), ProposerError>;

    /// Removes these target rows, which are no longer free. No index occurs twice, and the slice may be empty.
    ///
    /// # Errors
    ///
    /// [`ProposerError`] ends the matching.
    fn remove(&mut self, targets: &[u32]) -> Result<(), ProposerError>;

    /// Replaces the contents of `candidates[i]` by about `k` of the best free target rows for source row `i` (all of them if
    /// there are fewer), in any order. A multithreaded proposer should use the current rayon pool.
    ///
    /// # Errors
    ///
    /// [`ProposerError`] ends the matching.
    fn propose(&mut self, sources: UnitRows<'_>, k: usize, candidates: &mut [Candidates]) -> Result<(), ProposerError>;
}
