use nalgebra::DMatrix;
use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis};

use crate::input_checks::check_rows;
use crate::{Error, SampleSet};

/// Rows centered and multiplied at once.
const BLOCK_ROWS: usize = 512;

/// Larger values could overflow when they are multiplied.
const MAX_ABS: f64 = 1e150;

/// Mean and covariance of a set of rows.
///
/// [`frechet_distance_from_moments`](crate::frechet_distance_from_moments), [`Gaussian`](crate::Gaussian) and
/// [`Pca`](crate::Pca) use nothing else of the rows, so you can compute the moments once and reuse them.
#[derive(Debug, Clone, PartialEq)]
pub struct SampleMoments {
    mean: Array1<f64>,
    covariance: Array2<f64>,
    samples: usize,
}

impl SampleMoments {
    /// Mean and unbiased covariance of n × d rows, n ≥ 2 and d ≥ 1: μ = 1/n Σᵢ xᵢ and
    /// C = 1/(n − 1) Σᵢ (xᵢ − μ)(xᵢ − μ)ᵀ, as in `numpy.cov(rows, rowvar=False)`.
    ///
    /// Everything is computed in `f64`, and the rows are centered before they are multiplied. The rank of C is at most
    /// n − 1. The cost is n d² multiplications.
    ///
    /// # Errors
    ///
    /// [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::TooFewSamples`] for a single row.
    pub fn from_rows(rows: ArrayView2<'_, f32>) -> Result<Self, Error> {
        check_rows(SampleSet::Single, rows)?;
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
        for block in rows.axis_chunks_iter(Axis(0), BLOCK_ROWS) {
            let centered = block.mapv(f64::from) - &mean;
            general_mat_mul(1.0, &centered.t(), &centered, 1.0, &mut covariance);
        }
        covariance /= (samples - 1) as f64;
        Ok(Self { mean, covariance, samples })
    }

    /// Moments computed elsewhere, such as published ones of a data set: a mean of d ≥ 1 values, a symmetric d × d
    /// covariance matrix, and the number of samples n ≥ 2 they were computed from.
    ///
    /// Entries (i, j) and (j, i) may differ by up to 1e-5 of the largest entry, as in a matrix that was rounded to
    /// `f32`. The entry below the diagonal is used.
    ///
    /// # Errors
    ///
    /// [`Error::NoColumns`], [`Error::TooFewSamples`], [`Error::CovarianceShape`]; [`Error::MomentsNotFinite`] if a
    /// value is NaN or its magnitude is above 1e150; [`Error::NotSymmetric`].
    pub fn new(mean: Array1<f64>, covariance: Array2<f64>, samples: usize) -> Result<Self, Error> {
        let (expected, (rows, columns)) = (mean.len(), covariance.dim());
        if expected == 0 {
            return Err(Error::NoColumns);
        }
        if samples < 2 {
            return Err(Error::TooFewSamples { samples });
        }
        if (rows, columns) != (expected, expected) {
            return Err(Error::CovarianceShape { rows, columns, expected });
        }
        if !mean.iter().chain(&covariance).all(|x| x.abs() <= MAX_ABS) {
            return Err(Error::MomentsNotFinite);
        }
        let tolerance = 1e-5 * covariance.iter().fold(0.0_f64, |max, x| max.max(x.abs()));
        let asymmetry = |(row, column)| (covariance[(row, column)] - covariance[(column, row)]).abs();
        let mut pairs = (0..expected).flat_map(|row| (0..row).map(move |column| (row, column)));
        if let Some((row, column)) = pairs.find(|&pair| asymmetry(pair) > tolerance) {
            return Err(Error::NotSymmetric { row, column });
        }
        Ok(Self { mean, covariance, samples })
    }

    /// The moments of the samples of both sets together, up to rounding (Chan, Golub and LeVeque 1983). So moments can be computed in
    /// parts, without all samples in memory.
    ///
    /// # Errors
    ///
    /// [`Error::CovarianceShape`] if the sets have different numbers of columns.
    ///
    /// ```
    /// use gtn_metrics::SampleMoments;
    /// use ndarray::array;
    ///
    /// let rows = array![[1.0, 2.0], [3.0, 1.0], [2.0, 5.0], [7.0, 0.0]];
    /// let [first, second] = [0, 2].map(|start| SampleMoments::from_rows(rows.slice(ndarray::s![start..start + 2, ..])));
    /// let all = first?.merged(&second?)?;
    /// assert!((all.covariance()[(0, 1)] - SampleMoments::from_rows(rows.view())?.covariance()[(0, 1)]).abs() < 1e-12);
    /// # Ok::<(), gtn_metrics::Error>(())
    /// ```
    pub fn merged(&self, other: &Self) -> Result<Self, Error> {
        let (d, of_other) = (self.mean.len(), other.mean.len());
        if d != of_other {
            return Err(Error::CovarianceShape { rows: of_other, columns: of_other, expected: d });
        }
        let (n, m) = (self.samples as f64, other.samples as f64);
        let difference = &other.mean - &self.mean;
        let column = difference.view().insert_axis(Axis(1));
        let mut covariance = &self.covariance * (n - 1.0) + &other.covariance * (m - 1.0);
        general_mat_mul(n * m / (n + m), &column, &column.t(), 1.0, &mut covariance);
        covariance /= n + m - 1.0;
        let mean = &self.mean + &(difference * (m / (n + m)));
        Ok(Self { mean, covariance, samples: self.samples + other.samples })
    }

