//! Checks of the arguments, shared by all metrics.

use ndarray::ArrayView2;

use crate::{Error, SampleSet};

/// Checks that all values are finite.
pub(crate) fn check_finite(set: SampleSet, rows: ArrayView2<'_, f32>) -> Result<(), Error> {
    match rows.outer_iter().position(|row| row.iter().any(|x| !x.is_finite())) {
        Some(row) => Err(Error::NotFinite { set, row }),
        None => Ok(()),
    }
}

/// Checks that there is at least one row and one column, and that all values are finite.
pub(crate) fn check_rows(set: SampleSet, rows: ArrayView2<'_, f32>) -> Result<(), Error> {
    if rows.nrows() == 0 {
        return Err(Error::Empty { set });
    }
    if rows.ncols() == 0 {
        return Err(Error::NoColumns);
    }
    check_finite(set, rows)
}

/// Checks both sets with [`check_rows`], and that they have the same number of columns.
pub(crate) fn check_pair(real: ArrayView2<'_, f32>, generated: ArrayView2<'_, f32>) -> Result<(), Error> {
    if real.ncols() != generated.ncols() {
        return Err(Error::ColumnMismatch { real: real.ncols(), generated: generated.ncols() });
    }
    check_rows(SampleSet::Real, real)?;
    check_rows(SampleSet::Generated, generated)
}

/// Checks the number of columns.
pub(crate) fn check_columns(set: SampleSet, rows: ArrayView2<'_, f32>, expected: usize) -> Result<(), Error> {
    let columns = rows.ncols();
    if columns == expected { Ok(()) } else { Err(Error::WrongColumnCount { set, columns, expected }) }
}

/// Checks that each of the samples has a k-th neighbor.
pub(crate) fn check_neighbor_count(set: SampleSet, k: usize, samples: usize) -> Result<(), Error> {
    if (1..samples).contains(&k) { Ok(()) } else { Err(Error::InvalidNeighborCount { set, k, samples }) }
}

/// Checks that no setting is 0.
pub(crate) fn check_counts<const N: usize>(settings: [(&'static str, usize); N]) -> Result<(), Error> {
    match settings.into_iter().find(|&(_, value)| value == 0) {
        Some((setting, _)) => Err(Error::ZeroSetting { setting }),
        None => Ok(()),
    }
}

/// The values in increasing order, after checking that there is at least one and that all are finite.
pub(crate) fn check_and_sort(set: SampleSet, values: &[f64]) -> Result<Vec<f64>, Error> {
    if values.is_empty() {
        return Err(Error::Empty { set });
    }
    if let Some(row) = values.iter().position(|x| !x.is_finite()) {
        return Err(Error::NotFinite { set, row });
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn errors_name_the_set_and_the_row() {
        let zeros = |n, d| Array2::<f32>::zeros((n, d));
        let check = |a: &Array2<f32>, b: &Array2<f32>| check_pair(a.view(), b.view());
        assert_eq!(check(&zeros(2, 3), &zeros(5, 3)), Ok(()));
        assert_eq!(check(&zeros(2, 3), &zeros(2, 4)), Err(Error::ColumnMismatch { real: 3, generated: 4 }));
        assert_eq!(check(&zeros(0, 3), &zeros(2, 3)), Err(Error::Empty { set: SampleSet::Real }));
        assert_eq!(check(&zeros(2, 3), &zeros(0, 3)), Err(Error::Empty { set: SampleSet::Generated }));
        assert_eq!(check(&zeros(2, 0), &zeros(2, 0)), Err(Error::NoColumns));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let rows = array![[0.0, 1.0], [2.0, 3.0], [4.0, bad]];
            let error = Error::NotFinite { set: SampleSet::Generated, row: 2 };
            assert_eq!(
                error.to_string(),
                "row 2 of the generated samples is not finite; remove rows that contain NaN or an infinity"
            );
            assert_eq!(check(&zeros(3, 2), &rows), Err(error));
            assert_eq!(check(&rows, &zeros(3, 2)), Err(Error::NotFinite { set: SampleSet::Real, row: 2 }));
        }
    }

    #[test]
    fn values_are_sorted_or_rejected() {
        assert_eq!(check_and_sort(SampleSet::Single, &[2.0, -1.0, 0.5]), Ok(vec![-1.0, 0.5, 2.0]));
        assert_eq!(check_and_sort(SampleSet::Single, &[]), Err(Error::Empty { set: SampleSet::Single }));
        assert_eq!(
            check_and_sort(SampleSet::Real, &[0.0, f64::NAN]),
            Err(Error::NotFinite { set: SampleSet::Real, row: 1 })
        );
    }
}
