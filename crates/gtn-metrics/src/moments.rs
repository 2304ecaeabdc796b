use nalgebra::DMatrix;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::input::check_rows;
use crate::{Error, Set};

/// Rows centered and multiplied at once.
const BLOCK: usize = 512;

/// Entries above this could overflow when they are multiplied.
const LARGEST: f64 = 1e150;

/// Mean and covariance of rows: all that [`frechet_between`](crate::frechet_between) and
/// [`Gaussian`](crate::Gaussian) see of them, so that they can be computed once and used again.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    mean: Array1<f64>,
    covariance: Array2<f64>,
    samples: usize,
}

impl Moments {
    /// Mean and unbiased covariance of n × d rows, n ≥ 2 and d ≥ 1: μ = 1/n Σᵢ xᵢ and
    /// C = 1/(n − 1) Σᵢ (xᵢ − μ)(xᵢ − μ)ᵀ, as `numpy.cov(rows, rowvar=False)`.
    ///
    /// All in `f64`, centered before it is multiplied. C has at most the rank n − 1. It costs n d² multiplications.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::TooFewSamples`] for a single row.
    pub fn of(rows: ArrayView2<'_, f32>) -> Result<Self, Error> {
        check_rows(Set::Only, rows)?;
        let (samples, d) = rows.dim();
        if samples < 2 {
            return Err(Error::TooFewSamples { samples });
        }
        let mut mean = Array1::<f64>::zeros(d);
        for row in rows.outer_iter() {
            mean.zip_mut_with(&row, |sum, &x| *sum += f64::from(x));
        }
        mean /= samples as f64;
        let mut covariance = Array2::zeros((d, d));
        for block in rows.axis_chunks_iter(Axis(0), BLOCK) {
            let centered = block.mapv(f64::from) - &mean;
            general_mat_mul(1.0, &centered.t(), &centered, 1.0, &mut covariance);
        }
        covariance /= (samples - 1) as f64;
        Ok(Self { mean, covariance, samples })
    }

    /// Moments computed elsewhere, such as the published ones of a data set: a mean of d ≥ 1 numbers, a symmetric
    /// d × d covariance matrix and the number of samples n ≥ 2 that they are of.
    ///
    /// Numbers opposite each other in the matrix may differ by 1e-5 of the largest entry, as in a matrix that was
    /// rounded to `f32`; the lower one counts.
    ///
    /// # Errors
    ///
    /// [`Error::NoColumns`], [`Error::TooFewSamples`], [`Error::CovarianceShape`]; [`Error::MomentsNotFinite`] if a
    /// number is NaN or its size above 1e150; [`Error::NotSymmetric`].
    pub fn new(mean: Array1<f64>, covariance: Array2<f64>, samples: usize) -> Result<Self, Error> {
        let (needed, (rows, columns)) = (mean.len(), covariance.dim());
        if needed == 0 {
            return Err(Error::NoColumns);
        }
        if samples < 2 {
            return Err(Error::TooFewSamples { samples });
        }
        if (rows, columns) != (needed, needed) {
            return Err(Error::CovarianceShape { rows, columns, needed });
        }
        if !mean.iter().chain(&covariance).all(|x| x.abs() <= LARGEST) {
            return Err(Error::MomentsNotFinite);
        }
        let tolerance = 1e-5 * covariance.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
        let opposite = |(row, column)| (covariance[(row, column)] - covariance[(column, row)]).abs();
        let mut pairs = (0..needed).flat_map(|row| (0..row).map(move |column| (row, column)));
        if let Some((row, column)) = pairs.find(|&pair| opposite(pair) > tolerance) {
            return Err(Error::NotSymmetric { row, column });
        }
        Ok(Self { mean, covariance, samples })
    }

