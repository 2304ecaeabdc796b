//! How far what one side made is from what the other made.

use crate::NamedArrays;

/// The largest size of a number.
fn largest<'a>(arrays: impl Iterator<Item = &'a ndarray::ArrayD<f32>>) -> f64 {
    arrays.flatten().fold(0.0, |most, number| most.max(f64::from(number.abs())))
}

/// Whether two sides have made as many numbers, and the one only numbers.
fn are_comparable(found: &NamedArrays, expected: &NamedArrays) -> bool {
    found.keys().eq(expected.keys()) && found.values().flatten().all(|number| number.is_finite())
}

/// The largest difference over the largest number.
pub(super) fn largest_error(found: &NamedArrays, expected: &NamedArrays) -> f64 {
    if !are_comparable(found, expected) {
        return f64::INFINITY;
    }
    let pairs = found.values().flatten().zip(expected.values().flatten());
    let difference = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).abs()).fold(0.0, f64::max);
    difference / largest(expected.values()).max(f64::MIN_POSITIVE)
}

fn norm<'a>(pairs: impl Iterator<Item = (&'a f32, &'a f32)>) -> f64 {
    pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>().sqrt()
}

/// The norm of the difference of two arrays over the norm of the array, of the pair that is farthest apart; for arrays that are
/// small beside the others, over a thousandth of the largest norm.
pub(super) fn error(found: &NamedArrays, expected: &NamedArrays) -> f64 {
    if !are_comparable(found, expected) {
        return f64::INFINITY;
    }
    let norms: Vec<f64> = expected.values().map(|array| norm(array.iter().zip(std::iter::repeat(&0.0)))).collect();
    let floor = (1e-3 * norms.iter().copied().fold(0.0, f64::max)).max(f64::MIN_POSITIVE);
    let pairs = found.values().zip(expected.values()).zip(norms);
    pairs.map(|((found, expected), size)| norm(found.iter().zip(expected)) / size.max(floor)).fold(0.0, f64::max)
}

/// How far weights are from each other, over how far they came, in the norm of all together.
pub(super) fn distance(found: &NamedArrays, expected: &NamedArrays, start: &NamedArrays) -> f64 {
    if !are_comparable(found, expected) {
        return f64::INFINITY;
    }
    let apart = |one: &NamedArrays, other: &NamedArrays| norm(one.values().flatten().zip(other.values().flatten()));
    apart(found, expected) / apart(expected, start).max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(numbers: &[f32]) -> NamedArrays {
        NamedArrays::from([("a".to_owned(), ndarray::arr1(numbers).into_dyn())])
    }

    #[test]
    fn errors_are_relative_and_nan_is_the_worst() {
        let expected = named(&[4.0, -1.0]);
        for error in [error, largest_error] {
            assert_eq!(error(&expected, &expected), 0.0);
            assert_eq!(error(&named(&[4.0, f32::NAN]), &expected), f64::INFINITY);
            assert_eq!(error(&NamedArrays::new(), &expected), f64::INFINITY);
        }
        assert_eq!(largest_error(&named(&[4.0, 1.0]), &expected), 0.5);
        assert_eq!(error(&named(&[4.0, 1.0]), &expected), 2.0 / 17.0_f64.sqrt());
        let start = named(&[0.0, -1.0]);
        assert_eq!(distance(&named(&[4.0, 0.0]), &expected, &start), 0.25);
        assert_eq!(distance(&named(&[4.0, f32::NAN]), &expected, &start), f64::INFINITY);
    }
}
