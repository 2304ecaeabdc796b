use ndarray::ArrayView2;

use crate::eigen::{nuclear_norm, root};
use crate::input::check_pair;
use crate::{Error, Moments};

/// The Fréchet distance of two sets of rows: that of two normal laws with their means and covariances,
/// |μ₁ − μ₂|² + tr(C₁ + C₂ − 2 (C₁^½ C₂ C₁^½)^½).
///
/// `real` is n × d and `generated` m × d, n and m ≥ 2, d ≥ 1; covariances are unbiased. If the rows are features of an
/// Inception network the figure is called FID; it is a *squared* distance and has the squared unit of the data. It is
/// at least 0, and 0 if means and covariances are equal: whatever else distinguishes two sets, this figure does not see
/// it. For d = 1 it is (μ₁ − μ₂)² + (σ₁ − σ₂)².
///
/// The figure is biased upwards by the noise of both sets' moments. Under equal laws with covariance C its mean is more
/// than tr C (1/n + 1/m), which is the share of the means alone, and with few rows for each dimension much more. So
/// compare figures of equal n and m, and with **their floor**: this function with a second real sample of m rows as
/// `generated`, or [`floor_over_draws`](crate::floor_over_draws).
///
/// If one of the sets is compared several times, compute its [`Moments`] once and use [`frechet_between`], which also
/// says how exact the figure is.
///
/// Sources: Dowson and Landau 1982, *The Fréchet distance between multivariate normal distributions*; Heusel, Ramsauer,
/// Unterthiner, Nessler and Hochreiter 2017, *GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
/// Equilibrium* (FID).
///
/// # Errors
///
/// [`Error::Columns`], [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::TooFewSamples`] if a set
/// has a single row; [`Error::NoEigenvectors`].
///
/// ```
/// use ndarray::array;
///
/// // The means are 3 apart; the standard deviations are √2 and 3√2.
/// let (real, generated) = (array![[0.0_f32], [2.0]], array![[1.0_f32], [7.0]]);
/// let figure = gtn_metrics::frechet_distance(real.view(), generated.view())?;
/// assert!((figure - (9.0 + 8.0)).abs() < 1e-12);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn frechet_distance(real: ArrayView2<'_, f32>, generated: ArrayView2<'_, f32>) -> Result<f64, Error> {
    check_pair(real, generated)?;
    frechet_between(&Moments::of(real)?, &Moments::of(generated)?)
}

/// The Fréchet distance of two normal laws: [`frechet_distance`] of sets with these moments.
///
/// With C₁ = AAᵀ and C₂ = BBᵀ the trace of (C₁^½ C₂ C₁^½)^½ is the sum of the singular values of AᵀB. A and B are made
/// of the eigenvectors of C₁ and C₂, without those whose eigenvalue is at most d 2⁻⁵² of the largest, negative ones
/// included: covariances of n ≤ d rows are singular, and rounding leaves such eigenvalues in the place of 0.
///
/// **Error.** A few d 2⁻⁵² (tr C₁ + tr C₂), whatever the rank, as long as the smallest eigenvalue of each covariance
/// that is not 0 is well above d 2⁻⁵² λ_max. A variance below that in one set counts as 0, and if the other set varies
/// in its direction, up to √(d 2⁻⁵² λ_max) tr C^½ may be lost, where λ_max is of the one set and C of the other. No
/// method that starts from the covariances is better there. Against 50-digit arithmetic all figures in the tests, with
/// singular covariances among them, are within 1e-13 (tr C₁ + tr C₂).
///
/// It costs of the order of d³ operations on one thread, three eigendecompositions among them.
///
/// # Errors
///
/// [`Error::Columns`]; [`Error::NegativeVariance`] if a covariance has an eigenvalue below −d 2⁻²³ λ_max, which those
/// of [`Moments::of`] never have; [`Error::NoEigenvectors`] if eigenvectors do not give back their matrix within
/// 1e-12 √d of its largest entry.
pub fn frechet_between(real: &Moments, generated: &Moments) -> Result<f64, Error> {
    if real.mean().len() != generated.mean().len() {
        return Err(Error::Columns { real: real.mean().len(), generated: generated.mean().len() });
    }
    let apart: f64 = real.mean().iter().zip(generated.mean()).map(|(a, b)| (a - b).powi(2)).sum();
    let common = nuclear_norm(root(real.symmetric())?.tr_mul(&root(generated.symmetric())?))?;
    // Rounding may leave a negative difference where the exact value is 0.
    Ok(apart + (real.trace() + generated.trace() - 2.0 * common).max(0.0))
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;
    use crate::Set;

    #[test]
    fn diagonal_covariances_by_hand() {
        let moments = |mean: [f64; 3], variances: [f64; 3]| {
            let covariance = Array2::from_diag(&ndarray::arr1(&variances));
            Moments::new(ndarray::arr1(&mean), covariance, 5).unwrap()
        };
        let (a, b) = (moments([1.0, 2.0, 3.0], [1.0, 4.0, 0.0]), moments([1.0, 0.0, 4.0], [9.0, 0.0, 16.0]));
        // (2² + 1²) + (1 − 3)² + 2² + 4²
        assert!((frechet_between(&a, &b).unwrap() - 29.0).abs() < 1e-13);
        assert_eq!(frechet_between(&a, &a), Ok(0.0));
    }

    #[test]
    fn sets_without_variance_are_their_squared_distance_apart() {
        let (x, y) = (Array2::from_elem((3, 2), 1.0), array![[4.0, 5.0], [4.0, 5.0]]);
        assert_eq!(frechet_distance(x.view(), y.view()), Ok(25.0));
    }

    #[test]
    fn the_largest_numbers_do_not_overflow() {
        let largest = f64::from(f32::MAX);
        let (x, y) = (array![[f32::MAX, f32::MIN], [f32::MIN, f32::MAX]], array![[f32::MAX, 0.0], [f32::MAX, 0.0]]);
        // |μ₁ − μ₂| is the largest number, and C₁ has its square twice in each of two places on the diagonal.
        let found = frechet_distance(x.view(), y.view()).unwrap() / largest.powi(2);
        assert!((found - 5.0).abs() < 1e-14, "{found}");
    }

    #[test]
    fn what_cannot_be_compared_is_an_error() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        let distance = |x: Array2<f32>, y: Array2<f32>| frechet_distance(x.view(), y.view());
        assert_eq!(distance(zeros(2, 1), zeros(2, 2)), Err(Error::Columns { real: 1, generated: 2 }));
        assert_eq!(distance(zeros(0, 1), zeros(2, 1)), Err(Error::Empty { set: Set::Real }));
        assert_eq!(distance(zeros(2, 1), zeros(1, 1)), Err(Error::TooFewSamples { samples: 1 }));
        assert_eq!(distance(zeros(2, 0), zeros(2, 0)), Err(Error::NoColumns));
        let bad = array![[0.0], [f32::NAN]];
        assert_eq!(distance(zeros(2, 1), bad), Err(Error::NotFinite { set: Set::Generated, row: 1 }));
        let moments = |d: usize| Moments::of(zeros(3, d).view()).unwrap();
        assert_eq!(frechet_between(&moments(2), &moments(3)), Err(Error::Columns { real: 2, generated: 3 }));
        let covariance = array![[1.0, 2.0], [2.0, 1.0]];
        let indefinite = Moments::new(array![0.0, 0.0], covariance, 2).unwrap();
        assert!(matches!(frechet_between(&moments(2), &indefinite), Err(Error::NegativeVariance { .. })));
    }
}
