//! Searches for the best free row, outward from the direction of y.

use std::array::from_fn;
use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::circle::{Circle, FANOUT, NO_ROW, Node, SearchResult};
use super::direction::{lower_bound, lower_half, upper_bound};
use super::tuning::Tuning;
use crate::instructions::arch;
use crate::score::{Targets, similarity};
use crate::{Precision, parallel};

/// The search for one source row.
pub(super) struct Search<'s, 'r, 'a> {
    circle: &'s Circle,
    targets: &'s Targets<'r, 'a>,
    y: [f32; 2],
    y_norm: f64,
    tuning: Tuning,
    best: Best,
}

/// The best row found so far.
#[derive(Clone, Copy)]
struct Best {
    /// The score as compared, see [`Targets::compared`].
    value: f64,
    rank: u32,
    slot: u32,
}

impl Default for Best {
    fn default() -> Self {
        Self { value: f64::NEG_INFINITY, rank: NO_ROW, slot: 0 }
    }
}

impl Best {
    fn offer(&mut self, other: Self) {
        if other.value > self.value || (other.value == self.value && other.rank < self.rank) {
            *self = other;
        }
    }
}

impl<'s, 'r, 'a> Search<'s, 'r, 'a> {
    pub(super) fn new(
        circle: &'s Circle,
        targets: &'s Targets<'r, 'a>,
        y: [f32; 2],
        y_norm: f64,
        tuning: Tuning,
    ) -> Self {
        Self { circle, targets, y, y_norm, tuning, best: Best::default() }
    }

    /// The best free row that is not all zeros.
    pub(super) fn best(mut self) -> SearchResult {
        let nodes = self.circle.nodes.len();
        if nodes == 0 {
            return SearchResult { rank: NO_ROW, ..SearchResult::default() };
        }
        let near = self.circle.nearest(self.y);
        let far = self.circle.nearest(self.y.map(|entry| -entry));
        self.score_node(near);
        // Both walks stay between the node of y and that of −y. If these are the same node, one walk visits the full circle. If y
        // is in the lower half, the walk from y to −y by increasing angle passes the end of the array.
        let reached_far = if lower_half(self.y) {
            let up = self.walk(near + 1..nodes, true) && self.walk(0..far, true);
            self.walk(far + 1..near, false) || up
        } else {
            let up = self.walk(near + 1..far, true);
            (self.walk(0..near, false) && self.walk(far + 1..nodes, false)) || up
        };
        if reached_far && far != near {
            self.score_node(far);
        }
        let Best { value, rank, slot } = self.best;
        let node = &self.circle.nodes[slot as usize / FANOUT];
        let similarity = similarity(node.score(slot as usize % FANOUT, &self.y), self.y_norm);
        SearchResult { slot, rank, similarity, beats_zero_rows: value > 0.0 }
    }

    /// Searches nodes of the first level, all on one side between y and −y, forward from the first (`up`) or backward from the last.
    /// Returns whether rows even further away could be better than the best.
    fn walk(&mut self, mut nodes: Range<usize>, up: bool) -> bool {
        let circle = self.circle;
        let (mut level, mut width) = (1, 1);
        let mut scored = 0;
        while !nodes.is_empty() {
            if scored >= self.tuning.single_nodes {
                let (batch, done) = self.next_batch(&nodes, scored, up);
                self.score_batch(batch.clone());
                if done {
                    return false;
                }
                scored += batch.len();
                (level, width) = (1, 1);
                if up {
                    nodes.start = batch.end;
                } else {
                    nodes.end = batch.start;
                }
                continue;
            }
            let first = if up { nodes.start } else { nodes.end - width };
            let index = first / width;
            let rank = circle.minima[level][index / FANOUT][index % FANOUT];
            if rank != NO_ROW {
                let low = circle.nodes[first].score(0, &self.y);
                let high = circle.nodes[first + width - 1].score(FANOUT - 1, &self.y);
                let (near, far) = if up { (low, high) } else { (high, low) };
                let upper = self.compared(upper_bound(near));
                if upper < self.best.value {
                    return false;
                }
                if upper > self.best.value || rank < self.best.rank {
                    let lower = self.compared(lower_bound(far));
                    if lower == upper {
                        self.best = Best { value: upper, rank, slot: circle.slot_of(level, index, rank) };
                    } else if level > 1 {
                        (level, width) = (level - 1, width / FANOUT);
                        continue;
                    } else {
                        self.score_node(first);
                        scored += 1;
                    }
                }
            }
            let edge = if up {
                nodes.start += width;
                nodes.start
            } else {
                nodes.end -= width;
                nodes.end
            };
            while edge.is_multiple_of(width * FANOUT) && nodes.len() >= width * FANOUT {
                (level, width) = (level + 1, width * FANOUT);
            }
            while nodes.len() < width && level > 1 {
                (level, width) = (level - 1, width / FANOUT);
            }
        }
        true
    }

