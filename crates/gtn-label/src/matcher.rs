use std::fmt;
use std::ops::ControlFlow;

use crate::score::{Targets, norm, order_by_norm};
use crate::{MatchError, Rows, Side, angular, blocked, ordered, parallel, reference};

/// How the matching is computed. Every strategy returns the same matching.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// [`Ordered`](Self::Ordered) for one column, [`Angular`](Self::Angular) for two, [`Blocked`](Self::Blocked) for more.
    #[default]
    Auto,
    /// Algorithm 1 as it is written, one score at a time: slow, and what the others are tested against.
    Reference,
    /// Matrix products propose candidates for a block of source rows, `f64` decides.
    Blocked,
    /// By sorting; for one column only.
    Ordered,
    /// By sorting the target rows by angle and searching outwards from the angle of each source row; for two columns only.
    Angular,
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

/// How far a matching has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Source rows matched.
    pub done: usize,
    /// Source rows in all.
    pub total: usize,
}

/// Which target row each source row took, and how well they fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Matching {
    matching: Vec<usize>,
    order: Vec<usize>,
    similarity: Vec<f32>,
}

impl Matching {
    /// For each source row the target row it took; no target row occurs twice.
    #[must_use]
    pub fn matching(&self) -> &[usize] {
        &self.matching
    }

    /// The source rows in the order in which they were served: by ascending norm, then index.
    #[must_use]
    pub fn order(&self) -> &[usize] {
        &self.order
    }

    /// For each source row the cosine, in [−1, 1], with the target row it took.
    #[must_use]
    pub fn similarity(&self) -> &[f32] {
        &self.similarity
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.matching.len()
    }

    /// Whether there are no pairs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.matching.is_empty()
    }
}

type Callback<'c> = Box<dyn FnMut(Progress) -> ControlFlow<()> + Send + 'c>;

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
    shape: blocked::Shape,
    callback: Option<Callback<'c>>,
}

impl fmt::Debug for Matcher<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matcher")
            .field("strategy", &self.strategy)
            .field("precision", &self.precision)
            .field("threads", &self.threads)
            .field("shape", &self.shape)
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

    /// Sets how many source rows [`Strategy::Blocked`] takes at a time (at least 1; 512 by default). The matching does not
    /// depend on it.
    #[must_use]
    pub fn block(mut self, rows: usize) -> Self {
        self.shape.block = rows.max(1);
        self
    }

    /// Sets how many candidates [`Strategy::Blocked`] keeps for a source row (at least 1; 24 by default). The matching does
    /// not depend on it.
    #[must_use]
    pub fn candidates(mut self, keep: usize) -> Self {
        // More than there can be rows is as many as there are.
        self.shape.keep = keep.clamp(1, u32::MAX as usize);
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
    /// `source` has n rows, `target` at least as many, of the same number of columns. See the [front page](crate) for what
    /// is computed.
    ///
    /// # Errors
    ///
    /// [`MatchError`] if the shapes do not fit each other, a row holds NaN or an infinity, or the callback says stop.
    pub fn match_rows<'s, 't>(
        self,
        source: impl Into<Rows<'s>>,
        target: impl Into<Rows<'t>>,
    ) -> Result<Matching, MatchError> {
        let (source, target) = (source.into(), target.into());
        if self.threads == 0 {
            self.run(&source, &target)
        } else {
            parallel::on_threads(self.threads, || self.run(&source, &target))?
        }
    }

    fn run(mut self, source: &Rows<'_>, target: &Rows<'_>) -> Result<Matching, MatchError> {
        for (side, rows) in [(Side::Source, source), (Side::Target, target)] {
            if rows.dim() == 0 {
                return Err(MatchError::NoColumns { side });
            }
        }
        if source.dim() != target.dim() {
            return Err(MatchError::DimensionMismatch { source_dim: source.dim(), target_dim: target.dim() });
        }
        if source.len() > target.len() {
            return Err(MatchError::SourceLarger { source_rows: source.len(), target_rows: target.len() });
        }
        if u32::try_from(target.len()).is_err() {
            return Err(MatchError::TooManyRows { side: Side::Target, rows: target.len() });
        }
        let strategy = match (self.strategy, source.dim()) {
            (Strategy::Auto, 1) => Strategy::Ordered,
            (Strategy::Auto, 2) => Strategy::Angular,
            (Strategy::Auto, _) => Strategy::Blocked,
            (Strategy::Ordered, dim) if dim != 1 => return Err(MatchError::OrderedNeedsOneColumn { dim }),
            (Strategy::Angular, dim) if dim != 2 => return Err(MatchError::AngularNeedsTwoColumns { dim }),
            (strategy, _) => strategy,
        };
        let source_norms = finite_norms(source, Side::Source)?;
        let target_norms = finite_norms(target, Side::Target)?;
        let order = order_by_norm(&source_norms);
        let task = Task {
            source,
            source_norms: &source_norms,
            targets: Targets { rows: target, norms: &target_norms, precision: self.precision },
            order: &order,
        };
        let mut reporter = Reporter { total: source.len(), callback: self.callback.as_mut() };
        let Assignments { matching, similarity } = match strategy {
            Strategy::Reference => reference::run(&task, &mut reporter)?,
            Strategy::Ordered => ordered::run(&task, &mut reporter)?,
            Strategy::Angular => angular::run(&task, &mut reporter)?,
            Strategy::Blocked | Strategy::Auto => blocked::run(&task, self.shape, &mut reporter)?,
        };
        // All is done: a request to stop comes too late to matter.
        let _ = reporter.report(source.len());
        Ok(Matching { matching, order, similarity })
    }
}

