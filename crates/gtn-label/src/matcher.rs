use std::fmt;
use std::ops::ControlFlow;
use std::time::Instant;

use crate::dense::Int8Proposer;
use crate::engine::{self, BlockParams, Proposers};
use crate::matching::{Callback, Reporter};
use crate::problem::{Assignment, Problem, check_shapes, checked_norms};
use crate::score::Targets;
use crate::sort::argsort_by_norm;
use crate::tree::Tree;
use crate::{
    Element, MatchError, MatchStats, Matching, PointSet, Precision, Progress, Proposer, Rows, Strategy, Workspace,
    angular, cost_model, parallel, reference, sorted,
};

/// Runs Algorithm 1; the builder methods change its settings.
///
/// ```
/// use std::ops::ControlFlow;
/// use gtn_label::{Matcher, Rows, Strategy};
///
/// let rows = Rows::new(&[1.0, 0.0, 0.5, 0.5, 0.0, -1.0], 3, 2)?;
/// let matched = Matcher::new()
///     .strategy(Strategy::Reference)
///     .threads(2)
///     .progress(|progress| {
///         assert!(progress.done <= progress.total);
///         ControlFlow::Continue(())
///     })
///     .match_rows(rows.clone(), rows)?;
/// assert_eq!(matched.assignment(), [0, 1, 2]); // every row is most similar to itself
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Matcher<'c> {
    strategy: Strategy,
    precision: Precision,
    threads: usize,
    block_size: Option<usize>,
    candidates_per_row: Option<usize>,
    proposer: Option<&'c mut dyn Proposer>,
    tuning: angular::Tuning,
    callback: Option<Callback<'c>>,
}

impl fmt::Debug for Matcher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher")
            .field("strategy", &self.strategy)
            .field("precision", &self.precision)
            .field("threads", &self.threads)
            .field("block_size", &self.block_size)
            .field("candidates_per_row", &self.candidates_per_row)
            .finish_non_exhaustive()
    }
}

impl<'c> Matcher<'c> {
    /// Creates a matcher with [`Strategy::Auto`] and [`Precision::Double`] on all threads.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the strategy. It changes the time taken, never the matching.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets the precision in which cosines are compared, [`Precision::Double`] by default. It changes the matching.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Sets the number of threads. 0, the default, uses the current rayon pool (one thread per processor, unless the program
    /// configures it otherwise). Without the feature `rayon`, there is always one thread. The number changes the time taken,
    /// never the matching.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets the maximum number of source rows that candidates are proposed for at a time (at least 1; the default depends on the
    /// strategy). It changes the time taken, never the matching.
    #[must_use]
    pub fn block_size(mut self, rows: usize) -> Self {
        self.block_size = Some(rows.max(1));
        self
    }

    /// Sets the number of candidates proposed per source row (at least 1; the default depends on the strategy). Lists grow where they
    /// turn out too short, and blocks get smaller where the lists fill much memory. It changes the time taken, never the
    /// matching.
    #[must_use]
    pub fn candidates_per_row(mut self, k: usize) -> Self {
        self.candidates_per_row = Some(k.max(1));
        self
    }

    /// Lets `proposer` propose the candidates, and sets [`Strategy::Proposed`]. It changes the time taken, never the matching.
    #[must_use]
    pub fn proposer(mut self, proposer: &'c mut dyn Proposer) -> Self {
        self.proposer = Some(proposer);
        self.strategy = Strategy::Proposed;
        self
    }

    /// Sets the tuning of [`Strategy::Angular`]. It changes the time taken, never the matching.
    #[cfg(test)]
    pub(crate) fn tuning(mut self, tuning: angular::Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    /// Calls `callback` from time to time while source rows are matched; `ControlFlow::Break` stops the work with
    /// [`MatchError::Cancelled`].
    #[must_use]
    pub fn progress(mut self, callback: impl FnMut(Progress) -> ControlFlow<()> + Send + 'c) -> Self {
        self.callback = Some(Box::new(callback));
        self
    }

    /// Matches every source row to a target row of its own.
    ///
    /// `source` has n rows; `target` has at least as many, with the same number of columns and the same element type. The
    /// [front page](crate) defines the result.
    ///
    /// # Errors
    ///
    /// [`MatchError`] if the shapes do not fit each other or the strategy, a row contains NaN or an infinity, a row of `f64` is
    /// too large or too small, the proposer fails, or the callback stops the work.
    pub fn match_rows<'s, 't, T: Element>(
        self,
        source: impl Into<Rows<'s, T>>,
        target: impl Into<Rows<'t, T>>,
    ) -> Result<Matching, MatchError> {
        self.match_rows_in(&mut Workspace::new(), source, target)
    }

    /// Like [`match_rows`](Self::match_rows), but reuses the memory of `workspace` and stores the statistics there.
    ///
    /// # Errors
    ///
    /// The errors of [`match_rows`](Self::match_rows).
    pub fn match_rows_in<'s, 't, T: Element>(
        mut self,
        workspace: &mut Workspace,
        source: impl Into<Rows<'s, T>>,
        target: impl Into<Rows<'t, T>>,
    ) -> Result<Matching, MatchError> {
        let (source, target) = (source.into(), target.into());
        workspace.stats = MatchStats::default();
        let total = source.len();
        self.with_threads(|matcher| matcher.run(workspace, &source, &target, (0, total)))
    }

    /// Runs `f` on the requested number of threads.
    pub(crate) fn with_threads<R: Send>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Result<R, MatchError> + Send,
    ) -> Result<R, MatchError> {
        match self.threads {
            0 => f(self),
            threads => parallel::with_threads(threads, || f(self))?,
        }
    }

