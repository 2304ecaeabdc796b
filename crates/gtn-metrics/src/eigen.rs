//! Eigendecomposition of covariance matrices, with a check of the result.
//!
//! Singular values are computed from eigenvectors too, because nalgebra's singular value decomposition (0.35) silently
//! returns wrong values for some matrices (its issue 1172).

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::{Error, large_matrices};

/// Maximum number of QR iterations per dimension. About 2 are needed.
const MAX_ITERATIONS_PER_DIMENSION: usize = 50;

/// Tolerance for the difference of Q Λ Qᵀ and the matrix, relative to √d times its largest entry.
const RESIDUAL_TOLERANCE: f64 = 1e-12;

/// Rows or columns from which [`Algorithm::by_size`] chooses blocked algorithms.
const MIN_BLOCKED_SIZE: usize = 256;

/// The library that decomposes and multiplies matrices. Eigenvectors differ in sign, and by rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Algorithm {
    /// nalgebra. Results that depend on the sign of eigenvectors, such as samples, stay what they are with this one.
    Unblocked,
    /// faer, which takes seconds for the 2048 dimensions of Inception features.
    Blocked,
}

impl Algorithm {
    /// The one for matrices with up to this many rows and columns.
    pub(crate) fn by_size(size: usize) -> Self {
        if size < MIN_BLOCKED_SIZE { Algorithm::Unblocked } else { Algorithm::Blocked }
    }

    /// The product A B.
    fn product(self, a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
        match self {
            Algorithm::Unblocked => a * b,
            Algorithm::Blocked => large_matrices::product(a, b),
        }
    }

    /// The product A Bᵀ.
    fn product_with_transpose(self, a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
        match self {
            Algorithm::Unblocked => a * b.transpose(),
            Algorithm::Blocked => large_matrices::product_with_transpose(a, b),
        }
    }

    /// The product Aᵀ B.
    pub(crate) fn transpose_product(self, a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
        match self {
            Algorithm::Unblocked => a.tr_mul(b),
            Algorithm::Blocked => large_matrices::transpose_product(a, b),
        }
    }

    /// Eigenvalues and orthonormal eigenvectors of a symmetric d × d matrix, d ≥ 1, in no particular order.
    pub(crate) fn symmetric_eigen(self, matrix: DMatrix<f64>) -> Result<(DVector<f64>, DMatrix<f64>), Error> {
        let decomposition = match self {
            Algorithm::Unblocked => {
                let iterations = MAX_ITERATIONS_PER_DIMENSION * matrix.nrows().max(2);
                SymmetricEigen::try_new(matrix.clone(), f64::EPSILON, iterations)
                    .map(|SymmetricEigen { eigenvectors, eigenvalues }| (eigenvalues, eigenvectors))
            }
            Algorithm::Blocked => large_matrices::symmetric_eigen(&matrix),
        };
        let (eigenvalues, eigenvectors) = decomposition.ok_or(Error::EigendecompositionFailed)?;
        let mut scaled = eigenvectors.clone();
        for (mut column, &value) in scaled.column_iter_mut().zip(&eigenvalues) {
            column *= value;
        }
        let bound = RESIDUAL_TOLERANCE * (matrix.nrows() as f64).sqrt() * matrix.amax();
        let residual = (self.product_with_transpose(&scaled, &eigenvectors) - matrix).amax();
        // The comparison is also false for NaN.
        if residual <= bound { Ok((eigenvalues, eigenvectors)) } else { Err(Error::EigendecompositionFailed) }
    }

