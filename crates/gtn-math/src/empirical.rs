use crate::error::{EmpiricalError, LabelingError, MapError, Side};
use crate::labeling::ranked;

/// The empirical distribution function of a sample, and its generalized inverse.
///
/// With k(x) sample points at or below x out of n, counted with their multiplicity:
///
/// - [`cdf`](Self::cdf) is F(x) = k(x)/n, one correctly rounded division. It is 0 below the smallest point, 1 from the
///   largest on, and continuous from the right: at a point that occurs m times it already counts all m.
/// - [`quantile`](Self::quantile) is the smallest sample point x with F(x) ≥ p, for 0 < p ≤ 1.
///
/// The two are tied by `quantile(p) <= x` if and only if `p <= cdf(x)`, for all numbers x and all p of (0, 1], without a
/// tolerance. In particular `quantile(k/n)` is the k-th smallest point.
///
/// An empirical law has jumps, so it is no [`Distribution`](crate::Distribution) in the sense of Theorem 2.1.
///
/// ```
/// use gtn_math::EmpiricalCdf;
///
/// let f = EmpiricalCdf::new(&[3.0, 1.0, 3.0, 2.0])?;
/// assert_eq!(f.cdf(0.9), 0.0);
/// assert_eq!(f.cdf(1.0), 0.25); // a jump belongs to its point
/// assert_eq!(f.cdf(3.0), 1.0);
/// assert_eq!(f.quantile(0.5), 2.0); // exactly 2/4 lie at or below 2
/// assert_eq!(f.quantile(0.6), 3.0);
/// assert!(f.quantile(0.0).is_nan()); // every number has F(x) ≥ 0: there is no smallest
/// # Ok::<(), gtn_math::EmpiricalError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EmpiricalCdf {
    sorted: Vec<f64>,
}

impl EmpiricalCdf {
    /// The empirical law of a sample in any order; it is sorted once, here. A negative zero is taken for a zero.
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

    /// How many sample points lie at or below `x`, which is any number; none for NaN.
    pub fn count_at_or_below(&self, x: f64) -> usize {
        self.sorted.partition_point(|&v| v <= x)
    }

    /// The share of sample points at or below `x`, which is any number; NaN for NaN.
    pub fn cdf(&self, x: f64) -> f64 {
        if x.is_nan() { f64::NAN } else { self.share(self.count_at_or_below(x)) }
    }

    /// The smallest sample point at or below which lies a share of at least `p` of the sample.
    ///
    /// `p` must be above 0 and at most 1; NaN is returned otherwise. The comparison is with the shares that
    /// [`cdf`](Self::cdf) returns.
    pub fn quantile(&self, p: f64) -> f64 {
        if !(0.0 < p && p <= 1.0) {
            return f64::NAN;
        }
        // Searched among the computed shares, because p·n may be rounded across an integer. Shares increase with the
        // count, and the last is 1, so that a place is always found.
        let (mut low, mut high) = (1, self.sorted.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.share(middle) < p {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        self.sorted[low - 1]
    }

    fn share(&self, count: usize) -> f64 {
        count as f64 / self.sorted.len() as f64
    }
}

/// The empirical h of Figure 2: it carries the i-th smallest y of one sample to the i-th smallest x of another.
///
/// It is F_X⁻¹ ∘ F_Y for the [empirical](EmpiricalCdf) functions of two samples of one size, on the points of the sample of
/// Y. Ranks are integers throughout, so it is exact. It holds the same pairs of values as
/// [`sorted_labeling`](crate::sorted_labeling), which knows them by index.
///
/// Equal y would ask for several images, and are refused; equal x are not, they make h constant there. Between the points
/// of the sample there is no h: filling them in is what a network is trained for.
///
/// ```
/// use gtn_math::EmpiricalMap;
///
/// let h = EmpiricalMap::new(&[0.3, -1.2, 2.0], &[10.0, 30.0, 20.0])?;
/// assert_eq!(h.forward(0.3), Ok(20.0)); // the second of each
/// assert!(h.forward(0.4).is_err()); // not in the sample
/// assert_eq!(h.pairs().collect::<Vec<_>>(), [(-1.2, 10.0), (0.3, 20.0), (2.0, 30.0)]);
/// # Ok::<(), gtn_math::LabelingError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct EmpiricalMap {
    /// Strictly ascending.
    y: Vec<f64>,
    /// Ascending.
    x: Vec<f64>,
}

impl EmpiricalMap {
    /// The map between two samples in any order. A negative zero is taken for a zero. Two empty samples give the map without
    /// a point.
    ///
    /// # Errors
    ///
    /// The samples differ in size, a point is NaN or infinite, or two y are equal.
    pub fn new(y: &[f64], x: &[f64]) -> Result<Self, LabelingError> {
        if y.len() != x.len() {
            return Err(LabelingError::Lengths { y: y.len(), x: x.len() });
        }
        let y_by_rank = ranked(y, Side::Y)?;
        let x_by_rank = ranked(x, Side::X)?;
        if let Some(&[first, second]) = y_by_rank.array_windows().find(|&&[i, j]| y[i] == y[j]) {
            return Err(LabelingError::EqualPoints { first, second, value: y[first] });
        }
        let values = |sample: &[f64], order: Vec<usize>| order.into_iter().map(|i| sample[i] + 0.0).collect();
        Ok(Self { y: values(y, y_by_rank), x: values(x, x_by_rank) })
    }

    /// The x of the same rank as `y`.
    ///
    /// # Errors
    ///
    /// `y` is not a point of the sample of Y.
    pub fn forward(&self, y: f64) -> Result<f64, MapError> {
        let rank = self.y.partition_point(|&v| v < y);
        match self.y.get(rank) {
            Some(&found) if found == y => Ok(self.x[rank]),
            _ => Err(MapError::NotInSample { value: y }),
        }
    }

    /// Every y with its image, in ascending order.
    pub fn pairs(&self) -> impl ExactSizeIterator<Item = (f64, f64)> + '_ {
        self.y.iter().copied().zip(self.x.iter().copied())
    }
}
