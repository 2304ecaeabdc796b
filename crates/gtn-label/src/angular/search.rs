//! The search for the best free row, outwards from the direction of y.

use std::array::from_fn;
use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::circle::{Circle, Find, Node};
use super::direction::{lower, lower_half, raise};
use super::{FAN, NONE, Tuning};
use crate::score::{Targets, similarity};
use crate::{Precision, parallel};

/// One source row on its way outwards.
pub(super) struct Search<'s, 'r, 'a> {
    circle: &'s Circle,
    targets: &'s Targets<'r, 'a>,
    y: [f32; 2],
    y_norm: f64,
    tuning: Tuning,
    best: Best,
}

/// The best row so far.
#[derive(Clone, Copy)]
struct Best {
    /// What is compared.
    value: f64,
    rank: u32,
    place: u32,
}

impl Default for Best {
    fn default() -> Self {
        Self { value: f64::NEG_INFINITY, rank: NONE, place: 0 }
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

    /// The best free row that is not zero.
    pub(super) fn best(mut self) -> Find {
        let nodes = self.circle.nodes.len();
        if nodes == 0 {
            return Find { rank: NONE, ..Find::default() };
        }
        let near = self.circle.nearest(self.y);
        let far = self.circle.nearest(self.y.map(|entry| -entry));
        self.look_at(near);
        // Both walks stay between the node of y and that of −y. They may be the same, and one walk goes all around; in the
        // lower half the end of the circle is met on the way from y to −y by increasing angle.
        let met = if lower_half(self.y) {
            let up = self.walk(near + 1..nodes, true) && self.walk(0..far, true);
            self.walk(far + 1..near, false) || up
        } else {
            let up = self.walk(near + 1..far, true);
            (self.walk(0..near, false) && self.walk(far + 1..nodes, false)) || up
        };
        if met && far != near {
            self.look_at(far);
        }
        let Best { value, rank, place } = self.best;
        let node = &self.circle.nodes[place as usize / FAN];
        let similarity = similarity(node.score(place as usize % FAN, &self.y), self.y_norm);
        Find { place, rank, similarity, acute: value > 0.0 }
    }

    /// Searches nodes of the first level, all on one side between y and −y, from the first on (`up`) or from the last on.
    /// Returns whether rows still further away might be better than the best.
    fn walk(&mut self, mut nodes: Range<usize>, up: bool) -> bool {
        let circle = self.circle;
        let (mut level, mut width) = (1, 1);
        let mut looked = 0;
        while !nodes.is_empty() {
            if looked >= self.tuning.crowd {
                let (some, done) = self.crowd(&nodes, looked, up);
                self.scan(some.clone());
                if done {
                    return false;
                }
                looked += some.len();
                (level, width) = (1, 1);
                if up {
                    nodes.start = some.end;
                } else {
                    nodes.end = some.start;
                }
                continue;
            }
            let first = if up { nodes.start } else { nodes.end - width };
            let index = first / width;
            let rank = circle.minima[level][index / FAN][index % FAN];
            if rank != NONE {
                let low = circle.nodes[first].score(0, &self.y);
                let high = circle.nodes[first + width - 1].score(FAN - 1, &self.y);
                let (near, far) = if up { (low, high) } else { (high, low) };
                let most = self.compared(raise(near));
                if most < self.best.value {
                    return false;
                }
                if most > self.best.value || rank < self.best.rank {
                    let least = self.compared(lower(far));
                    if least == most {
                        self.best = Best { value: most, rank, place: circle.place_of(level, index, rank) };
                    } else if level > 1 {
                        (level, width) = (level - 1, width / FAN);
                        continue;
                    } else {
                        self.look_at(first);
                        looked += 1;
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
            while edge.is_multiple_of(width * FAN) && nodes.len() >= width * FAN {
                (level, width) = (level + 1, width * FAN);
            }
            while nodes.len() < width && level > 1 {
                (level, width) = (level - 1, width / FAN);
            }
        }
        true
    }

    /// The first `most` of `nodes` on this walk, or those of them that might hold a row better than the best and whether that
    /// was all.
    fn crowd(&self, nodes: &Range<usize>, most: usize, up: bool) -> (Range<usize>, bool) {
        let count = most.min(nodes.len());
        let node = |step: usize| if up { nodes.start + step } else { nodes.end - 1 - step };
        let near = if up { 0 } else { FAN - 1 };
        // Where this holds, it holds further on.
        let below = |step| {
            let score = self.circle.nodes[node(step)].score(near, &self.y);
            self.compared(raise(score)) < self.best.value
        };
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            if below(middle) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        let some = if up { nodes.start..nodes.start + high } else { nodes.end - high..nodes.end };
        (some, high < count)
    }

    /// Scores the free rows of adjacent nodes.
    fn scan(&mut self, nodes: Range<usize>) {
        let piece = self.tuning.piece;
        let scan = |nodes: Range<usize>| {
            let scan = Scan {
                first: nodes.start,
                nodes: &self.circle.nodes[nodes.clone()],
                ranks: &self.circle.minima[0][nodes],
                y: self.y.map(f64::from),
                y_norm: self.y_norm,
                precision: self.targets.precision,
            };
            Arch::new().dispatch(scan)
        };
        if nodes.len() < self.tuning.share {
            let found = scan(nodes);
            self.best.offer(found);
        } else {
            let mut found = vec![Best::default(); nodes.len().div_ceil(piece)];
            parallel::fill(&mut found, 1, |index| {
                let start = nodes.start + index * piece;
                scan(start..nodes.end.min(start + piece))
            });
            found.into_iter().for_each(|found| self.best.offer(found));
        }
    }

    /// Scores the free rows of one node of the first level.
    fn look_at(&mut self, index: usize) {
        let node = &self.circle.nodes[index];
        let scores: [f64; FAN] = from_fn(|place| node.score(place, &self.y));
        let highest = scores.into_iter().fold(f64::NEG_INFINITY, |a, b| if a > b { a } else { b });
        if self.compared(highest) < self.best.value {
            return;
        }
        for (place, (&rank, score)) in self.circle.minima[0][index].iter().zip(scores).enumerate() {
            if rank != NONE {
                let place = (index * FAN + place) as u32;
                self.best.offer(Best { value: self.compared(score), rank, place });
            }
        }
    }

    fn compared(&self, score: f64) -> f64 {
        self.targets.compared(score, self.y_norm)
    }
}

/// Scores many nodes, sixteen places at a time.
struct Scan<'s> {
    first: usize,
    nodes: &'s [Node],
    ranks: &'s [[u32; FAN]],
    y: [f64; 2],
    y_norm: f64,
    precision: Precision,
}

impl Scan<'_> {
    #[inline(always)]
    fn best(&self, compared: impl Fn(f64) -> f64) -> Best {
        // The best of each lane, so that no lane waits for another. Whole arrays are set at once to stay in registers.
        let mut values = [f64::NEG_INFINITY; FAN];
        let mut ranks = [NONE; FAN];
        let mut at = [0_u32; FAN];
        for (index, (node, free)) in (self.first as u32..).zip(self.nodes.iter().zip(self.ranks)) {
            let offered: [f64; FAN] = from_fn(|lane| {
                // The arithmetic of `ratio`.
                let sum = 0.0 + f64::from(node.x0[lane]) * self.y[0] + f64::from(node.x1[lane]) * self.y[1];
                let value = compared(sum / node.norm[lane]);
                if free[lane] == NONE { f64::NEG_INFINITY } else { value }
            });
            let better: [bool; FAN] = from_fn(|lane| {
                (offered[lane] > values[lane]) | ((offered[lane] == values[lane]) & (free[lane] < ranks[lane]))
            });
            values = from_fn(|lane| if better[lane] { offered[lane] } else { values[lane] });
            ranks = from_fn(|lane| if better[lane] { free[lane] } else { ranks[lane] });
            at = from_fn(|lane| if better[lane] { index } else { at[lane] });
        }
        let lanes: [Best; FAN] =
            from_fn(|lane| Best { value: values[lane], rank: ranks[lane], place: at[lane] * FAN as u32 + lane as u32 });
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
