//! Products and eigendecompositions of large matrices by faer, whose blocked algorithms are several times as fast as those of
//! nalgebra. Everything runs on one thread, whatever the global settings of faer, so that results depend on nothing else.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use nalgebra::{DMatrix, DVector};
use ndarray::{Array2, ArrayView2};

/// The product A B.
pub(crate) fn product(a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    multiply(view(a), view(b))
}

/// The product A Bᵀ.
pub(crate) fn product_with_transpose(a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    multiply(view(a), view(b).transpose())
}

/// The product Aᵀ B.
pub(crate) fn transpose_product(a: &DMatrix<f64>, b: &DMatrix<f64>) -> DMatrix<f64> {
    multiply(view(a).transpose(), view(b))
}

fn view(matrix: &DMatrix<f64>) -> MatRef<'_, f64> {
    MatRef::from_column_major_slice(matrix.as_slice(), matrix.nrows(), matrix.ncols())
}

fn multiply(a: MatRef<'_, f64>, b: MatRef<'_, f64>) -> DMatrix<f64> {
    let (rows, columns) = (a.nrows(), b.ncols());
    let mut product = DMatrix::zeros(rows, columns);
    let out = MatMut::from_column_major_slice_mut(product.as_mut_slice(), rows, columns);
    matmul(out, Accum::Replace, a, b, 1.0, Par::Seq);
    product
}

/// The inner products of all rows of two arrays in row-major order: A Bᵀ.
pub(crate) fn inner_products(a: ArrayView2<'_, f64>, b: ArrayView2<'_, f64>) -> Array2<f64> {
    let mut products = Array2::zeros((a.nrows(), b.nrows()));
    let values = products.as_slice_mut().expect("a new array is in row-major order");
    let out = MatMut::from_row_major_slice_mut(values, a.nrows(), b.nrows());
    matmul(out, Accum::Replace, rows(&a), rows(&b).transpose(), 1.0, Par::Seq);
    products
}

fn rows<'a>(array: &'a ArrayView2<'_, f64>) -> MatRef<'a, f64> {
    let values = array.as_slice().expect("the rows are in row-major order");
    MatRef::from_row_major_slice(values, array.nrows(), array.ncols())
}

/// Eigenvalues and orthonormal eigenvectors of a symmetric matrix; `None` if the iteration does not converge.
pub(crate) fn symmetric_eigen(matrix: &DMatrix<f64>) -> Option<(DVector<f64>, DMatrix<f64>)> {
    let d = matrix.nrows();
    // A power of two, so that scaling is exact. It keeps squares of entries within the range of f64.
    let largest = matrix.amax();
    let scale = if largest > 0.0 && largest.is_finite() { largest.log2().floor().exp2() } else { 1.0 };
    let scaled = matrix / scale;
    let mut values = Diag::<f64>::zeros(d);
    let mut vectors = DMatrix::zeros(d, d);
    let scratch = self_adjoint_evd_scratch::<f64>(d, ComputeEigenvectors::Yes, Par::Seq, Default::default());
    self_adjoint_evd(
        view(&scaled),
        values.as_mut(),
        Some(MatMut::from_column_major_slice_mut(vectors.as_mut_slice(), d, d)),
        Par::Seq,
        MemStack::new(&mut MemBuffer::new(scratch)),
        Default::default(),
    )
    .ok()?;
    let values = DVector::from_iterator(d, values.column_vector().iter().map(|value| value * scale));
    Some((values, vectors))
}
