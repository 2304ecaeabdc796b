//! Candidates for rows of few columns, found in a tree of the free target rows whose hopeless branches are not visited.
//!
//! A leaf holds up to [`LANES`] unit rows, an inner node the bounding boxes of up to [`LANES`] children, both coordinate by
//! coordinate, so that one vector instruction serves all of them. Every level but the last node of it is full, so that
//! positions alone say who is whose child. A row that is taken becomes NaN, which compares with nothing, and the boxes above
//! it shrink; when half of the rows are gone, the tree is built anew from the others.
//!
//! # Why the promise of [`Candidates`] is kept
//!
//! Let u = 2⁻²⁴, d the number of columns, x and y unit rows, a and b their norms, which are 1 ± 2u, and c = ⟨x, y⟩/(ab) their
//! cosine.
//!
//! *Scores.* The sum of d products in `f32` differs from ⟨x, y⟩ by at most γ_d·ab with γ_n = nu/(1 − nu), and ⟨x, y⟩ from c by at
//! most 4u + 4u². Together that is at most e = γ_(d+4), whose terms of second order exceed those of the sum by more than
//! 12u², more than any underflow. The `error` of a list is e.
//!
//! *Branches.* Let m be the squared distance of y from a box that contains x. Since |x − y|² = a² + b² − 2⟨x, y⟩,
//!
//! c = (a/b + b/a)/2 − |x − y|²/(2ab) ≤ 1 + 9u² − (m/2)(1 − 4u).
//!
//! The distance m̂ computed in `f32` goes through d + 2 roundings at most, so m ≥ m̂(1 − (d + 2)u), and what underflows is less
//! than u². A branch is left out if m̂ ≥ [`reach(s)`](reach) for s the lowest of the `keep` best scores so far. With its
//! roundings, `reach(s)` ≥ 2(1 − s)(1 + (d + 7)u) where s < 1, hence (m/2)(1 − 4u) ≥ 1 − s − u² and c ≤ s + 10u² < s + e;
//! where s ≥ 1, c ≤ 1 ≤ s.
//!
//! *The bound.* A free row that is not listed is in a branch that was left out, or its score was at most s when it was met, and
//! its cosine at most s + e. The lowest score s only ever grows, so the final s + e, rounded up, bounds all of them. As long
//! as fewer than `keep` rows are listed, nothing is left out.
//!
//! *Zero rows* are outside the tree. Their cosine is 0 with everything, and their score is 0 exactly; `keep` of them are offered
//! to each list, and if there are more, the lowest score of the list is at least 0.

mod build;
mod search;
#[cfg(test)]
mod tests;

use self::search::{Best, Query};
use crate::parallel;
use crate::proposer::{Candidates, Proposer, ProposerError, UnitRows};
use crate::score::gamma;

/// Rows of a leaf, and children of an inner node.
const LANES: usize = 16;

/// One coordinate of all rows of a leaf, or one side of the boxes of all children of a node; fills a line of the cache.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Lanes([f32; LANES]);

/// Marks a place as a position in [`Tree::zeros`].
const ZERO: u32 = 1 << 31;

/// Source rows that a thread proposes for at a time.
const GROUP: usize = 32;

/// A tree of the free target rows.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    dim: usize,
    /// Leaf by leaf `dim` × [`LANES`] coordinates; NaN where no free row is.
    points: Vec<Lanes>,
    /// The target rows that the lanes of the leaves stand for.
    targets: Vec<u32>,
    /// From the parents of the leaves to the root: node by node, for each coordinate the lower and the upper sides of the
    /// boxes of the children, +∞ and −∞ where there are none.
    levels: Vec<Vec<Lanes>>,
    /// Free target rows that are all zeros.
    zeros: Vec<u32>,
    /// Where each target row is: its lane, counted through all leaves, or its position among the zero rows.
    places: Vec<u32>,
    /// Rows that were in the tree when it was built.
    built: usize,
    /// Rows that are in it now.
    free: usize,
    workspace: build::Workspace,
}

impl Tree {
    /// Whether it takes this many target rows.
    pub(crate) fn takes(rows: usize) -> bool {
        rows < ZERO as usize
    }

    /// Free target rows.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.free + self.zeros.len()
    }
}

impl Proposer for Tree {
    fn begin(&mut self, targets: UnitRows<'_>) -> Result<(), ProposerError> {
        assert!(Self::takes(targets.len()), "a target row's number has 31 bits");
        self.dim = targets.dim();
        self.zeros.clear();
        self.places.clear();
        self.places.resize(targets.len(), 0);
        self.workspace.clear();
        for (index, row) in targets.as_slice().chunks_exact(self.dim).enumerate() {
            if row.iter().all(|&entry| entry == 0.0) {
                self.places[index] = ZERO | self.zeros.len() as u32;
                self.zeros.push(index as u32);
            } else {
                self.workspace.push(index as u32, row);
            }
        }
        self.build();
        Ok(())
    }

    fn remove(&mut self, targets: &[u32]) -> Result<(), ProposerError> {
        self.workspace.dirty.clear();
        for &target in targets {
            let place = self.places[target as usize];
            if place & ZERO != 0 {
                let position = (place ^ ZERO) as usize;
                self.zeros.swap_remove(position);
                if let Some(&moved) = self.zeros.get(position) {
                    self.places[moved as usize] = place;
                }
            } else {
                let (leaf, lane) = (place as usize / LANES, place as usize % LANES);
                for coordinate in &mut self.points[leaf * self.dim..][..self.dim] {
                    coordinate.0[lane] = f32::NAN;
                }
                self.workspace.dirty.push(leaf as u32);
                self.free -= 1;
            }
        }
        if self.free < self.built / 2 {
            self.rebuild();
        } else {
            self.shrink();
        }
        Ok(())
    }

    fn propose(
        &mut self,
        sources: UnitRows<'_>,
        keep: usize,
        candidates: &mut [Candidates],
    ) -> Result<(), ProposerError> {
        let (tree, dim) = (&*self, sources.dim());
        assert_eq!(dim, tree.dim, "source rows have as many columns as target rows");
        let error = gamma(dim + 4);
        let (keep, free) = (keep.max(1), self.free + self.zeros.len());
        let mut groups: Vec<_> = sources.as_slice().chunks(GROUP * dim).zip(candidates.chunks_mut(GROUP)).collect();
        parallel::for_each(&mut groups, |_, (sources, candidates)| {
            let mut query = Query { tree, stack: Vec::new(), best: Best::new(keep, dim) };
            for (source, candidates) in sources.chunks_exact(dim).zip(candidates.iter_mut()) {
                query.run(source);
                query.best.list(candidates, error);
                if candidates.listed().len() == free {
                    candidates.set_bound(f32::NEG_INFINITY);
                }
            }
        });
        Ok(())
    }
}

/// The squared distance from which on a branch has no row that scores more than `score`; see the [module](self) for `slack`.
#[inline(always)]
fn reach(score: f32, slack: f32) -> f32 {
    (2.0 - 2.0 * score) * slack
}

/// The factor in [`reach`] that covers all roundings for `dim` columns.
fn slack(dim: usize) -> f32 {
    1.0 + (dim as f32 + 16.0) * f32::EPSILON / 2.0
}
