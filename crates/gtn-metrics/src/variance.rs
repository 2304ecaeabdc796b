use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::input_checks::check_finite;
use crate::{Error, SampleSet};

/// The total variance of the rows: the trace of their covariance matrix (unbiased, with divisor n − 1).
///
/// `rows` is n × d, n ≥ 2. The result has the squared unit of the data and is at least 0.
///
/// # Errors
///
/// [`Error::TooFewSamples`] for fewer than two rows, [`Error::NotFinite`].
pub fn total_variance(rows: ArrayView2<'_, f32>) -> Result<f64, Error> {
    checked_total_variance(SampleSet::Single, rows)
}

/// The fraction of the real rows' total variance that the generated rows keep: tr cov(generated) / tr cov(real).
///
/// `real` is n × d and `generated` is m × d; n and m ≥ 2. The result has no unit and is at least 0. It is 1 if the
/// generated rows spread as much as the real rows. Regression on noisy pairs pulls ĥ toward the mean, so GTNs are below
/// 1 at high d. A Gaussian fitted to the data has the value 1 by construction, so this metric alone says nothing about
/// the shape of the distribution.
///
/// # Errors
///
/// [`Error::ColumnMismatch`]; [`Error::TooFewSamples`] if either set has fewer than two rows; [`Error::NotFinite`];
/// [`Error::ZeroVariance`] if all real rows are equal.
pub fn variance_kept(real: ArrayView2<'_, f32>, generated: ArrayView2<'_, f32>) -> Result<f64, Error> {
    if real.ncols() != generated.ncols() {
        return Err(Error::ColumnMismatch { real: real.ncols(), generated: generated.ncols() });
    }
    match checked_total_variance(SampleSet::Real, real)? {
        0.0 => Err(Error::ZeroVariance),
        variance => Ok(checked_total_variance(SampleSet::Generated, generated)? / variance),
    }
}

fn checked_total_variance(set: SampleSet, rows: ArrayView2<'_, f32>) -> Result<f64, Error> {
    let samples = rows.nrows();
    if samples < 2 {
        return Err(Error::TooFewSamples { samples });
    }
    check_finite(set, rows)?;
    let variance_of_column = |column: ArrayView1<'_, f32>| {
        let mean = column.iter().map(|&x| f64::from(x)).sum::<f64>() / samples as f64;
        column.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / (samples - 1) as f64
    };
    Ok(rows.axis_iter(Axis(1)).map(variance_of_column).sum())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn total_variance_is_the_trace_of_the_covariance() {
        let rows = array![[1.0_f32, 10.0], [2.0, 10.0], [6.0, 40.0]];
        assert!((total_variance(rows.view()).unwrap() - (7.0 + 300.0)).abs() < 1e-12);
        assert!((variance_kept(rows.view(), (&rows * 0.5).view()).unwrap() - 0.25).abs() < 1e-12);
    }

    #[test]
    fn invalid_input_is_an_error() {
        let rows = |n, d| Array2::<f32>::zeros((n, d));
        assert_eq!(total_variance(rows(1, 2).view()), Err(Error::TooFewSamples { samples: 1 }));
        let columns = Error::ColumnMismatch { real: 2, generated: 3 };
        assert_eq!(variance_kept(rows(5, 2).view(), rows(5, 3).view()), Err(columns));
        assert_eq!(variance_kept(rows(5, 2).view(), rows(5, 2).view()), Err(Error::ZeroVariance));
        let (good, bad) = (array![[0.0_f32], [1.0]], array![[0.0_f32], [f32::NAN]]);
        assert_eq!(total_variance(bad.view()), Err(Error::NotFinite { set: SampleSet::Single, row: 1 }));
        let not_finite = Error::NotFinite { set: SampleSet::Generated, row: 1 };
        assert_eq!(variance_kept(good.view(), bad.view()), Err(not_finite));
    }
}
