//! The free target rows on a circle, sorted by angle.

use std::array::from_fn;
use std::ops::Range;

use super::direction::{angle_key, by_angle, tie_key, to_xy};
use crate::parallel;
use crate::problem::Problem;
use crate::score::{norm, ratio};
use crate::sort::argsort_by;

/// Children per node of the tree of minima, and slots per node of the circle.
pub(super) const FANOUT: usize = 16;
/// The rank that stands for no row.
pub(super) const NO_ROW: u32 = u32::MAX;

/// Adjacent slots, each represented by one of its rows. The last node is padded with copies of its last slot that have no free row.
pub(super) struct Node {
    pub(super) x0: [f32; FANOUT],
    pub(super) x1: [f32; FANOUT],
    pub(super) norm: [f64; FANOUT],
}

impl Node {
    #[inline(always)]
    pub(super) fn row(&self, slot: usize) -> [f32; 2] {
        [self.x0[slot], self.x1[slot]]
    }

    #[inline(always)]
    pub(super) fn score(&self, slot: usize, y: &[f32; 2]) -> f64 {
        ratio(&self.row(slot), self.norm[slot], y)
    }
}

/// Rows that score the same for every y.
#[derive(Clone, Default)]
struct Slot {
    /// One of the rows, and its norm.
    row: [f32; 2],
    norm: f64,
    /// The rank of the first free row.
    first: u32,
    /// The range of the other free rows in `Circle::ranks`.
    queued: Range<u32>,
}

/// The result of a search.
#[derive(Clone, Copy, Default)]
pub(super) struct SearchResult {
    pub(super) slot: u32,
    /// `NO_ROW` if no row is left.
    pub(super) rank: u32,
    pub(super) similarity: f32,
    /// Whether the score is positive, so that y prefers the row to a zero row.
    pub(super) beats_zero_rows: bool,
}

/// The target rows that are not all zeros, by angle. A row is identified by its rank: its position by ascending (norm, index).
#[derive(Default)]
pub(super) struct Circle {
    pub(super) nodes: Vec<Node>,
    /// The last row of each node.
    last_rows: Vec<[f32; 2]>,
    /// The range of `angle_key` is divided into equal buckets. For each bucket, the number of entries of `last_rows` before it.
    bucket_starts: Vec<u32>,
    /// The right shift that turns a key into its bucket.
    bucket_shift: u32,
    /// The ranks of the rows, slot by slot, ascending in each slot.
    ranks: Vec<u32>,
    /// For each slot, the range of `ranks` after the first free row.
    queued: Vec<Range<u32>>,
    /// For each slot, the rank of the first free row or `NO_ROW`; then the minima of groups of `FANOUT` of these, and so on.
    pub(super) minima: Vec<Vec<[u32; FANOUT]>>,
    /// Free rows.
    pub(super) free: usize,
    /// Slots with a free row.
    open_slots: usize,
}

impl Circle {
    pub(super) fn new(problem: &Problem<'_, '_>, by_norm: &[usize]) -> Self {
        let rows = parallel::map(by_norm.len(), |rank| to_xy(problem.targets.rows.row(by_norm[rank])));
        let compare = |a, b| by_angle(a, b).then_with(|| tie_key(a).cmp(&tie_key(b)));
        let ranks = argsort_by(rows.len(), |rank| angle_key(rows[rank]), |a, b| compare(rows[a], rows[b]));
        let sorted_rows = parallel::map(ranks.len(), |position| rows[ranks[position] as usize]);

        let mut slots = Vec::with_capacity(rows.len());
        let mut start = 0;
        for members in sorted_rows.chunk_by(|&a, &b| compare(a, b).is_eq()) {
            let end = start + members.len();
            let row = members[0];
            slots.push(Slot { row, norm: norm(&row), first: ranks[start], queued: start as u32 + 1..end as u32 });
            start = end;
        }
        let mut circle = Self { free: ranks.len(), ranks, ..Self::default() };
        circle.build(&slots);
        circle
    }

    /// Whether at most half of the slots have a free row.
    pub(super) fn is_sparse(&self) -> bool {
        self.nodes.len() > 1 && 2 * self.open_slots <= FANOUT * (self.nodes.len() - 1)
    }

