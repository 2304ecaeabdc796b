//! Algorithm 1 in blocks of source rows: a [`Proposer`] lists candidates, `f64` decides among them, and conflicts within a block
//! are resolved in favor of the earlier row.
//!
//! Why the result is exact.
//!
//! *Scores.* A listed row's cosine lies within e of its score, and that of a row that is not listed is at most b; both speak of
//! unit rows, whose entries are rounded, so the cosine of the rows themselves may differ by another [`UNIT`], which covers
//! the rounding of the `f64` scores as well. Let h be the highest score on the list of a row that y may have. Only rows of a
//! score of at least h − 2e − 2·[`UNIT`] can be the one to take; they are scored in `f64`. No other row can be, provided that
//! b < h − e − 2·[`UNIT`]; otherwise the list is too short, and y is proposed for anew. With [`Precision::Single`] rows tie
//! whose cosines are up to one step of `f32` apart, and both limits are lower by that.
//!
//! *Conflicts.* All target rows rank the source rows alike, by their order of service, so Algorithm 1 is the only stable
//! matching, and deferred acceptance finds it in whatever order the source rows propose: each takes the best row that no earlier
//! one holds, if need be out of the hands of a later one, which then looks again. The rows that y may have never become
//! more, so a list once proposed for y stays a list for y. Where many lists turn out too short, since many rows of the block
//! want the same few, the rows before the first such row are served, and the others left to the next block.

use std::time::Instant;

use pulp::{Arch, Simd, WithSimd};

use crate::dense::single_error;
use crate::matching::Reporter;
use crate::score::Scored;
use crate::statistics::Statistics;
use crate::task::{Assignments, Task};
use crate::{Candidate, Candidates, Element, MatchError, Precision, Proposer, UnitRows, parallel};

/// Bound on the difference between the cosine of two rows, or what the contract makes of it in `f64`, and that of their unit rows:
/// two roundings by 2⁻²⁴, with room for those in `f64`.
const UNIT: f64 = 1.2e-7;
/// No source row of the block.
const NOBODY: u32 = u32::MAX;
/// Source rows that are as many pieces of work as suffice for some threads.
const PIECES: usize = 96;
/// Candidates at which a list is no longer lengthened: from there on every free row is scored.
const LONGEST: usize = 2048;
/// Candidates of a block: a bound on the memory for them.
const MOST_LISTED: usize = 1 << 22;

/// Sizes that change the time taken, never the matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Source rows that are proposed for at a time, at most.
    pub(crate) block: usize,
    /// Candidates kept for a source row, to begin with.
    pub(crate) keep: usize,
    /// Free rows for each source row that is proposed for at a time: the more, the seldomer two want the same.
    pub(crate) share: usize,
}

impl Shape {
    // Measured: see the [cost model](crate::choice).
    pub(crate) const BLOCKED: Self = Self { block: 4096, keep: 8, share: 32 };
    pub(crate) const BLOCKED_FEW_COLUMNS: Self = Self { block: 4096, keep: 4, share: 32 };
    pub(crate) const NARROW: Self = Self { block: 4096, keep: 16, share: 32 };
    pub(crate) const TREE: Self = Self { block: 1024, keep: 4, share: 16 };
    pub(crate) const PROPOSED: Self = Self { block: 4096, keep: 16, share: 32 };

    /// Source rows of the next block: a multiple of what is one piece of work, so that all threads have as many.
    fn next_block(self, free: usize, keep: usize) -> usize {
        let most = (MOST_LISTED / keep).max(PIECES);
        (free / self.share).max(1).min(most).next_multiple_of(PIECES).min(self.block)
    }
}

/// Memory that one matching after another uses.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    targets: Vec<f32>,
    sources: Vec<f32>,
    candidates: Vec<Candidates>,
    choices: Vec<Choice>,
    /// For each target row the position of the row of the block that holds it.
    holders: Vec<u32>,
}

