use ndarray::ArrayView2;

use crate::input::{check_columns, check_rows};
use crate::{Error, Nearest, NearestRows, Set};

/// What [`memorization`] finds.
#[derive(Debug, Clone, PartialEq)]
pub struct Memorization {
    /// The median distance of the generated rows to the training set over that of the held-out rows: at least 0, below
    /// 1 if generated rows are nearer.
    pub median_ratio: f64,
    /// The probability that a random generated row is nearer to the training set than a random held-out row, ties
    /// counting one half: in [0, 1].
    pub nearer: f64,
    /// The share of the generated rows that are nearer to the training set than the 1st percentile of the held-out
    /// rows: in [0, 1].
    pub below_percentile: f64,
    /// The nearest training row of each generated row.
    pub generated: Vec<Nearest>,
    /// The nearest training row of each held-out row.
    pub held_out: Vec<Nearest>,
}

/// Whether generated rows are nearer to the training rows than real rows are that were not trained on.
///
/// With δ(z) = minₜ |z − xₜ|, the distance of a row to its nearest training row, g one of the m generated rows and h
/// one of the l held-out ones:
///
/// - [`median_ratio`](Memorization::median_ratio) = median δ(g) / median δ(h), where the median of an even number of
///   values is the mean of the two in the middle;
/// - [`nearer`](Memorization::nearer) = 1/(ml) #{(g, h) : δ(g) < δ(h)}, pairs with δ(g) = δ(h) counting one half;
/// - [`below_percentile`](Memorization::below_percentile) = 1/m #{g : δ(g) < q}, where q is the 1st percentile of the
///   δ(h): between their sorted values at p = 0.01 (l − 1), counted from 0, on the straight line between the two
///   neighbors, as `numpy.percentile`.
///
/// `training` is n × d, `held_out` l × d, `generated` m × d, all with at least one row. No figure has a unit. The first
/// says how near generated rows come as a whole, the last how many are all but copies: a generator that copies one row
/// in ten and invents the others well has a `below_percentile` near 0.1 and the other two near their floors.
///
/// **The floor** is this function with a second held-out sample as `generated` (or the held-out rows split in two by
/// [`floors_over_draws`](crate::floors_over_draws)): independent rows of one law, neither trained on. Then the median
/// ratio is near 1, `nearer` is ½ on average, exactly, and `below_percentile` lies on average between
/// (⌊p⌋ + 1)/(l + 1) and (⌊p⌋ + 2)/(l + 1), about 0.01 for large l. Copies are a reason to be *below* the floor of the
/// first figure and above those of the others; a generator whose rows lie far from all real ones errs to the other
/// side, and one that keeps to the densest places is near the training rows without copying. So read these figures
/// beside those of quality.
///
/// `nearer` is the statistic of Mann and Whitney, divided by its largest value; Meehan et al. test it, for each cell of
/// a partition of space, to find copying. Alaa et al. call a generated row inauthentic if it is nearer to its training
/// row than any other training row is; here the distances of held-out rows are the measure instead.
///
/// Distances are sums of squared differences in `f64`: a copy is at distance 0 exactly. It costs n (l + m) d operations.
///
/// Sources: Meehan, Chaudhuri and Dasgupta 2020, *A Non-Parametric Test to Detect Data-Copying in Generative Models*;
/// Alaa, van Breugel, Saveliev and van der Schaar 2022, *How Faithful is your Synthetic Data?*; Mann and Whitney 1947,
/// *On a test of whether one of two random variables is stochastically larger than the other*.
///
/// # Errors
///
/// [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; [`Error::ColumnsNeeded`] if a set has not the columns
/// of the training rows; [`Error::HeldOutInTraining`] if the median of the held-out distances is 0.
///
/// ```
/// use ndarray::array;
///
/// let training = array![[0.0_f32], [10.0], [20.0]];
/// // 2, 3 and 4 from their nearest training rows, against two copies and one that is 3 away.
/// let (held_out, generated) = (array![[2.0_f32], [13.0], [24.0]], array![[10.0_f32], [20.0], [-3.0]]);
/// let found = gtn_metrics::memorization(training.view(), held_out.view(), generated.view())?;
/// assert_eq!(found.median_ratio, 0.0);
/// assert_eq!(found.nearer, (3.0 + 3.0 + 1.5) / 9.0);
/// assert_eq!(found.below_percentile, 2.0 / 3.0);
/// assert_eq!(found.generated[1].row, 2);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn memorization(
    training: ArrayView2<'_, f32>,
    held_out: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
) -> Result<Memorization, Error> {
    check_rows(Set::Training, training)?;
    for (set, rows) in [(Set::HeldOut, held_out), (Set::Generated, generated)] {
        check_columns(set, rows, training.ncols())?;
        check_rows(set, rows)?;
    }
    memorization_between(nearest(held_out, training)?, nearest(generated, training)?)
}