    /// The next `max` nodes of this walk, without those whose rows cannot be better than the best; and whether any were left out,
    /// which ends the walk.
    fn next_batch(&self, nodes: &Range<usize>, max: usize, up: bool) -> (Range<usize>, bool) {
        let count = max.min(nodes.len());
        let node = |step: usize| if up { nodes.start + step } else { nodes.end - 1 - step };
        let near = if up { 0 } else { FANOUT - 1 };
        // If this holds for a step, it holds for all later ones.
        let is_below = |step| {
            let score = self.circle.nodes[node(step)].score(near, &self.y);
            self.compared(upper_bound(score)) < self.best.value
        };
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            if is_below(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let batch = if up { nodes.start..nodes.start + high } else { nodes.end - high..nodes.end };
        (batch, high < count)
    }

    /// Scores the free rows of adjacent nodes.
    fn score_batch(&mut self, nodes: Range<usize>) {
        let chunk = self.tuning.nodes_per_task;
        let scan = |nodes: Range<usize>| {
            let scan = Scan {
                first: nodes.start,
                nodes: &self.circle.nodes[nodes.clone()],
                ranks: &self.circle.minima[0][nodes],
                y: self.y.map(f64::from),
                y_norm: self.y_norm,
                precision: self.targets.precision,
            };
            arch().dispatch(scan)
        };
        if nodes.len() < self.tuning.parallel_nodes {
            let best = scan(nodes);
            self.best.offer(best);
        } else {
            let mut bests = vec![Best::default(); nodes.len().div_ceil(chunk)];
            parallel::fill(&mut bests, 1, |index| {
                let start = nodes.start + index * chunk;
                scan(start..nodes.end.min(start + chunk))
            });
            bests.into_iter().for_each(|best| self.best.offer(best));
        }
    }

    /// Scores the free rows of one node of the first level.
    fn score_node(&mut self, index: usize) {
        let node = &self.circle.nodes[index];
        let scores: [f64; FANOUT] = from_fn(|slot| node.score(slot, &self.y));
        let highest = scores.into_iter().fold(f64::NEG_INFINITY, |a, b| if a > b { a } else { b });
        if self.compared(highest) < self.best.value {
            return;
        }
        for (slot, (&rank, score)) in self.circle.minima[0][index].iter().zip(scores).enumerate() {
            if rank != NO_ROW {
                let slot = (index * FANOUT + slot) as u32;
                self.best.offer(Best { value: self.compared(score), rank, slot });
            }
        }
    }

    fn compared(&self, score: f64) -> f64 {
        self.targets.compared(score, self.y_norm)
    }
}

/// Scores a batch of nodes, sixteen slots at a time.
struct Scan<'s> {
    first: usize,
    nodes: &'s [Node],
    ranks: &'s [[u32; FANOUT]],
    y: [f64; 2],
    y_norm: f64,
    precision: Precision,
}

impl Scan<'_> {
    #[inline(always)]
    fn best(&self, compared: impl Fn(f64) -> f64) -> Best {
        // The best of each lane, so that no lane depends on another. Complete arrays are assigned at once to stay in registers.
        let mut values = [f64::NEG_INFINITY; FANOUT];
        let mut ranks = [NO_ROW; FANOUT];
        let mut node_indices = [0_u32; FANOUT];
        for (index, (node, free)) in (self.first as u32..).zip(self.nodes.iter().zip(self.ranks)) {
            let offered: [f64; FANOUT] = from_fn(|lane| {
                // The same arithmetic as in `ratio`.
                let sum = 0.0 + f64::from(node.x0[lane]) * self.y[0] + f64::from(node.x1[lane]) * self.y[1];
                let value = compared(sum / node.norm[lane]);
                if free[lane] == NO_ROW { f64::NEG_INFINITY } else { value }
            });
            let better: [bool; FANOUT] = from_fn(|lane| {
                (offered[lane] > values[lane]) | ((offered[lane] == values[lane]) & (free[lane] < ranks[lane]))
            });
            values = from_fn(|lane| if better[lane] { offered[lane] } else { values[lane] });
            ranks = from_fn(|lane| if better[lane] { free[lane] } else { ranks[lane] });
            node_indices = from_fn(|lane| if better[lane] { index } else { node_indices[lane] });
        }
        let lanes: [Best; FANOUT] = from_fn(|lane| Best {
            value: values[lane],
            rank: ranks[lane],
            slot: node_indices[lane] * FANOUT as u32 + lane as u32,
        });
        lanes.into_iter().fold(Best::default(), |mut best, lane| {
            best.offer(lane);
            best
        })
    }
}

impl WithSimd for Scan<'_> {
    type Output = Best;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Best {
        match self.precision {
            Precision::Double => self.best(|score| score),
            Precision::Single => self.best(|score| f64::from(similarity(score, self.y_norm))),
        }
    }
}
