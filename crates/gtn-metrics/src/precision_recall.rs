use ndarray::ArrayView2;

use crate::input_checks::{check_neighbor_count, check_pair};
use crate::pairwise_distances::PackedRows;
use crate::{Error, SampleSet};

/// The result of [`precision_recall`]. Both values are fractions in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrecisionRecall {
    /// Fidelity: the fraction of generated rows that are near a real row.
    pub precision: f64,
    /// Diversity: the fraction of real rows that are near a generated row.
    pub recall: f64,
}

/// Precision and recall by k nearest neighbors.
///
/// Precision is low if the generator makes samples unlike the real ones. Recall is low if it misses some of the real
/// ones.
///
/// A set covers the union of the balls around its rows, where the ball around a row reaches to the k-th nearest of the
/// other rows of the same set. Precision is the fraction of generated rows that the real set covers, and recall is the
/// fraction of real rows that the generated set covers:
///
/// precision = 1/m #{j : |yⱼ − xᵢ| ≤ rₖ(xᵢ) for some i}, recall = 1/n #{i : |xᵢ − yⱼ| ≤ rₖ(yⱼ) for some j}
///
/// `real` is n × d with rows xᵢ, and `generated` is m × d with rows yⱼ; 1 ≤ k < n, m. The source uses k = 3. A row on
/// the border of a ball is inside. A row is not its own neighbor, but its copies are: a row that occurs more than k
/// times has a ball of radius 0, which contains its copies.
///
/// Squared distances are compared, summed in `f64` from the first column to the last. This makes distances exactly
/// symmetric, so ties are exact, and the result does not depend on the order of the rows, to the last bit.
///
/// A single outlier among the real rows has a large ball and raises the precision;
/// [`density_coverage`](crate::density_coverage) avoids that. For equal distributions and n = m, precision and recall
/// have the same mean. It is below 1, depends on d, n, m and k, and has no closed form. So compare only values for
/// equal sizes, and compare them with the noise floor: pass a second real sample of m rows as `generated`, or use
/// [`floors_over_subsets`](crate::floors_over_subsets). Higher is better here, so the noise floor is an upper target.
///
/// The cost is (n + m)² d operations.
///
/// Source: Kynkäänniemi, Karras, Laine, Lehtinen and Aila 2019, *Improved Precision and Recall Metric for Assessing
/// Generative Models*.
///
/// # Errors
///
/// [`Error::ColumnMismatch`], [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`];
/// [`Error::InvalidNeighborCount`] if k is 0 or a set has at most k rows.
///
/// ```
/// use ndarray::array;
///
/// // The balls around the real rows have radius 1 and cover [-1, 2]. Those of the generated rows have radius 7 and
/// // cover [-5, 16].
/// let (real, generated) = (array![[0.0_f32], [1.0]], array![[2.0_f32], [9.0]]);
/// let result = gtn_metrics::precision_recall(real.view(), generated.view(), 1)?;
/// assert_eq!((result.precision, result.recall), (0.5, 1.0));
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn precision_recall(
    real: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
    k: usize,
) -> Result<PrecisionRecall, Error> {
    check_pair(real, generated)?;
    check_neighbor_count(SampleSet::Real, k, real.nrows())?;
    check_neighbor_count(SampleSet::Generated, k, generated.nrows())?;
    let (x, y) = (PackedRows::new(real), PackedRows::new(generated));
    let (squared_radii_x, squared_radii_y) = (x.squared_kth_neighbor_distances(k), y.squared_kth_neighbor_distances(k));
    let (mut generated_covered, mut real_covered) = (vec![false; y.count], vec![false; x.count]);
    y.for_each_squared_distance(&x, |j, first, squares| {
        for (i, &square) in (first..).zip(squares) {
            generated_covered[j] |= square <= squared_radii_x[i];
            real_covered[i] |= square <= squared_radii_y[j];
        }
    });
    Ok(PrecisionRecall { precision: fraction_true(&generated_covered), recall: fraction_true(&real_covered) })
}

pub(crate) fn fraction_true(flags: &[bool]) -> f64 {
    flags.iter().filter(|&&flag| flag).count() as f64 / flags.len() as f64
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn rows_on_the_border_are_inside() {
        let real = array![[0.0, 0.0], [3.0, 4.0], [100.0, 0.0]];
        let precision = |x: f32| {
            let generated = array![[x, 0.0], [100.0, 1.0], [100.0, -1.0]];
            precision_recall(real.view(), generated.view(), 1).unwrap().precision
        };
        // The first ball has radius 5.
        assert_eq!(precision(-5.0), 1.0);
        assert_eq!(precision(f32::from_bits((-5.0_f32).to_bits() + 1)), 2.0 / 3.0);
    }

    #[test]
    fn repeated_rows_have_balls_of_radius_0() {
        let real = array![[1.0], [1.0], [1.0], [8.0]];
        let generated = array![[1.0], [1.5], [8.0], [15.5]];
        // k = 2: the three equal rows cover only 1, and the fourth covers [1, 15].
        let result = precision_recall(real.view(), generated.view(), 2).unwrap();
        assert_eq!(result.precision, 0.75);
        let equal = Array2::<f32>::ones((4, 2));
        let result = precision_recall(equal.view(), equal.view(), 3).unwrap();
        assert_eq!((result.precision, result.recall), (1.0, 1.0));
    }

    #[test]
    fn invalid_input_is_an_error() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        let result = |x: Array2<f32>, y: Array2<f32>, k| precision_recall(x.view(), y.view(), k);
        assert_eq!(result(zeros(2, 1), zeros(2, 2), 1), Err(Error::ColumnMismatch { real: 1, generated: 2 }));
        assert_eq!(result(zeros(2, 1), zeros(0, 1), 1), Err(Error::Empty { set: SampleSet::Generated }));
        let neighbors = |set, k, samples| Err(Error::InvalidNeighborCount { set, k, samples });
        assert_eq!(result(zeros(3, 1), zeros(4, 1), 3), neighbors(SampleSet::Real, 3, 3));
        assert_eq!(result(zeros(4, 1), zeros(3, 1), 3), neighbors(SampleSet::Generated, 3, 3));
        assert_eq!(result(zeros(4, 1), zeros(3, 1), 0), neighbors(SampleSet::Real, 0, 4));
        assert_eq!(result(zeros(4, 1), zeros(3, 1), usize::MAX), neighbors(SampleSet::Real, usize::MAX, 4));
        assert!(result(zeros(4, 1), zeros(4, 1), 3).is_ok());
    }
}
