//! The search for the best rows of one source row.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use pulp::{Arch, Simd, WithSimd, bytemuck};

use super::build::{ordered, unordered};
use super::{LANES, Lanes, Tree, reach, slack};
use crate::proposer::{Candidate, Candidates};

/// Bits of a stack entry that hold the position of a node on its level; those above hold the level.
const NODE_BITS: u32 = 28;

/// A search, with buffers that are used again for the next source row.
pub(super) struct Query<'t> {
    pub(super) tree: &'t Tree,
    /// Nodes to visit, the most promising last: squared distance, level, position.
    pub(super) stack: Vec<u64>,
    pub(super) best: Best,
}

impl Query<'_> {
    /// Finds the best rows for `source`.
    pub(super) fn run(&mut self, source: &[f32]) {
        self.best.clear();
        Arch::new().dispatch(Search(self, source));
        for &zero in self.tree.zeros.iter().take(self.best.keep) {
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
            if f32::from_bits((entry >> 32) as u32) >= self.best.reach {
                continue;
            }
            let node = entry as u32 as usize & ((1 << NODE_BITS) - 1);
            let level = entry as u32 as usize >> NODE_BITS;
            if level == 0 {
                self.visit(simd, node, source);
            } else {
                let boxes = &tree.levels[level - 1][node * 2 * dim..][..2 * dim];
                let distances = distances(boxes, source);
                let mut promising = below(simd, &distances, self.best.reach);
                let stack = &mut self.stack;
                let first = stack.len();
                while promising != 0 {
                    let lane = promising.trailing_zeros() as usize;
                    promising &= promising - 1;
                    let child = ((level - 1) << NODE_BITS | (node * LANES + lane)) as u64;
                    let entry = u64::from(distances.0[lane].to_bits()) << 32 | child;
                    let mut at = stack.len();
                    stack.push(entry);
                    while at > first && stack[at - 1] < entry {
                        stack[at] = stack[at - 1];
                        at -= 1;
                    }
                    stack[at] = entry;
                }
            }
        }
    }

    /// Looks at the rows of a leaf.
    #[inline(always)]
    pub(super) fn visit<S: Simd>(&mut self, simd: S, leaf: usize, source: &[f32]) {
        let scores = scores(&self.tree.points[leaf * source.len()..][..source.len()], source);
        let mut promising = above(simd, &scores, self.best.lowest);
        while promising != 0 {
            let lane = promising.trailing_zeros() as usize;
            promising &= promising - 1;
            self.best.offer(scores.0[lane], self.tree.targets[leaf * LANES + lane]);
        }
    }
}

/// The search as it is compiled for the vector instructions that the processor has. All of it must be inlined here, which the
/// body of a closure would not be.
pub(super) struct Search<'q, 't, 's>(pub(super) &'q mut Query<'t>, pub(super) &'s [f32]);

impl WithSimd for Search<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        self.0.search(simd, self.1);
    }
}

/// The products of all rows of a leaf with `source`.
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
    for (sides, &y) in boxes.chunks_exact(2).zip(source) {
        for (sum, (&lo, &hi)) in sums.iter_mut().zip(sides[0].0.iter().zip(&sides[1].0)) {
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

/// A bit for each lane that `test` is true of.
#[inline(always)]
fn bits<S: Simd>(lanes: &Lanes, test: impl Fn(S::f32s) -> S::m32s) -> u32 {
    let mut bits = 0;
    for (index, &vector) in S::as_simd_f32s(&lanes.0).0.iter().enumerate() {
        let mask = test(vector);
        let bytes = bytemuck::bytes_of(&mask);
        // AVX-512 has a bit for each lane; otherwise there is an integer for each, of which some bit is set.
        let part = if S::F32_LANES == LANES && bytes.len() == LANES / 8 {
            u32::from(bytes[0]) | u32::from(bytes[1]) << 8
        } else {
            let lanes = bytes.chunks_exact(bytes.len() / S::F32_LANES).enumerate();
            lanes.fold(0, |part, (lane, bytes)| part | u32::from(bytes[0] != 0) << lane)
        };
        bits |= part << (index * S::F32_LANES);
    }
    bits
}

/// The best rows so far.
pub(super) struct Best {
    keep: usize,
    slack: f32,
    /// Score and target row; the first of equal rows goes before the others.
    heap: BinaryHeap<Reverse<u64>>,
    /// What a row must exceed to be among them.
    lowest: f32,
    /// What the squared distance of a branch must be less than.
    reach: f32,
}

impl Best {
    /// Room for `keep` rows of `dim` columns.
    pub(super) fn new(keep: usize, dim: usize) -> Self {
        let mut best = Self { keep, slack: slack(dim), heap: BinaryHeap::new(), lowest: 0.0, reach: 0.0 };
        best.clear();
        best
    }

    pub(super) fn clear(&mut self) {
        self.heap.clear();
        self.lowest = f32::NEG_INFINITY;
        self.reach = f32::INFINITY;
    }

    #[inline(always)]
    fn offer(&mut self, score: f32, target: u32) {
        if score <= self.lowest {
            return;
        }
        let key = u64::from(ordered(score)) << 32 | u64::from(!target);
        if self.heap.len() < self.keep {
            self.heap.push(Reverse(key));
            if self.heap.len() < self.keep {
                return;
            }
        } else if let Some(mut worst) = self.heap.peek_mut() {
            *worst = Reverse(key);
        }
        if let Some(worst) = self.heap.peek() {
            self.lowest = unordered((worst.0 >> 32) as u32);
            self.reach = reach(self.lowest, self.slack);
        }
    }

    /// Writes the rows, and what bounds all others.
    pub(super) fn list(&mut self, candidates: &mut Candidates, error: f32) {
        candidates.clear();
        candidates.set_error(error);
        if self.heap.len() == self.keep {
            candidates.set_bound((self.lowest + error).next_up());
        }
        for &Reverse(key) in &self.heap {
            candidates.push(Candidate { score: unordered((key >> 32) as u32), target: !(key as u32) });
        }
    }
}
