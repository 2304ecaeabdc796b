use std::fmt;

/// The set of samples that an [`Error`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SampleSet {
    /// The real samples.
    Real,
    /// The generated samples, or the real samples passed in their place to measure a noise floor.
    Generated,
    /// The samples passed to a function that takes one set.
    Single,
    /// The real samples that the generator was trained on.
    Training,
    /// Real samples that the generator was not trained on.
    HeldOut,
}

impl fmt::Display for SampleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SampleSet::Real => "real samples",
            SampleSet::Generated => "generated samples",
            SampleSet::Single => "samples",
            SampleSet::Training => "training samples",
            SampleSet::HeldOut => "held-out samples",
        })
    }
}

/// Why a metric cannot be computed, or a model cannot be fitted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A variance or a step needs at least two samples.
    #[error("too few samples: {samples} given; pass at least 2")]
    TooFewSamples {
        /// Samples given.
        samples: usize,
    },
    /// A set has no samples.
    #[error("no {set} given; pass at least 1")]
    Empty {
        /// The empty set.
        set: SampleSet,
    },
    /// The two sets have different numbers of columns.
    #[error(
        "the real samples have {real} columns and the generated samples have {generated}; pass rows with the same \
         number of columns"
    )]
    ColumnMismatch {
        /// Columns of the real rows.
        real: usize,
        /// Columns of the generated rows.
        generated: usize,
    },
    /// The rows have no columns.
    #[error("the rows have no columns; pass at least 1 column")]
    NoColumns,
    /// A sample contains NaN or an infinity.
    #[error("row {row} of the {set} is not finite; remove rows that contain NaN or an infinity")]
    NotFinite {
        /// The set that contains the sample.
        set: SampleSet,
        /// The first such row, counted from 0.
        row: usize,
    },
    /// All real rows are equal, so there is no variance to compare with.
    #[error("the real samples have no variance: all rows are equal; pass at least 2 different rows")]
    ZeroVariance,
    /// A cumulative distribution function returned a value outside [0, 1].
    #[error("the cumulative distribution function returns {value:?} at {at:?}; it must return a probability in [0, 1]")]
    InvalidCdf {
        /// The argument.
        at: f64,
        /// The returned value.
        value: f64,
    },
    /// A setting is 0, such as the number of projections, subsets, components or iterations.
    #[error("the {setting} is 0; pass at least 1")]
    ZeroSetting {
        /// Name of the setting.
        setting: &'static str,
    },
    /// A setting is not a fraction, such as the confidence of an interval.
    #[error("the {setting} is {value:?}; pass a number between 0 and 1")]
    InvalidFraction {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: f64,
    },
    /// The neighbors of rows are equally far, as on a grid, so that an estimate of the dimension would be infinite.
    #[error(
        "the nearest neighbors of a row are all equally far, as on a grid, so the dimension cannot be estimated; use more neighbors"
    )]
    EquidistantNeighbors,
    /// A subset drawn without replacement cannot have more rows than the set.
    #[error(
        "a subset needs {needed} rows of the {set}, but there are only {samples}; use smaller subsets or pass more rows"
    )]
    SubsetTooLarge {
        /// The set that the rows are drawn from.
        set: SampleSet,
        /// Rows drawn at once.
        needed: usize,
        /// Rows in the set.
        samples: usize,
    },
    /// There are more splits than samples.
    #[error("{samples} samples are too few for {splits} splits; pass more samples or use fewer splits")]
    TooManySplits {
        /// Splits requested.
        splits: usize,
        /// Samples given.
        samples: usize,
    },
    /// A row is not a list of probabilities.
    #[error(
        "row {row} contains a negative value, or its sum is not 1; pass probabilities, or use the function for logits"
    )]
    NotProbabilities {
        /// The first such row, counted from 0.
        row: usize,
    },
    /// An index is not that of a row.
    #[error("row {row} of the {set} does not exist; with {samples} rows, indices must be below {samples}")]
    RowOutOfRange {
        /// The set that the index belongs to.
        set: SampleSet,
        /// The index.
        row: usize,
        /// Rows in the set.
        samples: usize,
    },
    /// The rows have a different number of columns than the data they are compared with.
    #[error("the {set} have {columns} columns; pass rows with {expected} columns")]
    WrongColumnCount {
        /// The set with the wrong number of columns.
        set: SampleSet,
        /// Its number of columns.
        columns: usize,
        /// The expected number of columns.
        expected: usize,
    },
    /// The number of neighbors k is 0, or the set has too few rows for it.
    #[error(
        "k = {k} is out of range for the {set}: with {samples} rows, k must be at least 1 and below \
         {samples}; change k or pass more rows"
    )]
    InvalidNeighborCount {
        /// The set whose rows have too few neighbors.
        set: SampleSet,
        /// The requested neighbor, 1 for the nearest.
        k: usize,
        /// Rows in the set.
        samples: usize,
    },
    /// At least half of the held-out rows are also training rows, so their median distance is 0 and cannot be used as
    /// a reference.
    #[error(
        "at least half of the held-out samples are equal to training samples; remove them from the held-out samples"
    )]
    HeldOutInTraining,
    /// The covariance matrix does not fit the mean.
    #[error(
        "the covariance matrix is {rows} × {columns}, but the mean has {expected} values; pass a \
         {expected} × {expected} matrix"
    )]
    CovarianceShape {
        /// Rows of the matrix.
        rows: usize,
        /// Columns of the matrix.
        columns: usize,
        /// Length of the mean.
        expected: usize,
    },
    /// The mean or the covariance contains NaN or a value that is too large.
    #[error(
        "the mean or the covariance matrix contains NaN or a value above 1e150; check the data it was computed from"
    )]
    MomentsNotFinite,
    /// The covariance matrix differs from its transpose.
    #[error(
        "the covariance matrix is not symmetric at row {row}, column {column}; pass a matrix equal to its transpose"
    )]
    NotSymmetric {
        /// Row of one of the two entries that differ, counted from 0.
        row: usize,
        /// Its column, counted from 0.
        column: usize,
    },
    /// An eigenvalue of the covariance matrix is negative, by more than rounding explains.
    #[error(
        "the covariance matrix has the negative eigenvalue {eigenvalue:?} (the largest is {largest:?}); pass a \
         positive semidefinite matrix"
    )]
    NegativeVariance {
        /// The smallest eigenvalue.
        eigenvalue: f64,
        /// The largest eigenvalue.
        largest: f64,
    },
    /// The eigenvectors of a covariance matrix could not be computed.
    #[error(
        "the eigendecomposition of a covariance matrix did not reach working precision; check the samples for extreme \
         values"
    )]
    EigendecompositionFailed,
    /// A mixture needs at least one row for each component.
    #[error("{samples} samples are too few for {components} components; pass more samples or request fewer components")]
    TooFewSamplesForComponents {
        /// Samples given.
        samples: usize,
        /// Components requested.
        components: usize,
    },
    /// A setting is negative, infinite or NaN.
    #[error("the {setting} is {value:?}; it must be finite and at least 0")]
    InvalidSetting {
        /// Name of the setting.
        setting: &'static str,
        /// Its value.
        value: f64,
    },
    /// The number of labels differs from the number of rows.
    #[error("{labels} labels were given for {samples} samples; pass one label for each sample")]
    LabelCount {
        /// Labels given.
        labels: usize,
        /// Samples given.
        samples: usize,
    },
    /// A label is not the index of a component.
    #[error("row {row} has the label {label}; with {components} components, labels must be below {components}")]
    LabelOutOfRange {
        /// The first such row, counted from 0.
        row: usize,
        /// Its label.
        label: usize,
        /// Components requested.
        components: usize,
    },
    /// The covariance of a mixture component has no inverse.
    #[error("the covariance matrix of a mixture component is singular; fit with a larger regularization")]
    SingularCovariance,
    /// A set of pairs has different numbers of y and x.
    #[error("the {set} have {sources} source rows and {targets} target rows; pass one of each for every pair")]
    PairCount {
        /// The set of pairs.
        set: SampleSet,
        /// Rows y.
        sources: usize,
        /// Rows x.
        targets: usize,
    },
    /// The caller asked to stop.
    #[error("the fit was stopped before its end; start it again")]
    Stopped,
}
