use ndarray::{ArrayView2, Axis};

use crate::input::check_rows;
use crate::{Error, Set};

/// The steps between neighbors on a way through space: the longest of them, and their mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    /// Length of the longest step, in the unit of the data.
    pub largest: f64,
    /// Mean length of all steps, in the unit of the data.
    pub mean: f64,
}

impl Steps {
    /// The largest step over the mean step, from 1 (all are equal) to the number of steps (one makes the whole way). On a way
    /// that stays where it is all steps are equal, too.
    #[must_use]
    pub fn ratio(&self) -> f64 {
        if self.mean > 0.0 { self.largest / self.mean } else { 1.0 }
    }
}

/// The Euclidean lengths of the steps from each row of `way` to the next: how evenly what a map makes of evenly spaced points
/// moves along.
///
/// `way` is n × d, n ≥ 2, its rows in the order of the way. The figure is about a finite number of steps, so that it cannot
/// prove continuity, but it tells a bend from a jump once their number grows: of a map that is continuously differentiable
/// along the way [`Steps::ratio`] tends to its largest speed over its mean speed, a number that is the same for all fine
/// enough steps, while a jump stays as long as it is and makes the ratio grow with the number of steps.
///
/// ```
/// use gtn_metrics::step_lengths;
/// use ndarray::array;
///
/// let walked = step_lengths(array![[0.0_f32, 0.0], [1.0, 0.0], [2.0, 0.0]].view())?;
/// assert_eq!((walked.largest, walked.ratio()), (1.0, 1.0));
/// let jumped = step_lengths(array![[0.0_f32, 0.0], [0.5, 0.0], [6.5, 8.0], [7.0, 8.0]].view())?;
/// assert_eq!(jumped.largest, 10.0);
/// assert!(jumped.ratio() > 2.7);
/// # Ok::<(), gtn_metrics::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::TooFewSamples`] for a single row, [`Error::Empty`] for none, [`Error::NoColumns`], [`Error::NotFinite`].
pub fn step_lengths(way: ArrayView2<'_, f32>) -> Result<Steps, Error> {
    check_rows(Set::Only, way)?;
    let steps = way.nrows() - 1;
    if steps == 0 {
        return Err(Error::TooFewSamples { samples: 1 });
    }
    let mut found = Steps { largest: 0.0, mean: 0.0 };
    for (here, next) in way.axis_iter(Axis(0)).zip(way.axis_iter(Axis(0)).skip(1)) {
        let square = |(&a, &b): (&f32, &f32)| (f64::from(b) - f64::from(a)).powi(2);
        let length = here.iter().zip(next).map(square).sum::<f64>().sqrt();
        found.largest = found.largest.max(length);
        found.mean += length / steps as f64;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array, concatenate};
    use proptest::prelude::*;

    use super::*;

    fn way() -> impl Strategy<Value = Array2<f32>> {
        (2_usize..20, 1_usize..5).prop_flat_map(|(rows, columns)| {
            prop::collection::vec(-10.0_f32..10.0, rows * columns)
                .prop_map(move |entries| Array2::from_shape_vec((rows, columns), entries).unwrap())
        })
    }

    proptest! {
        #[test]
        fn the_ratio_lies_between_1_and_the_number_of_steps(way in way()) {
            let found = step_lengths(way.view()).unwrap();
            let steps = (way.nrows() - 1) as f64;
            prop_assert!((1.0 - 1e-12..=steps * (1.0 + 1e-12)).contains(&found.ratio()), "{found:?}");
        }

        #[test]
        fn neither_direction_nor_place_nor_unit_matters(way in way(), shift in -4_i16..4, exponent in -3_i32..4) {
            let found = step_lengths(way.view()).unwrap();
            let back = step_lengths(way.slice(ndarray::s![..;-1, ..])).unwrap();
            prop_assert!((back.largest - found.largest).abs() < 1e-12 && (back.mean - found.mean).abs() < 1e-9);
            // Powers of two and small whole numbers leave little to rounding.
            let scale = 2.0_f32.powi(exponent);
            let moved = step_lengths((&way * scale + f32::from(shift)).view()).unwrap();
            prop_assert!((moved.ratio() - found.ratio()).abs() < 1e-2 * found.ratio(), "{moved:?} {found:?}");
        }

        #[test]
        fn even_steps_have_ratio_1_and_a_jump_shows(steps in 3_usize..50, jump in 5.0_f32..100.0) {
            let even = Array2::from_shape_fn((steps + 1, 3), |(row, column)| row as f32 * (column + 1) as f32 / 8.0);
            let found = step_lengths(even.view()).unwrap();
            prop_assert!((found.ratio() - 1.0).abs() < 1e-9, "{found:?}");
            // From the middle on everything lies farther on by so many steps.
            let mut torn = even.clone();
            let step = even.row(1).to_owned();
            for mut row in torn.axis_iter_mut(Axis(0)).skip(steps / 2 + 1) {
                row += &(&step * jump);
            }
            let found = step_lengths(torn.view()).unwrap();
            let expected = f64::from(jump + 1.0) * steps as f64 / (steps as f64 + f64::from(jump));
            prop_assert!((found.ratio() - expected).abs() < 1e-3 * expected, "{found:?}");
        }

        #[test]
        fn finer_steps_leave_the_ratio_of_a_curve_and_raise_that_of_a_jump(steps in 50_usize..200) {
            let drawn = |steps: usize, of: &dyn Fn(f64) -> f64| {
                let way = Array2::from_shape_fn((steps + 1, 1), |(row, _)| of(row as f64 / steps as f64) as f32);
                step_lengths(way.view()).unwrap().ratio()
            };
            // t² has speed 2 at its end, and 1 on average.
            let curve = |t: f64| t * t;
            prop_assert!((drawn(steps, &curve) - 2.0).abs() < 0.05);
            let torn = |t: f64| t + if t > 0.5 { 1.0 } else { 0.0 };
            prop_assert!(drawn(2 * steps, &torn) > 1.8 * drawn(steps, &torn));
        }
    }

    #[test]
    fn a_way_that_goes_nowhere_has_ratio_1() {
        let stays = step_lengths(Array2::from_elem((5, 2), 3.5).view()).unwrap();
        assert_eq!((stays, stays.ratio()), (Steps { largest: 0.0, mean: 0.0 }, 1.0));
        let once = step_lengths(array![[0.0_f32, 0.0], [3.0, 4.0]].view()).unwrap();
        assert_eq!((once, once.ratio()), (Steps { largest: 5.0, mean: 5.0 }, 1.0));
        // Numbers at the end of the range do not overflow.
        let far = step_lengths(array![[f32::MIN], [f32::MAX]].view()).unwrap();
        assert!(far.largest.is_finite() && far.ratio() == 1.0);
    }

    #[test]
    fn what_has_no_steps_is_an_error() {
        let rows = |n, d| Array2::<f32>::zeros((n, d));
        assert_eq!(step_lengths(rows(1, 2).view()), Err(Error::TooFewSamples { samples: 1 }));
        assert_eq!(step_lengths(rows(0, 2).view()), Err(Error::Empty { set: Set::Only }));
        assert_eq!(step_lengths(rows(3, 0).view()), Err(Error::NoColumns));
        let torn = concatenate![Axis(0), rows(2, 1), array![[f32::NAN]]];
        assert_eq!(step_lengths(torn.view()), Err(Error::NotFinite { set: Set::Only, row: 2 }));
    }
}
