//! Candidates for source rows in a narrow cone, which all compete for the same target rows: those of their center, to begin with.
//!
//! Let c be the unit row of the center and ε the greatest distance of a source row u from it. For a target row x,
//! |⟨x, u⟩ − ⟨x, c⟩| ≤ |x|ε. So if every row that is not listed for c has a cosine of at most b with it, then its cosine with u is at most
//! b + ε, up to the rounding of unit rows, and only the listed rows have to be scored for each source row.

use super::dots::scores;
use super::sizes::MIN_BLOCK_SIZE;
use crate::dense::{Float32Proposer, float32_error};
use crate::{Candidate, Candidates, MatchError, Proposer, UnitRows};

/// The greatest ε that is tried.
const MAX_RADIUS: f64 = 0.25;
/// Listed rows for each source row of a block, at first.
const LISTED_PER_ROW: usize = 4;
/// A list for the center longer than one of so many free rows saves too little.
const FREE_PER_LISTED: usize = 2;
/// More than what the norms of three unit rows and the rounding of ε may add to a cosine.
const MARGIN: f64 = 1e-6;

/// How many rows are listed for the center of a block.
#[derive(Default)]
pub(super) struct Around {
    listed_per_row: usize,
    subset: Float32Proposer,
}

impl Around {
    /// Begins to list rows for the center, unless that has been tried.
    pub(super) fn begin(&mut self) {
        if self.listed_per_row == 0 {
            self.listed_per_row = LISTED_PER_ROW;
        }
    }

    /// Lists more rows from here on, or none if there would be too many.
    pub(super) fn extend(&mut self) {
        self.listed_per_row = self.listed_per_row.saturating_mul(4);
    }

    /// The number of source rows of the next block, if rows are listed for its center.
    pub(super) fn block_size(&self, free: usize) -> Option<usize> {
        let most = free / self.listed_per_row.saturating_mul(FREE_PER_LISTED).max(1);
        // Listing takes time in proportion to the free rows for each block, and to the listed ones for each source row.
        let best = free.div_ceil(5).isqrt().max(MIN_BLOCK_SIZE);
        (self.listed_per_row > 0 && most >= MIN_BLOCK_SIZE).then_some(most.min(best))
    }

    /// Proposes candidates among the rows that have the highest cosines with the center of the source rows. `may_propose` tells which
    /// target rows are free. Returns whether it did: the source rows must be in a cone that is narrow enough.
    pub(super) fn propose(
        &mut self,
        (sources, targets): (UnitRows<'_>, UnitRows<'_>),
        may_propose: impl Fn(usize) -> bool + Sync,
        candidates: &mut [Candidates],
    ) -> Result<bool, MatchError> {
        let dim = sources.dim();
        let Some((center, radius)) = center(sources) else {
            self.listed_per_row = usize::MAX;
            return Ok(false);
        };
        let scores = scores(&center, targets, may_propose);
        let mut listed: Vec<Candidate> = (0..).zip(scores).map(|(target, score)| Candidate { score, target }).collect();
        listed.retain(|candidate| candidate.score > f32::NEG_INFINITY);
        let len = self.listed_per_row.saturating_mul(sources.len());
        let best_first = |a: &Candidate, b: &Candidate| b.score.total_cmp(&a.score);
        let mut bound = f32::NEG_INFINITY;
        if len < listed.len() {
            let (_, next, _) = listed.select_nth_unstable_by(len, best_first);
            let error = radius + f64::from(float32_error(dim)) + MARGIN;
            let highest_unlisted = f64::from(next.score) + error;
            listed.truncate(len);
            // The last source row may have to take as many rows of the center as there are source rows.
            let last = sources.len().min(len - 1);
            let (_, last, _) = listed.select_nth_unstable_by(last, best_first);
            if highest_unlisted >= f64::from(last.score) - error {
                self.extend();
                return Ok(false);
            }
            bound = (highest_unlisted as f32).next_up();
        }
        let units: Vec<f32> =
            listed.iter().flat_map(|candidate| targets.row(candidate.target as usize)).copied().collect();
        self.subset.begin(UnitRows::new(&units, dim))?;
        self.subset.propose(sources, sources.len() + sources.len() / 2, candidates)?;
        for candidates in candidates {
            candidates.rename(|row| listed[row as usize].target);
            candidates.set_bound(candidates.bound().max(bound));
        }
        Ok(true)
    }
}

/// The center of unit rows and their greatest distance from it, if it is small enough.
fn center(rows: UnitRows<'_>) -> Option<(Vec<f32>, f64)> {
    let dim = rows.dim();
    let mut mean = vec![0.0_f64; dim];
    for row in rows.as_slice().chunks_exact(dim) {
        for (mean, &entry) in mean.iter_mut().zip(row) {
            *mean += f64::from(entry);
        }
    }
    let norm = mean.iter().map(|mean| mean * mean).sum::<f64>().sqrt();
    if norm == 0.0 {
        return None;
    }
    let center: Vec<f32> = mean.iter().map(|mean| (mean / norm) as f32).collect();
    let squared_distance =
        |row: &[f32]| row.iter().zip(&center).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>();
    let radius = rows.as_slice().chunks_exact(dim).map(squared_distance).fold(0.0, f64::max).sqrt();
    (radius <= MAX_RADIUS).then_some((center, radius))
}
