//! Some of the target rows: candidates from a proposer, scored in `f64`.

use super::preferences::{LongerList, Preference, PreferenceList, Shards};
use crate::dense::{Float32Proposer, Int8Proposer};
use crate::problem::{check_columns, checked_norms};
use crate::score::{Scored, Targets, norm};
use crate::sort::argsort_by_norm;
use crate::tree::Tree;
use crate::units::{MAX_LIST_LEN, UNIT_ERROR, tie_width, unit_rows};
use crate::{
    Candidate, Candidates, Element, MatchError, PointSet, Precision, Proposer, Rows, Strategy, UnitRows, cost_model,
    parallel,
};

/// Some of the target rows of a matching, for [`match_shards`](crate::match_shards).
///
/// It borrows its rows, and holds as much memory beside them as [`Matcher`](crate::Matcher) does.
pub struct Shard<'a, T: Element = f32> {
    rows: Rows<'a, T>,
    indices: Indices,
    norms: Vec<f64>,
    precision: Precision,
    taken: Vec<bool>,
    free: usize,
    proposer: Box<dyn Proposer + Sync>,
    candidates: Vec<Candidates>,
    /// Unit rows of source rows, reused.
    units: Vec<f32>,
}

/// The indices of the rows of a shard among those of all shards.
#[derive(Debug)]
enum Indices {
    /// They follow each other from this one on.
    From(u64),
    /// In ascending order.
    Listed(Vec<u64>),
}

impl Indices {
    fn of(&self, row: usize) -> u64 {
        match self {
            Self::From(first) => first + row as u64,
            Self::Listed(indices) => indices[row],
        }
    }

    /// The row with an index, if it is one of `len` rows.
    fn find(&self, index: u64, len: usize) -> Option<usize> {
        match self {
            Self::From(first) => index.checked_sub(*first).map(|row| row as usize).filter(|&row| row < len),
            Self::Listed(indices) => indices.binary_search(&index).ok(),
        }
    }
}

impl<T: Element> std::fmt::Debug for Shard<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rows, free, .. } = self;
        f.debug_struct("Shard").field("rows", &rows.len()).field("free", free).finish_non_exhaustive()
    }
}

/// Target rows that are scored in one task.
const CHUNK: usize = 2048;
/// A list is requested with so many more candidates than rows, since only those count that the bound of the others excludes.
const CANDIDATES_PER_ROW: usize = 2;

impl<'a, T: Element> Shard<'a, T> {
    /// A shard of these rows, all of them free. `first` is the index of the first one among the rows of all shards, whose indices follow
    /// each other. `source_rows`, the number of source rows of the matching, decides which strategy is the fastest.
    ///
    /// # Errors
    ///
    /// [`MatchError`] if a row contains NaN or an infinity or is out of range, with the index among the rows of all shards.
    pub fn new(rows: Rows<'a, T>, first: u64, source_rows: usize, precision: Precision) -> Result<Self, MatchError> {
        Self::with(rows, Indices::From(first), source_rows, precision)
    }

    /// A shard of rows that have these indices among the rows of all shards, in ascending order.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    ///
    /// # Panics
    ///
    /// If there is not one index for each row, or they do not ascend.
    pub fn of_indices(
        rows: Rows<'a, T>,
        indices: Vec<u64>,
        source_rows: usize,
        precision: Precision,
    ) -> Result<Self, MatchError> {
        assert_eq!(rows.len(), indices.len(), "one index for each row");
        assert!(indices.is_sorted_by(|a, b| a < b), "indices ascend");
        Self::with(rows, Indices::Listed(indices), source_rows, precision)
    }

    fn with(rows: Rows<'a, T>, indices: Indices, source_rows: usize, precision: Precision) -> Result<Self, MatchError> {
        let strategy = cost_model::fastest::<T>(source_rows, rows.dim());
        let Ok(_) = u32::try_from(rows.len()) else {
            return Err(MatchError::TooManyRows { set: PointSet::Target, rows: rows.len() });
        };
        let norms = checked_norms(&rows, PointSet::Target)
            .map_err(|error| error.map_rows(|_, row| indices.of(row) as usize))?;
        let mut proposer: Box<dyn Proposer + Sync> = match strategy {
            Strategy::Int8 if Int8Proposer::supports(rows.dim()) => Box::new(Int8Proposer::default()),
            Strategy::Dense | Strategy::Int8 => Box::new(Float32Proposer::default()),
            _ if Tree::supports(rows.len()) => Box::new(Tree::default()),
            _ => Box::new(Float32Proposer::default()),
        };
        let mut units = Vec::new();
        unit_rows(&mut units, rows.len(), rows.dim(), |row| (rows.row(row), norms[row]));
        if !rows.is_empty() {
            proposer.begin(UnitRows::new(&units, rows.dim()))?;
        }
        let free = rows.len();
        Ok(Self {
            taken: vec![false; free],
            free,
            rows,
            indices,
            norms,
            precision,
            proposer,
            candidates: Vec::new(),
            units: Vec::new(),
        })
    }

