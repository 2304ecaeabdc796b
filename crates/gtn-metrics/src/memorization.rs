use ndarray::ArrayView2;

use crate::input_checks::{check_columns, check_rows};
use crate::{Error, NearestNeighbors, Neighbor, SampleSet};

/// The result of [`memorization`].
#[derive(Debug, Clone, PartialEq)]
pub struct Memorization {
    /// The median distance of generated rows to the training set, divided by that of held-out rows. At least 0, and
    /// below 1 if generated rows are closer.
    pub median_distance_ratio: f64,
    /// The probability that a random generated row is closer to the training set than a random held-out row, where ties
    /// count one half. In [0, 1].
    pub closer_probability: f64,
    /// The fraction of generated rows that are closer to the training set than the 1st percentile of held-out rows. In
    /// [0, 1].
    pub near_copy_fraction: f64,
    /// The nearest training row of each generated row.
    pub generated_neighbors: Vec<Neighbor>,
    /// The nearest training row of each held-out row.
    pub held_out_neighbors: Vec<Neighbor>,
}

/// Measures whether generated rows are copies of training rows: are they closer to the training set than real rows that
/// the generator was not trained on?
///
/// Let δ(z) = minₜ |z − xₜ| be the distance of a row to its nearest training row, g one of the m generated rows, and h
/// one of the l held-out rows. Then
///
/// - [`median_distance_ratio`](Memorization::median_distance_ratio) = median δ(g) / median δ(h), where the median of an
///   even number of values is the mean of the middle two;
/// - [`closer_probability`](Memorization::closer_probability) = 1/(ml) #{(g, h) : δ(g) < δ(h)}, where pairs with
///   δ(g) = δ(h) count one half;
/// - [`near_copy_fraction`](Memorization::near_copy_fraction) = 1/m #{g : δ(g) < q}, where q is the 1st percentile of
///   the δ(h). As in `numpy.percentile`, it is the linear interpolation of the sorted values at the position
///   p = 0.01 (l − 1), counted from 0.
///
/// `training` is n × d, `held_out` l × d and `generated` m × d, all with at least one row. None of the values has a
/// unit. The ratio of medians shows how close generated rows are overall, and the near-copy fraction shows how many are
/// almost copies. Take a generator that copies one row in ten and makes good new samples otherwise: its near-copy
/// fraction is about 0.1, and the other two values are near their noise floors.
///
/// **The noise floor** is the result of this function with a second held-out sample as `generated`, or with the
/// held-out rows split in two by [`floors_over_subsets`](crate::floors_over_subsets). Both samples are then independent
/// rows of one distribution that were not trained on. The median distance ratio is near 1, and the mean of the
/// probability is exactly ½. The mean of the near-copy fraction is between (⌊p⌋ + 1)/(l + 1) and (⌊p⌋ + 2)/(l + 1),
/// which is about 0.01 for large l.
///
/// Copies move the ratio *below* its noise floor and the other two values above theirs. A generator whose rows are far
/// from all real rows moves them the other way. A generator that stays in the densest regions is close to the training
/// rows without copying. So read these values together with metrics of quality.
///
/// The probability is the Mann-Whitney statistic divided by its maximum. Meehan et al. test it in each cell of a
/// partition of space to detect copying. Alaa et al. call a generated row inauthentic if it is closer to its training
/// row than any other training row is; here the distances of held-out rows are the reference instead.
///
/// Squared differences are summed in `f64`, so a copy is at distance 0 exactly. The cost is n (l + m) d operations.
///
/// Sources: Meehan, Chaudhuri and Dasgupta 2020, *A Non-Parametric Test to Detect Data-Copying in Generative Models*;
/// Alaa, van Breugel, Saveliev and van der Schaar 2022, *How Faithful is your Synthetic Data?*; Mann and Whitney 1947,
/// *On a test of whether one of two random variables is stochastically larger than the other*.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::WrongColumnCount`] if a set has a different
/// number of columns than the training rows; [`Error::HeldOutInTraining`] if the median of the held-out distances is 0.
///
/// ```
/// use ndarray::array;
///
/// let training = array![[0.0_f32], [10.0], [20.0]];
/// // Held-out rows are 2, 3 and 4 from the nearest training row. Two generated rows are copies, and one is 3 away.
/// let (held_out, generated) = (array![[2.0_f32], [13.0], [24.0]], array![[10.0_f32], [20.0], [-3.0]]);
/// let result = gtn_metrics::memorization(training.view(), held_out.view(), generated.view())?;
/// assert_eq!(result.median_distance_ratio, 0.0);
/// assert_eq!(result.closer_probability, (3.0 + 3.0 + 1.5) / 9.0);
/// assert_eq!(result.near_copy_fraction, 2.0 / 3.0);
/// assert_eq!(result.generated_neighbors[1].index, 2);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn memorization(
    training: ArrayView2<'_, f32>,
    held_out: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
) -> Result<Memorization, Error> {
    check_rows(SampleSet::Training, training)?;
    for (set, rows) in [(SampleSet::HeldOut, held_out), (SampleSet::Generated, generated)] {
        check_columns(set, rows, training.ncols())?;
        check_rows(set, rows)?;
    }
    memorization_from_neighbors(nearest_training_rows(held_out, training)?, nearest_training_rows(generated, training)?)
}

