//! Builds the tree, and keeps its boxes tight.

use super::nodes::{BuildBuffers, LANES, Lanes, Tree};
use crate::parallel;

/// Below this number of rows, splitting takes less time than waking another thread.
const MIN_PARALLEL_ROWS: usize = 1 << 12;
/// Rows sampled to find the widest coordinate.
const SAMPLE: usize = 64;
/// Leaves per task.
const CHUNK: usize = 256;

/// Maps a value to an integer such that the order is preserved.
#[inline(always)]
pub(super) fn to_sortable_bits(value: f32) -> u32 {
    let bits = value.to_bits();
    bits ^ (((bits as i32 >> 31) as u32) | 1 << 31)
}

/// The inverse of [`to_sortable_bits`].
#[inline(always)]
pub(super) fn from_sortable_bits(bits: u32) -> f32 {
    f32::from_bits(bits ^ (((!bits as i32 >> 31) as u32) | 1 << 31))
}

/// A sort key: by the coordinate, then by the row.
fn key(coordinate: f32, row: u32) -> u64 {
    u64::from(to_sortable_bits(coordinate)) << 32 | u64::from(row)
}

/// Permutes the rows in the lower halves of `keys` by bisecting along the widest coordinate, so that the rows of each leaf, of each
/// parent of leaves and so on are contiguous.
fn split(rows: &[f32], dim: usize, keys: &mut [u64]) {
    let len = keys.len();
    if len <= LANES {
        return;
    }
    let mut child_len = LANES;
    while child_len * LANES < len {
        child_len *= LANES;
    }
    let middle = len.div_ceil(child_len) / 2 * child_len;
    let entry = |key: u64, column: usize| rows[key as u32 as usize * dim + column];
    let mut widest = (f32::NEG_INFINITY, 0);
    for column in 0..dim {
        let sample = keys.iter().step_by(len.div_ceil(SAMPLE)).map(|&key| entry(key, column));
        let (lo, hi) = sample.fold((f32::INFINITY, f32::NEG_INFINITY), |(lo, hi), x| (min(lo, x), max(hi, x)));
        if hi - lo > widest.0 {
            widest = (hi - lo, column);
        }
    }
    for slot in keys.iter_mut() {
        *slot = key(entry(*slot, widest.1), *slot as u32);
    }
    // Split by position, not by value: equal rows may end up on both sides.
    keys.select_nth_unstable(middle);
    let (left, right) = keys.split_at_mut(middle);
    if len < MIN_PARALLEL_ROWS {
        split(rows, dim, left);
        split(rows, dim, right);
    } else {
        parallel::join(|| split(rows, dim, left), || split(rows, dim, right));
    }
}

/// The smaller value; `a` if `b` is NaN.
#[inline(always)]
fn min(a: f32, b: f32) -> f32 {
    if b < a { b } else { a }
}

/// The larger value; `a` if `b` is NaN.
#[inline(always)]
fn max(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

/// The lowest lane that is not NaN, or +∞.
#[inline(always)]
fn lowest(lanes: &Lanes) -> f32 {
    reduce(lanes, f32::INFINITY, min)
}

/// The highest lane that is not NaN, or −∞.
#[inline(always)]
fn highest(lanes: &Lanes) -> f32 {
    reduce(lanes, f32::NEG_INFINITY, max)
}

#[inline(always)]
fn reduce(lanes: &Lanes, none: f32, pick: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = lanes.0.map(|lane| pick(none, lane));
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            lanes[lane] = pick(lanes[lane], lanes[lane + half]);
        }
    }
    lanes[0]
}

