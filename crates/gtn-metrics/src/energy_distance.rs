use ndarray::ArrayView2;

use crate::Error;
use crate::input_checks::check_pair;
use crate::pairwise_distances::{PackedRows, squared_distances};

/// The energy distance of two sets of rows: 2 E|X − Y| − E|X − X′| − E|Y − Y′|, as a V-statistic.
///
/// It compares the distributions in all directions at once, and is 0 only for equal distributions.
///
/// `real` is n × d with rows xᵢ, and `generated` is m × d with rows yⱼ; n, m and d ≥ 1. |·| is the Euclidean norm in
/// `f64`. The means are over all pairs of rows, including the pairs of a row with itself:
///
/// 2/(nm) Σᵢⱼ |xᵢ − yⱼ| − 1/n² Σᵢₖ |xᵢ − xₖ| − 1/m² Σⱼₗ |yⱼ − yₗ|
///
/// The result has the unit of the data and is between 0 and 2 E|X − Y|. It is 0 only if the two sets contain the same
/// rows in the same proportions. Its square root is a metric in the mathematical sense; some programs, such as SciPy,
/// return that root.
///
/// A V-statistic is the energy distance of the two empirical distributions and thus never negative. For independent
/// samples its mean is the energy distance of the distributions plus E|X − X′|/n + E|Y − Y′|/m. For equal distributions
/// only this bias remains: E|X − X′| (1/n + 1/m). So compare only values for equal sizes, and compare them with the
/// noise floor: pass a second real sample of m rows as `generated`.
/// [`mean_over_subsets`](crate::mean_over_subsets) helps with both.
///
/// The cost is of the order of (n + m)² d operations. The order of the rows changes only the rounding: by less than
/// 1e-12 E|X − Y| for thousands of rows.
///
/// Source: Székely and Rizzo 2013, *Energy statistics: A class of statistics based on distances*.
///
/// # Errors
///
/// [`Error::ColumnMismatch`], [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`].
///
/// ```
/// use ndarray::array;
///
/// // 2 · (3 + 5)/2 − 0 − (0 + 4 + 4 + 0)/4
/// let (real, generated) = (array![[0.0_f32, 0.0]], array![[3.0_f32, 0.0], [3.0, 4.0]]);
/// assert_eq!(gtn_metrics::energy_distance(real.view(), generated.view())?, 6.0);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn energy_distance(real: ArrayView2<'_, f32>, generated: ArrayView2<'_, f32>) -> Result<f64, Error> {
    check_pair(real, generated)?;
    let (x, y) = (PackedRows::new(real), PackedRows::new(generated));
    // Rounding may make an exact 0 slightly negative.
    Ok((2.0 * x.mean_distance_to(&y) - x.mean_distance() - y.mean_distance()).max(0.0))
}

impl PackedRows {
    /// The mean distance over all pairs of a row of each set.
    fn mean_distance_to(&self, other: &PackedRows) -> f64 {
        let sum: f64 = other.panels().map(|(panel, _, size)| self.sum_distances(0, self.count, panel, size)).sum();
        sum / (self.count as f64 * other.count as f64)
    }

    /// The mean distance over all pairs of rows of this set, including the pairs of a row with itself.
    fn mean_distance(&self) -> f64 {
        // Rows before the panel count for two pairs each. Within the panel, both orders are visited.
        let sum_for_panel = |(panel, first, size)| {
            2.0 * self.sum_distances(0, first, panel, size) + self.sum_distances(first, first + size, panel, size)
        };
        self.panels().map(sum_for_panel).sum::<f64>() / (self.count as f64 * self.count as f64)
    }

    /// The sum of the distances of the rows `from..to` to the first `size` rows of the panel.
    fn sum_distances(&self, from: usize, to: usize, panel: &[f64], size: usize) -> f64 {
        let distances = |row| squared_distances(row, panel).map(f64::sqrt);
        self.range(from, to).map(|row| distances(row)[..size].iter().sum::<f64>()).sum()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array, s};

    use super::*;
    use crate::SampleSet;

