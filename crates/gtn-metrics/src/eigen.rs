//! What the covariance matrices are decomposed with: eigenvectors alone, checked.
//!
//! Singular values are taken from them too, since nalgebra's own singular value decomposition (0.35) returns wrong ones
//! for some matrices without saying so (its issue 1172).

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::Error;

/// Rotations of the QR algorithm allowed for each dimension; it needs about 2.
const SWEEPS: usize = 50;

/// How far Q Λ Qᵀ may be from the matrix, in units of its largest entry and of √d.
const RESIDUAL: f64 = 1e-12;

/// Eigenvalues and orthonormal eigenvectors of a symmetric d × d matrix, d ≥ 1, in no particular order.
pub(crate) fn eigen(matrix: DMatrix<f64>) -> Result<(DVector<f64>, DMatrix<f64>), Error> {
    let found = SymmetricEigen::try_new(matrix.clone(), f64::EPSILON, SWEEPS * matrix.nrows().max(2));
    let SymmetricEigen { eigenvectors, eigenvalues } = found.ok_or(Error::NoEigenvectors)?;
    let mut scaled = eigenvectors.clone();
    for (mut column, &value) in scaled.column_iter_mut().zip(&eigenvalues) {
        column *= value;
    }
    let bound = RESIDUAL * (matrix.nrows() as f64).sqrt() * matrix.amax();
    let residual = (&scaled * eigenvectors.transpose() - matrix).amax();
    // Also false for NaN.
    if residual <= bound { Ok((eigenvalues, eigenvectors)) } else { Err(Error::NoEigenvectors) }
}

/// A with A Aᵀ = C and as many columns as C has rank: √λ times the eigenvector, for each eigenvalue λ of C that is not
/// 0 but for rounding, which is d 2⁻⁵² λ_max. Smaller ones count as 0, negative ones as well; an eigenvalue below
/// −d 2⁻²³ λ_max (so that a matrix stored in `f32` passes) is an error.
pub(crate) fn root(covariance: DMatrix<f64>) -> Result<DMatrix<f64>, Error> {
    let d = covariance.nrows();
    let (values, mut vectors) = eigen(covariance)?;
    let (smallest, largest) = (values.min(), values.max());
    if smallest < -(d as f64) * f64::from(f32::EPSILON) * largest.max(0.0) {
        return Err(Error::NegativeVariance { eigenvalue: smallest, largest });
    }
    let rounding = d as f64 * f64::EPSILON * largest;
    let kept: Vec<usize> = (0..d).filter(|&i| values[i] > rounding).collect();
    for &i in &kept {
        vectors.column_mut(i).scale_mut(values[i].sqrt());
    }
    Ok(vectors.select_columns(&kept))
}

