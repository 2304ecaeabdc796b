use ndarray::ArrayView2;

use crate::input_checks::{check_neighbor_count, check_pair};
use crate::pairwise_distances::PackedRows;
use crate::precision_recall::fraction_true;
use crate::{Error, SampleSet};

/// The result of [`density_coverage`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DensityCoverage {
    /// Fidelity: the mean number of balls of real rows that contain a generated row, divided by its expected value. In
    /// [0, n/k], and 1 on average for equal distributions.
    pub density: f64,
    /// Diversity: the fraction of real rows whose ball contains a generated row. In [0, 1].
    pub coverage: f64,
}

/// Density and coverage by k nearest neighbors.
///
/// Density measures fidelity: whether generated rows are where real rows are. Coverage measures diversity: whether
/// there are generated rows near all real rows. They are less sensitive to outliers among the real rows than
/// [`precision_recall`](crate::precision_recall).
///
/// The ball around a real row xᵢ has the radius rₖ(xᵢ), the distance to the k-th nearest of the other real rows.
///
/// density = 1/(km) #{(i, j) : |yⱼ − xᵢ| ≤ rₖ(xᵢ)}, coverage = 1/n #{i : |yⱼ − xᵢ| ≤ rₖ(xᵢ) for some j}
///
/// `real` is n × d with rows xᵢ, and `generated` is m × d with rows yⱼ; m ≥ 1 and 1 ≤ k < n. The source uses k = 5.
/// There are no balls around generated rows. Neighbors, ties and the order of the rows are treated as in
/// [`precision_recall`](crate::precision_recall). The source's published code excludes rows on the border of a ball,
/// which makes a difference only if distances tie.
///
/// For equal distributions without ties between distances, the mean of the density is 1. The mean of the coverage is
/// 1 − Πᵢ (n − 1 − i)/(n + m − 1 − i), i = 0 to k − 1. Both hold exactly and in any dimension. For n = m and both large
/// the latter is 1 − 2⁻ᵏ. To measure the noise floor, pass a second real sample of m rows as `generated`, or use
/// [`floors_over_subsets`](crate::floors_over_subsets). A density above its noise floor means that generated rows
/// concentrate where real rows are dense.
///
/// The cost is (n² + nm) d operations.
///
/// Source: Naeem, Oh, Uh, Choi and Yoo 2020, *Reliable Fidelity and Diversity Metrics for Generative Models*.
///
/// # Errors
///
/// [`Error::ColumnMismatch`], [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`];
/// [`Error::InvalidNeighborCount`] if k is 0 or there are at most k real rows.
///
/// ```
/// use ndarray::array;
///
/// // The balls are [-1, 1], [0, 2] and [-6, 8]. One generated row is in all three, the other in none.
/// let (real, generated) = (array![[0.0_f32], [1.0], [8.0]], array![[0.5_f32], [20.0]]);
/// let result = gtn_metrics::density_coverage(real.view(), generated.view(), 1)?;
/// assert_eq!((result.density, result.coverage), (1.0, 2.0 / 3.0));
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn density_coverage(
    real: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
    k: usize,
) -> Result<DensityCoverage, Error> {
    check_pair(real, generated)?;
    check_neighbor_count(SampleSet::Real, k, real.nrows())?;
    let (x, y) = (PackedRows::new(real), PackedRows::new(generated));
    let squared_radii = x.squared_kth_neighbor_distances(k);
    let (mut inside, mut covered) = (0_u64, vec![false; x.count]);
    y.for_each_squared_distance(&x, |_, first, squares| {
        for (i, &square) in (first..).zip(squares) {
            inside += u64::from(square <= squared_radii[i]);
            covered[i] |= square <= squared_radii[i];
        }
    });
    Ok(DensityCoverage { density: inside as f64 / (k as f64 * y.count as f64), coverage: fraction_true(&covered) })
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn rows_on_the_border_are_inside() {
        let real = array![[0.0, 0.0], [3.0, 4.0], [100.0, 0.0]];
        let result = |x: f32| density_coverage(real.view(), array![[x, 0.0]].view(), 1).unwrap();
        // The first ball has radius 5.
        assert_eq!(result(-5.0), DensityCoverage { density: 1.0, coverage: 1.0 / 3.0 });
        let outside = f32::from_bits((-5.0_f32).to_bits() + 1);
        assert_eq!(result(outside), DensityCoverage { density: 0.0, coverage: 0.0 });
    }

    #[test]
    fn equal_rows_are_inside_all_balls() {
        let equal = Array2::<f32>::ones((6, 2));
        let result = density_coverage(equal.view(), equal.view(), 2).unwrap();
        assert_eq!(result, DensityCoverage { density: 3.0, coverage: 1.0 });
    }

    #[test]
    fn invalid_input_is_an_error() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        let result = |x: Array2<f32>, y: Array2<f32>, k| density_coverage(x.view(), y.view(), k);
        assert_eq!(result(zeros(2, 1), zeros(2, 2), 1), Err(Error::ColumnMismatch { real: 1, generated: 2 }));
        assert_eq!(result(zeros(2, 1), zeros(0, 1), 1), Err(Error::Empty { set: SampleSet::Generated }));
        let neighbors = |k, samples| Err(Error::InvalidNeighborCount { set: SampleSet::Real, k, samples });
        assert_eq!(result(zeros(3, 1), zeros(4, 1), 3), neighbors(3, 3));
        assert_eq!(result(zeros(3, 1), zeros(4, 1), 0), neighbors(0, 3));
        assert!(result(zeros(4, 1), zeros(1, 1), 3).is_ok());
    }
}
