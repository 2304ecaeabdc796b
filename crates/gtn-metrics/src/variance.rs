use ndarray::{ArrayView1, ArrayView2, Axis};

use crate::input::check_finite;
use crate::{Error, Set};

/// The total variance of the rows: the trace of their covariance matrix (unbiased, divisor n − 1).
///
/// `rows` is n × d, n ≥ 2. The figure is in squared units of the data and at least 0.
///
/// # Errors
///
/// [`Error::TooFewSamples`] for fewer than two rows, [`Error::NotFinite`].
pub fn total_variance(rows: ArrayView2<'_, f32>) -> Result<f64, Error> {
    total_variance_of(Set::Only, rows)
}

/// The share of the real rows' total variance that the generated rows keep: tr cov(generated) / tr cov(real).
///
/// `real` is n × d and `generated` m × d, n and m ≥ 2. The figure has no unit and is at least 0; it is 1 if samples
/// spread as the data do. Regression on noisy pairs pulls ĥ towards the mean, so GTNs at high d fall below 1; a
/// Gaussian fitted to the data has 1 by construction, so that this alone says nothing about the shape.
///
/// # Errors
///
/// [`Error::Columns`]; [`Error::TooFewSamples`] if either set has fewer than two rows; [`Error::NotFinite`];
/// [`Error::NoVariance`] if the real rows are all the same.
pub fn variance_kept(real: ArrayView2<'_, f32>, generated: ArrayView2<'_, f32>) -> Result<f64, Error> {
    if real.ncols() != generated.ncols() {
        return Err(Error::Columns { real: real.ncols(), generated: generated.ncols() });
    }
    match total_variance_of(Set::Real, real)? {
        0.0 => Err(Error::NoVariance),
        variance => Ok(total_variance_of(Set::Generated, generated)? / variance),
    }
}

fn total_variance_of(set: Set, rows: ArrayView2<'_, f32>) -> Result<f64, Error> {
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
    fn what_cannot_be_compared_is_an_error() {
        let rows = |n, d| Array2::<f32>::zeros((n, d));
        assert_eq!(total_variance(rows(1, 2).view()), Err(Error::TooFewSamples { samples: 1 }));
        let columns = Error::Columns { real: 2, generated: 3 };
        assert_eq!(variance_kept(rows(5, 2).view(), rows(5, 3).view()), Err(columns));
        assert_eq!(variance_kept(rows(5, 2).view(), rows(5, 2).view()), Err(Error::NoVariance));
        let (good, bad) = (array![[0.0_f32], [1.0]], array![[0.0_f32], [f32::NAN]]);
        assert_eq!(total_variance(bad.view()), Err(Error::NotFinite { set: Set::Only, row: 1 }));
        let not_finite = Error::NotFinite { set: Set::Generated, row: 1 };
        assert_eq!(variance_kept(good.view(), bad.view()), Err(not_finite));
    }
}