/// [`memorization`] of rows whose nearest training rows are known: those of a large training set are found in parts by
/// [`NearestRows`], and those of the held-out rows only once.
///
/// # Errors
///
/// [`Error::Empty`]; [`Error::HeldOutInTraining`].
///
/// ```
/// use gtn_metrics::{Nearest, memorization_between};
///
/// let at = |distance| Nearest { row: 0, distance };
/// let found = memorization_between(vec![at(1.0), at(2.0), at(3.0)], vec![at(0.5), at(2.5)])?;
/// assert_eq!((found.median_ratio, found.below_percentile), (0.75, 0.5));
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn memorization_between(held_out: Vec<Nearest>, generated: Vec<Nearest>) -> Result<Memorization, Error> {
    for (set, rows) in [(Set::HeldOut, &held_out), (Set::Generated, &generated)] {
        if rows.is_empty() {
            return Err(Error::Empty { set });
        }
    }
    let (near_held_out, near_generated) = (sorted(&held_out), sorted(&generated));
    let usual = quantile(&near_held_out, 0.5);
    if usual == 0.0 {
        return Err(Error::HeldOutInTraining);
    }
    let percentile = quantile(&near_held_out, 0.01);
    let below = near_generated.partition_point(|&distance| distance < percentile);
    Ok(Memorization {
        median_ratio: quantile(&near_generated, 0.5) / usual,
        nearer: probability_of_less(&near_generated, &near_held_out),
        below_percentile: below as f64 / near_generated.len() as f64,
        generated,
        held_out,
    })
}

fn nearest(rows: ArrayView2<'_, f32>, training: ArrayView2<'_, f32>) -> Result<Vec<Nearest>, Error> {
    let mut search = NearestRows::of_checked(rows, 1);
    search.among(training)?;
    Ok(search.finish().into_iter().flatten().collect())
}

fn sorted(nearest: &[Nearest]) -> Vec<f64> {
    let mut distances: Vec<f64> = nearest.iter().map(|nearest| nearest.distance).collect();
    distances.sort_unstable_by(f64::total_cmp);
    distances
}

/// Between the sorted values at `share` (n − 1), counted from 0.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let below = place as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
}

/// The share of the pairs (a, b) with a < b, ties counting one half; both in increasing order.
fn probability_of_less(a: &[f64], b: &[f64]) -> f64 {
    let half_pairs = |&x: &f64| {
        let (not_below, above) = (b.partition_point(|&y| y < x), b.partition_point(|&y| y <= x));
        // Those above count twice, those equal once.
        (b.len() - not_below) as u64 + (b.len() - above) as u64
    };
    a.iter().map(half_pairs).sum::<u64>() as f64 / (2.0 * a.len() as f64 * b.len() as f64)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn the_nearest_row_is_named_and_the_first_of_equals() {
        let training = array![[0.0, 0.0], [3.0, 4.0], [3.0, 4.0], [6.0, 8.0]];
        let rows = array![[3.0, 4.0], [1.5, 2.0], [60.0, 80.0], [0.0, -1.0]];
        let expected = [(1, 0.0), (0, 2.5), (3, 90.0), (0, 1.0)].map(|(row, distance)| Nearest { row, distance });
        assert_eq!(nearest(rows.view(), training.view()).unwrap(), expected);
    }

    #[test]
    fn quantiles_lie_on_straight_lines() {
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (share, expected) in [(0.0, 1.0), (0.5, 3.0), (0.01, 1.03), (0.9, 6.8), (1.0, 8.0)] {
            assert!((quantile(&sorted, share) - expected).abs() < 1e-15, "{share}");
        }
        assert_eq!(quantile(&[7.0], 0.01), 7.0);
    }

    #[test]
    fn pairs_are_counted_with_their_ties() {
        assert_eq!(probability_of_less(&[1.0, 2.0, 3.0], &[2.0, 2.0]), (2.0 + 1.0 + 0.0) / 6.0);
        assert_eq!(probability_of_less(&[1.0], &[2.0, 3.0]), 1.0);
        assert_eq!(probability_of_less(&[4.0], &[2.0, 3.0]), 0.0);
    }

    #[test]
    fn what_cannot_be_compared_is_an_error() {
        let ones = |n, d| Array2::<f32>::ones((n, d));
        let found = |t: Array2<f32>, h: Array2<f32>, g: Array2<f32>| memorization(t.view(), h.view(), g.view());
        let zeros = |n| Array2::<f32>::zeros((n, 2));
        assert_eq!(found(zeros(0), ones(2, 2), ones(2, 2)), Err(Error::Empty { set: Set::Training }));
        assert_eq!(found(zeros(1), ones(0, 2), ones(2, 2)), Err(Error::Empty { set: Set::HeldOut }));
        assert_eq!(found(zeros(1), ones(1, 2), ones(0, 2)), Err(Error::Empty { set: Set::Generated }));
        let columns = |set| Err(Error::ColumnsNeeded { set, columns: 3, needed: 2 });
        assert_eq!(found(zeros(1), ones(2, 3), ones(2, 2)), columns(Set::HeldOut));
        assert_eq!(found(zeros(1), ones(2, 2), ones(2, 3)), columns(Set::Generated));
        let bad = array![[0.0, 1.0], [f32::NAN, 0.0]];
        assert_eq!(found(zeros(1), bad, ones(2, 2)), Err(Error::NotFinite { set: Set::HeldOut, row: 1 }));
        assert_eq!(found(zeros(1), zeros(3), ones(2, 2)), Err(Error::HeldOutInTraining));
        assert!(found(zeros(1), ones(1, 2), ones(1, 2)).is_ok());
    }
}
