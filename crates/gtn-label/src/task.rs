//! What every strategy is given, and what it gives back.

use crate::order::order_by_norm;
use crate::score::{Targets, norm};
use crate::{Element, MatchError, Rows, Side, parallel};

/// What entries of `f64` rows must reach and not exceed in size, the largest of each row.
const RANGE: std::ops::RangeInclusive<f64> = 1e-150..=1e150;

/// Norms of all rows; an error names the first row that is not finite, or whose norm `f64` cannot hold.
pub(crate) fn checked_norms<T: Element>(rows: &Rows<'_, T>, side: Side) -> Result<Vec<f64>, MatchError> {
    let norms = parallel::map(rows.len(), |index| {
        let row = rows.row(index);
        let norm = norm(row);
        let in_range = |largest: f64| RANGE.contains(&largest) || largest == 0.0;
        // No finite f32 row over- or underflows in f64.
        if norm.is_finite() && (T::EXACT || in_range(largest(row))) { norm } else { f64::NAN }
    });
    match norms.iter().position(|norm| norm.is_nan()) {
        None => Ok(norms),
        Some(row) => {
            let entries = rows.row(row);
            Err(match entries.iter().position(|&entry| !entry.into().is_finite()) {
                Some(column) => MatchError::NotFinite { side, row, column },
                None => MatchError::OutOfRange { side, row, largest: format!("{:e}", largest(entries)) },
            })
        }
    }
}

/// The size of the largest entry; NaN if there is one.
fn largest<T: Element>(row: &[T]) -> f64 {
    let larger = |most: f64, entry: f64| if entry.is_nan() || entry > most { entry } else { most };
    row.iter().fold(0.0, |most, &entry| larger(most, entry.into().abs()))
}

/// What every strategy is given.
pub(crate) struct Task<'r, 'a, T: Element = f32> {
    pub(crate) source: &'r Rows<'a, T>,
    pub(crate) source_norms: &'r [f64],
    pub(crate) targets: Targets<'r, 'a, T>,
    pub(crate) order: &'r [usize],
}

impl<T: Element> Task<'_, '_, T> {
    /// Source rows that are zero; they come first.
    pub(crate) fn zeros(&self) -> usize {
        self.order.iter().take_while(|&&source| self.source_norms[source] == 0.0).count()
    }

    /// Serves the source rows that are zero, which come first: they score 0 everywhere and take the shortest target rows.
    /// Returns how many they are, and which target rows are gone.
    pub(crate) fn serve_zero_rows(&self, out: &mut Assignments) -> (usize, Vec<bool>) {
        let count = self.zeros();
        let mut taken = vec![false; self.targets.rows.len()];
        if count > 0 {
            for (&source, target) in self.order[..count].iter().zip(order_by_norm(self.targets.norms)) {
                out.set(source, target, 0.0);
                taken[target] = true;
            }
        }
        (count, taken)
    }
}

/// What every strategy returns, both in the source's row order.
pub(crate) struct Assignments {
    pub(crate) matching: Vec<usize>,
    pub(crate) similarity: Vec<f32>,
}

impl Assignments {
    pub(crate) fn new(len: usize) -> Self {
        Self { matching: vec![usize::MAX; len], similarity: vec![0.0; len] }
    }

    pub(crate) fn set(&mut self, source: usize, target: usize, similarity: f32) {
        self.matching[source] = target;
        self.similarity[source] = similarity;
    }
}