    /// Removes the slots without a free row.
    pub(super) fn compact(&mut self) {
        let mut slots = Vec::with_capacity(self.open_slots);
        for (node, (firsts, queued)) in self.nodes.iter().zip(self.minima[0].iter().zip(self.queued.chunks(FANOUT))) {
            for (slot, (&first, queued)) in firsts.iter().zip(queued).enumerate() {
                if first != NO_ROW {
                    slots.push(Slot { row: node.row(slot), norm: node.norm[slot], first, queued: queued.clone() });
                }
            }
        }
        self.build(&slots);
    }

    /// Sets all fields except `ranks` and `free`.
    fn build(&mut self, slots: &[Slot]) {
        self.open_slots = slots.len();
        self.queued = slots.iter().map(|slot| slot.queued.clone()).collect();
        let node = |slots: &[Slot]| {
            let at = |index: usize| &slots[index.min(slots.len() - 1)];
            Node {
                x0: from_fn(|index| at(index).row[0]),
                x1: from_fn(|index| at(index).row[1]),
                norm: from_fn(|index| at(index).norm),
            }
        };
        self.nodes = slots.chunks(FANOUT).map(node).collect();
        self.last_rows = self.nodes.iter().map(|node| node.row(FANOUT - 1)).collect();

        let buckets = self.nodes.len().next_power_of_two();
        self.bucket_shift = u32::BITS - buckets.ilog2();
        let mut counts = vec![0; buckets + 1];
        for &last_row in &self.last_rows {
            counts[self.bucket(last_row) + 1] += 1;
        }
        let mut sum = 0;
        for count in &mut counts {
            sum += *count;
            *count = sum;
        }
        self.bucket_starts = counts;

        let group = |ranks: &[u32]| from_fn(|index| ranks.get(index).copied().unwrap_or(NO_ROW));
        let mut level: Vec<u32> = slots.iter().map(|slot| slot.first).collect();
        self.minima.clear();
        loop {
            let groups: Vec<[u32; FANOUT]> = level.chunks(FANOUT).map(group).collect();
            level = groups.iter().map(minimum).collect();
            self.minima.push(groups);
            // The first level has one group per node.
            if self.minima.len() > 1 && self.minima[self.minima.len() - 1].len() <= 1 {
                break;
            }
        }
    }

    fn bucket(&self, row: [f32; 2]) -> usize {
        (u64::from(angle_key(row)) >> self.bucket_shift) as usize
    }

    /// The node nearest to y.
    pub(super) fn nearest(&self, y: [f32; 2]) -> usize {
        // The last rows in lower buckets are before y, those in higher buckets after it.
        let bucket = self.bucket(y);
        let (start, end) = (self.bucket_starts[bucket] as usize, self.bucket_starts[bucket + 1] as usize);
        let node = start + self.last_rows[start..end].partition_point(|&last_row| by_angle(last_row, y).is_lt());
        // After the last slot comes the first: both are next to y.
        node.min(self.nodes.len() - 1)
    }

    pub(super) fn is_free(&self, result: &SearchResult) -> bool {
        let slot = result.slot as usize;
        self.minima[0][slot / FANOUT][slot % FANOUT] == result.rank
    }

    /// Marks a free row as taken.
    pub(super) fn take(&mut self, result: &SearchResult) {
        let mut index = result.slot as usize;
        let mut rank = self.queued[index].next().map_or(NO_ROW, |next| self.ranks[next as usize]);
        self.free -= 1;
        self.open_slots -= usize::from(rank == NO_ROW);
        for level in &mut self.minima {
            let group = &mut level[index / FANOUT];
            // If another row is the minimum, it stays so.
            if group[index % FANOUT] != result.rank {
                break;
            }
            group[index % FANOUT] = rank;
            rank = minimum(group);
            index /= FANOUT;
        }
    }

    /// The slot of the row of this rank, which is the minimum `index` of `level`.
    pub(super) fn slot_of(&self, mut level: usize, mut index: usize, rank: u32) -> u32 {
        while level > 0 {
            level -= 1;
            let child = self.minima[level][index].iter().position(|&minimum| minimum == rank);
            index = index * FANOUT + child.expect("a minimum equals one of its children");
        }
        index as u32
    }
}

fn minimum(ranks: &[u32; FANOUT]) -> u32 {
    ranks.iter().fold(NO_ROW, |a, &b| a.min(b))
}