/// What a source row of the block would take.
#[derive(Debug, Clone, Default)]
struct Choice {
    /// `None` if the list is too short.
    scored: Option<Scored>,
    /// Rows scored in `f64` for it.
    rescored: u32,
}

/// A proposer, and one that takes over where its lists are too short too often.
pub(crate) struct Proposers<'p> {
    pub(crate) first: (&'p mut dyn Proposer, Shape),
    pub(crate) then: Option<(&'p mut dyn Proposer, Shape)>,
}

pub(crate) fn run<T: Element>(
    task: &Task<'_, '_, T>,
    proposers: Proposers<'_>,
    buffers: &mut Buffers,
    statistics: &mut Statistics,
    reporter: &mut Reporter<'_, '_>,
) -> Result<Assignments, MatchError> {
    let begun = Instant::now();
    let dim = task.source.dim();
    let mut out = Assignments::new(task.source.len());
    let (zeros, mut taken) = task.serve_zero_rows(&mut out);
    unit_rows(&mut buffers.targets, task.targets.rows.len(), dim, |target| {
        (task.targets.rows.row(target), task.targets.norms[target])
    });
    buffers.holders.clear();
    buffers.holders.resize(taken.len(), NOBODY);
    let Proposers { first: (mut proposer, mut shape), mut then } = proposers;
    begin(proposer, &buffers.targets, dim, &taken)?;
    statistics.prepare += begun.elapsed();

    let mut keep = shape.keep;
    // A short block shows soon whether lists are long enough.
    let mut most = PIECES;
    let mut done = zeros;
    while done < task.order.len() {
        reporter.report(done)?;
        let sources = &task.order[done..];
        let proposed = shape.next_block(taken.len() - done, keep).min(most).min(sources.len());
        let mut block = Block {
            task,
            sources: &sources[..proposed],
            keep,
            taken: &taken,
            buffers: &mut *buffers,
            statistics: &mut *statistics,
        };
        block.propose(proposer)?;
        let refilled = block.resolve(proposer)?;
        let gone = block.settle(&mut out);
        for &target in &gone {
            taken[target as usize] = true;
        }
        proposer.remove(&gone)?;
        let served = gone.len();
        done += served;
        if served < proposed {
            // Too many wanted the same few.
            most = served.max(PIECES);
            continue;
        }
        // As the free rows thin out, or where many source rows want the same few, longer lists are cheaper than refills.
        let (many, some) = (refilled > served / 4, refilled > served / 16);
        let longer = keep.saturating_mul(if many { 4 } else { 2 }).min(LONGEST / 8).max(keep);
        most = if many {
            (most / 4).max(PIECES)
        } else if some {
            most
        } else {
            most.saturating_mul(2)
        };
        if many
            && longer == keep
            && let Some(next) = then.take()
        {
            let begun = Instant::now();
            (proposer, shape) = next;
            keep = shape.keep;
            begin(proposer, &buffers.targets, dim, &taken)?;
            statistics.prepare += begun.elapsed();
        } else if some {
            keep = longer;
        }
    }
    Ok(out)
}

/// Lets a proposer know the target rows, and which of them are gone.
fn begin(proposer: &mut dyn Proposer, targets: &[f32], dim: usize, taken: &[bool]) -> Result<(), MatchError> {
    proposer.begin(UnitRows::new(targets, dim))?;
    let gone: Vec<u32> = (0..).zip(taken).filter(|&(_, &taken)| taken).map(|(target, _)| target).collect();
    Ok(proposer.remove(&gone)?)
}

/// Fills `units` with `len` unit rows; a zero row stays zero.
fn unit_rows<'t, T: Element>(
    units: &mut Vec<f32>,
    len: usize,
    dim: usize,
    row: impl Fn(usize) -> (&'t [T], f64) + Sync + Send,
) {
    const ROWS: usize = 64;
    units.clear();
    units.resize(len * dim, 0.0);
    let mut chunks: Vec<&mut [f32]> = units.chunks_mut(ROWS * dim).collect();
    parallel::for_each(&mut chunks, |chunk, units| {
        for (offset, unit) in units.chunks_mut(dim).enumerate() {
            let (row, norm) = row(chunk * ROWS + offset);
            if norm > 0.0 {
                for (unit, &entry) in unit.iter_mut().zip(row) {
                    *unit = (entry.into() / norm) as f32;
                }
            }
        }
    });
}

/// The source rows that are being served.
struct Block<'b, 'r, 'a, T: Element> {
    task: &'b Task<'r, 'a, T>,
    sources: &'b [usize],
    keep: usize,
    /// The target rows taken before this block.
    taken: &'b [bool],
    buffers: &'b mut Buffers,
    statistics: &'b mut Statistics,
}

