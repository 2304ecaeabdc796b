//! Searches the tree for the best rows for one source row.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use pulp::{Simd, WithSimd, bytemuck};

use super::build::{from_sortable_bits, to_sortable_bits};
use super::nodes::{LANES, Lanes, Tree};
use crate::instructions::arch;
use crate::proposer::{Candidate, Candidates};

/// Bits of a stack entry that store the position of a node on its level; the bits above store the level.
const NODE_BITS: u32 = 28;

/// A search whose buffers are reused for the next source row.
pub(super) struct Query<'t> {
    pub(super) tree: &'t Tree,
    /// Nodes to visit, the most promising last: squared distance, level, position.
    pub(super) stack: Vec<u64>,
    pub(super) best: TopKHeap,
}

impl Query<'_> {
    /// Finds the best rows for `source`.
    pub(super) fn run(&mut self, source: &[f32]) {
        self.best.clear();
        arch().dispatch(Search(self, source));
        for &zero in self.tree.zeros.iter().take(self.best.k) {
            self.best.offer(0.0, zero);
        }
    }

    #[inline(always)]
    fn search<S: Simd>(&mut self, simd: S, source: &[f32]) {
        let (tree, dim) = (self.tree, self.tree.dim);
        debug_assert_eq!(source.len(), dim);
        if tree.levels.is_empty() {
            return;
        }
        self.stack.clear();
        self.stack.push((tree.levels.len() as u64) << NODE_BITS);
        while let Some(entry) = self.stack.pop() {
            if f32::from_bits((entry >> 32) as u32) >= self.best.prune_distance {
                continue;
            }
            let node = entry as u32 as usize & ((1 << NODE_BITS) - 1);
            let level = entry as u32 as usize >> NODE_BITS;
            if level == 0 {
                self.visit_leaf(simd, node, source);
            } else {
                let boxes = &tree.levels[level - 1][node * 2 * dim..][..2 * dim];
                let distances = distances(boxes, source);
                let mut promising = below(simd, &distances, self.best.prune_distance);
                let stack = &mut self.stack;
                let first = stack.len();
                while promising != 0 {
                    let lane = promising.trailing_zeros() as usize;
                    promising &= promising - 1;
                    let child = ((level - 1) << NODE_BITS | (node * LANES + lane)) as u64;
                    let entry = u64::from(distances.0[lane].to_bits()) << 32 | child;
                    let mut position = stack.len();
                    stack.push(entry);
                    while position > first && stack[position - 1] < entry {
                        stack[position] = stack[position - 1];
                        position -= 1;
                    }
                    stack[position] = entry;
                }
            }
        }
    }

    /// Scores the rows of a leaf.
    #[inline(always)]
    pub(super) fn visit_leaf<S: Simd>(&mut self, simd: S, leaf: usize, source: &[f32]) {
        let scores = scores(&self.tree.points[leaf * source.len()..][..source.len()], source);
        let mut promising = above(simd, &scores, self.best.lowest);
        while promising != 0 {
            let lane = promising.trailing_zeros() as usize;
            promising &= promising - 1;
            self.best.offer(scores.0[lane], self.tree.targets[leaf * LANES + lane]);
        }
    }
}

/// The search, compiled for the vector instructions of the processor. All of its code must be inlined here, which the body of a
/// closure would not be.
pub(super) struct Search<'q, 't, 's>(pub(super) &'q mut Query<'t>, pub(super) &'s [f32]);

impl WithSimd for Search<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.search(simd, self.1);
    }
}

/// The dot products of all rows of a leaf with `source`.
#[inline(always)]
fn scores(points: &[Lanes], source: &[f32]) -> Lanes {
    let mut sums = [0.0; LANES];
    for (point, &y) in points.iter().zip(source) {
        for (sum, &x) in sums.iter_mut().zip(&point.0) {
            *sum += x * y;
        }
    }
    Lanes(sums)
}

/// The squared distances of `source` from the boxes of all children of a node.
#[inline(always)]
fn distances(boxes: &[Lanes], source: &[f32]) -> Lanes {
    let mut sums = [0.0; LANES];
    for (bounds, &y) in boxes.chunks_exact(2).zip(source) {
        for (sum, (&lo, &hi)) in sums.iter_mut().zip(bounds[0].0.iter().zip(&bounds[1].0)) {
            let (lo, hi) = (lo - y, y - hi);
            let outside = if lo > hi { lo } else { hi };
            let outside = if outside > 0.0 { outside } else { 0.0 };
            *sum += outside * outside;
        }
    }
    Lanes(sums)
}

