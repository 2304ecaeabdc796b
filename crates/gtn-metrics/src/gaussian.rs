use ndarray::{Array2, ArrayView2};
use rand::Rng;
use rand_distr::StandardNormal;

use crate::eigen::root;
use crate::{Error, Moments};

/// One normal law with the mean and covariance of rows: the baseline that a generator of those rows has to surpass.
///
/// It knows mean and covariance and nothing else. So it has the best [`variance_kept`](crate::variance_kept) and, if
/// the rows themselves are compared, the best [`frechet_distance`](crate::frechet_distance) that a generator can have,
/// both at their floor: there the other figures have to tell the two apart. Where what is compared is made of the rows,
/// as features of decoded images are, the Fréchet distance tells them apart too.
///
/// ```
/// use gtn_metrics::{Gaussian, energy_distance};
/// use ndarray::Array2;
/// use rand::{Rng, SeedableRng};
/// use rand_chacha::ChaCha8Rng;
///
/// // Two clusters. The baseline is not at the floor: it fills the gap between them.
/// let clusters = |seed, n| {
///     let mut rng = ChaCha8Rng::seed_from_u64(seed);
///     Array2::from_shape_fn((n, 1), |(i, _)| rng.random::<f32>() + 5.0 * (i % 2) as f32)
/// };
/// let (real, second) = (clusters(1, 400), clusters(2, 400));
/// let baseline = Gaussian::fit(real.view())?.sample(400, ChaCha8Rng::seed_from_u64(3));
/// let figure = energy_distance(real.view(), baseline.view())?;
/// assert!(figure > 5.0 * energy_distance(real.view(), second.view())?);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Gaussian {
    moments: Moments,
    /// A with A Aᵀ = C, transposed: as many rows as C has rank.
    transform: Array2<f64>,
}

impl Gaussian {
    /// The normal law with the moments of n × d rows, n ≥ 2, d ≥ 1.
    ///
    /// # Errors
    ///
    /// Those of [`Moments::of`]; [`Error::NoEigenvectors`].
    pub fn fit(rows: ArrayView2<'_, f32>) -> Result<Self, Error> {
        Self::new(Moments::of(rows)?)
    }

    /// The normal law with these moments. The covariance may be singular; eigenvalues below d 2⁻⁵² of the largest count
    /// as 0.
    ///
    /// # Errors
    ///
    /// [`Error::NegativeVariance`] if the covariance has an eigenvalue below −d 2⁻²³ λ_max;
    /// [`Error::NoEigenvectors`].
    pub fn new(moments: Moments) -> Result<Self, Error> {
        let root = root(moments.symmetric())?;
        let transform = Array2::from_shape_fn((root.ncols(), root.nrows()), |(i, j)| root[(j, i)]);
        Ok(Self { moments, transform })
    }

    /// Mean and covariance.
    pub fn moments(&self) -> &Moments {
        &self.moments
    }

    /// `count` independent rows: x = μ + A z, where z is standard normal and A Aᵀ = C.
    ///
    /// Each row takes as many normal numbers from `rng` as C has rank. What is beyond the range of `f32` becomes the
    /// largest number of its sign.
    pub fn sample(&self, count: usize, mut rng: impl Rng) -> Array2<f32> {
        let normal = Array2::from_shape_simple_fn((count, self.transform.nrows()), || rng.sample(StandardNormal));
        let rows = normal.dot(&self.transform) + self.moments.mean();
        rows.mapv(narrow)
    }
}

/// The nearest `f32` that is finite.
pub(crate) fn narrow(x: f64) -> f32 {
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
    fn the_transform_is_a_root_of_the_covariance() {
        let rows = Array2::from_shape_fn((9, 4), |(i, k)| ((i * i * 37 + i + k * 29) % 101) as f32);
        let law = Gaussian::fit(rows.view()).unwrap();
        let product = law.transform.t().dot(&law.transform);
        assert!((product - law.moments().covariance()).iter().all(|x| x.abs() < 1e-11));
    }

    #[test]
    fn samples_stay_where_rows_have_no_variance() {
        // A plane in space: the second column is constant, the third twice the first.
        let rows = array![[0.0, 5.0, 0.0], [1.0, 5.0, 2.0], [7.0, 5.0, 14.0]];
        let law = Gaussian::fit(rows.view()).unwrap();
        assert_eq!(law.transform.nrows(), 1);
        let drawn = law.sample(100, rng());
        for row in drawn.outer_iter() {
            assert!((row[1] - 5.0).abs() < 1e-5 && (row[2] - 2.0 * row[0]).abs() < 1e-4, "{row}");
        }
        let point = Gaussian::fit(Array2::from_elem((2, 3), 4.5).view()).unwrap();
        assert_eq!(point.sample(5, rng()), Array2::from_elem((5, 3), 4.5));
    }

    #[test]
    fn more_samples_begin_with_the_same() {
        let law = Gaussian::fit(array![[0.0, 5.0], [1.0, 3.0], [7.0, 2.0]].view()).unwrap();
        let (few, many) = (law.sample(3, rng()), law.sample(50, rng()));
        assert_eq!(few, many.slice(s![..3, ..]));
        assert_eq!(law.sample(0, rng()).dim(), (0, 2));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let law = Gaussian::fit(array![[f32::MAX], [f32::MIN]].view()).unwrap();
        let drawn = law.sample(100, rng());
        assert!(drawn.iter().all(|x| x.is_finite()));
        assert!(drawn.index_axis(Axis(1), 0).iter().any(|&x| x == f32::MAX));
    }
}