    /// Matches one component, after `before` of `total` rows have been matched.
    pub(crate) fn run<T: Element>(
        &mut self,
        workspace: &mut Workspace,
        source: &Rows<'_, T>,
        target: &Rows<'_, T>,
        (before, total): (usize, usize),
    ) -> Result<Matching, MatchError> {
        let started = Instant::now();
        check_shapes(source, target)?;
        let strategy = match (self.strategy, source.dim()) {
            (Strategy::Auto, dim) => cost_model::fastest::<T>(source.len(), dim),
            (strategy @ Strategy::Sorted, dim) if dim != 1 => {
                return Err(MatchError::NeedsDimension { strategy, needed: 1, dim });
            }
            (strategy @ Strategy::Angular, dim) if dim != 2 => {
                return Err(MatchError::NeedsDimension { strategy, needed: 2, dim });
            }
            (Strategy::Int8, dim) if !Int8Proposer::supports(dim) => Strategy::Dense,
            (Strategy::Tree, _) if !Tree::supports(target.len()) => Strategy::Dense,
            (strategy, _) => strategy,
        };
        let source_norms = checked_norms(source, PointSet::Source)?;
        let target_norms = checked_norms(target, PointSet::Target)?;
        let order = argsort_by_norm(&source_norms);
        let problem = Problem {
            source,
            source_norms: &source_norms,
            targets: Targets { rows: target, norms: &target_norms, precision: self.precision },
            order: &order,
        };
        let mut reporter = Reporter { before, total, callback: self.callback.as_mut() };
        let Workspace { buffers, float32, int8, tree, stats } = workspace;
        stats.strategy = strategy;
        stats.prepare += started.elapsed();
        let params = |defaults: BlockParams| BlockParams {
            block_size: self.block_size.unwrap_or(defaults.block_size),
            k: self.candidates_per_row.unwrap_or(defaults.k).min(target.len().max(1)),
            free_per_row: defaults.free_per_row,
        };
        let dense = params(if source.dim() > 8 { BlockParams::DENSE } else { BlockParams::DENSE_FEW_COLUMNS });
        let mut propose = |proposers: Proposers<'_>, reporter: &mut Reporter<'_, '_>| {
            engine::run(&problem, proposers, buffers, stats, reporter)
        };
        let Assignment { targets, similarity } = match strategy {
            Strategy::Int8 => {
                let fallback = Some((float32 as &mut dyn Proposer, dense));
                propose(Proposers { first: (int8, params(BlockParams::INT8)), fallback }, &mut reporter)?
            }
            Strategy::Tree => {
                propose(Proposers { first: (tree, params(BlockParams::TREE)), fallback: None }, &mut reporter)?
            }
            Strategy::Dense | Strategy::Auto => {
                propose(Proposers { first: (float32, dense), fallback: None }, &mut reporter)?
            }
            Strategy::Proposed => match &mut self.proposer {
                Some(proposer) => propose(
                    Proposers { first: (*proposer, params(BlockParams::PROPOSED)), fallback: None },
                    &mut reporter,
                )?,
                None => return Err(MatchError::NoProposer),
            },
            Strategy::Reference | Strategy::Sorted | Strategy::Angular => {
                let started = Instant::now();
                let assignment = match strategy {
                    Strategy::Reference => reference::run(&problem, &mut reporter)?,
                    Strategy::Sorted => with_f32(&problem, strategy, |problem| sorted::run(problem, &mut reporter))?,
                    _ => with_f32(&problem, strategy, |problem| angular::run(problem, self.tuning, &mut reporter))?,
                };
                stats.decide += started.elapsed();
                assignment
            }
        };
        // After the last row, a request to stop comes too late to matter.
        let stopped = reporter.report(source.len());
        if before + source.len() < total {
            stopped?;
        }
        Ok(Matching { assignment: targets, order, similarity })
    }
}

/// Runs `f` on the same problem if its rows hold `f32`.
fn with_f32<T: Element>(
    problem: &Problem<'_, '_, T>,
    strategy: Strategy,
    f: impl FnOnce(&Problem<'_, '_>) -> Result<Assignment, MatchError>,
) -> Result<Assignment, MatchError> {
    let (Some(source), Some(target)) = (problem.source.as_f32(), problem.targets.rows.as_f32()) else {
        return Err(MatchError::NeedsF32 { strategy });
    };
    f(&Problem {
        source: &source,
        source_norms: problem.source_norms,
        targets: Targets { rows: &target, norms: problem.targets.norms, precision: problem.targets.precision },
        order: problem.order,
    })
}
