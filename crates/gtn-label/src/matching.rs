use std::ops::ControlFlow;

use crate::MatchError;

/// How far a matching has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Source rows matched.
    pub done: usize,
    /// Source rows in all.
    pub total: usize,
}

/// Which target row each source row took, and how well they fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    pub(crate) matching: Vec<usize>,
    pub(crate) order: Vec<usize>,
    pub(crate) similarity: Vec<f32>,
}

impl Matching {
    /// For each source row the target row it took; no target row occurs twice.
    #[must_use]
    pub fn matching(&self) -> &[usize] {
        &self.matching
    }

    /// The source rows in the order in which they were served: by ascending norm, then index (of several components, those
    /// of one after those of the other).
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// For each source row the cosine, in [−1, 1], with the target row it took.
    #[must_use]
    pub fn similarity(&self) -> &[f32] {
        &self.similarity
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.matching.len()
    }

    /// Whether there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matching.is_empty()
    }
}

pub(crate) type Callback<'c> = Box<dyn FnMut(Progress) -> ControlFlow<()> + Send + 'c>;

/// Passes progress to the caller, and the caller's wish to stop back.
pub(crate) struct Reporter<'r, 'c> {
    /// Source rows matched before, of other components.
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
