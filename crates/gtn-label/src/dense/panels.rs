//! The free target rows in panels of [`LANES`], column by column, without gaps.

use crate::{Candidate, Candidates, UnitRows, parallel};

use super::gather::Gather;

/// Target rows of a panel: as many as the widest registers hold `f32` numbers.
pub(crate) const LANES: usize = 16;
/// Source rows whose scores with a panel are formed together: as many as leave a register for a column of the panel.
pub(crate) const ROWS: usize = 12;
/// Source rows that are one piece of work.
const GROUP: usize = 4 * ROWS;

/// Which target row lies where.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// The row at each position.
    pub(crate) targets: Vec<u32>,
    /// The position of each row.
    positions: Vec<u32>,
}

impl Places {
    /// Every one of `len` rows is free and lies at its own number.
    pub(crate) fn reset(&mut self, len: usize) {
        let all = 0..len as u32;
        self.targets.clear();
        self.targets.extend(all.clone());
        self.positions.clear();
        self.positions.extend(all);
    }

    /// Takes a row out. The last one takes its place: returns where it goes and where it was.
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

/// Numbers of the rows, panel by panel; in a panel `CHUNK` columns of a row are adjacent, then come those of the next row.
#[derive(Debug)]
pub(crate) struct Panels<T, const CHUNK: usize> {
    pub(crate) data: Vec<T>,
    /// Chunks of a row.
    chunks: usize,
}

impl<T, const CHUNK: usize> Default for Panels<T, CHUNK> {
    fn default() -> Self {
        Self { data: Vec::new(), chunks: 0 }
    }
}

impl<T: Copy + Send + Sync, const CHUNK: usize> Panels<T, CHUNK> {
    /// Numbers of a panel.
    pub(crate) fn panel_len(&self) -> usize {
        self.chunks * LANES * CHUNK
    }

    /// Lays out `len` rows of `dim` columns, filled up with `zero`; `write` writes a row, adjacent and filled up, to its buffer.
    /// What `write` returns for each row is returned.
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
                for (chunk, numbers) in row.chunks(CHUNK).enumerate() {
                    data[(chunk * LANES + lane) * CHUNK..][..CHUNK].copy_from_slice(numbers);
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
            let step = chunk * LANES * CHUNK;
            self.data.copy_within(from + step..from + step + CHUNK, to + step);
        }
    }

    /// Forgets the panels after the first `len` rows.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.data.truncate(len.div_ceil(LANES) * self.panel_len());
    }
}

/// The lists of one group of source rows, with what a score must exceed to reach each; rows that are not there to fill the group
/// up are reached by nothing.
pub(crate) struct Lists<'t> {
    targets: &'t [u32],
    pub(crate) gathers: Vec<Gather>,
    pub(crate) bounds: Vec<f32>,
}

impl Lists<'_> {
    /// Offers the scores of source row `row` with the panel whose first row lies at `first`.
    #[cold]
    #[inline(never)]
    pub(crate) fn offer(&mut self, row: usize, first: usize, scores: &[f32; LANES]) {
        let gather = &mut self.gathers[row];
        for (&target, &score) in self.targets[first..].iter().zip(scores) {
            gather.offer(Candidate { score, target });
        }
        self.bounds[row] = gather.bound();
    }
}

/// Where the lists of the next rows may start: the first group of rows starts with lists that anything reaches, and the next rows
/// take the lowest of the bounds with which those ended, which spares them nearly all that would be listed and dropped again. A
/// list that starts too high comes out too short, and is asked for again.
#[derive(Debug, Default)]
pub(crate) struct Start {
    keep: usize,
    bound: Option<f32>,
}

/// For each group of source rows, on all threads: `pack` lays them out and says what becomes of the scores of each, `scan`
/// offers scores to their lists, and the candidates are handed over.
pub(crate) fn for_each_group<P>(
    (sources, targets): (UnitRows<'_>, &[u32]),
    keep: usize,
    start: &mut Start,
    candidates: &mut [Candidates],
    pack: impl Fn(UnitRows<'_>) -> (P, Vec<Scale>) + Sync + Send,
    scan: impl Fn(&P, &mut Lists<'_>) + Sync + Send,
) {
    let dim = sources.dim();
    let keep = keep.min(targets.len());
    let begin = start.bound.filter(|_| start.keep == keep && sources.len() > GROUP);
    let mut groups: Vec<_> = sources.as_slice().chunks(GROUP * dim).zip(candidates.chunks_mut(GROUP)).collect();
    parallel::for_each(&mut groups, |group, (rows, candidates)| {
        let (packed, scales) = pack(UnitRows::new(rows, dim));
        let begin = begin.filter(|_| group > 0);
        let mut gathers = Vec::with_capacity(candidates.len());
        for (list, scale) in candidates.iter_mut().zip(&scales) {
            let begin = begin.map_or(f32::NEG_INFINITY, |bound| (bound - scale.error) / scale.factor);
            gathers.push(Gather::new(list.take_listed(), keep, begin));
        }
        let mut bounds: Vec<f32> = gathers.iter().map(Gather::bound).collect();
        bounds.resize(candidates.len().next_multiple_of(ROWS), f32::INFINITY);
        let mut lists = Lists { targets, gathers, bounds };
        scan(&packed, &mut lists);
        for ((list, gather), scale) in candidates.iter_mut().zip(lists.gathers).zip(scales) {
            let (mut listed, bound) = gather.finish();
            listed.iter_mut().for_each(|candidate| candidate.score *= scale.factor);
            let all = bound == f32::NEG_INFINITY;
            let bound = if all { bound } else { (bound * scale.factor + scale.error).next_up() };
            list.set(listed, scale.error, bound);
        }
    });
    if sources.len() > GROUP {
        let bound = candidates[..GROUP].iter().map(Candidates::bound).fold(f32::INFINITY, f32::min);
        *start = Start { keep, bound: bound.is_finite().then_some(bound) };
    }
}

/// How a score in a list becomes a cosine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    /// What it is multiplied by.
    pub(crate) factor: f32,
    /// By how much the product may differ from the cosine of the unit rows, its rounding included.
    pub(crate) error: f32,
}
