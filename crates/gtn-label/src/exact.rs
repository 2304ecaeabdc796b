//! Exact lists of all free target rows, scored in `f64` with vector instructions: for rows whose cosines are too close to each other for
//! any proposer.
//!
//! The rows are in panels of [`LANES`], as those of the dense proposers, but in the order of their (norm, index), which decides between equal
//! scores: of two rows with the same score, the first to be scored is the better one. So only a score *above* the worst of a
//! list can change it. Each lane adds its products from left to right, without fusing, so that the sums are those of [`dot`](crate::score).
//! The norm of a row that is taken becomes NaN, which fails every comparison; when a quarter of the rows are taken, the others are moved together.
//!
//! # Why no row is missed
//!
//! A score is c = fl(s/n), of a sum s and a norm n. If c > b, then s/n > b since rounding never decreases, hence s > bn and s ≥ fl(bn): the
//! loop compares s with fl(bn) for all lanes, and only what passes is divided. With [`Precision::Single`],
//! the compared value is fl₃₂(fl(c/m)), m being the norm of the source row; if it exceeds b, so does fl(c/m), hence c > bm, and c is above
//! fl(bm) minus a few units of its last place.

use std::array::from_fn;

use pulp::{Simd, WithSimd};

use crate::dense::{LANES, Panels, ROWS, pack};
use crate::instructions::arch;
use crate::problem::Problem;
use crate::score::Scored;
use crate::sharded::{LongerList, Preference, PreferenceList, Shards};
use crate::{Element, MatchError, Precision, parallel};

/// Source rows per task, at most.
const MAX_GROUP: usize = 4 * ROWS;
/// Source rows of a block, at most: lists are longer than those of the dense proposers.
const BLOCK_SIZE: usize = 1024;

/// The free target rows of a matching, in the order of (norm, index).
pub(crate) struct ExactRows<'p, 'r, 'a, T: Element> {
    problem: &'p Problem<'r, 'a, T>,
    panels: Panels<T, 1>,
    /// The norm of the row at each position, 1 for a row that is all zeros, and NaN for one that is taken.
    norms: Vec<f64>,
    /// The row at each position.
    targets: Vec<u32>,
    /// The position of each row.
    positions: Vec<u32>,
    free: usize,
    /// Source rows that were compared with all free rows.
    pub(crate) scanned: u64,
}

impl<'p, 'r, 'a, T: Element> ExactRows<'p, 'r, 'a, T> {
    /// The target rows that are not taken.
    pub(crate) fn new(problem: &'p Problem<'r, 'a, T>, taken: &[bool]) -> Self {
        let mut targets: Vec<u32> = (0..taken.len() as u32).filter(|&target| !taken[target as usize]).collect();
        let norms = problem.targets.norms;
        parallel::sort(&mut targets, |&a, &b| norms[a as usize].total_cmp(&norms[b as usize]).then(a.cmp(&b)));
        let mut rows = Self {
            problem,
            panels: Panels::default(),
            norms: Vec::new(),
            positions: vec![0; taken.len()],
            free: targets.len(),
            targets,
            scanned: 0,
        };
        rows.pack();
        rows
    }

    /// Arranges the rows in panels.
    fn pack(&mut self) {
        let targets = &self.problem.targets;
        let row_at = |position: usize| self.targets[position] as usize;
        self.panels.fill(self.targets.len(), targets.rows.dim(), T::default(), |position, row| {
            row.copy_from_slice(targets.rows.row(row_at(position)));
        });
        self.norms.clear();
        self.norms.extend(self.targets.iter().map(|&target| match targets.norms[target as usize] {
            0.0 => 1.0,
            norm => norm,
        }));
        self.norms.resize(self.targets.len().next_multiple_of(LANES), f64::NAN);
        for (position, &target) in (0..).zip(&self.targets) {
            self.positions[target as usize] = position;
        }
    }