/// A bit for each lane that exceeds `limit`.
#[inline(always)]
fn above<S: Simd>(simd: S, lanes: &Lanes, limit: f32) -> u32 {
    let limit = simd.splat_f32s(limit);
    bits::<S>(lanes, |lanes| simd.less_than_f32s(limit, lanes))
}

/// A bit for each lane that is less than `limit`.
#[inline(always)]
fn below<S: Simd>(simd: S, lanes: &Lanes, limit: f32) -> u32 {
    let limit = simd.splat_f32s(limit);
    bits::<S>(lanes, |lanes| simd.less_than_f32s(lanes, limit))
}

/// A bit for each lane that passes `test`.
#[inline(always)]
fn bits<S: Simd>(lanes: &Lanes, test: impl Fn(S::f32s) -> S::m32s) -> u32 {
    let mut bits = 0;
    for (index, &vector) in S::as_simd_f32s(&lanes.0).0.iter().enumerate() {
        let mask = test(vector);
        let bytes = bytemuck::bytes_of(&mask);
        // AVX-512 masks have a bit per lane; other masks have an integer per lane, with at least one bit set if true.
        let mask_bits = if S::F32_LANES == LANES && bytes.len() == LANES / 8 {
            u32::from(bytes[0]) | u32::from(bytes[1]) << 8
        } else {
            let lanes = bytes.chunks_exact(bytes.len() / S::F32_LANES).enumerate();
            lanes.fold(0, |mask_bits, (lane, bytes)| mask_bits | u32::from(bytes[0] != 0) << lane)
        };
        bits |= mask_bits << (index * S::F32_LANES);
    }
    bits
}

/// The best rows so far.
pub(super) struct TopKHeap {
    k: usize,
    slack: f32,
    /// Score and target row; among equal scores, the lowest target row is best.
    heap: BinaryHeap<Reverse<u64>>,
    /// The score that a row must exceed to be added.
    lowest: f32,
    /// A branch is pruned if its squared distance is not less than this.
    prune_distance: f32,
}

impl TopKHeap {
    /// Creates a heap for up to `k` rows of `dim` columns.
    pub(super) fn new(k: usize, dim: usize) -> Self {
        let mut best = Self { k, slack: slack(dim), heap: BinaryHeap::new(), lowest: 0.0, prune_distance: 0.0 };
        best.clear();
        best
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
        self.lowest = f32::NEG_INFINITY;
        self.prune_distance = f32::INFINITY;
    }

    #[inline(always)]
    fn offer(&mut self, score: f32, target: u32) {
        if score <= self.lowest {
            return;
        }
        let key = u64::from(to_sortable_bits(score)) << 32 | u64::from(!target);
        if self.heap.len() < self.k {
            self.heap.push(Reverse(key));
            if self.heap.len() < self.k {
                return;
            }
        } else if let Some(mut worst) = self.heap.peek_mut() {
            *worst = Reverse(key);
        }
        if let Some(worst) = self.heap.peek() {
            self.lowest = from_sortable_bits((worst.0 >> 32) as u32);
            self.prune_distance = prune_distance(self.lowest, self.slack);
        }
    }

    /// Replaces `candidates` by the rows of the heap, with the bound on all others.
    pub(super) fn write_to(&mut self, candidates: &mut Candidates, error: f32) {
        candidates.clear();
        candidates.set_error(error);
        if self.heap.len() == self.k {
            candidates.set_bound((self.lowest + error).next_up());
        }
        for &Reverse(key) in &self.heap {
            candidates.push(Candidate { score: from_sortable_bits((key >> 32) as u32), target: !(key as u32) });
        }
    }
}

/// The squared distance from which on a branch has no row that scores more than `score`; see the [module](super) for `slack`.
#[inline(always)]
fn prune_distance(score: f32, slack: f32) -> f32 {
    (2.0 - 2.0 * score) * slack
}

/// The factor in [`prune_distance`] that covers all roundings for `dim` columns.
fn slack(dim: usize) -> f32 {
    1.0 + (dim as f32 + 16.0) * f32::EPSILON / 2.0
}
