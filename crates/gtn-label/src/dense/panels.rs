//! The free target rows in panels of [`LANES`] rows, column by column, without gaps.

use crate::{Candidate, Candidates, UnitRows, parallel};

use super::top_k::TopK;

/// Target rows of a panel: the number of `f32` lanes of the widest registers.
pub(crate) const LANES: usize = 16;
/// Source rows whose scores with a panel are computed together: as many as leave a register for a column of the panel.
pub(crate) const ROWS: usize = 12;
/// Source rows per task.
const GROUP: usize = 4 * ROWS;

/// The positions of the free target rows.
#[derive(Debug, Default)]
pub(crate) struct Positions {
    /// The row at each position.
    pub(crate) targets: Vec<u32>,
    /// The position of each row.
    positions: Vec<u32>,
}

impl Positions {
    /// Makes all of `len` rows free, each at the position of its index.
    pub(crate) fn reset(&mut self, len: usize) {
        let all = 0..len as u32;
        self.targets.clear();
        self.targets.extend(all.clone());
        self.positions.clear();
        self.positions.extend(all);
    }

    /// Removes a row and moves the last one to its position. Returns the new and the old position of the moved row.
    pub(crate) fn remove(&mut self, target: u32) -> (usize, usize) {
        let hole = self.positions[target as usize] as usize;
        let last = self.targets.len() - 1;
        self.targets.swap_remove(hole);
        if let Some(&moved) = self.targets.get(hole) {
            self.positions[moved as usize] = hole as u32;
        }
        (hole, last)
    }
}

/// The values of the rows, panel by panel. In a panel, `CHUNK` columns of a row are contiguous, followed by those of the next row.
#[derive(Debug)]
pub(crate) struct Panels<T, const CHUNK: usize> {
    pub(crate) data: Vec<T>,
    /// Chunks per row.
    chunks: usize,
}

impl<T, const CHUNK: usize> Default for Panels<T, CHUNK> {
    fn default() -> Self {
        Self { data: Vec::new(), chunks: 0 }
    }
}

impl<T: Copy + Send + Sync, const CHUNK: usize> Panels<T, CHUNK> {
    /// Values per panel.
    pub(crate) fn panel_len(&self) -> usize {
        self.chunks * LANES * CHUNK
    }

    /// Stores `len` rows of `dim` columns, padded with `zero`. `write` writes one row to a contiguous, padded buffer. Returns the
    /// results of `write` for all rows.
    pub(crate) fn fill<R: Copy + Default + Send>(
        &mut self,
        len: usize,
        dim: usize,
        zero: T,
        write: impl Fn(usize, &mut [T]) -> R + Sync + Send,
    ) -> Vec<R> {
        self.chunks = dim.div_ceil(CHUNK);
        self.data.clear();
        self.data.resize(len.div_ceil(LANES) * self.panel_len(), zero);
        let (chunks, panel_len) = (self.chunks, self.panel_len());
        let mut returned = vec![R::default(); len];
        let mut panels: Vec<_> = self.data.chunks_mut(panel_len).zip(returned.chunks_mut(LANES)).collect();
        parallel::for_each(&mut panels, |panel, (data, returned)| {
            let mut row = vec![zero; chunks * CHUNK];
            for (lane, returned) in returned.iter_mut().enumerate() {
                *returned = write(panel * LANES + lane, &mut row);
                for (chunk, values) in row.chunks(CHUNK).enumerate() {
                    data[(chunk * LANES + lane) * CHUNK..][..CHUNK].copy_from_slice(values);
                }
            }
        });
        returned
    }

    /// Copies the row at position `from` to position `to`.
    pub(crate) fn copy(&mut self, from: usize, to: usize) {
        let start = |position: usize| (position / LANES) * self.panel_len() + position % LANES * CHUNK;
        let (from, to) = (start(from), start(to));
        for chunk in 0..self.chunks {
            let offset = chunk * LANES * CHUNK;
            self.data.copy_within(from + offset..from + offset + CHUNK, to + offset);
        }
    }

    /// Drops the panels after the first `len` rows.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.data.truncate(len.div_ceil(LANES) * self.panel_len());
    }
}

