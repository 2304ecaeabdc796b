//! Figures of merit for generated samples, as formulas on arrays: no network, no files.
//!
//! Rows are samples. Sums are taken in `f64`, in the order of the rows.
//!
//! ```
//! use ndarray::array;
//!
//! let real = array![[0.0_f32, 0.0], [2.0, 4.0]];
//! let generated = array![[0.0_f32, 1.0], [1.0, 3.0]];
//! // The total variance is 2 + 8 = 10 in the real rows and 0.5 + 2 = 2.5 in the generated ones.
//! assert_eq!(gtn_metrics::variance_kept(real.view(), generated.view())?, 0.25);
//! # Ok::<(), gtn_metrics::Error>(())
//! ```

use ndarray::{ArrayView2, Axis};

/// Why a figure of merit cannot be computed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A variance needs at least two samples.
    #[error("{samples} samples are too few: at least 2 are needed")]
    TooFewSamples {
        /// Samples given.
        samples: usize,
    },
    /// The two sets live in different spaces.
    #[error("real rows have {real} columns and generated rows have {generated}; they must have as many")]
    Columns {
        /// Columns of the real rows.
        real: usize,
        /// Columns of the generated rows.
        generated: usize,
    },
    /// The real rows are all the same, so that nothing can be compared with their variance.
    #[error("the real rows have no variance")]
    NoVariance,
}

/// The total variance of the rows: the trace of their covariance matrix (unbiased, divisor n − 1).
///
/// # Errors
///
/// [`Error::TooFewSamples`] for fewer than two rows.
pub fn total_variance(rows: ArrayView2<'_, f32>) -> Result<f64, Error> {
    let samples = rows.nrows();
    if samples < 2 {
        return Err(Error::TooFewSamples { samples });
    }
    let variance_of_column = |column: ndarray::ArrayView1<'_, f32>| {
        let mean = column.iter().map(|&x| f64::from(x)).sum::<f64>() / samples as f64;
        column.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / (samples - 1) as f64
    };
    Ok(rows.axis_iter(Axis(1)).map(variance_of_column).sum())
}

/// The share of the real rows' total variance that the generated rows keep: tr cov(generated) / tr cov(real).
///
/// 1 if samples spread as the data do. Regression on noisy pairs pulls ĥ towards the mean, so GTNs at high d fall below 1; a
/// Gaussian fitted to the data has 1 by construction, so that this alone says nothing about the shape.
///
/// # Errors
///
/// [`Error`] if either set has fewer than two rows, their columns differ, or the real rows are all the same.
pub fn variance_kept(real: ArrayView2<'_, f32>, generated: ArrayView2<'_, f32>) -> Result<f64, Error> {
    if real.ncols() != generated.ncols() {
        return Err(Error::Columns { real: real.ncols(), generated: generated.ncols() });
    }
    match total_variance(real)? {
        0.0 => Err(Error::NoVariance),
        variance => Ok(total_variance(generated)? / variance),
    }
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
    }
}
