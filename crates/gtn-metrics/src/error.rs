use std::fmt;

use crate::Draws;

/// Which of the sets of samples given to a function an [`Error`] speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Set {
    /// The real samples.
    Real,
    /// The generated samples, or those that stand in their place when a floor is measured.
    Generated,
    /// The samples of a function that takes one set.
    Only,
    /// The real samples that the generator learned from.
    Training,
    /// Real samples that it did not learn from.
    HeldOut,
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Set::Real => "the real samples",
            Set::Generated => "the generated samples",
            Set::Only => "the samples",
            Set::Training => "the training samples",
            Set::HeldOut => "the held-out samples",
        })
    }
}

/// Why a figure of merit cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A variance needs at least two samples.
    #[error("{samples} samples are too few: at least 2 are needed")]
    TooFewSamples {
        /// Samples given.
        samples: usize,
    },
    /// There is no sample.
    #[error("{set} are an empty set; at least 1 is needed")]
    Empty {
        /// The set without samples.
        set: Set,
    },
    /// The two sets live in different spaces.
    #[error("real rows have {real} columns and generated rows have {generated}; they must have as many")]
    Columns {
        /// Columns of the real rows.
        real: usize,
        /// Columns of the generated rows.
        generated: usize,
    },
    /// The rows are vectors of no coordinates.
    #[error("the rows have no columns")]
    NoColumns,
    /// A sample has a coordinate that is infinite or NaN.
    #[error("row {row} of {set} is not finite")]
    NotFinite {
        /// The set with that sample.
        set: Set,
        /// The first such row, counted from 0.
        row: usize,
    },
    /// The real rows are all the same, so that nothing can be compared with their variance.
    #[error("the real rows have no variance")]
    NoVariance,
    /// A cumulative distribution function gave something that is no probability.
    #[error("the cumulative distribution function gives {value:?} at {at:?}, which is no probability")]
    Cdf {
        /// Where it was asked.
        at: f64,
        /// What it gave.
        value: f64,
    },
    /// A sliced distance is a mean over directions, and none was asked for.
    #[error("0 projections were asked for; at least 1 is needed")]
    NoProjections,
    /// A mean over no draws, or over empty ones, was asked for.
    #[error("{} draws of {} rows were asked for; both numbers must be at least 1", .asked.draws, .asked.size)]
    NoDraws {
        /// What was asked for.
        asked: Draws,
    },
    /// A draw without replacement cannot take more rows than there are.
    #[error("a draw takes {needed} of {set}, but there are only {samples}")]
    DrawTooLarge {
        /// The set drawn from.
        set: Set,
        /// Rows that one draw takes from it.
        needed: usize,
        /// Rows that it has.
        samples: usize,
    },
    /// Rows are compared with something of other dimensions.
    #[error("{set} have {columns} columns; {needed} are needed")]
    ColumnsNeeded {
        /// The set that does not fit.
        set: Set,
        /// Columns that it has.
        columns: usize,
        /// Columns of what it is compared with.
        needed: usize,
    },
    /// A row has one neighbor less than there are rows.
    #[error(
        "neighbor {k} of each of {set} was asked for; with {samples} rows it must be at least 1 and below {samples}"
    )]
    Neighbors {
        /// The set whose rows have too few neighbors.
        set: Set,
        /// Which neighbor was asked for, 1 for the nearest.
        k: usize,
        /// Rows of the set.
        samples: usize,
    },
    /// Half of the held-out rows or more are training rows too, so that nothing can be compared with their distance.
    #[error("half of the held-out samples or more are equal to training samples")]
    HeldOutInTraining,
    /// A covariance matrix is square, as wide as the mean is long.
    #[error("the covariance matrix is {rows} × {columns}; with this mean it must be {needed} × {needed}")]
    CovarianceShape {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
        /// Length of the mean.
        needed: usize,
    },
    /// Mean or covariance hold something that cannot be computed with.
    #[error("the mean or the covariance matrix holds a number that is NaN or larger than 1e150")]
    MomentsNotFinite,
    /// A covariance matrix equals its transpose.
    #[error("the covariance matrix is not symmetric: see row {row}, column {column}")]
    NotSymmetric {
        /// Row of one of the two numbers that differ, counted from 0.
        row: usize,
        /// Its column.
        column: usize,
    },
    /// A direction has a negative variance, by more than rounding explains.
    #[error("the covariance matrix has the eigenvalue {eigenvalue:?} beside {largest:?}; none may be negative")]
    NegativeVariance {
        /// The smallest eigenvalue.
        eigenvalue: f64,
        /// The largest eigenvalue.
        largest: f64,
    },
    /// The eigenvectors of a covariance matrix could not be computed.
    #[error("the eigenvectors of a covariance matrix were not found to working precision")]
    NoEigenvectors,
    /// A mixture has at least one component.
    #[error("a mixture of 0 components was asked for; at least 1 is needed")]
    NoComponents,
    /// Each component of a mixture starts with a row.
    #[error("{samples} samples are too few for {components} components: at least as many are needed")]
    TooFewForComponents {
        /// Samples given.
        samples: usize,
        /// Components asked for.
        components: usize,
    },
    /// A setting of a fit is not a number that it can be.
    #[error("the {setting} is {value:?}; it must be a number, at least 0")]
    Setting {
        /// The setting.
        setting: &'static str,
        /// Its value.
        value: f64,
    },
    /// A fit by iteration needs at least one.
    #[error("0 iterations were asked for; at least 1 is needed")]
    NoIterations,
    /// A partition names one component for each row.
    #[error("{labels} labels were given for {samples} samples; they must be as many")]
    Labels {
        /// Labels given.
        labels: usize,
        /// Samples given.
        samples: usize,
    },
    /// A partition names a component that is not there.
    #[error("row {row} is given to component {label}, counted from 0, of {components}")]
    Label {
        /// The first such row, counted from 0.
        row: usize,
        /// Its label.
        label: usize,
        /// Components asked for.
        components: usize,
    },
    /// A component of a mixture has lost all variance in some direction.
    #[error("a component of the mixture has no variance in some direction; a larger regularization would give it one")]
    Degenerate,
}
