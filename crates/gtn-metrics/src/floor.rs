use ndarray::{ArrayView2, Axis};
use rand::Rng;
use rand::seq::index;

use crate::input::{check_pair, check_rows};
use crate::{Error, Set};

/// How many random subsamples a figure is averaged over, and how large they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Draws {
    /// Rows of each subsample, drawn without replacement: at least 1.
    pub size: usize,
    /// Pairs of subsamples: at least 1.
    pub draws: usize,
}

impl Draws {
    fn check(self) -> Result<(), Error> {
        if self.size == 0 || self.draws == 0 { Err(Error::NoDraws { asked: self }) } else { Ok(()) }
    }
}

/// The mean of a metric over random subsamples: 1/k Σ metric(real rows, generated rows), k = `draws.draws`, with
/// `draws.size` rows of each set in each term.
///
/// `real` is n × d and `generated` m × d, n and m ≥ `draws.size`. Rows are drawn uniformly without replacement within a
/// draw, independently between draws and between the two sets. For each draw the real rows are taken from `rng` first.
/// The figure has the unit and range of the metric.
///
/// **The floor** of the figure is this function with the same `draws` and a second real sample as `generated`, one that
/// shares no row with the first: common rows make the floor too low. With a single real sample use
/// [`floor_over_draws`].
///
/// Averaging removes the noise of choosing rows, not that of the sets themselves: if `draws.size` is close to n and m,
/// all draws are much the same.
///
/// # Errors
///
/// [`Error::NoDraws`] if one of the numbers in `draws` is 0; [`Error::DrawTooLarge`] if a set has fewer rows than a
/// draw takes; [`Error::Columns`], [`Error::Empty`], [`Error::NoColumns`]; [`Error::NotFinite`] with the row of the
/// whole set, drawn or not; and the first error of `metric`.
///
/// ```
/// use gtn_metrics::{Draws, mean_over_draws, sliced_wasserstein};
/// use ndarray::Array2;
/// use rand_chacha::{ChaCha8Rng, rand_core::SeedableRng};
///
/// let real = Array2::from_shape_fn((100, 2), |(i, k)| ((i * 37 + k * 50) % 101) as f32);
/// let generated = &real + 20.0;
/// // The metric's own randomness: the same 32 directions for every draw.
/// let directions = ChaCha8Rng::seed_from_u64(2);
/// let metric = |x: ndarray::ArrayView2<'_, f32>, y: ndarray::ArrayView2<'_, f32>| {
///     sliced_wasserstein(x, y, 32, directions.clone())
/// };
/// let draws = Draws { size: 50, draws: 5 };
/// let figure = mean_over_draws(real.view(), generated.view(), draws, ChaCha8Rng::seed_from_u64(1), metric)?;
/// assert!((15.0..25.0).contains(&figure));
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn mean_over_draws(
    real: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
    draws: Draws,
    rng: impl Rng,
    mut metric: impl FnMut(ArrayView2<'_, f32>, ArrayView2<'_, f32>) -> Result<f64, Error>,
) -> Result<f64, Error> {
    means_over_draws(real, generated, draws, rng, |x, y| Ok([metric(x, y)?])).map(|[mean]| mean)
}

