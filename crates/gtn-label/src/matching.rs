use std::ops::ControlFlow;

use crate::MatchError;

/// The progress of a matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Source rows matched so far.
    pub done: usize,
    /// All source rows.
    pub total: usize,
}

/// The target row that each source row took, and their cosine similarity.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    pub(crate) assignment: Vec<usize>,
    pub(crate) order: Vec<usize>,
    pub(crate) similarity: Vec<f32>,
}

impl Matching {
    /// For each source row, the index of the target row it took; no target row occurs twice.
    #[must_use]
    pub fn assignment(&self) -> &[usize] {
        &self.assignment
    }

    /// The source rows in the order in which they were processed: by ascending norm, then index. With several components, all
    /// rows of one component come before those of the next.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// For each source row, its cosine, in [−1, 1], with the target row it took.
    #[must_use]
    pub fn similarity(&self) -> &[f32] {
        &self.similarity
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.assignment.len()
    }

    /// Whether there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.assignment.is_empty()
    }
}

pub(crate) type Callback<'c> = Box<dyn FnMut(Progress) -> ControlFlow<()> + Send + 'c>;

/// Reports progress to the caller's callback, and returns an error if the callback stops the work.
pub(crate) struct Reporter<'r, 'c> {
    /// Source rows of other components that are already matched.
    pub(crate) before: usize,
    pub(crate) total: usize,
    pub(crate) callback: Option<&'r mut Callback<'c>>,
}

impl Reporter<'_, '_> {
    pub(crate) fn report(&mut self, done: usize) -> Result<(), MatchError> {
        let (done, total) = (self.before + done, self.total);
        match self.callback.as_mut().map(|callback| callback(Progress { done, total })) {
            Some(ControlFlow::Break(())) => Err(MatchError::Cancelled { done, total }),
            _ => Ok(()),
        }
    }
}