    /// μ, of length d.
    pub fn mean(&self) -> ArrayView1<'_, f64> {
        self.mean.view()
    }

    /// C, d × d.
    pub fn covariance(&self) -> ArrayView2<'_, f64> {
        self.covariance.view()
    }

    /// The number of rows that these are the moments of.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The trace of the covariance.
    pub(crate) fn trace(&self) -> f64 {
        self.covariance.diag().sum()
    }

    /// The covariance by columns, with what is below the diagonal on both sides of it.
    pub(crate) fn symmetric(&self) -> DMatrix<f64> {
        let d = self.mean.len();
        DMatrix::from_fn(d, d, |i, j| self.covariance[(i.max(j), i.min(j))])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn small_sets_by_hand() {
        let moments = Moments::of(array![[1.0, 10.0], [2.0, 10.0], [6.0, 40.0]].view()).unwrap();
        assert_eq!((moments.mean(), moments.samples()), (array![3.0, 20.0].view(), 3));
        assert_eq!(moments.covariance(), array![[7.0, 45.0], [45.0, 300.0]]);
        assert_eq!(moments.trace(), 307.0);
    }

    #[test]
    fn blocks_add_up() {
        for n in [BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7] {
            let rows = Array2::from_shape_fn((n, 9), |(i, k)| 1000.0 + ((i * i * 37 + i + k * 29) % 101) as f32);
            let moments = Moments::of(rows.view()).unwrap();
            for k in 0..9 {
                let mean = rows.column(k).iter().map(|&x| f64::from(x)).sum::<f64>() / n as f64;
                assert!((moments.mean()[k] - mean).abs() < 1e-11);
                for l in 0..9 {
                    let product = |i| (f64::from(rows[(i, k)]) - mean) * (f64::from(rows[(i, l)]) - moments.mean()[l]);
                    let expected = (0..n).map(product).sum::<f64>() / (n - 1) as f64;
                    assert!((moments.covariance()[(k, l)] - expected).abs() < 1e-10, "{n}: {k}, {l}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_moments_is_an_error() {
        let rows = |n, d| Array2::<f32>::zeros((n, d));
        assert_eq!(Moments::of(rows(0, 2).view()), Err(Error::Empty { set: Set::Only }));
        assert_eq!(Moments::of(rows(1, 2).view()), Err(Error::TooFewSamples { samples: 1 }));
        assert_eq!(Moments::of(rows(3, 0).view()), Err(Error::NoColumns));
        let bad = array![[0.0], [1.0], [f32::NAN]];
        assert_eq!(Moments::of(bad.view()), Err(Error::NotFinite { set: Set::Only, row: 2 }));

        let (mean, covariance) = (array![1.0, 2.0], array![[4.0, 1.0], [1.0, 9.0]]);
        let moments = Moments::new(mean.clone(), covariance.clone(), 7).unwrap();
        assert_eq!((moments.mean(), moments.covariance()), (mean.view(), covariance.view()));
        assert_eq!(Moments::new(array![], Array2::zeros((0, 0)), 7), Err(Error::NoColumns));
        assert_eq!(Moments::new(mean.clone(), covariance.clone(), 1), Err(Error::TooFewSamples { samples: 1 }));
        let shape = Error::CovarianceShape { rows: 2, columns: 3, needed: 2 };
        assert_eq!(Moments::new(mean.clone(), Array2::zeros((2, 3)), 7), Err(shape));
        for bad in [f64::NAN, f64::INFINITY, -1e151] {
            assert_eq!(Moments::new(array![1.0, bad], covariance.clone(), 7), Err(Error::MomentsNotFinite));
            let covariance = array![[4.0, 1.0], [1.0, bad]];
            assert_eq!(Moments::new(mean.clone(), covariance, 7), Err(Error::MomentsNotFinite));
        }
        let skew = |opposite| Moments::new(mean.clone(), array![[4.0, opposite], [1.0, 9.0]], 7);
        assert_eq!(skew(1.001), Err(Error::NotSymmetric { row: 1, column: 0 }));
        assert_eq!(skew(1.00001).unwrap().symmetric(), DMatrix::from_row_slice(2, 2, &[4.0, 1.0, 1.0, 9.0]));
    }
}