/// Packs source rows in groups of [`ROWS`], column by column; the last group is completed with zeros.
pub(crate) fn pack<'r, T: Copy + Into<P> + 'r, P: Copy + Default>(
    rows: impl ExactSizeIterator<Item = &'r [T]>,
    dim: usize,
) -> Vec<P> {
    let mut packed = vec![P::default(); rows.len().next_multiple_of(ROWS) * dim];
    for (index, row) in rows.enumerate() {
        let group = &mut packed[index / ROWS * ROWS * dim..][..ROWS * dim];
        for (column, &entry) in group.chunks_mut(ROWS).zip(row) {
            column[index % ROWS] = entry.into();
        }
    }
    packed
}

/// The lists of one group of source rows, with the bound that a score must exceed to reach each of them. No score reaches the
/// padding rows that complete the group.
pub(crate) struct Lists<'t> {
    targets: &'t [u32],
    pub(crate) lists: Vec<TopK>,
    pub(crate) bounds: Vec<f32>,
}

impl Lists<'_> {
    /// Offers the scores of source row `row` with the panel whose first row is at position `first`.
    #[cold]
    #[inline(never)]
    pub(crate) fn offer(&mut self, row: usize, first: usize, scores: &[f32; LANES]) {
        let list = &mut self.lists[row];
        for (&target, &score) in self.targets[first..].iter().zip(scores) {
            list.offer(Candidate { score, target });
        }
        self.bounds[row] = list.bound();
    }
}

/// The initial bound for the lists of the next source rows. The first group of rows starts with lists that any score reaches; the
/// next rows start from the lowest of the bounds with which those lists ended, which avoids nearly all candidates that would be
/// listed and dropped again. A list that starts too high ends up too short, and is requested again.
#[derive(Debug, Default)]
pub(crate) struct InitialBound {
    k: usize,
    bound: Option<f32>,
}

/// For each group of source rows, on all threads: `pack` arranges the rows and returns the scale of the scores of each, `scan`
/// offers scores to their lists, and the candidates are stored.
pub(crate) fn for_each_group<P>(
    (sources, targets): (UnitRows<'_>, &[u32]),
    k: usize,
    initial: &mut InitialBound,
    candidates: &mut [Candidates],
    pack: impl Fn(UnitRows<'_>) -> (P, Vec<ScoreScale>) + Sync + Send,
    scan: impl Fn(&P, &mut Lists<'_>) + Sync + Send,
) {
    let dim = sources.dim();
    let k = k.min(targets.len());
    let initial_bound = initial.bound.filter(|_| initial.k == k && sources.len() > GROUP);
    let mut groups: Vec<_> = sources.as_slice().chunks(GROUP * dim).zip(candidates.chunks_mut(GROUP)).collect();
    parallel::for_each(&mut groups, |group, (rows, candidates)| {
        let (packed, scales) = pack(UnitRows::new(rows, dim));
        let initial_bound = initial_bound.filter(|_| group > 0);
        let mut top_ks = Vec::with_capacity(candidates.len());
        for (list, scale) in candidates.iter_mut().zip(&scales) {
            let bound = initial_bound.map_or(f32::NEG_INFINITY, |bound| (bound - scale.error) / scale.factor);
            top_ks.push(TopK::new(list.take_listed(), k, bound));
        }
        let mut bounds: Vec<f32> = top_ks.iter().map(TopK::bound).collect();
        bounds.resize(candidates.len().next_multiple_of(ROWS), f32::INFINITY);
        let mut lists = Lists { targets, lists: top_ks, bounds };
        scan(&packed, &mut lists);
        for ((candidates, list), scale) in candidates.iter_mut().zip(lists.lists).zip(scales) {
            let (mut listed, bound) = list.finish();
            listed.iter_mut().for_each(|candidate| candidate.score *= scale.factor);
            let complete = bound == f32::NEG_INFINITY;
            let bound = if complete { bound } else { (bound * scale.factor + scale.error).next_up() };
            candidates.set(listed, scale.error, bound);
        }
    });
    if sources.len() > GROUP {
        let bound = candidates[..GROUP].iter().map(Candidates::bound).fold(f32::INFINITY, f32::min);
        *initial = InitialBound { k, bound: bound.is_finite().then_some(bound) };
    }
}

/// How to convert a score in a list to a cosine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ScoreScale {
    /// The factor that the score is multiplied by.
    pub(crate) factor: f32,
    /// The maximum difference between the product, including its rounding, and the cosine of the unit rows.
    pub(crate) error: f32,
}
