//! Algorithm 1 in blocks of source rows: a matrix product of unit rows proposes candidates, `f64` decides.
//!
//! Why the result is exact. Let u = 2⁻²⁴. Unit rows are computed in `f64` and rounded once to `f32`, so each entry is off by
//! a factor of at most 1 ± u, and the product of two such rows, summed in `f32` in any order, differs from the cosine by at
//! most (d + 2)u + O(d²u²) ≤ [`proposal_error`]. A free row whose proposal lies more than twice that below the best free
//! proposal has a smaller score in `f64` too, whose own rounding is covered by the slack. All other rows are scored in
//! `f64`. They are all on the candidate list if the list's bound lies below that cut; otherwise the row is proposed anew
//! against everything that is free.

use crate::candidates::Candidates;
use crate::gemm::rows_times_rows;
use crate::matcher::{Assignments, Reporter, Task};
use crate::score::Scored;
use crate::{MatchError, Precision, parallel};

/// Sizes that change the time taken, never the matching.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// Source rows that are proposed for at a time.
    pub(crate) block: usize,
    /// Candidates kept for a source row.
    pub(crate) keep: usize,
}

impl Default for Shape {
    fn default() -> Self {
        Self { block: 512, keep: 24 }
    }
}

/// Source rows of one matrix product: the unit of parallel work.
const GROUP: usize = 64;
/// Target rows of one matrix product: with [`GROUP`], a tile of scores that stays in the cache.
const TILE: usize = 1024;

/// Bound on |proposed score − cosine| for rows of `dim` columns, with slack for the rounding of the `f64` scores themselves.
pub(crate) fn proposal_error(dim: usize) -> f64 {
    let first_order = (dim as f64 + 4.0) * f64::from(f32::EPSILON) / 2.0;
    // γ = nu/(1 − nu); past nu = 1/2 proposals exclude nothing, and every row is decided in f64.
    if first_order < 0.5 { first_order / (1.0 - first_order) } else { f64::INFINITY }
}

pub(crate) fn run(
    task: &Task<'_, '_>,
    shape: Shape,
    reporter: &mut Reporter<'_, '_>,
) -> Result<Assignments, MatchError> {
    let dim = task.source.dim();
    let mut out = Assignments::new(task.source.len());
    let (zeros, taken) = task.serve_zero_rows(&mut out);
    let mut free = FreeTargets::new(task, taken);
    let mut groups: Vec<Group> = (0..shape.block.min(task.source.len()).div_ceil(GROUP))
        .map(|_| Group::new(dim, shape.keep.min(task.targets.rows.len())))
        .collect();
    // Two cosines that round to the same f32 are at most an f32 step apart, which is at most 2⁻²⁴ below 1.
    let tie = match task.targets.precision {
        Precision::Double => 0.0,
        Precision::Single => f64::from(f32::EPSILON),
    };
    let cut = 2.0 * proposal_error(dim) + tie;

    let mut done = zeros;
    for block in task.order[zeros..].chunks(shape.block) {
        reporter.report(done)?;
        let groups = &mut groups[..block.len().div_ceil(GROUP)];
        parallel::for_each(groups, |index, group| {
            let sources = block.chunks(GROUP).nth(index).unwrap_or_default();
            group.propose(task, sources, &free);
        });
        let mut taken = vec![false; free.targets.len()];
        for (position, &source) in block.iter().enumerate() {
            let candidates = &groups[position / GROUP].candidates[position % GROUP];
            let (taker, scored) = free
                .decide(task, source, candidates.list(), f64::from(candidates.bound()), cut, &taken)
                .or_else(|| {
                    let proposals = free.propose_one(task, source);
                    free.decide(task, source, &proposals, f64::NEG_INFINITY, cut, &taken)
                })
                .expect("there are at least as many target rows as source rows");
            taken[taker] = true;
            out.set(source, scored.target, scored.similarity);
        }
        free.remove(&taken);
        done += block.len();
    }
    Ok(out)
}

/// Writes `row / norm` to `out`, zeros for a zero row.
fn unit_row(row: &[f32], norm: f64, out: &mut [f32]) {
    for (out, &entry) in out.iter_mut().zip(row) {
        *out = if norm == 0.0 { 0.0 } else { (f64::from(entry) / norm) as f32 };
    }
}

