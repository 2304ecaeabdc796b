use std::fmt;
use std::ops::ControlFlow;
use std::time::Instant;

use crate::dense::Narrow;
use crate::engine::{self, Proposers, Shape};
use crate::matching::{Callback, Reporter};
use crate::order::order_by_norm;
use crate::score::Targets;
use crate::task::{Assignments, Task, checked_norms};
use crate::tree::Tree;
use crate::{
    Element, MatchError, Matching, Progress, Proposer, Rows, Side, Statistics, Workspace, angular, choice, ordered,
    parallel, reference,
};

/// How the matching is computed. Every strategy returns the same matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// The fastest for the number of rows and columns and this processor; see the [front page](crate#complexity-and-memory).
    #[default]
    Auto,
    /// Algorithm 1 as it is written, one score at a time: slow, and what the others are tested against.
    Reference,
    /// Scores in `f32` of a block of source rows with every free target row propose candidates, `f64` decides.
    Blocked,
    /// The same with rows rounded to 8 bits, and a bound computed from what the rounding lost; fast where the processor has
    /// AVX-512 VNNI. Rows of up to 65,536 columns; for more it is [`Blocked`](Self::Blocked).
    Narrow,
    /// A tree on the sphere proposes candidates, `f64` decides: for few columns.
    Tree,
    /// By sorting; for one column of `f32` only.
    Ordered,
    /// By sorting the target rows by angle and searching outwards from the angle of each source row; for two columns of
    /// `f32` only.
    Angular,
    /// The [`Proposer`] given to [`Matcher::proposer`] proposes candidates, `f64` decides.
    Proposed,
}

impl Strategy {
    /// Its name, as in `gtn label --strategy NAME`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Auto => "auto",
            Strategy::Reference => "reference",
            Strategy::Blocked => "blocked",
            Strategy::Narrow => "narrow",
            Strategy::Tree => "tree",
            Strategy::Ordered => "ordered",
            Strategy::Angular => "angular",
            Strategy::Proposed => "proposed",
        }
    }
}

/// How fine the differences between cosines are that decide. It changes the matching; see the [front page](crate#precision).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Scores are compared as `f64` numbers.
    #[default]
    Double,
    /// Cosines are rounded to `f32`, and compared as such: near-equal directions tie, and the norm decides.
    Single,
}

/// Algorithm 1 with its settings.
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
/// assert_eq!(matched.matching(), [0, 1, 2]); // every row is most like itself
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Matcher<'c> {
    strategy: Strategy,
    precision: Precision,
    threads: usize,
    block: Option<usize>,
    keep: Option<usize>,
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
            .field("block", &self.block)
            .field("keep", &self.keep)
            .finish_non_exhaustive()
    }
}

