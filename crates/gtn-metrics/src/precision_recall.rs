use ndarray::ArrayView2;

use crate::input::{check_neighbors, check_pair};
use crate::rows::Rows;
use crate::{Error, Set};

/// What [`precision_recall`] finds. Both figures are shares, in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PrecisionRecall {
    /// The share of the generated rows that are near a real one: fidelity.
    pub precision: f64,
    /// The share of the real rows that are near a generated one: variety.
    pub recall: f64,
}

/// Precision and recall by k-nearest neighbors.
///
/// A set covers the union of balls around its rows, where the ball around a row reaches to the k-th nearest of the
/// other rows of its set. Precision is the share of the generated rows in what the real set covers, recall the share of
/// the real rows in what the generated set covers:
///
/// precision = 1/m #{j : |yⱼ − xᵢ| ≤ rₖ(xᵢ) for some i}, recall = 1/n #{i : |xᵢ − yⱼ| ≤ rₖ(yⱼ) for some j}
///
/// `real` is n × d with rows xᵢ, `generated` m × d with rows yⱼ; 1 ≤ k < n, m. The source takes k = 3. A row on the
/// border of a ball is inside. Only the row itself is left out of its neighbors: a row that occurs more than k times
/// has a ball of radius 0, in which its copies are.
///
/// Distances are compared as squares, summed in `f64` from the first column to the last. That order makes them the same
/// from either side, so ties between equal distances are exact, and the order of the rows does not matter to the last
/// bit.
///
/// One far real row has a large ball and raises precision alone; [`density_coverage`](crate::density_coverage) mends
/// that. Under equal laws both figures have the same mean if n = m; it is below 1, depends on d, n, m and k, and has no
/// closed form. So compare figures of equal sizes, and with **their floor**: a second real sample of m rows as
/// `generated`, or [`floors_over_draws`](crate::floors_over_draws). Here a floor is what is to be reached from below.
///
/// It costs (n + m)² d operations.
///
/// Source: Kynkäänniemi, Karras, Laine, Lehtinen and Aila 2019, *Improved Precision and Recall Metric for Assessing
/// Generative Models*.
///
/// # Errors
///
/// [`Error::Columns`], [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::Neighbors`] if k is 0
/// or a set has at most k rows.
///
/// ```
/// use ndarray::array;
///
/// // Around each real row a ball of radius 1: together [-1, 2]. Around the generated ones radius 7: [-5, 16].
/// let (real, generated) = (array![[0.0_f32], [1.0]], array![[2.0_f32], [9.0]]);
/// let found = gtn_metrics::precision_recall(real.view(), generated.view(), 1)?;
/// assert_eq!((found.precision, found.recall), (0.5, 1.0));
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn precision_recall(
    real: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
    k: usize,
) -> Result<PrecisionRecall, Error> {
    check_pair(real, generated)?;
    check_neighbors(Set::Real, k, real.nrows())?;
    check_neighbors(Set::Generated, k, generated.nrows())?;
    let (x, y) = (Rows::new(real), Rows::new(generated));
    let (around_x, around_y) = (x.squared_radii(k), y.squared_radii(k));
    let (mut near_real, mut near_generated) = (vec![false; y.count], vec![false; x.count]);
    y.visit(&x, |j, first, squares| {
        for (i, &square) in (first..).zip(squares) {
            near_real[j] |= square <= around_x[i];
            near_generated[i] |= square <= around_y[j];
        }
    });
    Ok(PrecisionRecall { precision: share(&near_real), recall: share(&near_generated) })
}

pub(crate) fn share(of: &[bool]) -> f64 {
    of.iter().filter(|&&is| is).count() as f64 / of.len() as f64
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn the_border_of_a_ball_is_inside() {
        let real = array![[0.0, 0.0], [3.0, 4.0], [100.0, 0.0]];
        let found = |x: f32| {
            let generated = array![[x, 0.0], [100.0, 1.0], [100.0, -1.0]];
            precision_recall(real.view(), generated.view(), 1).unwrap().precision
        };
        // The first ball has radius 5.
        assert_eq!(found(-5.0), 1.0);
        assert_eq!(found(f32::from_bits((-5.0_f32).to_bits() + 1)), 2.0 / 3.0);
    }

    #[test]
    fn rows_that_are_there_often_have_a_ball_of_radius_0() {
        let real = array![[1.0], [1.0], [1.0], [8.0]];
        let generated = array![[1.0], [1.5], [8.0], [15.5]];
        // k = 2: the three equal rows cover 1 alone, the fourth covers [1, 15].
        let found = precision_recall(real.view(), generated.view(), 2).unwrap();
        assert_eq!(found.precision, 0.75);
        let equal = Array2::<f32>::ones((4, 2));
        let found = precision_recall(equal.view(), equal.view(), 3).unwrap();
        assert_eq!((found.precision, found.recall), (1.0, 1.0));
    }

    #[test]
    fn what_cannot_be_compared_is_an_error() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        let found = |x: Array2<f32>, y: Array2<f32>, k| precision_recall(x.view(), y.view(), k);
        assert_eq!(found(zeros(2, 1), zeros(2, 2), 1), Err(Error::Columns { real: 1, generated: 2 }));
        assert_eq!(found(zeros(2, 1), zeros(0, 1), 1), Err(Error::Empty { set: Set::Generated }));
        let neighbors = |set, k, samples| Err(Error::Neighbors { set, k, samples });
        assert_eq!(found(zeros(3, 1), zeros(4, 1), 3), neighbors(Set::Real, 3, 3));
        assert_eq!(found(zeros(4, 1), zeros(3, 1), 3), neighbors(Set::Generated, 3, 3));
        assert_eq!(found(zeros(4, 1), zeros(3, 1), 0), neighbors(Set::Real, 0, 4));
        assert_eq!(found(zeros(4, 1), zeros(3, 1), usize::MAX), neighbors(Set::Real, usize::MAX, 4));
        assert!(found(zeros(4, 1), zeros(4, 1), 3).is_ok());
    }
}
