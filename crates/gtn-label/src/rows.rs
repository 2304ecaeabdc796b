use std::borrow::Cow;

use crate::RowsError;

/// A set of `f32` row vectors in memory: `len` rows of `dim` columns, `stride` elements from row to row.
///
/// Borrowed where the elements of a row are adjacent, copied otherwise (for example a Fortran-ordered array).
#[derive(Debug, Clone)]
pub struct Rows<'a> {
    data: Cow<'a, [f32]>,
    len: usize,
    dim: usize,
    stride: usize,
}

impl<'a> Rows<'a> {
    /// Reads `data` as `len` adjacent rows of `dim` columns.
    ///
    /// # Errors
    ///
    /// [`RowsError`] if `dim` is 0 or `data` holds fewer than `len * dim` elements.
    pub fn new(data: &'a [f32], len: usize, dim: usize) -> Result<Self, RowsError> {
        Self::with_stride(data, len, dim, dim)
    }

    /// Reads `data` as `len` rows of `dim` columns that start `stride` elements apart.
    ///
    /// # Errors
    ///
    /// [`RowsError`] if `dim` is 0, `stride` is smaller than `dim`, or `data` ends before the last row does.
    pub fn with_stride(data: &'a [f32], len: usize, dim: usize, stride: usize) -> Result<Self, RowsError> {
        if dim == 0 {
            return Err(RowsError::NoColumns);
        }
        if stride < dim {
            return Err(RowsError::StrideTooSmall { stride, dim });
        }
        let needed = match len.checked_sub(1) {
            None => Some(0),
            Some(last) => last.checked_mul(stride).and_then(|start| start.checked_add(dim)),
        };
        if needed.is_none_or(|needed| needed > data.len()) {
            return Err(RowsError::TooShort { rows: len, dim, stride, len: data.len() });
        }
        Ok(Self { data: Cow::Borrowed(data), len, dim, stride })
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of columns.
    #[must_use]
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// The row at `index`.
    ///
    /// # Panics
    ///
    /// If `index` is not below [`len`](Self::len).
    #[must_use]
    pub fn row(&self, index: usize) -> &[f32] {
        assert!(index < self.len, "row {index} of {}", self.len);
        &self.data[index * self.stride..][..self.dim]
    }
}

#[cfg(feature = "ndarray")]
mod from_ndarray {
    use std::borrow::Cow;

    use ndarray::{Array2, ArrayView2};

    use super::Rows;

    impl<'a> From<ArrayView2<'a, f32>> for Rows<'a> {
        fn from(array: ArrayView2<'a, f32>) -> Self {
            let (len, dim) = array.dim();
            let data = match array.to_slice() {
                Some(slice) => Cow::Borrowed(slice),
                None => Cow::Owned(array.iter().copied().collect()),
            };
            Rows { data, len, dim, stride: dim }
        }
    }

    impl<'a> From<&'a Array2<f32>> for Rows<'a> {
        fn from(array: &'a Array2<f32>) -> Self {
            array.view().into()
        }
    }
}