    /// The shortest rows, at most `count`: their norms and indices, in ascending order.
    #[must_use]
    pub fn shortest(&self, count: usize) -> Vec<(f64, u64)> {
        let mut by_norm = argsort_by_norm(&self.norms);
        by_norm.retain(|&row| !self.taken[row]);
        by_norm.truncate(count);
        by_norm.into_iter().map(|row| (self.norms[row], self.indices.of(row))).collect()
    }

    /// Removes those of the target rows that belong to this shard.
    ///
    /// # Errors
    ///
    /// [`MatchError`] if the proposer fails.
    pub fn remove(&mut self, targets: &[u64]) -> Result<(), MatchError> {
        let own = targets.iter().filter_map(|&target| self.indices.find(target, self.rows.len()));
        let removed: Vec<u32> = own.map(|row| row as u32).collect();
        removed.iter().for_each(|&row| self.taken[row as usize] = true);
        self.free -= removed.len();
        if removed.is_empty() { Ok(()) } else { Ok(self.proposer.remove(&removed)?) }
    }

    /// The lists of these source rows. Each has at least `len` rows, or all that are free.
    ///
    /// # Errors
    ///
    /// [`MatchError`] if the rows have another number of columns or the proposer fails.
    pub fn longer(&mut self, sources: &Rows<'_, T>, len: usize) -> Result<Vec<PreferenceList>, MatchError> {
        self.lists(sources, len, len)
    }

    /// The lists of these source rows. Each has up to about `len` rows, and at least one unless no row is free.
    ///
    /// # Errors
    ///
    /// [`MatchError`] if the rows have another number of columns or the proposer fails.
    pub fn preferences(&mut self, sources: &Rows<'_, T>, len: usize) -> Result<Vec<PreferenceList>, MatchError> {
        self.lists(sources, len, 1)
    }

    /// Lists of about `len` and at least `min` rows.
    fn lists(&mut self, sources: &Rows<'_, T>, len: usize, min: usize) -> Result<Vec<PreferenceList>, MatchError> {
        check_columns(sources, &self.rows)?;
        let dim = self.rows.dim();
        let mut lists = vec![PreferenceList::default(); sources.len()];
        if self.free == 0 {
            lists.iter_mut().for_each(|list| list.is_complete = true);
            return Ok(lists);
        }
        let norms = parallel::map(sources.len(), |source| norm(sources.row(source)));
        let mut units = std::mem::take(&mut self.units);
        let mut waiting: Vec<usize> = (0..sources.len()).collect();
        let mut k = len.saturating_mul(CANDIDATES_PER_ROW);
        while !waiting.is_empty() {
            if k > MAX_LIST_LEN.max(len) {
                for &source in &waiting {
                    lists[source] = self.scan_all((sources.row(source), norms[source]), len);
                }
                break;
            }
            unit_rows(&mut units, waiting.len(), dim, |at| (sources.row(waiting[at]), norms[waiting[at]]));
            if self.candidates.len() < waiting.len() {
                self.candidates.resize_with(waiting.len(), Candidates::default);
            }
            let candidates = &mut self.candidates[..waiting.len()];
            self.proposer.propose(UnitRows::new(&units, dim), k, candidates)?;
            let mut ranked = vec![None; waiting.len()];
            let this = &*self;
            parallel::fill(&mut ranked, 32, |at| {
                this.ranked((sources.row(waiting[at]), norms[waiting[at]]), &this.candidates[at], len, min)
            });
            let mut too_short = Vec::new();
            for (source, list) in waiting.into_iter().zip(ranked) {
                match list {
                    Some(list) => lists[source] = list,
                    None => too_short.push(source),
                }
            }
            waiting = too_short;
            k = k.saturating_mul(8);
        }
        self.units = units;
        Ok(lists)
    }

    fn targets(&self) -> Targets<'_, 'a, T> {
        Targets { rows: &self.rows, norms: &self.norms, precision: self.precision }
    }

    /// The candidates that are certainly better than every free row that is not among them; `None` if those are fewer than `min`.
    fn ranked(
        &self,
        (y, y_norm): (&[T], f64),
        candidates: &Candidates,
        len: usize,
        min: usize,
    ) -> Option<PreferenceList> {
        let bound = f64::from(candidates.bound());
        let is_complete = bound == f64::NEG_INFINITY;
        let limit = bound + 2.0 * UNIT_ERROR + tie_width(self.precision);
        // An error that is not bounded excludes no row.
        let may_count = |score: f32| {
            let highest = f64::from(score) + f64::from(candidates.error()) + UNIT_ERROR;
            highest.is_nan() || highest >= limit
        };
        let mut listed: Vec<Candidate> = candidates.listed().to_vec();
        listed.retain(|candidate| is_complete || may_count(candidate.score));
        let is_complete = is_complete && listed.len() <= len;
        if listed.len() > len {
            // The best `len` rows are among those whose scores come close to the `len` highest ones.
            let (_, last, _) = listed.select_nth_unstable_by(len - 1, |a, b| b.score.total_cmp(&a.score));
            let error = 2.0 * (f64::from(candidates.error()) + UNIT_ERROR);
            let floor = f64::from(last.score) - error - tie_width(self.precision);
            listed.retain(|candidate| floor.is_nan() || f64::from(candidate.score) >= floor);
        }
        let targets = self.targets();
        let mut scored: Vec<Scored> = Vec::with_capacity(listed.len());
        let mut offer = |(of_row, cosine): (Scored, f64)| {
            if bound == f64::NEG_INFINITY || cosine > limit {
                scored.push(of_row);
            }
        };
        let (fours, rest) = listed.as_chunks::<4>();
        for four in fours {
            targets
                .scores_and_cosines(y, y_norm, four.map(|candidate| candidate.target as usize))
                .into_iter()
                .for_each(&mut offer);
        }
        rest.iter().for_each(|candidate| offer(targets.score_and_cosine(y, y_norm, candidate.target as usize)));
        if !is_complete && scored.len() < min {
            return None;
        }
        scored.sort_unstable_by(Scored::preferred_first);
        scored.truncate(len);
        let ranked = scored.iter().map(|scored| self.preference(scored)).collect();
        Some(PreferenceList { ranked, is_complete })
    }

