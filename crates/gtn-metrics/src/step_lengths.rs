use ndarray::{ArrayView2, Axis};

use crate::input_checks::check_rows;
use crate::{Error, SampleSet};

/// The longest and the mean step between consecutive points of a path.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepLengths {
    /// Length of the longest step, in the unit of the data.
    pub max: f64,
    /// Mean length of all steps, in the unit of the data.
    pub mean: f64,
}

impl StepLengths {
    /// The longest step divided by the mean step. It ranges from 1 (all steps have the same length) to the number of
    /// steps (one step covers the entire path). If all points are equal, the ratio is 1.
    #[must_use]
    pub fn max_to_mean_ratio(&self) -> f64 {
        if self.mean > 0.0 { self.max / self.mean } else { 1.0 }
    }
}

/// The Euclidean lengths of the steps between consecutive points of a path.
///
/// Use it to see how smooth an interpolation is: map evenly spaced inputs through a generator and pass the outputs as
/// `points`, an n × d array with n ≥ 2, in the order of the path.
///
/// ```
/// use gtn_metrics::step_lengths;
/// use ndarray::array;
///
/// let even = step_lengths(array![[0.0_f32, 0.0], [1.0, 0.0], [2.0, 0.0]].view())?;
/// assert_eq!((even.max, even.max_to_mean_ratio()), (1.0, 1.0));
/// let jump = step_lengths(array![[0.0_f32, 0.0], [0.5, 0.0], [6.5, 8.0], [7.0, 8.0]].view())?;
/// assert_eq!(jump.max, 10.0);
/// assert!(jump.max_to_mean_ratio() > 2.7);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
///
/// A finite number of steps cannot prove continuity. But as the number of steps grows,
/// [`max_to_mean_ratio`](StepLengths::max_to_mean_ratio) distinguishes a curve from a jump. If the map is continuously
/// differentiable along the path, the ratio converges to its maximum speed divided by its mean speed. A jump keeps its
/// length, so the ratio grows with the number of steps.
///
/// # Errors
///
/// [`Error::TooFewSamples`] for a single point, [`Error::Empty`] for none, [`Error::NoColumns`], [`Error::NotFinite`].
pub fn step_lengths(points: ArrayView2<'_, f32>) -> Result<StepLengths, Error> {
    check_rows(SampleSet::Single, points)?;
    let steps = points.nrows() - 1;
    if steps == 0 {
        return Err(Error::TooFewSamples { samples: 1 });
    }
    let mut lengths = StepLengths { max: 0.0, mean: 0.0 };
    for (point, next) in points.axis_iter(Axis(0)).zip(points.axis_iter(Axis(0)).skip(1)) {
        let square = |(&a, &b): (&f32, &f32)| (f64::from(b) - f64::from(a)).powi(2);
        let length = point.iter().zip(next).map(square).sum::<f64>().sqrt();
        lengths.max = lengths.max.max(length);
        lengths.mean += length / steps as f64;
    }
    Ok(lengths)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array, concatenate};
    use proptest::prelude::*;

    use super::*;

    fn path() -> impl Strategy<Value = Array2<f32>> {
        (2_usize..20, 1_usize..5).prop_flat_map(|(rows, columns)| {
            prop::collection::vec(-10.0_f32..10.0, rows * columns)
                .prop_map(move |values| Array2::from_shape_vec((rows, columns), values).unwrap())
        })
    }

    proptest! {
        #[test]
        fn the_ratio_is_between_1_and_the_number_of_steps(path in path()) {
            let lengths = step_lengths(path.view()).unwrap();
            let steps = (path.nrows() - 1) as f64;
            prop_assert!((1.0 - 1e-12..=steps * (1.0 + 1e-12)).contains(&lengths.max_to_mean_ratio()), "{lengths:?}");
        }

        #[test]
        fn direction_origin_and_unit_do_not_matter(path in path(), shift in -4_i16..4, exponent in -3_i32..4) {
            let lengths = step_lengths(path.view()).unwrap();
            let reversed = step_lengths(path.slice(ndarray::s![..;-1, ..])).unwrap();
            prop_assert!((reversed.max - lengths.max).abs() < 1e-12 && (reversed.mean - lengths.mean).abs() < 1e-9);
            // Powers of two and small integers keep rounding errors small.
            let scale = 2.0_f32.powi(exponent);
            let moved = step_lengths((&path * scale + f32::from(shift)).view()).unwrap();
            let (ratio, expected) = (moved.max_to_mean_ratio(), lengths.max_to_mean_ratio());
            prop_assert!((ratio - expected).abs() < 1e-2 * expected, "{moved:?} {lengths:?}");
        }

        #[test]
        fn even_steps_have_ratio_1_and_a_jump_shows(steps in 3_usize..50, jump in 5.0_f32..100.0) {
            let even = Array2::from_shape_fn((steps + 1, 3), |(row, column)| row as f32 * (column + 1) as f32 / 8.0);
            let lengths = step_lengths(even.view()).unwrap();
            prop_assert!((lengths.max_to_mean_ratio() - 1.0).abs() < 1e-9, "{lengths:?}");
            // From the middle on, all points are shifted by `jump` steps.
            let mut jumping = even.clone();
            let step = even.row(1).to_owned();
            for mut row in jumping.axis_iter_mut(Axis(0)).skip(steps / 2 + 1) {
                row += &(&step * jump);
            }
            let lengths = step_lengths(jumping.view()).unwrap();
            let expected = f64::from(jump + 1.0) * steps as f64 / (steps as f64 + f64::from(jump));
            prop_assert!((lengths.max_to_mean_ratio() - expected).abs() < 1e-3 * expected, "{lengths:?}");
        }

        #[test]
        fn finer_steps_keep_the_ratio_of_a_curve_and_raise_that_of_a_jump(steps in 50_usize..200) {
            let ratio = |steps: usize, curve: &dyn Fn(f64) -> f64| {
                let path = Array2::from_shape_fn((steps + 1, 1), |(row, _)| curve(row as f64 / steps as f64) as f32);
                step_lengths(path.view()).unwrap().max_to_mean_ratio()
            };
            // t² has speed 2 at its end, and 1 on average.
            let curve = |t: f64| t * t;
            prop_assert!((ratio(steps, &curve) - 2.0).abs() < 0.05);
            let jumping = |t: f64| t + if t > 0.5 { 1.0 } else { 0.0 };
            prop_assert!(ratio(2 * steps, &jumping) > 1.8 * ratio(steps, &jumping));
        }
    }

    #[test]
    fn equal_points_and_single_steps_have_ratio_1() {
        let constant = step_lengths(Array2::from_elem((5, 2), 3.5).view()).unwrap();
        assert_eq!((constant, constant.max_to_mean_ratio()), (StepLengths { max: 0.0, mean: 0.0 }, 1.0));
        let single = step_lengths(array![[0.0_f32, 0.0], [3.0, 4.0]].view()).unwrap();
        assert_eq!((single, single.max_to_mean_ratio()), (StepLengths { max: 5.0, mean: 5.0 }, 1.0));
        // The largest values do not overflow.
        let huge = step_lengths(array![[f32::MIN], [f32::MAX]].view()).unwrap();
        assert!(huge.max.is_finite() && huge.max_to_mean_ratio() == 1.0);
    }

    #[test]
    fn paths_without_steps_are_an_error() {
        let rows = |n, d| Array2::<f32>::zeros((n, d));
        assert_eq!(step_lengths(rows(1, 2).view()), Err(Error::TooFewSamples { samples: 1 }));
        assert_eq!(step_lengths(rows(0, 2).view()), Err(Error::Empty { set: SampleSet::Single }));
        assert_eq!(step_lengths(rows(3, 0).view()), Err(Error::NoColumns));
        let jumping = concatenate![Axis(0), rows(2, 1), array![[f32::NAN]]];
        assert_eq!(step_lengths(jumping.view()), Err(Error::NotFinite { set: SampleSet::Single, row: 2 }));
    }
}
