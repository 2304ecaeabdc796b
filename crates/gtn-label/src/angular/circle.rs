//! The target rows on a circle, with what is free there.

use std::array::from_fn;
use std::ops::Range;

use super::direction::{angle_key, by_angle, family, plane};
use super::{FAN, NONE};
use crate::order::sorted_by;
use crate::parallel;
use crate::score::{norm, ratio};
use crate::task::Task;

/// Adjacent places, each with one of its rows. The last node repeats its last place, with nothing free there.
pub(super) struct Node {
    pub(super) x0: [f32; FAN],
    pub(super) x1: [f32; FAN],
    pub(super) norm: [f64; FAN],
}

impl Node {
    #[inline(always)]
    pub(super) fn row(&self, place: usize) -> [f32; 2] {
        [self.x0[place], self.x1[place]]
    }

    #[inline(always)]
    pub(super) fn score(&self, place: usize, y: &[f32; 2]) -> f64 {
        ratio(&self.row(place), self.norm[place], y)
    }
}

/// Rows that score the same for every y.
#[derive(Clone, Default)]
struct Place {
    /// One of the rows, and its norm.
    row: [f32; 2],
    norm: f64,
    /// The rank of the first free row.
    first: u32,
    /// The part of `Circle::ranks` that comes after it.
    waiting: Range<u32>,
}

/// What a search has found.
#[derive(Clone, Copy, Default)]
pub(super) struct Find {
    pub(super) place: u32,
    /// `NONE` if there is no row left.
    pub(super) rank: u32,
    pub(super) similarity: f32,
    /// Whether it goes before a zero row.
    pub(super) acute: bool,
}

/// The target rows that are not zero, by angle. A row is named by its rank: its position by ascending (norm, index).
#[derive(Default)]
pub(super) struct Circle {
    pub(super) nodes: Vec<Node>,
    /// The last row of each node.
    edges: Vec<[f32; 2]>,
    /// How many edges lie before each of some equal parts of the range of `angle_key`.
    parts: Vec<u32>,
    /// What to shift a key by to have its part.
    shift: u32,
    /// The ranks of the rows, place by place, ascending.
    ranks: Vec<u32>,
    /// For each place the part of `ranks` that comes after the first free row.
    waiting: Vec<Range<u32>>,
    /// For each place the rank of the first free row or `NONE`; then the minima of `FAN` of these each, and so on.
    pub(super) minima: Vec<Vec<[u32; FAN]>>,
    /// Free rows.
    pub(super) free: usize,
    /// Places with a free row.
    open: usize,
}

impl Circle {
    pub(super) fn new(task: &Task<'_, '_>, by_norm: &[usize]) -> Self {
        let rows = parallel::map(by_norm.len(), |rank| plane(task.targets.rows.row(by_norm[rank])));
        let families = |a, b| by_angle(a, b).then_with(|| family(a).cmp(&family(b)));
        let ranks = sorted_by(rows.len(), |rank| angle_key(rows[rank]), |a, b| families(rows[a], rows[b]));
        let along = parallel::map(ranks.len(), |position| rows[ranks[position] as usize]);

        let mut places = Vec::with_capacity(rows.len());
        let mut start = 0;
        for members in along.chunk_by(|&a, &b| families(a, b).is_eq()) {
            let end = start + members.len();
            let row = members[0];
            places.push(Place { row, norm: norm(&row), first: ranks[start], waiting: start as u32 + 1..end as u32 });
            start = end;
        }
        let mut circle = Self { free: ranks.len(), ranks, ..Self::default() };
        circle.build(&places);
        circle
    }

    /// Whether there is little left where a search passes.
    pub(super) fn sparse(&self) -> bool {
        self.nodes.len() > 1 && 2 * self.open <= FAN * (self.nodes.len() - 1)
    }