    /// The best `len` free rows for each of these source rows.
    fn lists(&mut self, sources: &[usize], len: usize) -> Vec<PreferenceList> {
        self.scanned += sources.len() as u64;
        let len = len.max(1);
        let mut lists = vec![PreferenceList::default(); sources.len()];
        let group = sources.len().div_ceil(parallel::threads()).next_multiple_of(ROWS).min(MAX_GROUP);
        let mut groups: Vec<_> = sources.chunks(group).zip(lists.chunks_mut(group)).collect();
        let this = &*self;
        parallel::for_each(&mut groups, |_, (sources, lists)| {
            for (list, best) in lists.iter_mut().zip(this.best(sources, len)) {
                let ranked = best.iter().map(|scored| Preference::new(scored, scored.target as u64));
                *list = PreferenceList { ranked: ranked.collect(), is_complete: this.free <= len };
            }
        });
        lists
    }

    /// The best `len` free rows for each source row of a group, the best one first.
    fn best(&self, sources: &[usize], len: usize) -> Vec<Vec<Scored>> {
        let dim = self.problem.source.dim();
        let y = |&source: &usize| self.problem.source.row(source);
        let packed: Vec<f64> = pack(sources.iter().map(y), dim);
        let best = |&source: &usize| Best {
            rows: self,
            y_norm: self.problem.source_norms[source],
            len,
            listed: Vec::new(),
            bound: f64::NEG_INFINITY,
        };
        let mut bests: Vec<Best<'_, T>> = sources.iter().map(best).collect();
        let mut limits = vec![f64::NEG_INFINITY; sources.len()];
        // No sum reaches the padding rows that complete the group.
        limits.resize(sources.len().next_multiple_of(ROWS), f64::INFINITY);
        arch().dispatch(Scan { rows: self, dim, packed: &packed, bests: &mut bests, limits: &mut limits });
        bests.into_iter().map(Best::finish).collect()
    }
}

impl<T: Element> Shards for ExactRows<'_, '_, '_, T> {
    type Error = MatchError;

    fn count(&self) -> usize {
        1
    }

    fn block_size(&self) -> usize {
        BLOCK_SIZE
    }

    fn shortest(&mut self, count: usize) -> Result<Vec<Vec<(f64, u64)>>, MatchError> {
        let norms = self.problem.targets.norms;
        let free = self.targets.iter().zip(&self.norms).filter(|(_, norm)| !norm.is_nan());
        Ok(vec![free.take(count).map(|(&target, _)| (norms[target as usize], u64::from(target))).collect()])
    }

    fn preferences(&mut self, sources: &[usize], len: usize) -> Result<Vec<Vec<PreferenceList>>, MatchError> {
        Ok(vec![self.lists(sources, len)])
    }

    fn longer(&mut self, requests: &[LongerList]) -> Result<Vec<PreferenceList>, MatchError> {
        let sources: Vec<usize> = requests.iter().map(|request| request.source).collect();
        Ok(self.lists(&sources, requests.iter().map(|request| request.len).max().unwrap_or(1)))
    }

    fn remove(&mut self, targets: &[u64]) -> Result<(), MatchError> {
        for &target in targets {
            self.norms[self.positions[target as usize] as usize] = f64::NAN;
        }
        self.free -= targets.len();
        if self.free < self.targets.len() / 4 * 3 {
            let mut norms = self.norms.iter();
            self.targets.retain(|_| norms.next().is_some_and(|norm| !norm.is_nan()));
            self.pack();
        }
        Ok(())
    }
}

/// The best rows for one source row so far: up to twice as many as requested.
struct Best<'b, T: Element> {
    rows: &'b ExactRows<'b, 'b, 'b, T>,
    y_norm: f64,
    len: usize,
    listed: Vec<Scored>,
    /// The compared value of the worst that is listed, once there are enough.
    bound: f64,
}

