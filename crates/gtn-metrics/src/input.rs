//! What every figure asks of its samples.

use ndarray::ArrayView2;

use crate::{Error, Set};

/// Samples that are numbers.
pub(crate) fn check_finite(set: Set, rows: ArrayView2<'_, f32>) -> Result<(), Error> {
    match rows.outer_iter().position(|row| row.iter().any(|x| !x.is_finite())) {
        Some(row) => Err(Error::NotFinite { set, row }),
        None => Ok(()),
    }
}

/// At least one sample, of at least one coordinate, all of them numbers.
pub(crate) fn check_rows(set: Set, rows: ArrayView2<'_, f32>) -> Result<(), Error> {
    if rows.nrows() == 0 {
        return Err(Error::Empty { set });
    }
    if rows.ncols() == 0 {
        return Err(Error::NoColumns);
    }
    check_finite(set, rows)
}

/// The same of two sets, in one space.
pub(crate) fn check_pair(real: ArrayView2<'_, f32>, generated: ArrayView2<'_, f32>) -> Result<(), Error> {
    if real.ncols() != generated.ncols() {
        return Err(Error::Columns { real: real.ncols(), generated: generated.ncols() });
    }
    check_rows(Set::Real, real)?;
    check_rows(Set::Generated, generated)
}

/// As many columns as something that the rows are compared with.
pub(crate) fn check_columns(set: Set, rows: ArrayView2<'_, f32>, needed: usize) -> Result<(), Error> {
    let columns = rows.ncols();
    if columns == needed { Ok(()) } else { Err(Error::ColumnsNeeded { set, columns, needed }) }
}

/// A k-th neighbor for each of the samples.
pub(crate) fn check_neighbors(set: Set, k: usize, samples: usize) -> Result<(), Error> {
    if (1..samples).contains(&k) { Ok(()) } else { Err(Error::Neighbors { set, k, samples }) }
}

/// The samples in increasing order: at least one, all of them numbers.
pub(crate) fn sorted(set: Set, sample: &[f64]) -> Result<Vec<f64>, Error> {
    if sample.is_empty() {
        return Err(Error::Empty { set });
    }
    if let Some(row) = sample.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite { set, row });
    }
    let mut sorted = sample.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn what_is_wrong_with_samples_is_named() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        let check = |a: &Array2<f32>, b: &Array2<f32>| check_pair(a.view(), b.view());
        assert_eq!(check(&zeros(2, 3), &zeros(5, 3)), Ok(()));
        assert_eq!(check(&zeros(2, 3), &zeros(2, 4)), Err(Error::Columns { real: 3, generated: 4 }));
        assert_eq!(check(&zeros(0, 3), &zeros(2, 3)), Err(Error::Empty { set: Set::Real }));
        assert_eq!(check(&zeros(2, 3), &zeros(0, 3)), Err(Error::Empty { set: Set::Generated }));
        assert_eq!(check(&zeros(2, 0), &zeros(2, 0)), Err(Error::NoColumns));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let rows = array![[0.0, 1.0], [2.0, 3.0], [4.0, bad]];
            let error = Error::NotFinite { set: Set::Generated, row: 2 };
            assert_eq!(error.to_string(), "row 2 of the generated samples is not finite");
            assert_eq!(check(&zeros(3, 2), &rows), Err(error));
            assert_eq!(check(&rows, &zeros(3, 2)), Err(Error::NotFinite { set: Set::Real, row: 2 }));
        }
    }

    #[test]
    fn numbers_are_sorted_or_refused() {
        assert_eq!(sorted(Set::Only, &[2.0, -1.0, 0.5]), Ok(vec![-1.0, 0.5, 2.0]));
        assert_eq!(sorted(Set::Only, &[]), Err(Error::Empty { set: Set::Only }));
        assert_eq!(sorted(Set::Real, &[0.0, f64::NAN]), Err(Error::NotFinite { set: Set::Real, row: 1 }));
    }
}
