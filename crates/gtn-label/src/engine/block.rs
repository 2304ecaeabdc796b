//! One block of source rows: a [`Proposer`] lists candidates, `f64` decides among them, and conflicts within the block are resolved
//! in favor of the earlier row.
//!
//! # Why the result is exact
//!
//! *Scores.* The cosine of a listed row is within e of its score, and that of a row that is not listed is at most b. Both
//! statements are about unit rows, whose entries are rounded, so the cosine of the original rows may differ by another
//! [`UNIT_ERROR`], which also covers the rounding of the `f64` scores. Let h be the highest score on the list among the rows that
//! y may take. Only rows with a score of at least h − 2e − 2·[`UNIT_ERROR`] can be the best; they are rescored in `f64`. No other
//! row can be, provided that b < h − e − 2·[`UNIT_ERROR`]; otherwise the list is too short, and candidates are proposed for y
//! again. With [`Precision::Single`](crate::Precision::Single), rows tie whose cosines are up to one step of `f32` apart, and both limits are lower by that
//! step.
//!
//! *Conflicts.* All target rows rank the source rows alike, by the processing order, so Algorithm 1 is the only stable matching,
//! and deferred acceptance finds it in whatever order the source rows make their offers: each takes the best row that no
//! earlier one holds, if necessary from a later one, which then chooses again. The set of rows that y may take never grows, so a
//! list once proposed for y stays valid for y. If many lists turn out too short because many rows of the block compete for
//! the same few, the rows before the first such row are finished, and the others are left to the next block.

use std::time::Instant;

use super::around::Around;
use super::dots::{CHUNK, scores};
use super::equal::EqualRows;
use super::sizes::MIN_BLOCK_SIZE;
use crate::dense::float32_error;
use crate::problem::{Assignment, Problem};
use crate::score::Scored;
use crate::stats::MatchStats;
use crate::units::{MAX_LIST_LEN, UNIT_ERROR, tie_width, unit_rows};
use crate::{Candidate, Candidates, Element, MatchError, Proposer, UnitRows, parallel};

/// The holder of a target row that no source row of the block holds.
pub(super) const UNHELD: u32 = u32::MAX;
/// Memory that successive matchings reuse.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub(super) targets: Vec<f32>,
    sources: Vec<f32>,
    candidates: Vec<Candidates>,
    choices: Vec<Choice>,
    /// For each target row, the position in the block of the source row that holds it.
    pub(super) holders: Vec<u32>,
}

/// The choice of a source row of the block.
#[derive(Debug, Clone, Default)]
struct Choice {
    /// `None` if the list is too short.
    scored: Option<Scored>,
    /// Target rows that were scored in `f64`.
    rescored: u32,
}

/// The source rows that are being processed.
pub(super) struct Block<'b, 'r, 'a, T: Element> {
    pub(super) problem: &'b Problem<'r, 'a, T>,
    pub(super) sources: &'b [usize],
    pub(super) k: usize,
    /// The target rows taken before this block.
    pub(super) taken: &'b [bool],
    /// The groups of equal target rows, if the proposer was given one of each.
    pub(super) equal: Option<&'b EqualRows>,
    pub(super) buffers: &'b mut Buffers,
    pub(super) stats: &'b mut MatchStats,
}