/// A few source rows with their proposals.
struct Group {
    units: Vec<f32>,
    scores: Vec<f32>,
    candidates: Vec<Candidates>,
}

impl Group {
    fn new(dim: usize, keep: usize) -> Self {
        Self {
            units: vec![0.0; GROUP * dim],
            scores: vec![0.0; GROUP * TILE],
            candidates: vec![Candidates::new(keep); GROUP],
        }
    }

    fn propose(&mut self, task: &Task<'_, '_>, sources: &[usize], free: &FreeTargets) {
        let dim = task.source.dim();
        for (&source, unit) in sources.iter().zip(self.units.chunks_mut(dim)) {
            unit_row(task.source.row(source), task.source_norms[source], unit);
        }
        self.candidates.iter_mut().for_each(Candidates::clear);
        for (index, tile) in free.units.chunks(TILE * dim).enumerate() {
            let width = tile.len() / dim;
            rows_times_rows(sources.len(), width, dim, &self.units, tile, &mut self.scores);
            let rows = self.scores.chunks(width).take(sources.len());
            for (candidates, scores) in self.candidates.iter_mut().zip(rows) {
                candidates.offer((index * TILE) as u32, scores);
            }
        }
    }
}

/// The target rows that nobody has taken, as unit rows, without gaps.
struct FreeTargets {
    targets: Vec<usize>,
    units: Vec<f32>,
    dim: usize,
}

impl FreeTargets {
    fn new(task: &Task<'_, '_>, taken: Vec<bool>) -> Self {
        let dim = task.targets.rows.dim();
        let targets: Vec<usize> = (0..taken.len()).filter(|&target| !taken[target]).collect();
        let mut units = vec![0.0; targets.len() * dim];
        let mut rows: Vec<&mut [f32]> = units.chunks_mut(dim).collect();
        parallel::for_each(&mut rows, |position, unit| {
            let target = targets[position];
            unit_row(task.targets.rows.row(target), task.targets.norms[target], unit);
        });
        Self { targets, units, dim }
    }

    /// The best free row among `proposals`, or `None` if a row that is not among them (all of which score at most `bound`)
    /// might be better.
    fn decide(
        &self,
        task: &Task<'_, '_>,
        source: usize,
        proposals: &[(f32, u32)],
        bound: f64,
        cut: f64,
        taken: &[bool],
    ) -> Option<(usize, Scored)> {
        let free = || proposals.iter().filter(|(_, position)| !taken[*position as usize]);
        let highest = free().map(|&(score, _)| score).reduce(f32::max)?;
        let floor = f64::from(highest) - cut;
        if bound != f64::NEG_INFINITY && floor <= bound {
            return None;
        }
        let y = task.source.row(source);
        let y_norm = task.source_norms[source];
        free()
            .filter(|&&(score, _)| f64::from(score) >= floor)
            .map(|&(_, position)| {
                let position = position as usize;
                (position, task.targets.score(y, y_norm, self.targets[position]))
            })
            .reduce(|best, next| if next.1.beats(&best.1) { next } else { best })
    }

    /// Proposals of every row for one source row.
    fn propose_one(&self, task: &Task<'_, '_>, source: usize) -> Vec<(f32, u32)> {
        let mut unit = vec![0.0; self.dim];
        unit_row(task.source.row(source), task.source_norms[source], &mut unit);
        let mut scores = vec![0.0; self.targets.len()];
        let mut tiles: Vec<(&[f32], &mut [f32])> =
            self.units.chunks(TILE * self.dim).zip(scores.chunks_mut(TILE)).collect();
        parallel::for_each(&mut tiles, |_, (units, scores)| {
            rows_times_rows(1, scores.len(), self.dim, &unit, units, scores);
        });
        scores.into_iter().zip(0..).collect()
    }

    /// Closes the gaps that the rows in `taken` leave.
    fn remove(&mut self, taken: &[bool]) {
        let mut kept = 0;
        for (position, &gone) in taken.iter().enumerate() {
            if !gone {
                if kept != position {
                    self.targets[kept] = self.targets[position];
                    self.units.copy_within(position * self.dim..(position + 1) * self.dim, kept * self.dim);
                }
                kept += 1;
            }
        }
        self.targets.truncate(kept);
        self.units.truncate(kept * self.dim);
    }
}