    fn preference(&self, scored: &Scored) -> Preference {
        Preference::new(scored, self.indices.of(scored.target))
    }

    /// The best `len` of all free rows, each of which is scored.
    fn scan_all(&self, (y, y_norm): (&[T], f64), len: usize) -> PreferenceList {
        let targets = self.targets();
        let mut best: Vec<Vec<Scored>> = vec![Vec::new(); self.rows.len().div_ceil(CHUNK)];
        parallel::fill(&mut best, 1, |chunk| {
            let rows = chunk * CHUNK..((chunk + 1) * CHUNK).min(self.rows.len());
            let free = rows.filter(|&row| !self.taken[row]);
            let mut scored: Vec<Scored> = free.map(|row| targets.score(y, y_norm, row)).collect();
            if scored.len() > len {
                scored.select_nth_unstable_by(len, Scored::preferred_first);
                scored.truncate(len);
            }
            scored
        });
        let mut scored = best.concat();
        scored.sort_unstable_by(Scored::preferred_first);
        let is_complete = self.free <= len;
        scored.truncate(len);
        PreferenceList { ranked: scored.iter().map(|scored| self.preference(scored)).collect(), is_complete }
    }
}

/// Shards of rows that are in the memory of this process.
#[derive(Debug)]
pub struct LocalShards<'s, 't, T: Element = f32> {
    source: &'s Rows<'s, T>,
    shards: Vec<Shard<'t, T>>,
}

impl<'s, 't, T: Element> LocalShards<'s, 't, T> {
    /// Divides `target` into `count` shards of nearly equal size, some of which may be empty.
    ///
    /// # Errors
    ///
    /// The errors of [`Shard::new`], and [`MatchError`] if the numbers of columns differ.
    pub fn new(
        source: &'s Rows<'s, T>,
        target: &'t Rows<'t, T>,
        count: usize,
        precision: Precision,
    ) -> Result<Self, MatchError> {
        check_columns(source, target)?;
        let count = count.max(1);
        let bounds: Vec<usize> = (0..=count).map(|shard| target.len() * shard / count).collect();
        let shards = bounds
            .windows(2)
            .map(|bounds| Shard::new(target.slice(bounds[0]..bounds[1]), bounds[0] as u64, source.len(), precision));
        Ok(Self { source, shards: shards.collect::<Result<_, _>>()? })
    }
}

impl<T: Element> Shards for LocalShards<'_, '_, T> {
    type Error = MatchError;

    fn count(&self) -> usize {
        self.shards.len()
    }

    fn shortest(&mut self, count: usize) -> Result<Vec<Vec<(f64, u64)>>, MatchError> {
        Ok(self.shards.iter().map(|shard| shard.shortest(count)).collect())
    }

    fn preferences(&mut self, sources: &[usize], len: usize) -> Result<Vec<Vec<PreferenceList>>, MatchError> {
        let sources = self.source.select(sources);
        self.shards.iter_mut().map(|shard| shard.preferences(&sources, len)).collect()
    }

    fn longer(&mut self, requests: &[LongerList]) -> Result<Vec<PreferenceList>, MatchError> {
        let mut lists = vec![PreferenceList::default(); requests.len()];
        for (index, shard) in self.shards.iter_mut().enumerate() {
            let of_shard: Vec<usize> = (0..requests.len()).filter(|&at| requests[at].shard == index).collect();
            let Some(len) = of_shard.iter().map(|&at| requests[at].len).max() else { continue };
            let sources: Vec<usize> = of_shard.iter().map(|&at| requests[at].source).collect();
            for (at, list) in of_shard.into_iter().zip(shard.longer(&self.source.select(&sources), len)?) {
                lists[at] = list;
            }
        }
        Ok(lists)
    }

    fn remove(&mut self, targets: &[u64]) -> Result<(), MatchError> {
        self.shards.iter_mut().try_for_each(|shard| shard.remove(targets))
    }
}
