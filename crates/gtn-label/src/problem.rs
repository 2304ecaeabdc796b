//! The input and output of every strategy.

use crate::score::{Targets, norm};
use crate::{Element, MatchError, PointSet, Rows, parallel};

/// The allowed magnitude of the largest entry of each row of `f64`.
const RANGE: std::ops::RangeInclusive<f64> = 1e-150..=1e150;

/// Norms of all rows. An error names the first row that is not finite, or whose norm does not fit into `f64`.
pub(crate) fn checked_norms<T: Element>(rows: &Rows<'_, T>, set: PointSet) -> Result<Vec<f64>, MatchError> {
    let norms = parallel::map(rows.len(), |index| {
        let row = rows.row(index);
        let norm = norm(row);
        let in_range = |largest: f64| RANGE.contains(&largest) || largest == 0.0;
        // No finite f32 row overflows or underflows in f64.
        if norm.is_finite() && (T::EXACT_PRODUCTS || in_range(max_abs(row))) { norm } else { f64::NAN }
    });
    match norms.iter().position(|norm| norm.is_nan()) {
        None => Ok(norms),
        Some(row) => {
            let entries = rows.row(row);
            Err(match entries.iter().position(|&entry| !entry.into().is_finite()) {
                Some(column) => MatchError::NotFinite { set, row, column },
                None => MatchError::OutOfRange { set, row, largest: format!("{:e}", max_abs(entries)) },
            })
        }
    }
}

/// The magnitude of the largest entry; NaN if any entry is NaN.
fn max_abs<T: Element>(row: &[T]) -> f64 {
    let larger = |max: f64, entry: f64| if entry.is_nan() || entry > max { entry } else { max };
    row.iter().fold(0.0, |max, &entry| larger(max, entry.into().abs()))
}

/// Checks that the rows are vectors of the same space.
pub(crate) fn check_columns<T: Element>(source: &Rows<'_, T>, target: &Rows<'_, T>) -> Result<(), MatchError> {
    for (set, rows) in [(PointSet::Source, source), (PointSet::Target, target)] {
        if rows.dim() == 0 {
            return Err(MatchError::NoColumns { set });
        }
    }
    if source.dim() != target.dim() {
        return Err(MatchError::DimensionMismatch { source_dim: source.dim(), target_dim: target.dim() });
    }
    Ok(())
}

/// Checks that every source row can have a target row of its own.
pub(crate) fn check_shapes<T: Element>(source: &Rows<'_, T>, target: &Rows<'_, T>) -> Result<(), MatchError> {
    check_columns(source, target)?;
    if source.len() > target.len() {
        return Err(MatchError::SourceLarger { source_rows: source.len(), target_rows: target.len() });
    }
    if u32::try_from(target.len()).is_err() {
        return Err(MatchError::TooManyRows { set: PointSet::Target, rows: target.len() });
    }
    Ok(())
}

/// The input of every strategy.
pub(crate) struct Problem<'r, 'a, T: Element = f32> {
    pub(crate) source: &'r Rows<'a, T>,
    pub(crate) source_norms: &'r [f64],
    pub(crate) targets: Targets<'r, 'a, T>,
    pub(crate) order: &'r [usize],
}

impl<T: Element> Problem<'_, '_, T> {
    /// The number of source rows that are all zeros; they come first in the order.
    pub(crate) fn zero_rows(&self) -> usize {
        self.order.iter().take_while(|&&source| self.source_norms[source] == 0.0).count()
    }

    /// Assigns the source rows that are all zeros, which come first: they score 0 everywhere and take the shortest target rows, the
    /// first of `by_norm`. Returns how many there are.
    pub(crate) fn assign_zero_rows(&self, by_norm: &[usize], out: &mut Assignment) -> usize {
        let zeros = self.zero_rows();
        for (&source, &target) in self.order[..zeros].iter().zip(by_norm) {
            out.set(source, target, 0.0);
        }
        zeros
    }
}

/// The output of every strategy, in the order of the source rows.
pub(crate) struct Assignment {
    pub(crate) targets: Vec<usize>,
    pub(crate) similarity: Vec<f32>,
}

impl Assignment {
    pub(crate) fn new(len: usize) -> Self {
        Self { targets: vec![usize::MAX; len], similarity: vec![0.0; len] }
    }

    pub(crate) fn set(&mut self, source: usize, target: usize, similarity: f32) {
        self.targets[source] = target;
        self.similarity[source] = similarity;
    }
}
