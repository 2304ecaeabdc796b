use crate::error::{EmpiricalError, LabelingError, MapError};
use crate::labeling::argsort_both;

/// The empirical distribution function of a sample, and its generalized inverse.
///
/// Let k(x) be the number of sample points at or below x, counted with multiplicity, out of n. Then:
///
/// - [`cdf`](Self::cdf) is F(x) = k(x)/n, one correctly rounded division. It is 0 below the smallest point, 1 at and
///   above the largest, and right-continuous: at a point that occurs m times it counts all m.
/// - [`quantile`](Self::quantile) is the smallest sample point x with F(x) ≥ p, for 0 < p ≤ 1.
///
/// For all numbers x and all p in (0, 1], `quantile(p) <= x` if and only if `p <= cdf(x)`, without any tolerance. In
/// particular, `quantile(k/n)` is the k-th smallest point.
///
/// An empirical distribution function has jumps, so it does not satisfy the assumptions of Theorem 2.1 and does not
/// implement [`Distribution`](crate::Distribution).
///
/// ```
/// use gtn_math::EmpiricalCdf;
///
/// let f = EmpiricalCdf::new(&[3.0, 1.0, 3.0, 2.0])?;
/// assert_eq!(f.cdf(0.9), 0.0);
/// assert_eq!(f.cdf(1.0), 0.25); // the jump is included at its point
/// assert_eq!(f.cdf(3.0), 1.0);
/// assert_eq!(f.quantile(0.5), 2.0); // exactly 2 of 4 are at or below 2
/// assert_eq!(f.quantile(0.6), 3.0);
/// assert!(f.quantile(0.0).is_nan()); // all x have F(x) ≥ 0, so there is no smallest
/// # Ok::<(), gtn_math::EmpiricalError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EmpiricalCdf {
    sorted: Vec<f64>,
}

impl EmpiricalCdf {
    /// The empirical distribution of a sample in any order. The sample is sorted once, here. A negative zero becomes a
    /// zero.
    ///
    /// # Errors
    ///
    /// The sample is empty, or a point is NaN or infinite.
    pub fn new(sample: &[f64]) -> Result<Self, EmpiricalError> {
        if sample.is_empty() {
            return Err(EmpiricalError::Empty);
        }
        if let Some((index, &value)) = sample.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(EmpiricalError::NotFinite { index, value });
        }
        let mut sorted: Vec<f64> = sample.iter().map(|v| v + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        Ok(Self { sorted })
    }

    /// The sample in ascending order, never empty.
    pub fn sorted(&self) -> &[f64] {
        &self.sorted
    }

    /// The number of sample points at or below `x`, which may be any number; 0 for NaN.
    pub fn count_at_or_below(&self, x: f64) -> usize {
        self.sorted.partition_point(|&v| v <= x)
    }

    /// The fraction of sample points at or below `x`, which may be any number; NaN for NaN.
    pub fn cdf(&self, x: f64) -> f64 {
        if x.is_nan() { f64::NAN } else { self.fraction(self.count_at_or_below(x)) }
    }

    /// The smallest sample point x with `cdf(x) >= p`, where `cdf` is the computed [`cdf`](Self::cdf).
    ///
    /// Returns NaN unless `p` is above 0 and at most 1.
    pub fn quantile(&self, p: f64) -> f64 {
        if !(0.0 < p && p <= 1.0) {
            return f64::NAN;
        }
        // Bisection over the computed fractions, because p·n may be rounded across an integer. The fractions increase
        // with the count and the last is 1, so a point always exists.
        let (mut low, mut high) = (1, self.sorted.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.fraction(middle) < p {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.sorted[low - 1]
    }

    fn fraction(&self, count: usize) -> f64 {
        count as f64 / self.sorted.len() as f64
    }
}

/// The empirical h of Figure 2: it maps the i-th smallest y of one sample to the i-th smallest x of another.
///
/// It equals F_X⁻¹ ∘ F_Y for the [empirical distribution functions](EmpiricalCdf) of two samples of equal size, on the
/// points of the sample of Y. It uses integer ranks throughout, so it is exact. It contains the same pairs of values as
/// [`sorted_labeling`](crate::sorted_labeling), which returns them as indices.
///
/// Equal y are an error, because one point would need several images. Equal x are allowed; h is constant there. Between
/// the points of the sample h is undefined: a network is trained to interpolate it.
///
/// ```
/// use gtn_math::EmpiricalMap;
///
/// let h = EmpiricalMap::new(&[0.3, -1.2, 2.0], &[10.0, 30.0, 20.0])?;
/// assert_eq!(h.forward(0.3), Ok(20.0)); // the second smallest of each
/// assert!(h.forward(0.4).is_err()); // not in the sample
/// assert_eq!(h.pairs().collect::<Vec<_>>(), [(-1.2, 10.0), (0.3, 20.0), (2.0, 30.0)]);
/// # Ok::<(), gtn_math::LabelingError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EmpiricalMap {
    /// Strictly increasing.
    y: Vec<f64>,
    /// Non-decreasing.
    x: Vec<f64>,
}

impl EmpiricalMap {
    /// The map between two samples in any order. A negative zero becomes a zero. Two empty samples give a map without
    /// points.
    ///
    /// # Errors
    ///
    /// The samples differ in size, a point is NaN or infinite, or two y are equal.
    pub fn new(y: &[f64], x: &[f64]) -> Result<Self, LabelingError> {
        let (y_by_rank, x_by_rank) = argsort_both(y, x)?;
        if let Some(pair) = y_by_rank.windows(2).find(|pair| y[pair[0]] == y[pair[1]]) {
            let (first, second) = (pair[0], pair[1]);
            return Err(LabelingError::EqualPoints { first, second, value: y[first] });
        }
        let values = |sample: &[f64], indices: Vec<usize>| indices.into_iter().map(|i| sample[i] + 0.0).collect();
        Ok(Self { y: values(y, y_by_rank), x: values(x, x_by_rank) })
    }

    /// The x with the same rank as `y`.
    ///
    /// # Errors
    ///
    /// `y` is not a point of the sample of Y.
    pub fn forward(&self, y: f64) -> Result<f64, MapError> {
        let rank = self.y.partition_point(|&v| v < y);
        match self.y.get(rank) {
            Some(&point) if point == y => Ok(self.x[rank]),
            _ => Err(MapError::NotInSample { value: y }),
        }
    }

    /// Each y with its image, in ascending order of y.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (f64, f64)> + '_ {
        self.y.iter().copied().zip(self.x.iter().copied())
    }
}