impl<T: Element> Best<'_, T> {
    /// Offers the rows of a panel with these sums. Returns the number that a score must exceed from here on.
    #[cold]
    #[inline(never)]
    fn offer(&mut self, panel: usize, sums: &[f64; LANES], limit: f64) -> f64 {
        let first = panel * LANES;
        let norms = &self.rows.norms[first..][..LANES];
        let mut pruned = false;
        for lane in 0..LANES {
            if sums[lane] / norms[lane] > limit {
                let target = self.rows.targets[first + lane] as usize;
                let scored = self.rows.problem.targets.scored(sums[lane], self.y_norm, target);
                if scored.score_and_norm().0 > self.bound {
                    if self.listed.len() >= 2 * self.len {
                        pruned = true;
                        self.prune();
                    }
                    self.listed.push(scored);
                }
            }
        }
        if pruned { self.limit() } else { limit }
    }

    fn prune(&mut self) {
        let (_, worst, _) = self.listed.select_nth_unstable_by(self.len - 1, Scored::preferred_first);
        self.bound = worst.score_and_norm().0;
        self.listed.truncate(self.len);
    }

    /// No score up to this number is compared as above the bound.
    fn limit(&self) -> f64 {
        match self.rows.problem.targets.precision {
            Precision::Double => self.bound,
            Precision::Single => {
                let limit = self.bound * self.y_norm;
                limit - 4.0 * f64::EPSILON * limit.abs()
            }
        }
    }

    fn finish(mut self) -> Vec<Scored> {
        self.listed.sort_unstable_by(Scored::preferred_first);
        self.listed.truncate(self.len);
        self.listed
    }
}

/// Scores every panel with every source row of a group.
struct Scan<'s, 'b, T: Element> {
    rows: &'s ExactRows<'s, 's, 's, T>,
    dim: usize,
    packed: &'s [f64],
    bests: &'s mut [Best<'b, T>],
    limits: &'s mut [f64],
}

impl<T: Element> WithSimd for Scan<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F64_LANES {
            8 => self.run::<S, ROWS, 2>(simd),
            4 => self.run::<S, { ROWS / 6 }, 4>(simd),
            2 => self.run::<S, { ROWS / 12 }, 8>(simd),
            _ => self.run::<S, { ROWS / 12 }, 16>(simd),
        }
    }
}

impl<T: Element> Scan<'_, '_, T> {
    /// Processes `R` source rows at a time; a column of a panel fills `N` registers.
    #[inline(always)]
    fn run<S: Simd, const R: usize, const N: usize>(self, simd: S) {
        let dim = self.dim;
        let mut widened = vec![0.0; dim * LANES];
        for (panel, columns) in self.rows.panels.data.chunks_exact(dim * LANES).enumerate() {
            for (wide, &entry) in widened.iter_mut().zip(columns) {
                *wide = entry.into();
            }
            let norms: [S::f64s; N] = {
                let norms = S::as_simd_f64s(&self.rows.norms[panel * LANES..][..LANES]).0;
                from_fn(|n| norms[n])
            };
            for (group, rows) in self.packed.chunks_exact(dim * ROWS).enumerate() {
                for part in (0..ROWS).step_by(R) {
                    let mut sums = [[simd.splat_f64s(0.0); N]; R];
                    for (column, row) in widened.chunks_exact(LANES).zip(rows.chunks_exact(ROWS)) {
                        let column: [S::f64s; N] = from_fn(|n| S::as_simd_f64s(column).0[n]);
                        let row = &row[part..part + R];
                        for r in 0..R {
                            let entry = simd.splat_f64s(row[r]);
                            for n in 0..N {
                                sums[r][n] = if T::EXACT_PRODUCTS {
                                    // Fused or not: the same.
                                    simd.mul_add_e_f64s(column[n], entry, sums[r][n])
                                } else {
                                    simd.add_f64s(sums[r][n], simd.mul_f64s(column[n], entry))
                                };
                            }
                        }
                    }
                    let first = group * ROWS + part;
                    for (row, sums) in (first..).zip(&sums) {
                        let limit = simd.splat_f64s(self.limits[row]);
                        let any = |mask: S::m64s| simd.first_true_m64s(mask) < S::F64_LANES;
                        let may_exceed =
                            |n: usize| any(simd.less_than_or_equal_f64s(simd.mul_f64s(limit, norms[n]), sums[n]));
                        let exceeds = |n: usize| any(simd.less_than_f64s(limit, simd.div_f64s(sums[n], norms[n])));
                        if (0..N).any(may_exceed) && (0..N).any(exceeds) {
                            let mut scores = [0.0; LANES];
                            S::as_mut_simd_f64s(&mut scores).0.copy_from_slice(sums);
                            // The padding rows have no list.
                            if let Some(best) = self.bests.get_mut(row) {
                                self.limits[row] = best.offer(panel, &scores, self.limits[row]);
                            }
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
