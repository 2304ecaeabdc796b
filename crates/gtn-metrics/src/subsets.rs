use ndarray::{ArrayView2, Axis};
use rand::Rng;
use rand::seq::index;

use crate::input_checks::{check_counts, check_pair, check_rows};
use crate::{Error, SampleSet};

/// The size and number of random subsets for [`mean_over_subsets`] and [`kernel_distance`](crate::kernel_distance).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subsets {
    /// Rows in each subset, drawn without replacement. At least 1.
    pub size: usize,
    /// Number of subsets drawn from each set. At least 1.
    pub count: usize,
}

impl Subsets {
    pub(crate) fn check(self) -> Result<(), Error> {
        check_counts([("size of the subsets", self.size), ("number of subsets", self.count)])
    }

    /// Checks that a subset can be drawn from so many samples.
    pub(crate) fn check_size(self, set: SampleSet, samples: usize) -> Result<(), Error> {
        check_size(set, self.size, samples)
    }
}

/// The mean of a metric over random subsets: 1/k Σ metric(real subset, generated subset), with k = `subsets.count`
/// terms and `subsets.size` rows of each set in each term.
///
/// Use it to compare large sets with a metric whose cost grows with the square of the number of rows, or to compare
/// sets of different sizes at the same sample size.
///
/// `real` is n × d and `generated` is m × d; n and m ≥ `subsets.size`. Each subset is drawn uniformly without
/// replacement. Subsets are independent of each other and between the two sets. For each term, `rng` draws the real
/// subset first. The result has the unit and the range of the metric.
///
/// **The noise floor** is the result of this function with the same `subsets` and a second real sample as `generated`.
/// The two real samples must not have rows in common, because these make the noise floor too low. With a single real
/// sample, use [`floor_over_subsets`].
///
/// Averaging removes the noise of choosing rows, but not the noise of the sets themselves: if `subsets.size` is close
/// to n and m, all subsets are almost the same.
///
/// # Errors
///
/// [`Error::ZeroSetting`] if a field of `subsets` is 0; [`Error::SubsetTooLarge`] if a set has fewer rows than a subset;
/// [`Error::ColumnMismatch`], [`Error::Empty`], [`Error::NoColumns`]; [`Error::NotFinite`] for any row of the full set,
/// drawn or not; and the first error of `metric`.
///
/// ```
/// use gtn_metrics::{Subsets, mean_over_subsets, sliced_wasserstein};
/// use ndarray::Array2;
/// use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
///
/// let real = Array2::from_shape_fn((100, 2), |(i, k)| ((i * 37 + k * 50) % 101) as f32);
/// let generated = &real + 20.0;
/// // The metric has its own random numbers: the same 32 directions for all subsets.
/// let directions = ChaCha8Rng::seed_from_u64(2);
/// let metric = |x: ndarray::ArrayView2<'_, f32>, y: ndarray::ArrayView2<'_, f32>| {
///     sliced_wasserstein(x, y, 32, &mut directions.clone())
/// };
/// let subsets = Subsets { size: 50, count: 5 };
/// let value = mean_over_subsets(real.view(), generated.view(), subsets, &mut ChaCha8Rng::seed_from_u64(1), metric)?;
/// assert!((15.0..25.0).contains(&value));
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn mean_over_subsets(
    real: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
    subsets: Subsets,
    rng: &mut impl Rng,
    mut metric: impl FnMut(ArrayView2<'_, f32>, ArrayView2<'_, f32>) -> Result<f64, Error>,
) -> Result<f64, Error> {
    means_over_subsets(real, generated, subsets, rng, |x, y| Ok([metric(x, y)?])).map(|[mean]| mean)
}

