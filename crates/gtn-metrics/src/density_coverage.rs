use ndarray::ArrayView2;

use crate::input::{check_neighbors, check_pair};
use crate::precision_recall::share;
use crate::rows::Rows;
use crate::{Error, Set};

/// What [`density_coverage`] finds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DensityCoverage {
    /// In how many balls of real rows a generated row is, in units of the number to be expected: fidelity. In
    /// [0, n/k], and 1 on average under equal laws.
    pub density: f64,
    /// The share of the real rows with a generated one in their ball: variety. In [0, 1].
    pub coverage: f64,
}

/// Density and coverage by k-nearest neighbors.
///
/// The ball around a real row reaches to the k-th nearest of the other real rows, at distance rₖ(xᵢ).
///
/// density = 1/(km) #{(i, j) : |yⱼ − xᵢ| ≤ rₖ(xᵢ)}, coverage = 1/n #{i : |yⱼ − xᵢ| ≤ rₖ(xᵢ) for some j}
///
/// `real` is n × d with rows xᵢ, `generated` m × d with rows yⱼ, m ≥ 1 and 1 ≤ k < n. The source takes k = 5. No ball
/// is drawn around generated rows. Neighbors, ties and the order of the rows are treated as in
/// [`precision_recall`](crate::precision_recall); the program that the source published leaves rows on the border of a
/// ball out, which differs only where distances tie.
///
/// Under equal laws, if distances do not tie, the mean of the density is 1 and that of the coverage
/// 1 − Πᵢ (n − 1 − i)/(n + m − 1 − i), i = 0 to k − 1, both exactly and in any dimension; for n = m and both large that
/// is 1 − 2⁻ᵏ. **The floor** is measured by giving a second real sample of m rows as `generated`, or by
/// [`floors_over_draws`](crate::floors_over_draws). A density above it says that generated rows crowd where real ones
/// are dense.
///
/// It costs (n² + nm) d operations.
///
/// Source: Naeem, Oh, Uh, Choi and Yoo 2020, *Reliable Fidelity and Diversity Metrics for Generative Models*.
///
/// # Errors
///
/// [`Error::Columns`], [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::Neighbors`] if k is 0
/// or there are at most k real rows.
///
/// ```
/// use ndarray::array;
///
/// // The balls are [-1, 1], [0, 2] and [-6, 8]: one generated row is in all three, the other in none.
/// let (real, generated) = (array![[0.0_f32], [1.0], [8.0]], array![[0.5_f32], [20.0]]);
/// let found = gtn_metrics::density_coverage(real.view(), generated.view(), 1)?;
/// assert_eq!((found.density, found.coverage), (1.0, 2.0 / 3.0));
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn density_coverage(
    real: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
    k: usize,
) -> Result<DensityCoverage, Error> {
    check_pair(real, generated)?;
    check_neighbors(Set::Real, k, real.nrows())?;
    let (x, y) = (Rows::new(real), Rows::new(generated));
    let radii = x.squared_radii(k);
    let (mut inside, mut covered) = (0_u64, vec![false; x.count]);
    y.visit(&x, |_, first, squares| {
        for (i, &square) in (first..).zip(squares) {
            inside += u64::from(square <= radii[i]);
            covered[i] |= square <= radii[i];
        }
    });
    Ok(DensityCoverage { density: inside as f64 / (k as f64 * y.count as f64), coverage: share(&covered) })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn the_border_of_a_ball_is_inside() {
        let real = array![[0.0, 0.0], [3.0, 4.0], [100.0, 0.0]];
        let found = |x: f32| density_coverage(real.view(), array![[x, 0.0]].view(), 1).unwrap();
        // The first ball has radius 5.
        assert_eq!(found(-5.0), DensityCoverage { density: 1.0, coverage: 1.0 / 3.0 });
        let outside = f32::from_bits((-5.0_f32).to_bits() + 1);
        assert_eq!(found(outside), DensityCoverage { density: 0.0, coverage: 0.0 });
    }

    #[test]
    fn equal_rows_are_in_all_balls() {
        let equal = Array2::<f32>::ones((6, 2));
        let found = density_coverage(equal.view(), equal.view(), 2).unwrap();
        assert_eq!(found, DensityCoverage { density: 3.0, coverage: 1.0 });
    }

    #[test]
    fn what_cannot_be_compared_is_an_error() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        let found = |x: Array2<f32>, y: Array2<f32>, k| density_coverage(x.view(), y.view(), k);
        assert_eq!(found(zeros(2, 1), zeros(2, 2), 1), Err(Error::Columns { real: 1, generated: 2 }));
        assert_eq!(found(zeros(2, 1), zeros(0, 1), 1), Err(Error::Empty { set: Set::Generated }));
        let neighbors = |k, samples| Err(Error::Neighbors { set: Set::Real, k, samples });
        assert_eq!(found(zeros(3, 1), zeros(4, 1), 3), neighbors(3, 3));
        assert_eq!(found(zeros(3, 1), zeros(4, 1), 0), neighbors(0, 3));
        assert!(found(zeros(4, 1), zeros(1, 1), 3).is_ok());
    }
}
