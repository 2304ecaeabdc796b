//! Relative errors between named arrays.

use crate::NamedArrays;

/// The largest absolute value.
fn max_abs<'a>(arrays: impl Iterator<Item = &'a ndarray::ArrayD<f32>>) -> f64 {
    arrays.flatten().fold(0.0, |max, value| max.max(f64::from(value.abs())))
}

/// Whether both have arrays of the same names, and all values of `actual` are finite.
fn are_comparable(actual: &NamedArrays, expected: &NamedArrays) -> bool {
    actual.keys().eq(expected.keys()) && actual.values().flatten().all(|value| value.is_finite())
}

/// The largest absolute difference, divided by the largest absolute value.
pub(super) fn max_relative_error(actual: &NamedArrays, expected: &NamedArrays) -> f64 {
    if !are_comparable(actual, expected) {
        return f64::INFINITY;
    }
    let pairs = actual.values().flatten().zip(expected.values().flatten());
    let difference = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()).fold(0.0, f64::max);
    difference / max_abs(expected.values()).max(f64::MIN_POSITIVE)
}

/// The Euclidean norm of the differences.
fn norm<'a>(pairs: impl Iterator<Item = (&'a f32, &'a f32)>) -> f64 {
    pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

/// The norm of the difference, divided by the norm of the expected array; the maximum over all arrays. Norms below a
/// thousandth of the largest norm count as that much.
pub(super) fn relative_norm_error(actual: &NamedArrays, expected: &NamedArrays) -> f64 {
    if !are_comparable(actual, expected) {
        return f64::INFINITY;
    }
    let norms: Vec<f64> = expected.values().map(|array| norm(array.iter().zip(std::iter::repeat(&0.0)))).collect();
    let min_norm = (1e-3 * norms.iter().copied().fold(0.0, f64::max)).max(f64::MIN_POSITIVE);
    let pairs = actual.values().zip(expected.values()).zip(norms);
    pairs
        .map(|((actual, expected), expected_norm)| norm(actual.iter().zip(expected)) / expected_norm.max(min_norm))
        .fold(0.0, f64::max)
}

/// The norm of the difference, divided by the norm of the expected change from `initial`, over all weights together.
pub(super) fn relative_update_error(actual: &NamedArrays, expected: &NamedArrays, initial: &NamedArrays) -> f64 {
    if !are_comparable(actual, expected) {
        return f64::INFINITY;
    }
    let distance = |one: &NamedArrays, other: &NamedArrays| norm(one.values().flatten().zip(other.values().flatten()));
    distance(actual, expected) / distance(expected, initial).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrays(values: &[f32]) -> NamedArrays {
        NamedArrays::from([("a".to_owned(), ndarray::arr1(values).into_dyn())])
    }

    #[test]
    fn errors_are_relative_and_infinite_for_nan() {
        let expected = arrays(&[4.0, -1.0]);
        for error in [relative_norm_error, max_relative_error] {
            assert_eq!(error(&expected, &expected), 0.0);
            assert_eq!(error(&arrays(&[4.0, f32::NAN]), &expected), f64::INFINITY);
            assert_eq!(error(&NamedArrays::new(), &expected), f64::INFINITY);
        }
        assert_eq!(max_relative_error(&arrays(&[4.0, 1.0]), &expected), 0.5);
        assert_eq!(relative_norm_error(&arrays(&[4.0, 1.0]), &expected), 2.0 / 17.0_f64.sqrt());
        let initial = arrays(&[0.0, -1.0]);
        assert_eq!(relative_update_error(&arrays(&[4.0, 0.0]), &expected, &initial), 0.25);
        assert_eq!(relative_update_error(&arrays(&[4.0, f32::NAN]), &expected, &initial), f64::INFINITY);
    }
}