/// [`mean_over_subsets`] for a function that returns several metrics: the mean of each over the same subsets.
///
/// # Errors
///
/// Those of [`mean_over_subsets`].
///
/// ```
/// use gtn_metrics::{Subsets, floors_over_subsets, means_over_subsets, precision_recall};
/// use ndarray::{Array2, ArrayView2};
/// use rand::{Rng, SeedableRng};
/// use rand_chacha::ChaCha8Rng;
///
/// let rng = ChaCha8Rng::seed_from_u64;
/// let uniform = |seed| {
///     let mut rng = rng(seed);
///     Array2::from_shape_simple_fn((400, 2), || rng.random::<f32>())
/// };
/// let (real, generated) = (uniform(1), uniform(2) * 0.5);
/// let metric = |x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>| {
///     precision_recall(x, y, 3).map(|result| [result.precision, result.recall])
/// };
/// let subsets = Subsets { size: 200, count: 3 };
/// let [precision, recall] = means_over_subsets(real.view(), generated.view(), subsets, &mut rng(3), metric)?;
/// let floors = floors_over_subsets(real.view(), subsets, &mut rng(4), metric)?;
/// // All generated rows are in one quarter of the square, but only a quarter of the real ones are.
/// assert!(precision > floors[0] - 0.1 && recall < 0.4 && floors[1] > 0.6);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn means_over_subsets<const N: usize>(
    real: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
    subsets: Subsets,
    rng: &mut impl Rng,
    mut metric: impl FnMut(ArrayView2<'_, f32>, ArrayView2<'_, f32>) -> Result<[f64; N], Error>,
) -> Result<[f64; N], Error> {
    subsets.check()?;
    check_pair(real, generated)?;
    subsets.check_size(SampleSet::Real, real.nrows())?;
    subsets.check_size(SampleSet::Generated, generated.nrows())?;
    let mut draw =
        |set: ArrayView2<'_, f32>| set.select(Axis(0), &index::sample(rng, set.nrows(), subsets.size).into_vec());
    mean(subsets.count, || {
        let (x, y) = (draw(real), draw(generated));
        metric(x.view(), y.view())
    })
}

/// The noise floor of [`mean_over_subsets`] from a single real sample.
///
/// Each term draws 2 · `subsets.size` rows without replacement, and the metric compares the first half of them with the
/// second half.
///
/// `real` is n × d, n ≥ 2 · `subsets.size`. The two halves have no row in common, and if the rows of `real` are
/// independent, so are the halves. The result has the unit and the range of the metric.
///
/// # Errors
///
/// [`Error::ZeroSetting`] if a field of `subsets` is 0; [`Error::SubsetTooLarge`] if there are fewer than
/// 2 · `subsets.size` rows; [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; and the first error of
/// `metric`.
pub fn floor_over_subsets(
    real: ArrayView2<'_, f32>,
    subsets: Subsets,
    rng: &mut impl Rng,
    mut metric: impl FnMut(ArrayView2<'_, f32>, ArrayView2<'_, f32>) -> Result<f64, Error>,
) -> Result<f64, Error> {
    floors_over_subsets(real, subsets, rng, |x, y| Ok([metric(x, y)?])).map(|[floor]| floor)
}

/// [`floor_over_subsets`] for a function that returns several metrics: the noise floors of [`means_over_subsets`].
///
/// # Errors
///
/// Those of [`floor_over_subsets`].
pub fn floors_over_subsets<const N: usize>(
    real: ArrayView2<'_, f32>,
    subsets: Subsets,
    rng: &mut impl Rng,
    mut metric: impl FnMut(ArrayView2<'_, f32>, ArrayView2<'_, f32>) -> Result<[f64; N], Error>,
) -> Result<[f64; N], Error> {
    subsets.check()?;
    check_rows(SampleSet::Real, real)?;
    let both = subsets.size.saturating_mul(2);
    check_size(SampleSet::Real, both, real.nrows())?;
    mean(subsets.count, || {
        // The order of the indices is also random, so the halves are exchangeable.
        let rows = index::sample(rng, real.nrows(), both).into_vec();
        let (first, second) = rows.split_at(subsets.size);
        metric(real.select(Axis(0), first).view(), real.select(Axis(0), second).view())
    })
}

/// The mean of `count` terms.
fn mean<const N: usize>(count: usize, mut term: impl FnMut() -> Result<[f64; N], Error>) -> Result<[f64; N], Error> {
    let mut sums = [0.0; N];
    for _ in 0..count {
        sums.iter_mut().zip(term()?).for_each(|(sum, value)| *sum += value);
    }
    Ok(sums.map(|sum| sum / count as f64))
}

fn check_size(set: SampleSet, needed: usize, samples: usize) -> Result<(), Error> {
    if needed > samples { Err(Error::SubsetTooLarge { set, needed, samples }) } else { Ok(()) }
}

/// The mean of values, at least one, and their standard deviation with their number as divisor.
pub(crate) fn mean_and_std(values: &[f64]) -> (f64, f64) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}