    /// A factor A with A Aᵀ = C and as many columns as the rank of C: √λ times the eigenvector for each positive eigenvalue
    /// λ of C. Eigenvalues up to d 2⁻⁵² λ_max are rounding errors and count as 0, and so do negative ones. An eigenvalue
    /// below −d 2⁻²³ λ_max is an error; the bound accepts matrices that were rounded to `f32`.
    pub(crate) fn covariance_factor(self, covariance: DMatrix<f64>) -> Result<DMatrix<f64>, Error> {
        let d = covariance.nrows();
        let (values, mut vectors) = self.symmetric_eigen(covariance)?;
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

    /// The sum of the singular values of a matrix N.
    ///
    /// If V contains the eigenvectors of NᵀN, the columns of NV are orthogonal and their norms are the singular values. In
    /// practice this is accurate for columns longer than 1e-4 of the longest. Shorter columns suffer from the rounding of
    /// NᵀN: they have components along the long columns, and they are not orthogonal to each other. So these components are
    /// removed, and the short columns are treated as a new matrix in the same way. The loop ends when all remaining entries
    /// are below d 2⁻⁵² of the largest entry of N, which is rounding. The error is a few d 2⁻⁵² times the sum. With the
    /// eigenvalues of NᵀN it would be the square root of that.
    pub(crate) fn nuclear_norm(self, matrix: DMatrix<f64>) -> Result<f64, Error> {
        // NᵀN is smaller if there are fewer columns than rows.
        let mut rest = if matrix.ncols() > matrix.nrows() { matrix.transpose() } else { matrix };
        let largest = |matrix: &DMatrix<f64>| if matrix.is_empty() { 0.0 } else { matrix.amax() };
        let rounding = rest.ncols() as f64 * f64::EPSILON * largest(&rest);
        let mut sum = 0.0;
        while largest(&rest) > rounding {
            let scale = largest(&rest);
            rest /= scale;
            let (_, vectors) = self.symmetric_eigen(self.transpose_product(&rest, &rest))?;
            let rotated = self.product(&rest, &vectors);
            let norms: Vec<f64> = rotated.column_iter().map(|column| column.norm()).collect();
            let longest = norms.iter().fold(0.0_f64, |max, &norm| max.max(norm));
            let (long, short): (Vec<_>, Vec<_>) = (0..norms.len()).partition(|&i| norms[i] >= 1e-4 * longest);
            sum += scale * long.iter().map(|&i| norms[i]).sum::<f64>();
            let mut directions = rotated.select_columns(&long);
            for (mut column, &i) in directions.column_iter_mut().zip(&long) {
                column /= norms[i];
            }
            rest = rotated.select_columns(&short);
            rest -= self.product(&directions, &self.transpose_product(&directions, &rest));
            rest *= scale;
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: [Algorithm; 2] = [Algorithm::Unblocked, Algorithm::Blocked];

    /// An orthogonal matrix, as a product of reflections.
    fn orthogonal(d: usize, seed: usize) -> DMatrix<f64> {
        let mut q = DMatrix::identity(d, d);
        for r in 0..d {
            let v = DVector::from_fn(d, |i, _| ((i * i * 37 + i * (seed + r) + 29 * seed + 5 * r) % 101) as f64 - 50.0);
            let v = v.normalize();
            q -= 2.0 * (&q * &v) * v.transpose();
        }
        q
    }

    #[test]
    fn singular_values_are_exact_on_all_scales() {
        for (n, m) in [(1, 1), (4, 4), (7, 30), (30, 7), (40, 40)] {
            let r = n.min(m);
            let value = |i: usize| 10.0_f64.powf(-17.0 * i as f64 / r as f64);
            let middle = DMatrix::from_fn(n, m, |i, j| if i == j { value(i) } else { 0.0 });
            let matrix = orthogonal(n, 3) * middle * orthogonal(m, 8);
            let expected: f64 = (0..r).map(value).sum();
            for scale in [1e-60, 1.0, 1e60] {
                for algorithm in BOTH {
                    let result = algorithm.nuclear_norm(&matrix * scale).unwrap();
                    let error = (result / (scale * expected) - 1.0).abs();
                    assert!(error < 1e-14, "{algorithm:?}, {n} × {m}: {result}, {expected}");
                }
            }
        }
    }

    #[test]
    fn a_cluster_of_small_singular_values_is_summed_exactly() {
        let d = 30;
        let value = |i: usize| if i == 0 { 1.0 } else { 1e-9 * i as f64 };
        let middle = DMatrix::from_fn(d, d, |i, j| if i == j { value(i) } else { 0.0 });
        for algorithm in BOTH {
            let result = algorithm.nuclear_norm(orthogonal(d, 3) * &middle * orthogonal(d, 8)).unwrap();
            // With the eigenvalues of NᵀN, the difference would be 1e-8.
            assert!((result - (0..d).map(value).sum::<f64>()).abs() < 1e-14, "{algorithm:?}: {result:?}");
        }
    }

    #[test]
    fn matrices_of_rank_0_have_nuclear_norm_0() {
        for algorithm in BOTH {
            for (n, m) in [(3, 5), (0, 5), (3, 0)] {
                assert_eq!(algorithm.nuclear_norm(DMatrix::zeros(n, m)), Ok(0.0));
            }
        }
    }

    /// Some decompositions are known to fail for matrices of ones.
    #[test]
    fn matrices_of_ones_have_one_singular_value() {
        for n in 1..25 {
            for m in 1..25 {
                for algorithm in BOTH {
                    let result = algorithm.nuclear_norm(DMatrix::from_element(n, m, 1.0)).unwrap();
                    let error = (result / ((n * m) as f64).sqrt() - 1.0).abs();
                    assert!(error < 1e-14, "{algorithm:?}, {n} × {m}: {result}");
                }
            }
        }
    }

    #[test]
    fn covariance_factors_have_the_rank_of_the_matrix() {
        for d in [1, 2, 3, 10, 33] {
            for rank in 0..=d.min(8) {
                let part = DMatrix::from_fn(d, rank, |i, j| ((i * i * 13 + j * 29 + i * j * 7) % 31) as f64 - 15.0);
                let covariance = &part * part.transpose();
                let scale = covariance.amax();
                for algorithm in BOTH {
                    let factor = algorithm.covariance_factor(covariance.clone()).unwrap();
                    assert!(factor.ncols() <= rank, "{algorithm:?}, {d}: {} of {rank}", factor.ncols());
                    assert!((&factor * factor.transpose() - &covariance).amax() <= 1e-13 * scale, "{d}, {rank}");
                }
            }
        }
    }

    #[test]
    fn negative_variances_are_rejected_but_rounding_is_accepted() {
        let diagonal = |values: &[f64]| DMatrix::from_diagonal(&DVector::from_row_slice(values));
        for algorithm in BOTH {
            assert_eq!(algorithm.covariance_factor(diagonal(&[4.0, -1e-8])).unwrap().ncols(), 1);
            let rejected = Err(Error::NegativeVariance { eigenvalue: -1.0, largest: 4.0 });
            assert_eq!(algorithm.covariance_factor(diagonal(&[4.0, -1.0])), rejected);
            let rejected = Err(Error::NegativeVariance { eigenvalue: -2.0, largest: -1.0 });
            assert_eq!(algorithm.covariance_factor(diagonal(&[-1.0, -2.0])), rejected);
        }
    }

    /// Graphs with many zero eigenvalues, for which an older release of the decomposition did not terminate.
    #[test]
    fn singular_integer_matrices_are_decomposed() {
        for d in 1..40 {
            for seed in 1..20 {
                let edge = |i: usize, j: usize| (i * j * seed + (i + j) * (i + j)).is_multiple_of(7);
                let matrix = DMatrix::from_fn(d, d, |i, j| f64::from(edge(i, j)));
                for algorithm in BOTH {
                    assert!(algorithm.symmetric_eigen(matrix.clone()).is_ok(), "{algorithm:?}, {d}, {seed}");
                }
            }
        }
    }

    #[test]
    fn entries_that_are_not_finite_are_an_error() {
        for algorithm in BOTH {
            let matrix = DMatrix::from_element(3, 3, f64::NAN);
            assert_eq!(algorithm.symmetric_eigen(matrix), Err(Error::EigendecompositionFailed), "{algorithm:?}");
        }
    }
}