impl Tree {
    /// Builds the tree from the rows in the buffers.
    pub(super) fn build(&mut self) {
        let dim = self.dim;
        let BuildBuffers { rows, targets, keys, .. } = &mut self.build_buffers;
        self.built_len = targets.len();
        self.free = self.built_len;
        keys.clear();
        keys.extend(0..self.built_len as u64);
        split(rows, dim, keys);

        let leaves = self.built_len.div_ceil(LANES);
        self.points.clear();
        self.points.resize(leaves * dim, Lanes([f32::NAN; LANES]));
        self.targets.clear();
        self.targets.extend(keys.iter().map(|&key| targets[key as u32 as usize]));
        let mut chunks: Vec<_> = self.points.chunks_mut(CHUNK * dim).zip(keys.chunks(CHUNK * LANES)).collect();
        parallel::for_each(&mut chunks, |_, (points, keys)| {
            for (leaf, keys) in points.chunks_mut(dim).zip(keys.chunks(LANES)) {
                for (lane, &key) in keys.iter().enumerate() {
                    let row = &rows[key as u32 as usize * dim..][..dim];
                    for (coordinate, &entry) in leaf.iter_mut().zip(row) {
                        coordinate.0[lane] = entry;
                    }
                }
            }
        });
        for (location, &target) in self.targets.iter().enumerate() {
            self.locations[target as usize] = location as u32;
        }

        let mut spare = std::mem::take(&mut self.levels);
        let mut children = leaves;
        while children > 1 || (children == 1 && self.levels.is_empty()) {
            let nodes = children.div_ceil(LANES);
            let mut level = spare.pop().unwrap_or_default();
            level.clear();
            for _ in 0..nodes * dim {
                level.extend([Lanes([f32::INFINITY; LANES]), Lanes([f32::NEG_INFINITY; LANES])]);
            }
            self.levels.push(level);
            for child in 0..children {
                self.update_box(self.levels.len() - 1, child);
            }
            children = nodes;
        }
    }

    /// Rebuilds the tree from the rows that are still free.
    pub(super) fn rebuild(&mut self) {
        let dim = self.dim;
        self.build_buffers.clear();
        for (leaf, targets) in self.points.chunks_exact(dim).zip(self.targets.chunks(LANES)) {
            for (lane, &target) in targets.iter().enumerate() {
                if !leaf[0].0[lane].is_nan() {
                    self.build_buffers.targets.push(target);
                    self.build_buffers.rows.extend(leaf.iter().map(|coordinate| coordinate.0[lane]));
                }
            }
        }
        self.build();
    }

    /// Tightens the boxes of the dirty leaves, and those above them.
    pub(super) fn shrink_boxes(&mut self) {
        let mut dirty = std::mem::take(&mut self.build_buffers.dirty);
        for level in 0..self.levels.len() {
            // Adjacent nodes share a parent, so the parents are sorted too.
            if level == 0 {
                dirty.sort_unstable();
                dirty.dedup();
            }
            let mut kept = 0;
            for position in 0..dirty.len() {
                let child = dirty[position];
                let parent = child / LANES as u32;
                if self.update_box(level, child as usize) && (kept == 0 || dirty[kept - 1] != parent) {
                    dirty[kept] = parent;
                    kept += 1;
                }
            }
            dirty.truncate(kept);
        }
        self.build_buffers.dirty = dirty;
    }

    /// Writes the box of a child to its parent on `level`. Returns whether the box changed.
    fn update_box(&mut self, level: usize, child: usize) -> bool {
        let dim = self.dim;
        let (below, from) = self.levels.split_at_mut(level);
        let node = &mut from[0][child / LANES * 2 * dim..][..2 * dim];
        let lane = child % LANES;
        let mut changed = false;
        for (column, bounds) in node.chunks_exact_mut(2).enumerate() {
            let (lo, hi) = match below.last() {
                None => {
                    let coordinate = &self.points[child * dim + column];
                    (lowest(coordinate), highest(coordinate))
                }
                Some(below) => {
                    let bounds = &below[(child * dim + column) * 2..][..2];
                    (lowest(&bounds[0]), highest(&bounds[1]))
                }
            };
            changed |= bounds[0].0[lane] != lo || bounds[1].0[lane] != hi;
            bounds[0].0[lane] = lo;
            bounds[1].0[lane] = hi;
        }
        changed
    }
}
