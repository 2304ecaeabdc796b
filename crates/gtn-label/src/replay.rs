//! Single steps of Algorithm 1, done again by the definition alone.

use crate::matcher::check_shapes;
use crate::order::order_by_norm;
use crate::score::{Scored, Targets};
use crate::task::checked_norms;
use crate::{Element, MatchError, Matching, Precision, Rows, Side, parallel};

/// What somebody says the matching is: a [`Matching`], or pairs that were read from a file.
#[derive(Debug, Clone, Copy)]
pub struct Pairs<'a> {
    /// For each source row the target row it took.
    pub matching: &'a [usize],
    /// The source rows in the order in which they were served.
    pub order: &'a [usize],
    /// For each source row the cosine with the target row it took.
    pub similarity: &'a [f32],
}

impl<'a> From<&'a Matching> for Pairs<'a> {
    fn from(matched: &'a Matching) -> Self {
        Self { matching: matched.matching(), order: matched.order(), similarity: matched.similarity() }
    }
}

/// Where pairs depart from Algorithm 1.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// Rows that no matching can be of.
    #[error(transparent)]
    Rows(#[from] MatchError),
    /// A list that is longer or shorter than the source.
    #[error("`{list}` has {len} entries, and the source has {rows} rows")]
    Length {
        /// `matching`, `order` or `similarity`.
        list: &'static str,
        /// Its entries.
        len: usize,
        /// Rows of the source.
        rows: usize,
    },
    /// A source row that is served out of turn.
    #[error("step {step} serves source row {found}, and by ascending (norm, index) it is source row {expected}'s turn")]
    Order {
        /// Position in the order of service.
        step: usize,
        /// The source row whose turn it is.
        expected: usize,
        /// The source row that is said to be served.
        found: usize,
    },
    /// A target row that does not exist.
    #[error("source row {source_row} takes target row {target_row}, and the target has {target_rows} rows")]
    NoSuchTarget {
        /// The source row.
        source_row: usize,
        /// What it is said to take.
        target_row: usize,
        /// Rows of the target.
        target_rows: usize,
    },
    /// A target row that two source rows take.
    #[error("source rows {first} and {second} both take target row {target_row}")]
    Twice {
        /// The target row.
        target_row: usize,
        /// The source row that is served first.
        first: usize,
        /// The other one.
        second: usize,
    },
    /// A step to replay that there is not.
    #[error("there is no step {step}: the source has {rows} rows")]
    NoSuchStep {
        /// The step asked for.
        step: usize,
        /// Rows of the source.
        rows: usize,
    },
    /// A source row that takes another target row than it should.
    #[error(
        "in step {step} source row {source_row} takes target row {found}, and of the free rows {expected} is the one to take"
    )]
    Pair {
        /// Position in the order of service.
        step: usize,
        /// The source row that is served.
        source_row: usize,
        /// The target row that the algorithm takes, given what was taken before.
        expected: usize,
        /// The target row that it is said to take.
        found: usize,
    },
    /// A similarity that is not that of the pair.
    #[error("source row {source_row} is said to have the similarity {found:?}, and it is {expected:?}")]
    Similarity {
        /// The source row.
        source_row: usize,
        /// The cosine as it is reported.
        expected: f32,
        /// What is said.
        found: f32,
    },
}

/// Replays some steps of Algorithm 1, and says where `pairs` depart from it.
///
/// The order of service is verified whole, and that no target row is taken twice. For each of the `steps`, which are positions
/// in the order of service, all target rows that `pairs` do not say were taken earlier are scored in `f64` as the [front
/// page](crate) defines, and the row to take and its similarity must be those of `pairs`, bit by bit. A step takes O(m·d)
/// operations. Pairs of which *all* steps pass are the matching; some steps, picked at random, show an error that touches a
/// share p of the steps with probability 1 − (1 − p)^steps. (Pairs of several components are replayed one by one.)
///
/// ```
/// use gtn_label::{Precision, Rows, match_rows, replay};
///
/// let source = Rows::new(&[0.0, 2.0, 1.0, 0.0], 2, 2)?;
/// let target = Rows::new(&[3.0, 0.1, 1.0, 1.0, -0.2, 5.0], 3, 2)?;
/// let matched = match_rows(source.clone(), target.clone())?;
/// replay(source, target, Precision::Double, &matched, &[0, 1])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ReplayError`], the first that is found: in the lists as a whole, then in the steps as they are given.
pub fn replay<'s, 't, 'p, T: Element>(
    source: impl Into<Rows<'s, T>>,
    target: impl Into<Rows<'t, T>>,
    precision: Precision,
    pairs: impl Into<Pairs<'p>>,
    steps: &[usize],
) -> Result<(), ReplayError> {
    let (source, target, pairs) = (source.into(), target.into(), pairs.into());
    let rows = source.len();
    check_shapes(&source, &target)?;
    let lists =
        [("matching", pairs.matching.len()), ("order", pairs.order.len()), ("similarity", pairs.similarity.len())];
    for (list, len) in lists {
        if len != rows {
            return Err(ReplayError::Length { list, len, rows });
        }
    }
    let source_norms = checked_norms(&source, Side::Source)?;
    let target_norms = checked_norms(&target, Side::Target)?;
    for (step, (&found, expected)) in pairs.order.iter().zip(order_by_norm(&source_norms)).enumerate() {
        if found != expected {
            return Err(ReplayError::Order { step, expected, found });
        }
    }
    let taken_in = taken_in(&pairs, target.len())?;
    if let Some(&step) = steps.iter().find(|&&step| step >= rows) {
        return Err(ReplayError::NoSuchStep { step, rows });
    }

    let targets = Targets { rows: &target, norms: &target_norms, precision };
    let mut replayed: Vec<(usize, Option<Scored>)> = steps.iter().map(|&step| (step, None)).collect();
    parallel::for_each(&mut replayed, |_, (step, best)| {
        let (y, y_norm) = (source.row(pairs.order[*step]), source_norms[pairs.order[*step]]);
        for free in (0..target.len()).filter(|&row| taken_in[row] >= *step) {
            let scored = targets.score(y, y_norm, free);
            if best.is_none_or(|best| scored.beats(&best)) {
                *best = Some(scored);
            }
        }
    });
    for (step, best) in replayed {
        let source_row = pairs.order[step];
        let (found, similarity) = (pairs.matching[source_row], pairs.similarity[source_row]);
        // There is always a free row: the one that this step is said to take.
        let Some(best) = best else { continue };
        if best.target != found {
            return Err(ReplayError::Pair { step, source_row, expected: best.target, found });
        }
        if best.similarity.to_bits() != similarity.to_bits() {
            return Err(ReplayError::Similarity { source_row, expected: best.similarity, found: similarity });
        }
    }
    Ok(())
}

/// The step in which each target row is taken; `usize::MAX` for one that is left over.
fn taken_in(pairs: &Pairs<'_>, target_rows: usize) -> Result<Vec<usize>, ReplayError> {
    let mut taken_in = vec![usize::MAX; target_rows];
    for (step, &source_row) in pairs.order.iter().enumerate() {
        let target_row = pairs.matching[source_row];
        let Some(taken) = taken_in.get_mut(target_row) else {
            return Err(ReplayError::NoSuchTarget { source_row, target_row, target_rows });
        };
        if *taken != usize::MAX {
            let first = pairs.order[*taken];
            return Err(ReplayError::Twice { target_row, first, second: source_row });
        }
        *taken = step;
    }
    Ok(taken_in)
}
