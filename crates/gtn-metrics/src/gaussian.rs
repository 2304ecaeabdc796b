use ndarray::{Array2, ArrayView2};
use rand::Rng;
use rand_distr::StandardNormal;

use crate::eigen::Algorithm;
use crate::{Error, SampleMoments};

/// A normal distribution with the mean and covariance of the data: the simplest baseline generator.
///
/// A trained generator should be better than this baseline. The baseline reproduces the mean and the covariance and
/// nothing else. So its [`variance_kept`](crate::variance_kept) is the best possible, and so is its
/// [`frechet_distance`](crate::frechet_distance) if the rows themselves are compared: both are at their noise floor.
/// Only the other metrics show the difference between the baseline and the data. The Fréchet distance also shows it if
/// features of the rows are compared, such as features of decoded images.
///
/// ```
/// use gtn_metrics::{Gaussian, energy_distance};
/// use ndarray::Array2;
/// use rand::{Rng, SeedableRng};
/// use rand_chacha::ChaCha8Rng;
///
/// // Two clusters. The baseline is far above the noise floor because it fills the gap between them.
/// let clusters = |seed, n| {
///     let mut rng = ChaCha8Rng::seed_from_u64(seed);
///     Array2::from_shape_fn((n, 1), |(i, _)| rng.random::<f32>() + 5.0 * (i % 2) as f32)
/// };
/// let (real, second) = (clusters(1, 400), clusters(2, 400));
/// let baseline = Gaussian::fit(real.view())?.sample(400, &mut ChaCha8Rng::seed_from_u64(3));
/// let value = energy_distance(real.view(), baseline.view())?;
/// assert!(value > 5.0 * energy_distance(real.view(), second.view())?);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    moments: SampleMoments,
    /// Aᵀ, where A Aᵀ = C. It has as many rows as the rank of C.
    transform: Array2<f64>,
}

impl Gaussian {
    /// The normal distribution with the moments of n × d rows, n ≥ 2, d ≥ 1.
    ///
    /// # Errors
    ///
    /// Those of [`SampleMoments::from_rows`]; [`Error::EigendecompositionFailed`].
    pub fn fit(rows: ArrayView2<'_, f32>) -> Result<Self, Error> {
        Self::from_moments(SampleMoments::from_rows(rows)?)
    }

    /// The normal distribution with the given moments. The covariance may be singular: eigenvalues below d 2⁻⁵² of the
    /// largest count as 0.
    ///
    /// # Errors
    ///
    /// [`Error::NegativeVariance`] if the covariance has an eigenvalue below −d 2⁻²³ λ_max;
    /// [`Error::EigendecompositionFailed`].
    pub fn from_moments(moments: SampleMoments) -> Result<Self, Error> {
        let factor = Algorithm::Unblocked.covariance_factor(moments.covariance_matrix())?;
        let transform = Array2::from_shape_fn((factor.ncols(), factor.nrows()), |(i, j)| factor[(j, i)]);
        Ok(Self { moments, transform })
    }

    /// Mean and covariance.
    pub fn moments(&self) -> &SampleMoments {
        &self.moments
    }

    /// Draws `count` independent rows x = μ + A z, where z is standard normal and A Aᵀ = C.
    ///
    /// For each row, `rng` supplies as many normal values as the rank of C. Values outside the range of `f32` are
    /// clamped to it.
    pub fn sample(&self, count: usize, rng: &mut impl Rng) -> Array2<f32> {
        let normal = Array2::from_shape_simple_fn((count, self.transform.nrows()), || rng.sample(StandardNormal));
        let rows = normal.dot(&self.transform) + self.moments.mean();
        rows.mapv(clamp_to_f32)
    }
}

/// The nearest finite `f32`.
pub(crate) fn clamp_to_f32(x: f64) -> f32 {
    x.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
}

#[cfg(test)]
mod tests {
    use ndarray::{Axis, array, s};
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    fn rng() -> ChaCha8Rng {
        ChaCha8Rng::seed_from_u64(7)
    }

    #[test]
    fn the_transform_is_a_factor_of_the_covariance() {
        let rows = Array2::from_shape_fn((9, 4), |(i, k)| ((i * i * 37 + i + k * 29) % 101) as f32);
        let gaussian = Gaussian::fit(rows.view()).unwrap();
        let product = gaussian.transform.t().dot(&gaussian.transform);
        assert!((product - gaussian.moments().covariance()).iter().all(|x| x.abs() < 1e-11));
    }

    #[test]
    fn samples_do_not_vary_where_rows_do_not() {
        // A plane in space: the second column is constant, the third twice the first.
        let rows = array![[0.0, 5.0, 0.0], [1.0, 5.0, 2.0], [7.0, 5.0, 14.0]];
        let gaussian = Gaussian::fit(rows.view()).unwrap();
        assert_eq!(gaussian.transform.nrows(), 1);
        let samples = gaussian.sample(100, &mut rng());
        for row in samples.outer_iter() {
            assert!((row[1] - 5.0).abs() < 1e-5 && (row[2] - 2.0 * row[0]).abs() < 1e-4, "{row}");
        }
        let point = Gaussian::fit(Array2::from_elem((2, 3), 4.5).view()).unwrap();
        assert_eq!(point.sample(5, &mut rng()), Array2::from_elem((5, 3), 4.5));
    }

    #[test]
    fn a_larger_sample_starts_with_the_smaller_one() {
        let gaussian = Gaussian::fit(array![[0.0, 5.0], [1.0, 3.0], [7.0, 2.0]].view()).unwrap();
        let (few, many) = (gaussian.sample(3, &mut rng()), gaussian.sample(50, &mut rng()));
        assert_eq!(few, many.slice(s![..3, ..]));
        assert_eq!(gaussian.sample(0, &mut rng()).dim(), (0, 2));
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        let gaussian = Gaussian::fit(array![[f32::MAX], [f32::MIN]].view()).unwrap();
        let samples = gaussian.sample(100, &mut rng());
        assert!(samples.iter().all(|x| x.is_finite()));
        assert!(samples.index_axis(Axis(1), 0).iter().any(|&x| x == f32::MAX));
    }
}