/// The sum of the singular values.
///
/// V holds the eigenvectors of NᵀN; the columns of NV are orthogonal and as long as the singular values. That holds of
/// the columns longer than 1e-4 of the longest. Shorter ones suffer from the rounding of NᵀN: they have a share of the
/// long ones' directions, which is removed, and are not orthogonal to each other. So they are a matrix of their own,
/// whose singular values are found in the same way. What is left below d 2⁻⁵² of all is rounding and ends it. The error
/// is thereby a few d 2⁻⁵² times the sum, not the root of it, as it would be with the eigenvalues of NᵀN.
pub(crate) fn nuclear_norm(matrix: DMatrix<f64>) -> Result<f64, Error> {
    // With fewer columns than rows NᵀN is the smaller one.
    let mut rest = if matrix.ncols() > matrix.nrows() { matrix.transpose() } else { matrix };
    let largest = |matrix: &DMatrix<f64>| if matrix.is_empty() { 0.0 } else { matrix.amax() };
    let rounding = rest.ncols() as f64 * f64::EPSILON * largest(&rest);
    let mut sum = 0.0;
    while largest(&rest) > rounding {
        let unit = largest(&rest);
        rest /= unit;
        let (_, vectors) = eigen(rest.tr_mul(&rest))?;
        let turned = &rest * vectors;
        let lengths: Vec<f64> = turned.column_iter().map(|column| column.norm()).collect();
        let longest = lengths.iter().fold(0.0_f64, |max, &length| max.max(length));
        let (long, short): (Vec<_>, Vec<_>) = (0..lengths.len()).partition(|&i| lengths[i] >= 1e-4 * longest);
        sum += unit * long.iter().map(|&i| lengths[i]).sum::<f64>();
        let mut directions = turned.select_columns(&long);
        for (mut column, &i) in directions.column_iter_mut().zip(&long) {
            column /= lengths[i];
        }
        rest = turned.select_columns(&short);
        rest -= &directions * directions.tr_mul(&rest);
        rest *= unit;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orthogonal, from reflections.
    fn orthogonal(d: usize, key: usize) -> DMatrix<f64> {
        let mut q = DMatrix::identity(d, d);
        for r in 0..d {
            let v = DVector::from_fn(d, |i, _| ((i * i * 37 + i * (key + r) + 29 * key + 5 * r) % 101) as f64 - 50.0);
            let v = v.normalize();
            q -= 2.0 * (&q * &v) * v.transpose();
        }
        q
    }

    #[test]
    fn singular_values_are_found_over_all_scales() {
        for (n, m) in [(1, 1), (4, 4), (7, 30), (30, 7), (40, 40)] {
            let r = n.min(m);
            let value = |i: usize| 10.0_f64.powf(-17.0 * i as f64 / r as f64);
            let middle = DMatrix::from_fn(n, m, |i, j| if i == j { value(i) } else { 0.0 });
            let matrix = orthogonal(n, 3) * middle * orthogonal(m, 8);
            let expected: f64 = (0..r).map(value).sum();
            for scale in [1e-60, 1.0, 1e60] {
                let found = nuclear_norm(&matrix * scale).unwrap();
                assert!((found / (scale * expected) - 1.0).abs() < 1e-14, "{n} × {m}: {found}, {expected}");
            }
        }
    }

    #[test]
    fn a_cluster_of_small_singular_values_is_summed_to_rounding() {
        let d = 30;
        let value = |i: usize| if i == 0 { 1.0 } else { 1e-9 * i as f64 };
        let middle = DMatrix::from_fn(d, d, |i, j| if i == j { value(i) } else { 0.0 });
        let found = nuclear_norm(orthogonal(d, 3) * middle * orthogonal(d, 8)).unwrap();
        // With the eigenvalues of NᵀN alone the difference is 1e-8.
        assert!((found - (0..d).map(value).sum::<f64>()).abs() < 1e-14, "{found:?}");
    }

    #[test]
    fn matrices_without_rank_have_the_sum_0() {
        assert_eq!(nuclear_norm(DMatrix::zeros(3, 5)), Ok(0.0));
        assert_eq!(nuclear_norm(DMatrix::zeros(0, 5)), Ok(0.0));
        assert_eq!(nuclear_norm(DMatrix::zeros(3, 0)), Ok(0.0));
    }

    /// All ones, of all shapes: a family for which decompositions are known to fail.
    #[test]
    fn matrices_of_ones_have_one_singular_value() {
        for n in 1..25 {
            for m in 1..25 {
                let found = nuclear_norm(DMatrix::from_element(n, m, 1.0)).unwrap();
                assert!((found / ((n * m) as f64).sqrt() - 1.0).abs() < 1e-14, "{n} × {m}: {found}");
            }
        }
    }

    #[test]
    fn roots_have_the_rank_of_the_matrix() {
        for d in [1, 2, 3, 10, 33] {
            for rank in 0..=d.min(8) {
                let part = DMatrix::from_fn(d, rank, |i, j| ((i * i * 13 + j * 29 + i * j * 7) % 31) as f64 - 15.0);
                let covariance = &part * part.transpose();
                let root = root(covariance.clone()).unwrap();
                assert!(root.ncols() <= rank, "{d}: {} of {rank}", root.ncols());
                let scale = covariance.amax();
                assert!((&root * root.transpose() - covariance).amax() <= 1e-13 * scale, "{d}, {rank}");
            }
        }
    }

    #[test]
    fn negative_variances_are_refused_and_rounding_is_not() {
        let diagonal = |values: &[f64]| DMatrix::from_diagonal(&DVector::from_row_slice(values));
        assert_eq!(root(diagonal(&[4.0, -1e-8])).unwrap().ncols(), 1);
        let refused = Err(Error::NegativeVariance { eigenvalue: -1.0, largest: 4.0 });
        assert_eq!(root(diagonal(&[4.0, -1.0])), refused);
        let refused = Err(Error::NegativeVariance { eigenvalue: -2.0, largest: -1.0 });
        assert_eq!(root(diagonal(&[-1.0, -2.0])), refused);
    }

    /// Graphs with many eigenvalues 0, on which an older release of the decomposition ran forever.
    #[test]
    fn singular_integer_matrices_are_decomposed() {
        for d in 1..40 {
            for key in 1..20 {
                let edge = |i: usize, j: usize| (i * j * key + (i + j) * (i + j)).is_multiple_of(7);
                let matrix = DMatrix::from_fn(d, d, |i, j| f64::from(edge(i, j)));
                assert!(eigen(matrix).is_ok(), "{d}, {key}");
            }
        }
    }
}
