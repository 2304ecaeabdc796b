use std::borrow::Cow;
use std::ops::Range;

use crate::{Element, RowsError};

/// Row vectors of `f32` or `f64` in memory: `len` rows of `dim` columns, with `stride` elements from row to row.
///
/// Slices and `ndarray` arrays in C order are borrowed. Other arrays (in Fortran order, or views that leave out columns) are
/// copied.
#[derive(Debug, Clone)]
pub struct Rows<'a, T: Element = f32> {
    data: Cow<'a, [T]>,
    len: usize,
    dim: usize,
    stride: usize,
}

impl<'a, T: Element> Rows<'a, T> {
    /// Reads `data` as `len` contiguous rows of `dim` columns.
    ///
    /// # Errors
    ///
    /// [`RowsError`] if `dim` is 0 or `data` has fewer than `len * dim` elements.
    pub fn new(data: &'a [T], len: usize, dim: usize) -> Result<Self, RowsError> {
        Self::with_stride(data, len, dim, dim)
    }

    /// Reads `data` as `len` rows of `dim` columns that start `stride` elements apart.
    ///
    /// # Errors
    ///
    /// [`RowsError`] if `dim` is 0, `stride` is smaller than `dim`, or `data` ends before the last row does.
    pub fn with_stride(data: &'a [T], len: usize, dim: usize, stride: usize) -> Result<Self, RowsError> {
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

    /// Takes `data` as `len` contiguous rows of `dim` columns.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn from_vec(data: Vec<T>, len: usize, dim: usize) -> Result<Rows<'static, T>, RowsError> {
        Rows::new(&data, len, dim)?;
        Ok(Rows { data: Cow::Owned(data), len, dim, stride: dim })
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
    /// If `index` is not less than [`len`](Self::len).
    #[must_use]
    pub fn row(&self, index: usize) -> &[T] {
        assert!(index < self.len, "row index {index} is out of range for {} rows", self.len);
        &self.data[index * self.stride..][..self.dim]
    }

    /// The same rows typed as `f32`, if that is their element type.
    pub(crate) fn as_f32(&self) -> Option<Rows<'_>> {
        let data = Cow::Borrowed(T::as_f32(&self.data)?);
        Some(Rows { data, len: self.len, dim: self.dim, stride: self.stride })
    }

    /// The rows in a range of indices, which must not exceed the number of rows.
    pub(crate) fn slice(&self, range: Range<usize>) -> Rows<'_, T> {
        let len = range.len();
        let data = if len == 0 { &[][..] } else { &self.data[range.start * self.stride..] };
        Rows { data: Cow::Borrowed(data), len, dim: self.dim, stride: self.stride }
    }

    /// Copies the rows at these indices.
    pub(crate) fn select(&self, indices: &[usize]) -> Rows<'static, T> {
        let mut data = Vec::with_capacity(indices.len() * self.dim);
        for &index in indices {
            data.extend_from_slice(self.row(index));
        }
        Rows { data: Cow::Owned(data), len: indices.len(), dim: self.dim, stride: self.dim }
    }
}

#[cfg(feature = "ndarray")]
mod from_ndarray {
    use std::borrow::Cow;

    use ndarray::{Array2, ArrayView2};

    use super::{Element, Rows};

    impl<'a, T: Element> From<ArrayView2<'a, T>> for Rows<'a, T> {
        fn from(array: ArrayView2<'a, T>) -> Self {
            let (len, dim) = array.dim();
            let data = match array.to_slice() {
                Some(slice) => Cow::Borrowed(slice),
                None => Cow::Owned(array.iter().copied().collect()),
            };
            Rows { data, len, dim, stride: dim }
        }
    }

    impl<'a, T: Element> From<&'a Array2<T>> for Rows<'a, T> {
        fn from(array: &'a Array2<T>) -> Self {
            array.view().into()
        }
    }
}