    /// Removes the places that have no free row.
    pub(super) fn compact(&mut self) {
        let mut places = Vec::with_capacity(self.open);
        for (node, (firsts, waiting)) in self.nodes.iter().zip(self.minima[0].iter().zip(self.waiting.chunks(FAN))) {
            for (place, (&first, waiting)) in firsts.iter().zip(waiting).enumerate() {
                if first != NONE {
                    places.push(Place {
                        row: node.row(place),
                        norm: node.norm[place],
                        first,
                        waiting: waiting.clone(),
                    });
                }
            }
        }
        self.build(&places);
    }

    /// Sets all but `ranks` and `free`.
    fn build(&mut self, places: &[Place]) {
        self.open = places.len();
        self.waiting = places.iter().map(|place| place.waiting.clone()).collect();
        let node = |places: &[Place]| {
            let at = |index: usize| &places[index.min(places.len() - 1)];
            Node {
                x0: from_fn(|index| at(index).row[0]),
                x1: from_fn(|index| at(index).row[1]),
                norm: from_fn(|index| at(index).norm),
            }
        };
        self.nodes = places.chunks(FAN).map(node).collect();
        self.edges = self.nodes.iter().map(|node| node.row(FAN - 1)).collect();

        let parts = self.nodes.len().next_power_of_two();
        self.shift = u32::BITS - parts.ilog2();
        let mut counts = vec![0; parts + 1];
        for &edge in &self.edges {
            counts[self.part(edge) + 1] += 1;
        }
        let mut sum = 0;
        for count in &mut counts {
            sum += *count;
            *count = sum;
        }
        self.parts = counts;

        let group = |ranks: &[u32]| from_fn(|index| ranks.get(index).copied().unwrap_or(NONE));
        let mut level: Vec<u32> = places.iter().map(|place| place.first).collect();
        self.minima.clear();
        loop {
            let groups: Vec<[u32; FAN]> = level.chunks(FAN).map(group).collect();
            level = groups.iter().map(minimum).collect();
            self.minima.push(groups);
            // The first level is that of the nodes.
            if self.minima.len() > 1 && self.minima[self.minima.len() - 1].len() <= 1 {
                break;
            }
        }
    }

    fn part(&self, row: [f32; 2]) -> usize {
        (u64::from(angle_key(row)) >> self.shift) as usize
    }

    /// The node nearest to y.
    pub(super) fn nearest(&self, y: [f32; 2]) -> usize {
        // An edge of a lower part lies before y, one of a higher part after it.
        let part = self.part(y);
        let (start, end) = (self.parts[part] as usize, self.parts[part + 1] as usize);
        let node = start + self.edges[start..end].partition_point(|&edge| by_angle(edge, y).is_lt());
        // Past the last place comes the first: both are next to y.
        node.min(self.nodes.len() - 1)
    }

    pub(super) fn is_free(&self, find: &Find) -> bool {
        let place = find.place as usize;
        self.minima[0][place / FAN][place % FAN] == find.rank
    }

    /// Takes a free row.
    pub(super) fn take(&mut self, find: &Find) {
        let mut index = find.place as usize;
        let mut rank = self.waiting[index].next().map_or(NONE, |next| self.ranks[next as usize]);
        self.free -= 1;
        self.open -= usize::from(rank == NONE);
        for level in &mut self.minima {
            let group = &mut level[index / FAN];
            // A minimum that was another row's stays.
            if group[index % FAN] != find.rank {
                break;
            }
            group[index % FAN] = rank;
            rank = minimum(group);
            index /= FAN;
        }
    }

    /// The place of the row that is the minimum `index` of `level`.
    pub(super) fn place_of(&self, mut level: usize, mut index: usize, rank: u32) -> u32 {
        while level > 0 {
            level -= 1;
            let child = self.minima[level][index].iter().position(|&minimum| minimum == rank);
            index = index * FAN + child.expect("a minimum is one of the numbers below it");
        }
        index as u32
    }
}

fn minimum(ranks: &[u32; FAN]) -> u32 {
    ranks.iter().fold(NONE, |a, &b| a.min(b))
}
