use std::fmt;

/// Which of the two point sets an error speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The rows that choose (normal vectors, in Algorithm 1).
    Source,
    /// The rows that are chosen (data vectors, in Algorithm 1).
    Target,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Source => "source",
            Side::Target => "target",
        })
    }
}

/// Why a slice cannot be read as rows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowsError {
    /// Rows without columns have no direction to compare.
    #[error("rows have no columns")]
    NoColumns,
    /// Rows may not overlap.
    #[error("the row stride {stride} is smaller than the {dim} columns of a row")]
    StrideTooSmall {
        /// Elements from the start of one row to the start of the next.
        stride: usize,
        /// Columns of a row.
        dim: usize,
    },
    /// The slice ends before the last row does.
    #[error("{rows} rows of {dim} columns with row stride {stride} do not fit into a slice of {len} elements")]
    TooShort {
        /// Rows asked for.
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
    /// Cosines need vectors of one space.
    #[error("source rows have {source_dim} columns and target rows have {target_dim}; they must have as many")]
    DimensionMismatch {
        /// Columns of the source.
        source_dim: usize,
        /// Columns of the target.
        target_dim: usize,
    },
    /// Rows without columns have no direction to compare.
    #[error("{side} rows have no columns")]
    NoColumns {
        /// The set without columns.
        side: Side,
    },
    /// Every source row takes a target row of its own.
    #[error(
        "the source has {source_rows} rows and the target only {target_rows}; every source row takes a target row of its own, so give at least as many target rows"
    )]
    SourceLarger {
        /// Rows of the source.
        source_rows: usize,
        /// Rows of the target.
        target_rows: usize,
    },
    /// Cosines with NaN or an infinity are undefined.
    #[error("{side} row {row} holds NaN or an infinity in column {column}")]
    NotFinite {
        /// The set the row belongs to.
        side: Side,
        /// Index of the row.
        row: usize,
        /// Index of the column.
        column: usize,
    },
    /// Squares of `f64` numbers must neither overflow nor vanish.
    #[error(
        "the largest entry of {side} row {row} is {largest} in size; rows of f64 need one from 1e-150 to 1e150, or all zeros"
    )]
    OutOfRange {
        /// The set the row belongs to.
        side: Side,
        /// Index of the row.
        row: usize,
        /// The size of its largest entry.
        largest: String,
    },
    /// Row numbers are kept in 32 bits.
    #[error("{side} has {rows} rows; at most {max} are supported", max = u32::MAX)]
    TooManyRows {
        /// The set that is too large.
        side: Side,
        /// Its rows.
        rows: usize,
    },
    /// [`Strategy::Ordered`](crate::Strategy::Ordered) relies on the order of the real line.
    #[error("strategy `ordered` matches rows of one column, and these have {dim}; use `auto` or `blocked`")]
    OrderedNeedsOneColumn {
        /// Columns of the rows given.
        dim: usize,
    },
    /// [`Strategy::Angular`](crate::Strategy::Angular) relies on the order of the circle.
    #[error("strategy `angular` matches rows of two columns, and these have {dim}; use `auto` or `blocked`")]
    AngularNeedsTwoColumns {
        /// Columns of the rows given.
        dim: usize,
    },
    /// The strategy rests on products that are exact, as those of `f32` are in `f64`.
    #[error("strategy `{strategy}` matches rows of f32, and these are rows of f64; use `auto`, `tree` or `blocked`")]
    NeedsSingles {
        /// The name of the strategy.
        strategy: &'static str,
    },
    /// Every row needs a label to be matched by components.
    #[error("{side} has {rows} rows and {labels} labels; every row needs one")]
    Labels {
        /// The set whose labels do not fit.
        side: Side,
        /// Its rows.
        rows: usize,
        /// Its labels.
        labels: usize,
    },
    /// Every source row takes a target row of its own component.
    #[error(
        "component {label} has {source_rows} source rows and {target_rows} target rows; it needs at least as many target rows"
    )]
    ComponentLarger {
        /// The component.
        label: u32,
        /// Source rows of this label.
        source_rows: usize,
        /// Target rows of this label.
        target_rows: usize,
    },
    /// [`Strategy::Proposed`](crate::Strategy::Proposed) was asked for by name.
    #[error("there is no proposer; give one to `Matcher::proposer`, or choose another strategy")]
    NoProposer,
    /// The [`Proposer`](crate::Proposer) gave up, or did not keep its promise.
    #[error("the proposer failed: {reason}")]
    Proposer {
        /// What it said, or what it did.
        reason: String,
    },
    /// The progress callback asked to stop.
    #[error("stopped by the caller after {done} of {total} source rows")]
    Cancelled {
        /// Source rows matched before the stop.
        done: usize,
        /// Source rows in all.
        total: usize,
    },
    /// The operating system refused the threads asked for.
    #[error("could not start {threads} threads: {reason}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// What the thread pool said.
        reason: String,
    },
}

impl From<crate::ProposerError> for MatchError {
    fn from(error: crate::ProposerError) -> Self {
        Self::Proposer { reason: error.reason }
    }
}