/// [`memorization`] for rows whose nearest training rows are known.
///
/// Use it with [`NearestNeighbors`] if the training set comes in parts, or to search the neighbors of the held-out rows
/// only once.
///
/// # Errors
///
/// [`Error::Empty`]; [`Error::HeldOutInTraining`].
///
/// ```
/// use gtn_metrics::{Neighbor, memorization_from_neighbors};
///
/// let at = |distance| Neighbor { index: 0, distance };
/// let result = memorization_from_neighbors(vec![at(1.0), at(2.0), at(3.0)], vec![at(0.5), at(2.5)])?;
/// assert_eq!((result.median_distance_ratio, result.near_copy_fraction), (0.75, 0.5));
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn memorization_from_neighbors(
    held_out_neighbors: Vec<Neighbor>,
    generated_neighbors: Vec<Neighbor>,
) -> Result<Memorization, Error> {
    for (set, neighbors) in [(SampleSet::HeldOut, &held_out_neighbors), (SampleSet::Generated, &generated_neighbors)] {
        if neighbors.is_empty() {
            return Err(Error::Empty { set });
        }
    }
    let (held_out, generated) = (sorted_distances(&held_out_neighbors), sorted_distances(&generated_neighbors));
    let held_out_median = quantile(&held_out, 0.5);
    if held_out_median == 0.0 {
        return Err(Error::HeldOutInTraining);
    }
    let percentile = quantile(&held_out, 0.01);
    let near_copies = generated.partition_point(|&distance| distance < percentile);
    Ok(Memorization {
        median_distance_ratio: quantile(&generated, 0.5) / held_out_median,
        closer_probability: probability_of_less(&generated, &held_out),
        near_copy_fraction: near_copies as f64 / generated.len() as f64,
        generated_neighbors,
        held_out_neighbors,
    })
}

fn nearest_training_rows(rows: ArrayView2<'_, f32>, training: ArrayView2<'_, f32>) -> Result<Vec<Neighbor>, Error> {
    let mut search = NearestNeighbors::new_unchecked(rows, 1);
    search.partial_fit(training)?;
    Ok(search.into_neighbors().into_iter().flatten().collect())
}

fn sorted_distances(neighbors: &[Neighbor]) -> Vec<f64> {
    let mut distances: Vec<f64> = neighbors.iter().map(|neighbor| neighbor.distance).collect();
    distances.sort_unstable_by(f64::total_cmp);
    distances
}

/// The `q`-quantile, q in [0, 1]: the linear interpolation of the sorted values at the position q (n − 1), counted
/// from 0.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let position = q * (sorted.len() - 1) as f64;
    let below = position as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (position - below as f64) * (sorted[above] - sorted[below])
}

/// The fraction of pairs (a, b) with a < b, where ties count one half. Both slices are in increasing order.
fn probability_of_less(a: &[f64], b: &[f64]) -> f64 {
    let half_pairs = |&x: &f64| {
        let (not_below, above) = (b.partition_point(|&y| y < x), b.partition_point(|&y| y <= x));
        // Values above x count twice, and values equal to x count once.
        (b.len() - not_below) as u64 + (b.len() - above) as u64
    };
    a.iter().map(half_pairs).sum::<u64>() as f64 / (2.0 * a.len() as f64 * b.len() as f64)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn ties_go_to_the_lowest_index() {
        let training = array![[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [6.0, 8.0]];
        let rows = array![[3.0, 4.0], [1.5, 2.0], [60.0, 80.0], [0.0, -1.0]];
        let expected = [(1, 0.0), (0, 2.5), (3, 90.0), (0, 1.0)].map(|(index, distance)| Neighbor { index, distance });
        assert_eq!(nearest_training_rows(rows.view(), training.view()).unwrap(), expected);
    }

    #[test]
    fn quantiles_are_interpolated_linearly() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (q, expected) in [(0.0, 1.0), (0.5, 3.0), (0.01, 1.03), (0.9, 6.8), (1.0, 8.0)] {
            assert!((quantile(&sorted, q) - expected).abs() < 1e-15, "{q}");
        }
        assert_eq!(quantile(&[7.0], 0.01), 7.0);
    }

    #[test]
    fn ties_count_one_half() {
        assert_eq!(probability_of_less(&[1.0, 2.0, 3.0], &[2.0, 2.0]), (2.0 + 1.0 + 0.0) / 6.0);
        assert_eq!(probability_of_less(&[1.0], &[2.0, 3.0]), 1.0);
        assert_eq!(probability_of_less(&[4.0], &[2.0, 3.0]), 0.0);
    }

    #[test]
    fn invalid_input_is_an_error() {
        let ones = |n, d| Array2::<f32>::ones((n, d));
        let result = |t: Array2<f32>, h: Array2<f32>, g: Array2<f32>| memorization(t.view(), h.view(), g.view());
        let zeros = |n| Array2::<f32>::zeros((n, 2));
        assert_eq!(result(zeros(0), ones(2, 2), ones(2, 2)), Err(Error::Empty { set: SampleSet::Training }));
        assert_eq!(result(zeros(1), ones(0, 2), ones(2, 2)), Err(Error::Empty { set: SampleSet::HeldOut }));
        assert_eq!(result(zeros(1), ones(1, 2), ones(0, 2)), Err(Error::Empty { set: SampleSet::Generated }));
        let columns = |set| Err(Error::WrongColumnCount { set, columns: 3, expected: 2 });
        assert_eq!(result(zeros(1), ones(2, 3), ones(2, 2)), columns(SampleSet::HeldOut));
        assert_eq!(result(zeros(1), ones(2, 2), ones(2, 3)), columns(SampleSet::Generated));
        let bad = array![[0.0, 1.0], [f32::NAN, 0.0]];
        assert_eq!(result(zeros(1), bad, ones(2, 2)), Err(Error::NotFinite { set: SampleSet::HeldOut, row: 1 }));
        assert_eq!(result(zeros(1), zeros(3), ones(2, 2)), Err(Error::HeldOutInTraining));
        assert!(result(zeros(1), ones(1, 2), ones(1, 2)).is_ok());
    }
}