impl<'c> Matcher<'c> {
    /// [`Strategy::Auto`] on all threads.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the strategy. The matching does not depend on it, only the time it takes.
    #[must_use]
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
        self
    }

    /// Sets how fine the differences between cosines are that decide: as `f64` unless it is set. The matching depends on it.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Sets the number of threads; 0, the default, takes the rayon pool that is current (one thread for each processor,
    /// unless the program says otherwise). Without the feature `rayon` there is always one. The matching does not depend
    /// on it.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets how many source rows are proposed for at a time, at most (at least 1; by default what suits the strategy). The matching does not
    /// depend on it.
    #[must_use]
    pub fn block(mut self, rows: usize) -> Self {
        self.block = Some(rows.max(1));
        self
    }

    /// Sets how many candidates are kept for a source row (at least 1; by default what suits the strategy); there will be more
    /// where these do not suffice, and fewer source rows at a time where they fill much memory. The matching does not depend on
    /// it.
    #[must_use]
    pub fn candidates(mut self, keep: usize) -> Self {
        self.keep = Some(keep.max(1));
        self
    }

    /// Lets `proposer` propose the candidates, and sets [`Strategy::Proposed`]. The matching does not depend on it.
    #[must_use]
    pub fn proposer(mut self, proposer: &'c mut dyn Proposer) -> Self {
        self.proposer = Some(proposer);
        self.strategy = Strategy::Proposed;
        self
    }

    /// Sets what changes the time that [`Strategy::Angular`] takes.
    #[cfg(test)]
    pub(crate) fn tuning(mut self, tuning: angular::Tuning) -> Self {
        self.tuning = tuning;
        self
    }

    /// Calls `callback` now and then while source rows are matched; `ControlFlow::Break` stops the work with
    /// [`MatchError::Cancelled`].
    #[must_use]
    pub fn progress(mut self, callback: impl FnMut(Progress) -> ControlFlow<()> + Send + 'c) -> Self {
        self.callback = Some(Box::new(callback));
        self
    }

    /// Matches every source row to a target row of its own.
    ///
    /// `source` has n rows, `target` at least as many, of the same number of columns and the same kind of number. See the
    /// [front page](crate) for what is computed.
    ///
    /// # Errors
    ///
    /// [`MatchError`] if the shapes do not fit each other or the strategy, a row holds NaN or an infinity, a row of `f64` is
    /// too large or too small, or the callback says stop.
    pub fn match_rows<'s, 't, T: Element>(
        self,
        source: impl Into<Rows<'s, T>>,
        target: impl Into<Rows<'t, T>>,
    ) -> Result<Matching, MatchError> {
        self.match_rows_in(&mut Workspace::new(), source, target)
    }

    /// [`match_rows`](Self::match_rows) with memory that was used before, and that tells afterwards what the matching took.
    ///
    /// # Errors
    ///
    /// Those of [`match_rows`](Self::match_rows).
    pub fn match_rows_in<'s, 't, T: Element>(
        mut self,
        workspace: &mut Workspace,
        source: impl Into<Rows<'s, T>>,
        target: impl Into<Rows<'t, T>>,
    ) -> Result<Matching, MatchError> {
        let (source, target) = (source.into(), target.into());
        workspace.statistics = Statistics::default();
        let total = source.len();
        self.on_threads(|matcher| matcher.run(workspace, &source, &target, (0, total)))
    }

    /// Runs `f` on the threads asked for.
    pub(crate) fn on_threads<R: Send>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Result<R, MatchError> + Send,
    ) -> Result<R, MatchError> {
        match self.threads {
            0 => f(self),
            threads => parallel::on_threads(threads, || f(self))?,
        }
    }

    /// Matches one component, `before` rows of `total` being matched already.
    pub(crate) fn run<T: Element>(
        &mut self,
        workspace: &mut Workspace,
        source: &Rows<'_, T>,
        target: &Rows<'_, T>,
        (before, total): (usize, usize),
    ) -> Result<Matching, MatchError> {
        let begun = Instant::now();
        check_shapes(source, target)?;
        let strategy = match (self.strategy, source.dim()) {
            (Strategy::Auto, dim) => choice::fastest::<T>(source.len(), dim),
            (Strategy::Ordered, dim) if dim != 1 => return Err(MatchError::OrderedNeedsOneColumn { dim }),
            (Strategy::Angular, dim) if dim != 2 => return Err(MatchError::AngularNeedsTwoColumns { dim }),
            (Strategy::Narrow, dim) if !Narrow::takes(dim) => Strategy::Blocked,
            (Strategy::Tree, _) if !Tree::takes(target.len()) => Strategy::Blocked,
            (strategy, _) => strategy,
        };
        let source_norms = checked_norms(source, Side::Source)?;
        let target_norms = checked_norms(target, Side::Target)?;
        let order = order_by_norm(&source_norms);
        let task = Task {
            source,
            source_norms: &source_norms,
            targets: Targets { rows: target, norms: &target_norms, precision: self.precision },
            order: &order,
        };
        let mut reporter = Reporter { before, total, callback: self.callback.as_mut() };
        let Workspace { buffers, single, narrow, tree, statistics } = workspace;
        statistics.strategy = strategy;
        statistics.prepare += begun.elapsed();
        let of = |shape: Shape| Shape {
            block: self.block.unwrap_or(shape.block),
            keep: self.keep.unwrap_or(shape.keep).min(target.len().max(1)),
            share: shape.share,
        };
        let blocked = of(if source.dim() > 8 { Shape::BLOCKED } else { Shape::BLOCKED_FEW_COLUMNS });
        let mut propose = |proposers: Proposers<'_>, reporter: &mut Reporter<'_, '_>| {
            engine::run(&task, proposers, buffers, statistics, reporter)
        };
        let Assignments { matching, similarity } = match strategy {
            Strategy::Narrow => {
                let then = Some((single as &mut dyn Proposer, blocked));
                propose(Proposers { first: (narrow, of(Shape::NARROW)), then }, &mut reporter)?
            }
            Strategy::Tree => propose(Proposers { first: (tree, of(Shape::TREE)), then: None }, &mut reporter)?,
            Strategy::Blocked | Strategy::Auto => {
                propose(Proposers { first: (single, blocked), then: None }, &mut reporter)?
            }
            Strategy::Proposed => match &mut self.proposer {
                Some(proposer) => {
                    propose(Proposers { first: (*proposer, of(Shape::PROPOSED)), then: None }, &mut reporter)?
                }
                None => return Err(MatchError::NoProposer),
            },
            Strategy::Reference | Strategy::Ordered | Strategy::Angular => {
                let begun = Instant::now();
                let assignments = match strategy {
                    Strategy::Reference => reference::run(&task, &mut reporter)?,
                    Strategy::Ordered => with_singles(&task, strategy, |task| ordered::run(task, &mut reporter))?,
                    _ => with_singles(&task, strategy, |task| angular::run(task, self.tuning, &mut reporter))?,
                };
                statistics.decide += begun.elapsed();
                assignments
            }
        };
        // Once all is done a request to stop comes too late to matter.
        let stopped = reporter.report(source.len());
        if before + source.len() < total {
            stopped?;
        }
        Ok(Matching { matching, order, similarity })
    }
}