    /// The mean μ, of length d.
    pub fn mean(&self) -> ArrayView1<'_, f64> {
        self.mean.view()
    }

    /// The covariance C, d × d.
    pub fn covariance(&self) -> ArrayView2<'_, f64> {
        self.covariance.view()
    }

    /// The number of samples that the moments were computed from.
    pub fn sample_count(&self) -> usize {
        self.samples
    }

    /// The trace of the covariance.
    pub(crate) fn trace(&self) -> f64 {
        self.covariance.diag().sum()
    }

    /// The covariance as a nalgebra matrix that is exactly symmetric: entries below the diagonal are mirrored.
    pub(crate) fn covariance_matrix(&self) -> DMatrix<f64> {
        let d = self.mean.len();
        DMatrix::from_fn(d, d, |i, j| self.covariance[(i.max(j), i.min(j))])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn small_sets_match_hand_computed_values() {
        let moments = SampleMoments::from_rows(array![[1.0, 10.0], [2.0, 10.0], [6.0, 40.0]].view()).unwrap();
        assert_eq!((moments.mean(), moments.sample_count()), (array![3.0, 20.0].view(), 3));
        assert_eq!(moments.covariance(), array![[7.0, 45.0], [45.0, 300.0]]);
        assert_eq!(moments.trace(), 307.0);
    }

    #[test]
    fn any_number_of_blocks_gives_the_same_moments() {
        for n in [BLOCK_ROWS - 1, BLOCK_ROWS, BLOCK_ROWS + 1, 3 * BLOCK_ROWS + 7] {
            let rows = Array2::from_shape_fn((n, 9), |(i, k)| 1000.0 + ((i * i * 37 + i + k * 29) % 101) as f32);
            let moments = SampleMoments::from_rows(rows.view()).unwrap();
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
    fn moments_of_parts_are_those_of_all_rows() {
        let rows =
            Array2::from_shape_fn((900, 7), |(i, k)| 100.0 * k as f32 + ((i * i * 37 + i + k * 29) % 101) as f32);
        let all = SampleMoments::from_rows(rows.view()).unwrap();
        for sizes in [&[450, 450][..], &[2, 898], &[100, 300, 500], &[898, 2]] {
            let mut start = 0;
            let parts = sizes.iter().map(|size| {
                start += size;
                SampleMoments::from_rows(rows.slice(ndarray::s![start - size..start, ..])).unwrap()
            });
            let merged = parts.reduce(|all, part| all.merged(&part).unwrap()).unwrap();
            assert_eq!(merged.sample_count(), 900);
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-11 * (1.0 + b.abs());
            assert!(merged.mean().iter().zip(all.mean()).all(|(a, b)| close(*a, *b)), "{sizes:?}");
            assert!(merged.covariance().iter().zip(all.covariance()).all(|(a, b)| close(*a, *b)), "{sizes:?}");
        }
        let other = SampleMoments::from_rows(Array2::zeros((3, 2)).view()).unwrap();
        let shape = Error::CovarianceShape { rows: 2, columns: 2, expected: 7 };
        assert_eq!(all.merged(&other), Err(shape));
    }

    #[test]
    fn invalid_input_is_an_error() {
        let rows = |n, d| Array2::<f32>::zeros((n, d));
        assert_eq!(SampleMoments::from_rows(rows(0, 2).view()), Err(Error::Empty { set: SampleSet::Single }));
        assert_eq!(SampleMoments::from_rows(rows(1, 2).view()), Err(Error::TooFewSamples { samples: 1 }));
        assert_eq!(SampleMoments::from_rows(rows(3, 0).view()), Err(Error::NoColumns));
        let bad = array![[0.0], [1.0], [f32::NAN]];
        assert_eq!(SampleMoments::from_rows(bad.view()), Err(Error::NotFinite { set: SampleSet::Single, row: 2 }));

        let (mean, covariance) = (array![1.0, 2.0], array![[4.0, 1.0], [1.0, 9.0]]);
        let moments = SampleMoments::new(mean.clone(), covariance.clone(), 7).unwrap();
        assert_eq!((moments.mean(), moments.covariance()), (mean.view(), covariance.view()));
        assert_eq!(SampleMoments::new(array![], Array2::zeros((0, 0)), 7), Err(Error::NoColumns));
        assert_eq!(SampleMoments::new(mean.clone(), covariance.clone(), 1), Err(Error::TooFewSamples { samples: 1 }));
        let shape = Error::CovarianceShape { rows: 2, columns: 3, expected: 2 };
        assert_eq!(SampleMoments::new(mean.clone(), Array2::zeros((2, 3)), 7), Err(shape));
        for bad in [f64::NAN, f64::INFINITY, -1e151] {
            assert_eq!(SampleMoments::new(array![1.0, bad], covariance.clone(), 7), Err(Error::MomentsNotFinite));
            let covariance = array![[4.0, 1.0], [1.0, bad]];
            assert_eq!(SampleMoments::new(mean.clone(), covariance, 7), Err(Error::MomentsNotFinite));
        }
        let skewed = |upper| SampleMoments::new(mean.clone(), array![[4.0, upper], [1.0, 9.0]], 7);
        assert_eq!(skewed(1.001), Err(Error::NotSymmetric { row: 1, column: 0 }));
        assert_eq!(skewed(1.00001).unwrap().covariance_matrix(), DMatrix::from_row_slice(2, 2, &[4.0, 1.0, 1.0, 9.0]));
    }
}
