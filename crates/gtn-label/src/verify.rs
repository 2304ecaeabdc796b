//! Individual steps of Algorithm 1, recomputed by the definition alone.

use crate::problem::{check_shapes, checked_norms};
use crate::score::{Scored, Targets};
use crate::sort::argsort_by_norm;
use crate::{Element, MatchError, Matching, PointSet, Precision, Rows, parallel};

/// A claimed matching to verify with [`verify_steps`]: a [`Matching`], or pairs that were read from a file.
#[derive(Debug, Clone, Copy)]
pub struct MatchedPairs<'a> {
    /// For each source row, the index of the target row it took.
    pub assignment: &'a [usize],
    /// The source rows in the order in which they were processed.
    pub order: &'a [usize],
    /// For each source row, its cosine with the target row it took.
    pub similarity: &'a [f32],
}

impl<'a> From<&'a Matching> for MatchedPairs<'a> {
    fn from(matched: &'a Matching) -> Self {
        Self { assignment: matched.assignment(), order: matched.order(), similarity: matched.similarity() }
    }
}

/// Where pairs differ from the result of Algorithm 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The rows cannot be matched.
    #[error(transparent)]
    Rows(#[from] MatchError),
    /// An array is longer or shorter than the source.
    #[error("`{array}` has {len} entries, but the source has {rows} rows; pass one entry for each source row")]
    LengthMismatch {
        /// `assignment`, `order` or `similarity`.
        array: &'static str,
        /// Its entries.
        len: usize,
        /// Rows of the source.
        rows: usize,
    },
    /// A source row is processed out of order.
    #[error("step {step} processes source row {found}; by ascending (norm, index) it must be source row {expected}")]
    WrongOrder {
        /// Position in the processing order.
        step: usize,
        /// The source row that the algorithm processes in this step.
        expected: usize,
        /// The source row that `order` names.
        found: usize,
    },
    /// A target row does not exist.
    #[error(
        "source row {source_row} takes target row {target_row}, but the target has {target_rows} rows; pass the target that was matched"
    )]
    TargetOutOfRange {
        /// The source row.
        source_row: usize,
        /// The target row that `assignment` names.
        target_row: usize,
        /// Rows of the target.
        target_rows: usize,
    },
    /// Two source rows take the same target row.
    #[error("source rows {first} and {second} both take target row {target_row}; each must take a row of its own")]
    DuplicateTarget {
        /// The target row.
        target_row: usize,
        /// The source row that is processed first.
        first: usize,
        /// The other source row.
        second: usize,
    },
    /// A step to verify does not exist.
    #[error("there is no step {step}; pass steps below {rows}, the number of source rows")]
    StepOutOfRange {
        /// The requested step.
        step: usize,
        /// Rows of the source.
        rows: usize,
    },
    /// A source row takes the wrong target row.
    #[error(
        "in step {step}, source row {source_row} takes target row {found}; of the free rows, it must take target row {expected}"
    )]
    WrongTarget {
        /// Position in the processing order.
        step: usize,
        /// The source row that is processed.
        source_row: usize,
        /// The target row that the algorithm takes, given the pairs of earlier steps.
        expected: usize,
        /// The target row that `assignment` names.
        found: usize,
    },
    /// A similarity is not that of the pair.
    #[error("the similarity of source row {source_row} is given as {found:?}; it must be {expected:?}")]
    WrongSimilarity {
        /// The source row.
        source_row: usize,
        /// The cosine that the algorithm reports.
        expected: f32,
        /// The given value.
        found: f32,
    },
}

