//! Candidates for rows with few columns, from a tree of the free target rows, by branch and bound.
//!
//! A leaf holds up to [`LANES`] unit rows, an inner node the bounding boxes of up to [`LANES`] children, both coordinate by
//! coordinate, so that one vector instruction processes all of them. On every level, all nodes but the last are full, so
//! positions alone determine parents and children. A row that is taken becomes NaN, which fails every comparison, and the
//! boxes above it shrink. When half of the rows are taken, the tree is rebuilt from the others.
//!
//! # Why the contract of [`Candidates`] holds
//!
//! Let u = 2⁻²⁴, d the number of columns, x and y unit rows, a and b their norms, which are 1 ± 2u, and c = ⟨x, y⟩/(ab) their
//! cosine.
//!
//! *Scores.* The sum of d products in `f32` differs from ⟨x, y⟩ by at most γ_d·ab with γ_n = nu/(1 − nu), and ⟨x, y⟩ from c by at
//! most 4u + 4u². The total is at most e = γ_(d+4), whose second-order terms exceed those of the sum by more than 12u², which is
//! more than any underflow. The `error` of a list is e.
//!
//! *Branches.* Let m be the squared distance of y from a box that contains x. Since |x − y|² = a² + b² − 2⟨x, y⟩,
//!
//! c = (a/b + b/a)/2 − |x − y|²/(2ab) ≤ 1 + 9u² − (m/2)(1 − 4u).
//!
//! The distance m̂ computed in `f32` goes through at most d + 2 roundings, so m ≥ m̂(1 − (d + 2)u), and any underflow is less
//! than u². A branch is pruned if m̂ ≥ [`prune_distance(s)`](search::prune_distance), where s is the lowest of the `k` best scores so
//! far. With its roundings, `prune_distance(s)` ≥ 2(1 − s)(1 + (d + 7)u) for s < 1, hence (m/2)(1 − 4u) ≥ 1 − s − u² and
//! c ≤ s + 10u² < s + e; for s ≥ 1, c ≤ 1 ≤ s.
//!
//! *The bound.* A free row that is not listed is in a pruned branch, or its score was at most s when it was visited, and its
//! cosine at most s + e. The lowest score s never decreases, so the final s + e, rounded up, bounds all of them. As long as fewer
//! than `k` rows are listed, no branch is pruned.
//!
//! *Zero rows* are outside the tree. Their cosine with every row is 0, and their score is exactly 0. `k` of them are offered to
//! each list, and if there are more, the lowest score of the list is at least 0.

mod build;
mod nodes;
mod search;
#[cfg(test)]
mod tests;

pub(crate) use nodes::Tree;
use nodes::{LANES, ZERO_ROW};
use search::{Query, TopKHeap};

use crate::parallel;
use crate::proposer::{Candidates, Proposer, ProposerError, UnitRows};
use crate::score::gamma;

/// Source rows per task.
const GROUP: usize = 32;

impl Proposer for Tree {
    fn begin(&mut self, targets: UnitRows<'_>) -> Result<(), ProposerError> {
        assert!(Self::supports(targets.len()), "the index of a target row has 31 bits");
        self.dim = targets.dim();
        self.zeros.clear();
        self.locations.clear();
        self.locations.resize(targets.len(), 0);
        self.build_buffers.clear();
        for (index, row) in targets.as_slice().chunks_exact(self.dim).enumerate() {
            if row.iter().all(|&entry| entry == 0.0) {
                self.locations[index] = ZERO_ROW | self.zeros.len() as u32;
                self.zeros.push(index as u32);
            } else {
                self.build_buffers.push(index as u32, row);
            }
        }
        self.build();
        Ok(())
    }

    fn remove(&mut self, targets: &[u32]) -> Result<(), ProposerError> {
        self.build_buffers.dirty.clear();
        for &target in targets {
            let location = self.locations[target as usize];
            if location & ZERO_ROW != 0 {
                let position = (location ^ ZERO_ROW) as usize;
                self.zeros.swap_remove(position);
                if let Some(&moved) = self.zeros.get(position) {
                    self.locations[moved as usize] = location;
                }
            } else {
                let (leaf, lane) = (location as usize / LANES, location as usize % LANES);
                for coordinate in &mut self.points[leaf * self.dim..][..self.dim] {
                    coordinate.0[lane] = f32::NAN;
                }
                self.build_buffers.dirty.push(leaf as u32);
                self.free -= 1;
            }
        }
        if self.free < self.built_len / 2 {
            self.rebuild();
        } else {
            self.shrink_boxes();
        }
        Ok(())
    }

    fn propose(&mut self, sources: UnitRows<'_>, k: usize, candidates: &mut [Candidates]) -> Result<(), ProposerError> {
        let (tree, dim) = (&*self, sources.dim());
        assert_eq!(dim, tree.dim, "source and target rows have the same number of columns");
        let error = gamma(dim + 4);
        let (k, free) = (k.max(1), self.free + self.zeros.len());
        let mut groups: Vec<_> = sources.as_slice().chunks(GROUP * dim).zip(candidates.chunks_mut(GROUP)).collect();
        parallel::for_each(&mut groups, |_, (sources, candidates)| {
            let mut query = Query { tree, stack: Vec::new(), best: TopKHeap::new(k, dim) };
            for (source, candidates) in sources.chunks_exact(dim).zip(candidates.iter_mut()) {
                query.run(source);
                query.best.write_to(candidates, error);
                if candidates.listed().len() == free {
                    candidates.set_bound(f32::NEG_INFINITY);
                }
            }
        });
        Ok(())
    }
}
