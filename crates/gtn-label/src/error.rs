use std::fmt;

use crate::{ProposerError, Strategy};

/// The point set that an error refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointSet {
    /// The rows that take a target row each (normal vectors, in Algorithm 1).
    Source,
    /// The rows that are taken (data vectors, in Algorithm 1).
    Target,
}

impl fmt::Display for PointSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PointSet::Source => "source",
            PointSet::Target => "target",
        })
    }
}

/// Why a slice cannot be read as rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowsError {
    /// Rows without columns have no direction to compare.
    #[error("rows have no columns; pass a dimension of at least 1")]
    NoColumns,
    /// Rows must not overlap.
    #[error("the row stride {stride} is smaller than the {dim} columns of a row; pass a stride of at least {dim}")]
    StrideTooSmall {
        /// Elements from the start of one row to the start of the next.
        stride: usize,
        /// Columns of a row.
        dim: usize,
    },
    /// The slice ends before the last row does.
    #[error(
        "{rows} rows of {dim} columns with row stride {stride} do not fit into a slice of {len} elements; pass fewer rows or a longer slice"
    )]
    TooShort {
        /// Requested rows.
        rows: usize,
        /// Columns of a row.
        dim: usize,
        /// Elements from the start of one row to the start of the next.
        stride: usize,
        /// Elements of the slice.
        len: usize,
    },
}

/// Why two sets of rows cannot be matched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatchError {
    /// Cosines need vectors of the same space.
    #[error(
        "source rows have {source_dim} columns and target rows have {target_dim}; pass two sets with the same number of columns"
    )]
    DimensionMismatch {
        /// Columns of the source.
        source_dim: usize,
        /// Columns of the target.
        target_dim: usize,
    },
    /// Rows without columns have no direction to compare.
    #[error("{set} rows have no columns; pass rows with at least one")]
    NoColumns {
        /// The set without columns.
        set: PointSet,
    },
    /// Every source row takes a target row of its own.
    #[error(
        "the source has {source_rows} rows and the target only {target_rows}; every source row takes a target row of its own, so pass at least as many target rows"
    )]
    SourceLarger {
        /// Rows of the source.
        source_rows: usize,
        /// Rows of the target.
        target_rows: usize,
    },
    /// Cosines with NaN or an infinity are undefined.
    #[error("{set} row {row} holds NaN or an infinity in column {column}; remove the row or replace the value")]
    NotFinite {
        /// The set that the row belongs to.
        set: PointSet,
        /// Index of the row.
        row: usize,
        /// Index of the column.
        column: usize,
    },
    /// Squares of `f64` values must neither overflow nor vanish.
    #[error(
        "the largest entry of {set} row {row} is {largest} in magnitude; rows of f64 need one from 1e-150 to 1e150, or all zeros, so multiply all {set} rows by one factor"
    )]
    OutOfRange {
        /// The set that the row belongs to.
        set: PointSet,
        /// Index of the row.
        row: usize,
        /// Magnitude of its largest entry.
        largest: String,
    },
    /// Row indices are stored in 32 bits.
    #[error("the {set} has {rows} rows; pass at most {max}", max = u32::MAX)]
    TooManyRows {
        /// The set that is too large.
        set: PointSet,
        /// Its rows.
        rows: usize,
    },
    /// [`Strategy::Sorted`] relies on the order of the real line, and [`Strategy::Angular`] on that of the circle.
    #[error(
        "strategy `{strategy}` needs rows of dimension {needed}, but these have {dim} columns; use `auto` or `dense`"
    )]
    NeedsDimension {
        /// The strategy.
        strategy: Strategy,
        /// The number of columns that it supports.
        needed: usize,
        /// Columns of the given rows.
        dim: usize,
    },
    /// The strategy relies on exact products, which `f64` provides for two `f32`.
    #[error("strategy `{strategy}` matches rows of f32, but these are rows of f64; use `auto`, `tree` or `dense`")]
    NeedsF32 {
        /// The strategy.
        strategy: Strategy,
    },
    /// Matching by components needs a label for every row.
    #[error("the {set} has {rows} rows but {labels} labels; pass one label for each row")]
    LabelCountMismatch {
        /// The set whose labels do not fit.
        set: PointSet,
        /// Its rows.
        rows: usize,
        /// Its labels.
        labels: usize,
    },
    /// Every source row takes a target row of its own component.
    #[error(
        "component {label} has {source_rows} source rows and only {target_rows} target rows; pass at least as many target rows with this label"
    )]
    ComponentLarger {
        /// The label of the component.
        label: u32,
        /// Source rows with this label.
        source_rows: usize,
        /// Target rows with this label.
        target_rows: usize,
    },
    /// [`Strategy::Proposed`] was set without a proposer.
    #[error(
        "strategy `proposed` has no proposer; pass one to `Matcher::proposer`, or choose another strategy, such as `auto`"
    )]
    NoProposer,
    /// The [`Proposer`](crate::Proposer) failed, or broke its contract.
    #[error("the proposer failed: {reason}")]
    Proposer {
        /// Its own message, or what it did wrong.
        reason: String,
    },
    /// The progress callback stopped the work.
    #[error("stopped by the caller after {done} of {total} source rows")]
    Cancelled {
        /// Source rows matched before the stop.
        done: usize,
        /// All source rows.
        total: usize,
    },
    /// The operating system could not start the threads.
    #[error("cannot start {threads} threads: {reason}; use fewer")]
    Threads {
        /// Requested threads.
        threads: usize,
        /// The message of the thread pool.
        reason: String,
    },
}

impl MatchError {
    /// The same error with other indices of rows.
    pub(crate) fn map_rows(self, map: impl Fn(PointSet, usize) -> usize) -> Self {
        match self {
            Self::NotFinite { set, row, column } => Self::NotFinite { set, row: map(set, row), column },
            Self::OutOfRange { set, row, largest } => Self::OutOfRange { set, row: map(set, row), largest },
            error => error,
        }
    }
}

impl From<ProposerError> for MatchError {
    fn from(error: ProposerError) -> Self {
        Self::Proposer { reason: error.reason }
    }
}