/// Whether the rows are vectors of one space.
pub(crate) fn check_columns<T: Element>(source: &Rows<'_, T>, target: &Rows<'_, T>) -> Result<(), MatchError> {
    for (side, rows) in [(Side::Source, source), (Side::Target, target)] {
        if rows.dim() == 0 {
            return Err(MatchError::NoColumns { side });
        }
    }
    if source.dim() != target.dim() {
        return Err(MatchError::DimensionMismatch { source_dim: source.dim(), target_dim: target.dim() });
    }
    Ok(())
}

/// Whether every source row can have a target row of its own.
pub(crate) fn check_shapes<T: Element>(source: &Rows<'_, T>, target: &Rows<'_, T>) -> Result<(), MatchError> {
    check_columns(source, target)?;
    if source.len() > target.len() {
        return Err(MatchError::SourceLarger { source_rows: source.len(), target_rows: target.len() });
    }
    if u32::try_from(target.len()).is_err() {
        return Err(MatchError::TooManyRows { side: Side::Target, rows: target.len() });
    }
    Ok(())
}

/// Runs `f` on the same task, if its rows are of `f32`.
fn with_singles<T: Element>(
    task: &Task<'_, '_, T>,
    strategy: Strategy,
    f: impl FnOnce(&Task<'_, '_>) -> Result<Assignments, MatchError>,
) -> Result<Assignments, MatchError> {
    let (Some(source), Some(target)) = (task.source.singles(), task.targets.rows.singles()) else {
        return Err(MatchError::NeedsSingles { strategy: strategy.name() });
    };
    f(&Task {
        source: &source,
        source_norms: task.source_norms,
        targets: Targets { rows: &target, norms: task.targets.norms, precision: task.targets.precision },
        order: task.order,
    })
}
