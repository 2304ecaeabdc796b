use ndarray::{ArrayView1, ArrayView2, Axis};
use rayon::prelude::*;

use crate::input_checks::check_rows;
use crate::{Error, SampleSet, ks_one_sample};

/// How far the columns of a set of rows are from the standard normal distribution N(0, 1).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct SourceStatistics {
    /// The largest |mean| of a column.
    pub largest_mean: f64,
    /// The largest |variance − 1| of a column, with the unbiased variance.
    pub largest_variance_error: f64,
    /// The largest Kolmogorov-Smirnov distance of a column from N(0, 1).
    pub largest_ks: f64,
    /// The mean of these distances over the columns.
    pub mean_ks: f64,
    /// What [`mean_ks`](Self::mean_ks) is on average for n rows of N(0, I): √(π/2) ln 2/√n = 0.869/√n, for large n.
    pub expected_ks: f64,
    /// What [`largest_ks`](Self::largest_ks) exceeds with a probability of at most 5% for n rows of N(0, I) of d columns:
    /// √(ln(40 d)/(2n)).
    pub ks_limit: f64,
}

/// Compares n × d rows y, n ≥ 2 and d ≥ 1, with the standard normal distribution, column by column.
///
/// Use it for the y of pairs (y, x): the network that learns x from y is later given normal vectors, so the y that it
/// learns from should be normal too. Columns can each be normal while their joint distribution is not.
///
/// [`expected_ks`](SourceStatistics::expected_ks) and [`ks_limit`](SourceStatistics::ks_limit) say what chance explains.
/// The first is the mean of Kolmogorov's limit distribution. The second follows from P(√n D > t) ≤ 2 exp(−2t²), which
/// holds for every n (Massart 1990), and from P(at least one of d events) ≤ the sum of their probabilities, which holds for
/// dependent columns as well. For one column it is 1.358/√n, which agrees with the 95% point of Kolmogorov's
/// distribution in all digits given. For orientation, the largest of d |means| is below √(2 ln(40 d)/n) = 2
/// [`ks_limit`](SourceStatistics::ks_limit), with the same probability.
///
/// Rows that were matched to targets, or stratified, can be *closer* to the normal distribution than independent ones.
///
/// The cost is d n ln n, on the threads of the current rayon pool; their number changes no bit.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::TooFewSamples`] for a single row.
///
/// ```
/// use gtn_metrics::source_statistics;
/// use ndarray::Array2;
/// use rand::{Rng, SeedableRng};
/// use rand_chacha::ChaCha8Rng;
/// use rand_distr::StandardNormal;
///
/// let mut rng = ChaCha8Rng::seed_from_u64(1);
/// let y = Array2::from_shape_simple_fn((2000, 3), || rng.sample::<f32, _>(StandardNormal));
/// let normal = source_statistics(y.view())?;
/// assert!(normal.largest_ks < normal.ks_limit && normal.largest_mean < 2.0 * normal.ks_limit);
/// let shrunk = source_statistics((y * 0.8).view())?;
/// assert!(shrunk.largest_ks > shrunk.ks_limit && (shrunk.largest_variance_error - 0.36).abs() < 0.1);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn source_statistics(y: ArrayView2<'_, f32>) -> Result<SourceStatistics, Error> {
    check_rows(SampleSet::Single, y)?;
    let (n, d) = y.dim();
    if n < 2 {
        return Err(Error::TooFewSamples { samples: n });
    }
    let columns: Vec<_> = y.axis_iter(Axis(1)).collect();
    let columns: Vec<_> = columns.into_par_iter().map(column_statistics).collect::<Result<_, Error>>()?;
    let largest = |value: fn(&ColumnStatistics) -> f64| columns.iter().map(value).fold(0.0, f64::max);
    Ok(SourceStatistics {
        largest_mean: largest(|column| column.mean.abs()),
        largest_variance_error: largest(|column| (column.variance - 1.0).abs()),
        largest_ks: largest(|column| column.ks),
        mean_ks: columns.iter().map(|column| column.ks).sum::<f64>() / d as f64,
        expected_ks: std::f64::consts::FRAC_PI_2.sqrt() * std::f64::consts::LN_2 / (n as f64).sqrt(),
        ks_limit: ((40.0 * d as f64).ln() / (2.0 * n as f64)).sqrt(),
    })
}

struct ColumnStatistics {
    mean: f64,
    variance: f64,
    ks: f64,
}

fn column_statistics(column: ArrayView1<'_, f32>) -> Result<ColumnStatistics, Error> {
    let values: Vec<f64> = column.iter().map(|&value| f64::from(value)).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64;
    Ok(ColumnStatistics { mean, variance, ks: ks_one_sample(&values, normal_cdf)? })
}

/// The cumulative distribution function of N(0, 1).
fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn small_sets_match_hand_computed_values() {
        let statistics = source_statistics(array![[0.0_f32, 3.0], [0.0, 5.0]].view()).unwrap();
        assert_eq!((statistics.largest_mean, statistics.largest_variance_error), (4.0, 1.0));
        // The first column jumps from 0 to 1 at F = ½, the second where F is already F(3) and F(5).
        assert!((statistics.largest_ks - normal_cdf(3.0)).abs() < 1e-15);
        assert!((statistics.mean_ks - (0.5 + normal_cdf(3.0)) / 2.0).abs() < 1e-15);
        assert!((statistics.expected_ks - 0.868_731 / 2.0_f64.sqrt()).abs() < 1e-6);
        assert!((statistics.ks_limit - (80.0_f64.ln() / 4.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn invalid_input_is_an_error() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        assert_eq!(source_statistics(zeros(0, 2).view()), Err(Error::Empty { set: SampleSet::Single }));
        assert_eq!(source_statistics(zeros(2, 0).view()), Err(Error::NoColumns));
        assert_eq!(source_statistics(zeros(1, 2).view()), Err(Error::TooFewSamples { samples: 1 }));
        let bad = array![[0.0_f32], [f32::INFINITY]];
        assert_eq!(source_statistics(bad.view()), Err(Error::NotFinite { set: SampleSet::Single, row: 1 }));
    }
}