impl<T: Element> Block<'_, '_, '_, T> {
    /// Proposes candidates for all source rows, and lets each one choose as if it were alone.
    pub(super) fn propose(&mut self, proposer: &mut dyn Proposer) -> Result<(), MatchError> {
        let k = self.k;
        self.propose_by(|_, (sources, _), candidates| Ok(proposer.propose(sources, k, candidates).map(|()| true)?))
            .map(|_| ())
    }

    /// The same among the rows that are the best ones for the center of the source rows. Returns whether those are in a narrow cone.
    pub(super) fn propose_around(&mut self, around: &mut Around) -> Result<bool, MatchError> {
        self.propose_by(|is_free, rows, candidates| around.propose(rows, is_free, candidates))
    }

    /// Lets each source row choose from the candidates that `propose` finds, if it returns that it did.
    fn propose_by(
        &mut self,
        propose: impl FnOnce(
            &(dyn Fn(usize) -> bool + Sync),
            (UnitRows<'_>, UnitRows<'_>),
            &mut [Candidates],
        ) -> Result<bool, MatchError>,
    ) -> Result<bool, MatchError> {
        let started = Instant::now();
        let (len, dim) = (self.sources.len(), self.problem.source.dim());
        let buffers = &mut *self.buffers;
        let (problem, sources) = (self.problem, self.sources);
        unit_rows(&mut buffers.sources, len, dim, |position| {
            let source = sources[position];
            (problem.source.row(source), problem.source_norms[source])
        });
        if buffers.candidates.len() < len {
            buffers.candidates.resize_with(len, Candidates::default);
        }
        let (sources, targets) = (UnitRows::new(&buffers.sources, dim), UnitRows::new(&buffers.targets, dim));
        let is_free = |target| is_free(self.taken, self.equal, target);
        let found = propose(&is_free, (sources, targets), &mut buffers.candidates[..len])?;
        self.stats.propose += started.elapsed();
        if !found {
            return Ok(false);
        }

        let started = Instant::now();
        self.check(&self.buffers.candidates[..len])?;
        let mut choices = std::mem::take(&mut self.buffers.choices);
        choices.clear();
        choices.resize(len, Choice::default());
        let this = &*self;
        parallel::fill(&mut choices, 32, |position| this.choose(position, &this.buffers.candidates[position]));
        self.stats.rescored += choices.iter().map(|choice| u64::from(choice.rescored)).sum::<u64>();
        self.buffers.choices = choices;
        self.stats.decide += started.elapsed();
        Ok(true)
    }

    /// Checks that the proposer, which may be outside this crate, lists only free rows and valid scores.
    fn check(&self, candidates: &[Candidates]) -> Result<(), MatchError> {
        let is_invalid = |candidate: &Candidate| {
            candidate.score.is_nan() || !is_free(self.taken, self.equal, candidate.target as usize)
        };
        match candidates.iter().flat_map(Candidates::listed).find(|&candidate| is_invalid(candidate)) {
            None => Ok(()),
            Some(candidate) => Err(MatchError::Proposer {
                reason: format!(
                    "it listed target row {} with score {}; it must list only free rows, with valid scores",
                    candidate.target, candidate.score
                ),
            }),
        }
    }

    fn may_take(&self, position: usize, target: u32) -> bool {
        // `UNHELD` is greater than any position.
        self.buffers.holders[target as usize] as usize > position
    }

    /// The row that the source row at `position` may take: the proposed one, or the first that is equal to it.
    fn available(&self, position: usize, proposed: u32) -> Option<u32> {
        match self.equal {
            None => self.may_take(position, proposed).then_some(proposed),
            Some(equal) => {
                let rows = equal.free(proposed);
                rows.get(rows.partition_point(|&row| !self.may_take(position, row))).copied()
            }
        }
    }

    fn tie_width(&self) -> f64 {
        tie_width(self.problem.targets.precision)
    }

    /// The choice of the source row at `position` among the listed rows, and those equal to them, that no earlier one holds.
    fn choose(&self, position: usize, candidates: &Candidates) -> Choice {
        let available = || {
            let listed = candidates.listed().iter();
            listed.filter_map(|candidate| Some((candidate.score, self.available(position, candidate.target)?)))
        };
        let Some(highest) = available().map(|(score, _)| score).reduce(f32::max) else {
            return Choice::default();
        };
        let error = f64::from(candidates.error());
        let unlisted_limit = f64::from(highest) - error - 2.0 * UNIT_ERROR - self.tie_width();
        let complete = candidates.bound() == f32::NEG_INFINITY;
        // Not written with `>=`: a NaN must not exclude any row.
        if !(complete || f64::from(candidates.bound()) < unlisted_limit) {
            return Choice::default();
        }
        let floor = unlisted_limit - error;
        let in_window = available().filter(|&(score, _)| reaches(score, floor));
        self.decide(position, in_window.map(|(_, target)| target))
    }

    /// The best of these rows, scored in `f64`.
    fn decide(&self, position: usize, mut targets: impl Iterator<Item = u32>) -> Choice {
        let source = self.sources[position];
        let (y, y_norm) = (self.problem.source.row(source), self.problem.source_norms[source]);
        let mut choice = Choice::default();
        let mut offer = |scored: Scored| {
            if choice.scored.as_ref().is_none_or(|best| scored.beats(best)) {
                choice.scored = Some(scored);
            }
            choice.rescored += 1;
        };
        loop {
            let four: [Option<u32>; 4] = std::array::from_fn(|_| targets.next());
            if let [Some(a), Some(b), Some(c), Some(d)] = four {
                let four = [a, b, c, d].map(|target| target as usize);
                self.problem.targets.scores(y, y_norm, four).into_iter().for_each(&mut offer);
            } else {
                let rest = four.into_iter().flatten();
                rest.for_each(|target| offer(self.problem.targets.score(y, y_norm, target as usize)));
                return choice;
            }
        }
    }

    /// Deferred acceptance. Returns the number of rows that needed longer lists.
    pub(super) fn resolve_conflicts(&mut self, proposer: &mut dyn Proposer) -> Result<usize, MatchError> {
        let started = Instant::now();
        let propose_before = self.stats.propose;
        // A stack: the next row to choose is the last.
        let mut waiting: Vec<u32> = (0..self.sources.len() as u32).rev().collect();
        let (mut k, mut refilled) = (self.k, 0);
        loop {
            let mut too_short = Vec::new();
            while let Some(row) = waiting.pop() {
                let position = row as usize;
                let chosen = self.buffers.choices[position].scored.as_ref().map(|scored| scored.target);
                if chosen.is_none_or(|target| !self.may_take(position, target as u32)) {
                    let choice = self.choose(position, &self.buffers.candidates[position]);
                    self.stats.rescored += u64::from(choice.rescored);
                    self.buffers.choices[position] = choice;
                }
                match &self.buffers.choices[position].scored {
                    None => too_short.push(row),
                    Some(scored) => {
                        let target = scored.target;
                        waiting.extend(self.assign(row, target));
                    }
                }
            }
            if too_short.is_empty() {
                break;
            }
            too_short.sort_unstable();
            let first = too_short[0] as usize;
            if first >= MIN_BLOCK_SIZE / 2 && too_short.len() > self.sources.len() / 16 {
                self.truncate(first);
                break;
            }
            refilled += too_short.len();
            if k < MAX_LIST_LEN {
                k = k.saturating_mul(8).min(MAX_LIST_LEN);
                self.refill(&too_short, k, proposer)?;
                waiting.extend(too_short.iter().rev());
                continue;
            }
            for row in too_short {
                let choice = self.scan_all(row as usize);
                self.stats.full_scans += 1;
                self.stats.rescored += u64::from(choice.rescored);
                let target = choice.scored.as_ref().map(|scored| scored.target);
                self.buffers.choices[row as usize] = choice;
                let target = target.expect("there are at least as many target rows as source rows");
                waiting.extend(self.assign(row, target));
            }
        }
        self.stats.refills += refilled as u64;
        self.stats.decide += started.elapsed() - (self.stats.propose - propose_before);
        Ok(refilled)
    }

    /// Leaves the rows from position `len` on to the next block. No earlier row needs a longer list, so their choices are final.
    fn truncate(&mut self, len: usize) {
        for choice in &self.buffers.choices[len..] {
            let holder = choice.scored.as_ref().map(|scored| &mut self.buffers.holders[scored.target]);
            if let Some(holder) = holder
                && *holder as usize >= len
            {
                *holder = UNHELD;
            }
        }
        self.sources = &self.sources[..len];
    }

    /// Assigns a target row to a row of the block, and returns the later row that must release it.
    fn assign(&mut self, row: u32, target: usize) -> Option<u32> {
        let displaced = std::mem::replace(&mut self.buffers.holders[target], row);
        (displaced != UNHELD).then_some(displaced)
    }

    /// Proposes longer lists for these rows of the block.
    fn refill(&mut self, rows: &[u32], k: usize, proposer: &mut dyn Proposer) -> Result<(), MatchError> {
        let started = Instant::now();
        let dim = self.problem.source.dim();
        let sources = UnitRows::new(&self.buffers.sources, dim);
        let units: Vec<f32> = rows.iter().flat_map(|&row| sources.row(row as usize)).copied().collect();
        let mut candidates: Vec<Candidates> =
            rows.iter().map(|&row| std::mem::take(&mut self.buffers.candidates[row as usize])).collect();
        proposer.propose(UnitRows::new(&units, dim), k, &mut candidates)?;
        self.check(&candidates)?;
        for (&row, candidates) in rows.iter().zip(candidates) {
            self.buffers.candidates[row as usize] = candidates;
        }
        self.stats.propose += started.elapsed();
        Ok(())
    }

    /// The choice of the source row at `position` among all target rows that no earlier one holds.
    fn scan_all(&self, position: usize) -> Choice {
        let dim = self.problem.source.dim();
        let unit = &self.buffers.sources[position * dim..][..dim];
        let may_take = |target: usize| !self.taken[target] && self.may_take(position, target as u32);
        let scores = scores(unit, UnitRows::new(&self.buffers.targets, dim), may_take);
        let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let floor = f64::from(highest) - 2.0 * (f64::from(float32_error(dim)) + UNIT_ERROR) - self.tie_width();
        let mut best = vec![Choice::default(); scores.len().div_ceil(CHUNK)];
        let mut chunks: Vec<_> = best.iter_mut().zip(scores.chunks(CHUNK)).collect();
        parallel::for_each(&mut chunks, |chunk, (best, scores)| {
            let in_window =
                (0..).zip(*scores).filter(|&(_, &score)| score > f32::NEG_INFINITY && reaches(score, floor));
            **best = self.decide(position, in_window.map(|(offset, _)| (chunk * CHUNK) as u32 + offset));
        });
        let rescored = best.iter().map(|choice| choice.rescored).sum();
        let better = |a: Scored, b: Scored| if b.beats(&a) { b } else { a };
        Choice { scored: best.into_iter().filter_map(|choice| choice.scored).reduce(better), rescored }
    }

    /// Writes the pairs of the block to `out`, and returns the target rows that they take.
    pub(super) fn commit(self, out: &mut Assignment) -> Vec<u32> {
        let mut removed = Vec::with_capacity(self.sources.len());
        for (&source, choice) in self.sources.iter().zip(&self.buffers.choices) {
            let scored = choice.scored.as_ref().expect("every row of a resolved block has chosen");
            out.set(source, scored.target, scored.similarity);
            self.buffers.holders[scored.target] = UNHELD;
            removed.push(scored.target as u32);
        }
        removed
    }
}

/// Whether a row may be proposed.
pub(super) fn is_free(taken: &[bool], equal: Option<&EqualRows>, target: usize) -> bool {
    match equal {
        None => taken.get(target).is_some_and(|&taken| !taken),
        Some(equal) => equal.stands_for_free(target as u32),
    }
}

/// Whether a score is at least `floor`. A floor of NaN, from an unbounded error, admits every score.
fn reaches(score: f32, floor: f64) -> bool {
    floor.is_nan() || f64::from(score) >= floor
}
