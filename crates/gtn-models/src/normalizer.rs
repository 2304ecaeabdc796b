use ndarray::{Array1, Array2, ArrayView2};

use crate::error::require_columns;
use crate::{Error, Result};

/// Normalization of each column by a mean and a standard deviation: ĥ learns normalized targets, and its output is
/// denormalized.
///
/// ```
/// use gtn_models::Normalizer;
/// use ndarray::array;
///
/// let normalizer = Normalizer::new(array![10.0, 0.0], array![2.0, 1.0])?;
/// let normalized = normalizer.normalize(array![[14.0_f32, 0.5]].view());
/// assert_eq!(normalized, array![[2.0, 0.5]]);
/// assert_eq!(normalizer.denormalize(normalized), array![[14.0, 0.5]]);
/// # Ok::<(), gtn_models::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Normalizer {
    mean: Array1<f32>,
    std: Array1<f32>,
}

impl Normalizer {
    /// The normalizer x ↦ (x − `mean`) / `std`, with one value of each per column.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if `mean` and `std` differ in length, [`Error::NotFinite`] if a value is NaN or infinite,
    /// [`Error::NotPositive`] if a value of `std` is not above 0.
    pub fn new(mean: Array1<f32>, std: Array1<f32>) -> Result<Self> {
        require_columns("the standard deviations of a normalizer", std.len(), mean.len())?;
        for (name, values) in [("mean", &mean), ("std", &std)] {
            if !values.iter().all(|value| value.is_finite()) {
                return Err(Error::NotFinite { name: name.to_owned() });
            }
        }
        if !std.iter().all(|value| *value > 0.0) {
            return Err(Error::NotPositive { name: "std".to_owned() });
        }
        Ok(Self { mean, std })
    }

    /// A normalizer of `columns` columns that changes nothing: mean 0, standard deviation 1.
    #[must_use]
    pub fn identity(columns: usize) -> Self {
        Self { mean: Array1::zeros(columns), std: Array1::ones(columns) }
    }

    /// The mean of each column, which [`normalize`](Self::normalize) subtracts.
    #[must_use]
    pub fn mean(&self) -> &Array1<f32> {
        &self.mean
    }

    /// The standard deviation of each column, which [`normalize`](Self::normalize) divides by.
    #[must_use]
    pub fn std(&self) -> &Array1<f32> {
        &self.std
    }

    /// Number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.mean.len()
    }

    /// (x − mean) / std for the rows x, shape (n, columns).
    ///
    /// # Panics
    ///
    /// Panics if the rows do not have [`columns`](Self::columns) columns.
    #[must_use]
    pub fn normalize(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        (&rows - &self.mean) / &self.std
    }

    /// std · x + mean for the rows x, shape (n, columns): the inverse of [`normalize`](Self::normalize).
    ///
    /// # Panics
    ///
    /// Panics if the rows do not have [`columns`](Self::columns) columns.
    #[must_use]
    pub fn denormalize(&self, mut rows: Array2<f32>) -> Array2<f32> {
        rows *= &self.std;
        rows += &self.mean;
        rows
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn invalid_normalizers_are_rejected() {
        for (mean, std) in [
            (array![0.0, 0.0], array![1.0]),
            (array![f32::NAN], array![1.0]),
            (array![0.0], array![0.0]),
            (array![0.0], array![-1.0]),
            (array![0.0], array![f32::INFINITY]),
        ] {
            assert!(Normalizer::new(mean, std).is_err());
        }
    }

    #[test]
    fn the_identity_changes_nothing() {
        let identity = Normalizer::identity(2);
        let rows = array![[1.5_f32, -2.0], [0.0, 3.0]];
        assert_eq!(identity.normalize(rows.view()), rows);
        assert_eq!(identity.denormalize(rows.clone()), rows);
    }
}
