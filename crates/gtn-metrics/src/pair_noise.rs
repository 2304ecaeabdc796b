use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use crate::input_checks::{check_columns, check_rows};
use crate::{Error, NearestNeighbors, SampleSet, total_variance};

/// Held-out pairs that one thread searches for at once.
const QUERY_ROWS: usize = 1024;

/// How far pairs (y, x) are from a function of y: the error of 1-nearest-neighbor regression on held-out pairs.
///
/// For each of m held-out pairs, the x of the training pair with the nearest y predicts its x. The result is the mean
/// squared error of these predictions divided by the total variance of the held-out x, which is the trace of their
/// covariance: R = 1/m Σⱼ |x_nn(j) − xⱼ|² / tr C. It has no unit.
///
/// - R is near 0 if x is a continuous function of y, and the y lie densely.
/// - R is about 2 if x has nothing to do with y: then two x are independent draws, whose squared distance is 2 tr C on
///   average.
/// - Pairs x = f(y) + noise with a fraction ν of the variance in the noise, and densely lying y, have R ≈ 2ν. The
///   nearest neighbor adds its own noise, so no regression can have an error below R/2.
///
/// **In many dimensions no y has a near neighbor**, so R is high for any function. With n training pairs whose y are
/// standard normal, the identity, and every rotation of it, has
///
/// | n | d = 1 | 2 | 5 | 12 | 25 | 50 | 100 |
/// |---|---|---|---|---|---|---|---|
/// | 10,000 | 0.0000 | 0.0007 | 0.045 | 0.29 | 0.60 | 0.92 | 1.17 |
/// | 50,000 | 0.0000 | 0.0002 | 0.026 | 0.21 | 0.52 | 0.84 | 1.12 |
///
/// So compare R with that of the identity on the same y, which is `pair_noise((y, y), (held_out_y, held_out_y))`. A value
/// near 2 says that the pairs are noise in any dimension. A value near that of the identity says that x follows y about as
/// smoothly as a linear map. Between them, R cannot distinguish a noisy pairing from a function that is steep or folded.
///
/// `train` contains n ≥ 1 and `held_out` m ≥ 2 pairs as (y, x): rows of both arrays belong together. All y have the same
/// number of columns, and so have all x. Among training pairs at the same distance, the first is taken. The cost is about
/// n m d multiplications, on the threads of the current rayon pool; their number changes no bit.
///
/// # Errors
///
/// [`Error::PairCount`] if a set has different numbers of y and x; [`Error::WrongColumnCount`] if y or x of the two sets
/// have different numbers of columns; [`Error::Empty`], [`Error::NoColumns`], [`Error::NotFinite`];
/// [`Error::TooFewSamples`] for a single held-out pair; [`Error::ZeroVariance`] if all held-out x are equal.
///
/// ```
/// use gtn_metrics::pair_noise;
/// use ndarray::Array2;
///
/// let y = |shift: f32| Array2::from_shape_fn((500, 1), |(i, _)| i as f32 + shift);
/// let (train, held_out) = (y(0.0), y(0.25));
/// let function = pair_noise((train.view(), (&train * 3.0).view()), (held_out.view(), (&held_out * 3.0).view()))?;
/// assert!(function < 1e-4);
/// // The x of other rows.
/// let mixed = |y: &Array2<f32>| y.mapv(|y| (y.floor() * 211.0) % 500.0);
/// let noise = pair_noise((train.view(), mixed(&train).view()), (held_out.view(), mixed(&(&held_out * 1.5)).view()))?;
/// assert!(noise > 1.5);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
pub fn pair_noise(
    train: (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
    held_out: (ArrayView2<'_, f32>, ArrayView2<'_, f32>),
) -> Result<f64, Error> {
    for (set, (y, x)) in [(SampleSet::Training, train), (SampleSet::HeldOut, held_out)] {
        if y.nrows() != x.nrows() {
            return Err(Error::PairCount { set, sources: y.nrows(), targets: x.nrows() });
        }
        check_rows(set, y)?;
        check_rows(set, x)?;
    }
    let ((train_y, train_x), (y, x)) = (train, held_out);
    check_columns(SampleSet::HeldOut, y, train_y.ncols())?;
    check_columns(SampleSet::HeldOut, x, train_x.ncols())?;
    let variance = total_variance(x)?;
    if variance == 0.0 {
        return Err(Error::ZeroVariance);
    }
    let parts: Vec<_> = y.axis_chunks_iter(Axis(0), QUERY_ROWS).collect();
    let nearest: Result<Vec<_>, Error> = parts
        .into_par_iter()
        .map(|queries| {
            let mut search = NearestNeighbors::new_unchecked(queries, 1);
            search.partial_fit(train_y)?;
            Ok(search.into_neighbors())
        })
        .collect();
    let squared_error = |(x, index): (ndarray::ArrayView1<'_, f32>, usize)| {
        let differences = x.iter().zip(train_x.row(index)).map(|(&x, &predicted)| f64::from(x) - f64::from(predicted));
        differences.map(|difference| difference * difference).sum::<f64>()
    };
    let indices = nearest?.into_iter().flatten().map(|neighbors| neighbors[0].index);
    let sum: f64 = x.outer_iter().zip(indices).map(squared_error).sum();
    Ok(sum / x.nrows() as f64 / variance)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn small_sets_match_hand_computed_values() {
        let train = (array![[0.0_f32], [10.0], [20.0]], array![[1.0_f32, 0.0], [2.0, 5.0], [4.0, 0.0]]);
        // The nearest are rows 0 and 2; the squared errors are 5 and 36. The variances of x are 32 and 2.
        let held_out = (array![[4.0_f32], [16.0]], array![[2.0_f32, 2.0], [10.0, 0.0]]);
        let value = pair_noise((train.0.view(), train.1.view()), (held_out.0.view(), held_out.1.view())).unwrap();
        assert!((value - (5.0 + 36.0) / 2.0 / 34.0).abs() < 1e-15, "{value}");
        // A tie goes to the first.
        let tie = (array![[5.0_f32], [20.0]], array![[1.0_f32, 0.0], [4.0, 6.0]]);
        let value = pair_noise((train.0.view(), train.1.view()), (tie.0.view(), tie.1.view())).unwrap();
        assert!((value - 36.0 / 2.0 / 22.5).abs() < 1e-15, "{value}");
    }

    #[test]
    fn invalid_input_is_an_error() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        let noise = |a: [Array2<f32>; 2], b: [Array2<f32>; 2]| {
            pair_noise((a[0].view(), a[1].view()), (b[0].view(), b[1].view())).unwrap_err()
        };
        let good = || [zeros(3, 2), zeros(3, 4)];
        let count = Error::PairCount { set: SampleSet::Training, sources: 2, targets: 3 };
        assert_eq!(noise([zeros(2, 2), zeros(3, 4)], good()), count);
        let count = Error::PairCount { set: SampleSet::HeldOut, sources: 4, targets: 3 };
        assert_eq!(noise(good(), [zeros(4, 2), zeros(3, 4)]), count);
        let columns = |columns, expected| Error::WrongColumnCount { set: SampleSet::HeldOut, columns, expected };
        assert_eq!(noise(good(), [zeros(3, 1), zeros(3, 4)]), columns(1, 2));
        assert_eq!(noise(good(), [zeros(3, 2), zeros(3, 5)]), columns(5, 4));
        assert_eq!(noise([zeros(0, 2), zeros(0, 4)], good()), Error::Empty { set: SampleSet::Training });
        assert_eq!(noise([zeros(3, 0), zeros(3, 4)], good()), Error::NoColumns);
        let bad = array![[0.0_f32, 1.0], [f32::NAN, 0.0], [0.0, 0.0]];
        assert_eq!(noise(good(), [bad, zeros(3, 4)]), Error::NotFinite { set: SampleSet::HeldOut, row: 1 });
        assert_eq!(noise(good(), [zeros(1, 2), zeros(1, 4)]), Error::TooFewSamples { samples: 1 });
        assert_eq!(noise(good(), good()), Error::ZeroVariance);
    }
}
