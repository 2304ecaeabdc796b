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
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Set::Real => "the real samples",
            Set::Generated => "the generated samples",
            Set::Only => "the samples",
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
}