/// Recomputes some steps of Algorithm 1, and returns an error if `pairs` differ from the result.
///
/// The complete processing order is verified, and that no target row is taken twice. The `steps` are positions in the
/// processing order. For each one, all target rows that were not taken earlier according to `pairs` are scored in `f64` as the
/// [front page](crate) defines; the row to take and its similarity must equal those of `pairs`, bit by bit. A step
/// costs O(m·d) operations. If *all* steps pass, `pairs` are the matching. Randomly chosen steps detect an error that affects a
/// fraction p of the steps with probability 1 − (1 − p)^steps. (Verify the pairs of several components one component at a
/// time.)
///
/// ```
/// use gtn_label::{Precision, Rows, match_rows, verify_steps};
///
/// let source = Rows::new(&[0.0, 2.0, 1.0, 0.0], 2, 2)?;
/// let target = Rows::new(&[3.0, 0.1, 1.0, 1.0, -0.2, 5.0], 3, 2)?;
/// let matched = match_rows(source.clone(), target.clone())?;
/// verify_steps(source, target, Precision::Double, &matched, &[0, 1])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`VerifyError`] for the first mismatch: first in the arrays overall, then in the steps in the given order.
pub fn verify_steps<'s, 't, 'p, T: Element>(
    source: impl Into<Rows<'s, T>>,
    target: impl Into<Rows<'t, T>>,
    precision: Precision,
    pairs: impl Into<MatchedPairs<'p>>,
    steps: &[usize],
) -> Result<(), VerifyError> {
    let (source, target, pairs) = (source.into(), target.into(), pairs.into());
    let rows = source.len();
    check_shapes(&source, &target)?;
    let arrays =
        [("assignment", pairs.assignment.len()), ("order", pairs.order.len()), ("similarity", pairs.similarity.len())];
    for (array, len) in arrays {
        if len != rows {
            return Err(VerifyError::LengthMismatch { array, len, rows });
        }
    }
    let source_norms = checked_norms(&source, PointSet::Source)?;
    let target_norms = checked_norms(&target, PointSet::Target)?;
    for (step, (&found, expected)) in pairs.order.iter().zip(argsort_by_norm(&source_norms)).enumerate() {
        if found != expected {
            return Err(VerifyError::WrongOrder { step, expected, found });
        }
    }
    let step_taken = step_taken(&pairs, target.len())?;
    if let Some(&step) = steps.iter().find(|&&step| step >= rows) {
        return Err(VerifyError::StepOutOfRange { step, rows });
    }

    let targets = Targets { rows: &target, norms: &target_norms, precision };
    let mut recomputed: Vec<(usize, Option<Scored>)> = steps.iter().map(|&step| (step, None)).collect();
    parallel::for_each(&mut recomputed, |_, (step, best)| {
        let (y, y_norm) = (source.row(pairs.order[*step]), source_norms[pairs.order[*step]]);
        for free in (0..target.len()).filter(|&row| step_taken[row] >= *step) {
            let scored = targets.score(y, y_norm, free);
            if best.is_none_or(|best| scored.beats(&best)) {
                *best = Some(scored);
            }
        }
    });
    for (step, best) in recomputed {
        let source_row = pairs.order[step];
        let (found, similarity) = (pairs.assignment[source_row], pairs.similarity[source_row]);
        // At least one row is free: the one that `pairs` assign in this step.
        let Some(best) = best else { continue };
        if best.target != found {
            return Err(VerifyError::WrongTarget { step, source_row, expected: best.target, found });
        }
        if best.similarity.to_bits() != similarity.to_bits() {
            return Err(VerifyError::WrongSimilarity { source_row, expected: best.similarity, found: similarity });
        }
    }
    Ok(())
}

/// The step in which each target row is taken; `usize::MAX` if none takes it.
fn step_taken(pairs: &MatchedPairs<'_>, target_rows: usize) -> Result<Vec<usize>, VerifyError> {
    let mut step_taken = vec![usize::MAX; target_rows];
    for (step, &source_row) in pairs.order.iter().enumerate() {
        let target_row = pairs.assignment[source_row];
        let Some(taken) = step_taken.get_mut(target_row) else {
            return Err(VerifyError::TargetOutOfRange { source_row, target_row, target_rows });
        };
        if *taken != usize::MAX {
            let first = pairs.order[*taken];
            return Err(VerifyError::DuplicateTarget { target_row, first, second: source_row });
        }
        *taken = step;
    }
    Ok(step_taken)
}