    /// The formula as a double loop.
    fn brute_force(x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>) -> f64 {
        let mean = |a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>| {
            let mut sum = 0.0;
            for p in a.outer_iter() {
                for q in b.outer_iter() {
                    let squares = p.iter().zip(q).map(|(&s, &t)| (f64::from(s) - f64::from(t)).powi(2));
                    sum += squares.sum::<f64>().sqrt();
                }
            }
            sum / (a.nrows() * b.nrows()) as f64
        };
        2.0 * mean(x, y) - mean(x, x) - mean(y, y)
    }

    #[test]
    fn single_points_have_twice_their_distance() {
        assert_eq!(energy_distance(array![[1.0, 1.0]].view(), array![[4.0, 5.0]].view()), Ok(10.0));
        assert_eq!(energy_distance(array![[1.0, 1.0]].view(), array![[1.0, 1.0]].view()), Ok(0.0));
    }

    #[test]
    fn small_sets_match_hand_computed_values() {
        // In one dimension: 2 · (1 + 3 + 1 + 1)/4 − (2 + 2)/4 − (2 + 2)/4; x = {0, 2}, y = {1, 3}
        assert_eq!(energy_distance(array![[0.0], [2.0]].view(), array![[1.0], [3.0]].view()), Ok(1.0));
        // The corners of a 3 × 4 rectangle, left against right: 2 · (3 + 5 + 5 + 3)/4 − 8/4 − 8/4
        let (left, right) = (array![[0.0, 0.0], [0.0, 4.0]], array![[3.0, 0.0], [3.0, 4.0]]);
        assert_eq!(energy_distance(left.view(), right.view()), Ok(4.0));
    }

    #[test]
    fn all_panel_sizes_agree_with_the_double_loop() {
        for d in [1, 2, 5, 33] {
            for (n, m) in [(1, 1), (1, 9), (7, 8), (8, 8), (9, 17), (16, 23), (40, 3)] {
                let value = |i: usize, k: usize, key: usize| ((i * 37 + k * 11 + key) % 101) as f32 / 7.0;
                let x = Array2::from_shape_fn((n, d), |(i, k)| value(i, k, 5));
                let y = Array2::from_shape_fn((m, d), |(i, k)| value(i * i, k, 60));
                let (result, expected) =
                    (energy_distance(x.view(), y.view()).unwrap(), brute_force(x.view(), y.view()));
                assert!((result - expected).abs() < 1e-12 * 100.0, "d {d}, {n} and {m} rows: {result}, {expected}");
            }
        }
    }

    #[test]
    fn views_of_any_layout_give_the_same_result() {
        let wide = Array2::from_shape_fn((6, 10), |(i, k)| ((i * 7 + k * 13) % 17) as f32);
        let (x, y) = (wide.slice(s![.., ..;3]), wide.slice(s![..;-2, 1..5]));
        let copies = (x.as_standard_layout().into_owned(), y.as_standard_layout().into_owned());
        assert_eq!(energy_distance(x, y), energy_distance(copies.0.view(), copies.1.view()));
        assert_eq!(energy_distance(x.t(), x.t()).unwrap(), 0.0);
    }

    #[test]
    fn the_largest_values_do_not_overflow() {
        let (x, y) = (array![[f32::MAX, f32::MAX]], array![[f32::MIN, f32::MIN]]);
        let expected = 4.0 * 2.0_f64.sqrt() * f64::from(f32::MAX);
        assert!((energy_distance(x.view(), y.view()).unwrap() / expected - 1.0).abs() < 1e-15);
    }

    #[test]
    fn invalid_input_is_an_error() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        let distance = |x: Array2<f32>, y: Array2<f32>| energy_distance(x.view(), y.view());
        assert_eq!(distance(zeros(2, 1), zeros(2, 2)), Err(Error::ColumnMismatch { real: 1, generated: 2 }));
        assert_eq!(distance(zeros(0, 1), zeros(2, 1)), Err(Error::Empty { set: SampleSet::Real }));
        assert_eq!(distance(zeros(2, 0), zeros(2, 0)), Err(Error::NoColumns));
        let bad = array![[0.0], [f32::NAN]];
        assert_eq!(distance(zeros(2, 1), bad), Err(Error::NotFinite { set: SampleSet::Generated, row: 1 }));
    }
}