/// Norms of all rows; an error names the first row that is not finite (no finite `f32` row overflows in `f64`).
pub(crate) fn finite_norms(rows: &Rows<'_>, side: Side) -> Result<Vec<f64>, MatchError> {
    let norms = parallel::map(rows.len(), |index| norm(rows.row(index)));
    match norms.iter().position(|norm| !norm.is_finite()) {
        None => Ok(norms),
        Some(row) => {
            let column = rows.row(row).iter().position(|entry| !entry.is_finite()).unwrap_or(0);
            Err(MatchError::NotFinite { side, row, column })
        }
    }
}

/// What every strategy is given.
pub(crate) struct Task<'r, 'a> {
    pub(crate) source: &'r Rows<'a>,
    pub(crate) source_norms: &'r [f64],
    pub(crate) targets: Targets<'r, 'a>,
    pub(crate) order: &'r [usize],
}

impl Task<'_, '_> {
    /// Serves the source rows that are zero, which come first: they score 0 everywhere and take the shortest target rows.
    /// Returns how many they are, and which target rows are gone.
    pub(crate) fn serve_zero_rows(&self, out: &mut Assignments) -> (usize, Vec<bool>) {
        let count = self.order.iter().take_while(|&&source| self.source_norms[source] == 0.0).count();
        let mut taken = vec![false; self.targets.rows.len()];
        if count > 0 {
            for (&source, target) in self.order[..count].iter().zip(order_by_norm(self.targets.norms)) {
                out.set(source, target, 0.0);
                taken[target] = true;
            }
        }
        (count, taken)
    }
}

/// What every strategy returns, both in the source's row order.
pub(crate) struct Assignments {
    matching: Vec<usize>,
    similarity: Vec<f32>,
}

impl Assignments {
    pub(crate) fn new(len: usize) -> Self {
        Self { matching: vec![usize::MAX; len], similarity: vec![0.0; len] }
    }

    pub(crate) fn set(&mut self, source: usize, target: usize, similarity: f32) {
        self.matching[source] = target;
        self.similarity[source] = similarity;
    }
}

/// Passes progress to the caller, and the caller's wish to stop back.
pub(crate) struct Reporter<'r, 'c> {
    total: usize,
    callback: Option<&'r mut Callback<'c>>,
}

impl Reporter<'_, '_> {
    pub(crate) fn report(&mut self, done: usize) -> Result<(), MatchError> {
        let total = self.total;
        match self.callback.as_mut().map(|callback| callback(Progress { done, total })) {
            Some(ControlFlow::Break(())) => Err(MatchError::Cancelled { done, total }),
            _ => Ok(()),
        }
    }
}