/// [`mean_over_draws`] of several figures at once, for a metric that gives more than one: the mean of each, over the
/// same draws.
///
/// # Errors
///
/// Those of [`mean_over_draws`].
///
/// ```
/// use gtn_metrics::{Draws, floors_over_draws, means_over_draws, precision_recall};
/// use ndarray::{Array2, ArrayView2};
/// use rand::{Rng, SeedableRng};
/// use rand_chacha::ChaCha8Rng;
///
/// let stream = ChaCha8Rng::seed_from_u64;
/// let uniform = |seed| {
///     let mut rng = stream(seed);
///     Array2::from_shape_simple_fn((400, 2), || rng.random::<f32>())
/// };
/// let (real, generated) = (uniform(1), uniform(2) * 0.5);
/// let metric = |x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>| {
///     precision_recall(x, y, 3).map(|found| [found.precision, found.recall])
/// };
/// let draws = Draws { size: 200, draws: 3 };
/// let [precision, recall] = means_over_draws(real.view(), generated.view(), draws, stream(3), metric)?;
/// let floors = floors_over_draws(real.view(), draws, stream(4), metric)?;
/// // A quarter of the square is missed by none of the generated rows and hit by a quarter of the real ones.
/// assert!(precision > floors[0] - 0.1 && recall < 0.4 && floors[1] > 0.6);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn means_over_draws<const N: usize>(
    real: ArrayView2<'_, f32>,
    generated: ArrayView2<'_, f32>,
    draws: Draws,
    mut rng: impl Rng,
    mut metric: impl FnMut(ArrayView2<'_, f32>, ArrayView2<'_, f32>) -> Result<[f64; N], Error>,
) -> Result<[f64; N], Error> {
    draws.check()?;
    check_pair(real, generated)?;
    check_size(Set::Real, draws.size, real.nrows())?;
    check_size(Set::Generated, draws.size, generated.nrows())?;
    let mut sums = [0.0; N];
    for _ in 0..draws.draws {
        let x = real.select(Axis(0), &index::sample(&mut rng, real.nrows(), draws.size).into_vec());
        let y = generated.select(Axis(0), &index::sample(&mut rng, generated.nrows(), draws.size).into_vec());
        add(&mut sums, metric(x.view(), y.view())?);
    }
    Ok(sums.map(|sum| sum / draws.draws as f64))
}

/// The floor of [`mean_over_draws`] from a single real sample: in each draw 2 · `draws.size` of its rows are drawn
/// without replacement, and the metric compares the first half of them with the second.
///
/// `real` is n × d, n ≥ 2 · `draws.size`. The halves of a draw share no row, and if the rows of `real` are independent,
/// so are the halves. The figure has the unit and range of the metric.
///
/// # Errors
///
/// [`Error::NoDraws`] if one of the numbers in `draws` is 0; [`Error::DrawTooLarge`] if there are fewer than
/// 2 · `draws.size` rows; [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`]; and the first error of
/// `metric`.
pub fn floor_over_draws(
    real: ArrayView2<'_, f32>,
    draws: Draws,
    rng: impl Rng,
    mut metric: impl FnMut(ArrayView2<'_, f32>, ArrayView2<'_, f32>) -> Result<f64, Error>,
) -> Result<f64, Error> {
    floors_over_draws(real, draws, rng, |x, y| Ok([metric(x, y)?])).map(|[floor]| floor)
}

/// [`floor_over_draws`] of several figures at once: the floors of [`means_over_draws`].
///
/// # Errors
///
/// Those of [`floor_over_draws`].
pub fn floors_over_draws<const N: usize>(
    real: ArrayView2<'_, f32>,
    draws: Draws,
    mut rng: impl Rng,
    mut metric: impl FnMut(ArrayView2<'_, f32>, ArrayView2<'_, f32>) -> Result<[f64; N], Error>,
) -> Result<[f64; N], Error> {
    draws.check()?;
    check_rows(Set::Real, real)?;
    let both = draws.size.saturating_mul(2);
    check_size(Set::Real, both, real.nrows())?;
    let mut sums = [0.0; N];
    for _ in 0..draws.draws {
        // The order of the indices is random too, so that the halves are exchangeable.
        let rows = index::sample(&mut rng, real.nrows(), both).into_vec();
        let (first, second) = rows.split_at(draws.size);
        add(&mut sums, metric(real.select(Axis(0), first).view(), real.select(Axis(0), second).view())?);
    }
    Ok(sums.map(|sum| sum / draws.draws as f64))
}

fn add<const N: usize>(sums: &mut [f64; N], figures: [f64; N]) {
    sums.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
}

fn check_size(set: Set, needed: usize, samples: usize) -> Result<(), Error> {
    if needed > samples { Err(Error::DrawTooLarge { set, needed, samples }) } else { Ok(()) }
}