impl<T: Element> Block<'_, '_, '_, T> {
    /// Proposes for all, and lets each choose as if it were alone.
    fn propose(&mut self, proposer: &mut dyn Proposer) -> Result<(), MatchError> {
        let begun = Instant::now();
        let (len, dim) = (self.sources.len(), self.task.source.dim());
        let buffers = &mut *self.buffers;
        let (task, sources) = (self.task, self.sources);
        unit_rows(&mut buffers.sources, len, dim, |position| {
            let source = sources[position];
            (task.source.row(source), task.source_norms[source])
        });
        if buffers.candidates.len() < len {
            buffers.candidates.resize_with(len, Candidates::default);
        }
        proposer.propose(UnitRows::new(&buffers.sources, dim), self.keep, &mut buffers.candidates[..len])?;
        self.statistics.propose += begun.elapsed();

        let begun = Instant::now();
        self.check(&self.buffers.candidates[..len])?;
        let mut choices = std::mem::take(&mut self.buffers.choices);
        choices.clear();
        choices.resize(len, Choice::default());
        let this = &*self;
        parallel::fill(&mut choices, 32, |position| this.choose(position, &this.buffers.candidates[position]));
        self.statistics.rescored += choices.iter().map(|choice| u64::from(choice.rescored)).sum::<u64>();
        self.buffers.choices = choices;
        self.statistics.decide += begun.elapsed();
        Ok(())
    }

    /// Whether a proposer outside this crate lists what there is.
    fn check(&self, candidates: &[Candidates]) -> Result<(), MatchError> {
        let wrong = |candidate: &Candidate| {
            candidate.score.is_nan() || self.taken.get(candidate.target as usize).is_none_or(|&taken| taken)
        };
        match candidates.iter().flat_map(Candidates::listed).find(|&candidate| wrong(candidate)) {
            None => Ok(()),
            Some(candidate) => Err(MatchError::Proposer {
                reason: format!(
                    "it listed target row {}, score {}, which is not free",
                    candidate.target, candidate.score
                ),
            }),
        }
    }

    fn may_have(&self, position: usize, target: u32) -> bool {
        // Nobody is later than all.
        self.buffers.holders[target as usize] as usize > position
    }

    /// How far apart cosines may be that tie.
    fn tie(&self) -> f64 {
        match self.task.targets.precision {
            Precision::Double => 0.0,
            // Two that round to the same f32 are at most an f32 step apart, which is at most 2⁻²⁴ below 1.
            Precision::Single => f64::from(f32::EPSILON),
        }
    }

    /// What the source row at `position` takes of the rows that no earlier one holds.
    fn choose(&self, position: usize, candidates: &Candidates) -> Choice {
        let free = || candidates.listed().iter().filter(|candidate| self.may_have(position, candidate.target));
        let Some(highest) = free().map(|candidate| candidate.score).reduce(f32::max) else {
            return Choice::default();
        };
        let error = f64::from(candidates.error());
        let sure = f64::from(highest) - error - 2.0 * UNIT - self.tie();
        let complete = candidates.bound() == f32::NEG_INFINITY;
        // Not the negation: nothing is excluded by NaN.
        if !(complete || f64::from(candidates.bound()) < sure) {
            return Choice::default();
        }
        let floor = sure - error;
        let windowed = free().filter(|candidate| reaches(candidate.score, floor));
        self.decide(position, windowed.map(|candidate| candidate.target))
    }

    /// The best of these rows by the contract.
    fn decide(&self, position: usize, mut targets: impl Iterator<Item = u32>) -> Choice {
        let source = self.sources[position];
        let (y, y_norm) = (self.task.source.row(source), self.task.source_norms[source]);
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
                self.task.targets.scores(y, y_norm, four).into_iter().for_each(&mut offer);
            } else {
                let rest = four.into_iter().flatten();
                rest.for_each(|target| offer(self.task.targets.score(y, y_norm, target as usize)));
                return choice;
            }
        }
    }

    /// Deferred acceptance: returns how many rows had to be proposed for again.
    fn resolve(&mut self, proposer: &mut dyn Proposer) -> Result<usize, MatchError> {
        let begun = Instant::now();
        let proposed = self.statistics.propose;
        // The next to propose comes last.
        let mut waiting: Vec<u32> = (0..self.sources.len() as u32).rev().collect();
        let (mut keep, mut refilled) = (self.keep, 0);
        loop {
            let mut short = Vec::new();
            while let Some(row) = waiting.pop() {
                let position = row as usize;
                let chosen = self.buffers.choices[position].scored.as_ref().map(|scored| scored.target);
                if chosen.is_none_or(|target| !self.may_have(position, target as u32)) {
                    let choice = self.choose(position, &self.buffers.candidates[position]);
                    self.statistics.rescored += u64::from(choice.rescored);
                    self.buffers.choices[position] = choice;
                }
                match &self.buffers.choices[position].scored {
                    None => short.push(row),
                    Some(scored) => {
                        let target = scored.target;
                        waiting.extend(self.take(row, target));
                    }
                }
            }
            if short.is_empty() {
                break;
            }
            short.sort_unstable();
            let first = short[0] as usize;
            if first >= PIECES / 2 && short.len() > self.sources.len() / 16 {
                self.cut(first);
                break;
            }
            refilled += short.len();
            if keep < LONGEST {
                keep = keep.saturating_mul(8).min(LONGEST);
                self.refill(&short, keep, proposer)?;
                waiting.extend(short.iter().rev());
                continue;
            }
            for row in short {
                let choice = self.exhaust(row as usize);
                self.statistics.exhausted += 1;
                self.statistics.rescored += u64::from(choice.rescored);
                let target = choice.scored.as_ref().map(|scored| scored.target);
                self.buffers.choices[row as usize] = choice;
                let target = target.expect("there are at least as many target rows as source rows");
                waiting.extend(self.take(row, target));
            }
        }
        self.statistics.refills += refilled as u64;
        self.statistics.decide += begun.elapsed() - (self.statistics.propose - proposed);
        Ok(refilled)
    }

    /// Leaves the rows from `len` on to the next block. No earlier row is short, so all that they wait for has come to rest.
    fn cut(&mut self, len: usize) {
        for choice in &self.buffers.choices[len..] {
            let holder = choice.scored.as_ref().map(|scored| &mut self.buffers.holders[scored.target]);
            if let Some(holder) = holder
                && *holder as usize >= len
            {
                *holder = NOBODY;
            }
        }
        self.sources = &self.sources[..len];
    }

    /// Gives a target row to a row of the block, and returns the later one that must let go of it.
    fn take(&mut self, row: u32, target: usize) -> Option<u32> {
        let displaced = std::mem::replace(&mut self.buffers.holders[target], row);
        (displaced != NOBODY).then_some(displaced)
    }

    /// Proposes again for these rows of the block, with longer lists.
    fn refill(&mut self, rows: &[u32], keep: usize, proposer: &mut dyn Proposer) -> Result<(), MatchError> {
        let begun = Instant::now();
        let dim = self.task.source.dim();
        let sources = UnitRows::new(&self.buffers.sources, dim);
        let units: Vec<f32> = rows.iter().flat_map(|&row| sources.row(row as usize)).copied().collect();
        let mut candidates: Vec<Candidates> =
            rows.iter().map(|&row| std::mem::take(&mut self.buffers.candidates[row as usize])).collect();
        proposer.propose(UnitRows::new(&units, dim), keep, &mut candidates)?;
        self.check(&candidates)?;
        for (&row, candidates) in rows.iter().zip(candidates) {
            self.buffers.candidates[row as usize] = candidates;
        }
        self.statistics.propose += begun.elapsed();
        Ok(())
    }

    /// What the source row at `position` takes, looked for among all rows that no earlier one holds.
    fn exhaust(&self, position: usize) -> Choice {
        const CHUNK: usize = 2048;
        let dim = self.task.source.dim();
        let unit = &self.buffers.sources[position * dim..][..dim];
        let mut scores = vec![f32::NEG_INFINITY; self.taken.len()];
        let mut chunks: Vec<&mut [f32]> = scores.chunks_mut(CHUNK).collect();
        let targets = UnitRows::new(&self.buffers.targets, dim);
        parallel::for_each(&mut chunks, |chunk, scores| {
            let rows = (chunk * CHUNK..).zip(scores.iter_mut());
            let free = |target: usize| !self.taken[target] && self.may_have(position, target as u32);
            let free = rows.filter(|&(target, _)| free(target)).map(|(target, score)| (targets.row(target), score));
            Arch::new().dispatch(Dots { unit, rows: free });
        });
        let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let floor = f64::from(highest) - 2.0 * (f64::from(single_error(dim)) + UNIT) - self.tie();
        let mut best = vec![Choice::default(); scores.len().div_ceil(CHUNK)];
        let mut chunks: Vec<_> = best.iter_mut().zip(scores.chunks(CHUNK)).collect();
        parallel::for_each(&mut chunks, |chunk, (best, scores)| {
            let near = (0..).zip(*scores).filter(|&(_, &score)| score > f32::NEG_INFINITY && reaches(score, floor));
            **best = self.decide(position, near.map(|(offset, _)| (chunk * CHUNK) as u32 + offset));
        });
        let rescored = best.iter().map(|choice| choice.rescored).sum();
        let better = |a: Scored, b: Scored| if b.beats(&a) { b } else { a };
        Choice { scored: best.into_iter().filter_map(|choice| choice.scored).reduce(better), rescored }
    }

    /// Writes down who took what, and returns what is taken.
    fn settle(self, out: &mut Assignments) -> Vec<u32> {
        let mut gone = Vec::with_capacity(self.sources.len());
        for (&source, choice) in self.sources.iter().zip(&self.buffers.choices) {
            let scored = choice.scored.as_ref().expect("every row of a resolved block has chosen");
            out.set(source, scored.target, scored.similarity);
            self.buffers.holders[scored.target] = NOBODY;
            gone.push(scored.target as u32);
        }
        gone
    }
}

/// Whether a score is not below a floor, which is NaN where errors are unbounded: then everything reaches it.
fn reaches(score: f32, floor: f64) -> bool {
    floor.is_nan() || f64::from(score) >= floor
}

/// Dot products with one unit row.
struct Dots<'u, I> {
    unit: &'u [f32],
    rows: I,
}

impl<'r, 's, I: Iterator<Item = (&'r [f32], &'s mut f32)>> WithSimd for Dots<'_, I> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        for (row, score) in self.rows {
            *score = dot(self.unit, row);
        }
    }
}

/// A dot product in `f32`, whose error [`single_error`] bounds.
#[inline(always)]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
    let mut sums = [0.0; 16];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..16 {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
