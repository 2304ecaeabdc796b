use ndarray::{Array1, Array2, ArrayView2};

use crate::{Error, Result};

/// Shift and scale of each column, between the data's own units and those in which ĥ learned.
///
/// ```
/// use gtn_models::Normalizer;
/// use ndarray::array;
///
/// let normalizer = Normalizer::new(array![10.0, 0.0], array![2.0, 1.0])?;
/// let normalized = normalizer.normalize(array![[14.0_f32, 0.5]].view());
/// assert_eq!(normalized, array![[2.0, 0.5]]);
/// assert_eq!(normalizer.restore(normalized), array![[14.0, 0.5]]);
/// # Ok::<(), gtn_models::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Normalizer {
    center: Array1<f32>,
    scale: Array1<f32>,
}

impl Normalizer {
    /// The normalizer x ↦ (x − `center`) / `scale`, with an entry for each column.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the two differ in length, [`Error::NotFinite`] if an entry is not finite, or a scale not above 0.
    pub fn new(center: Array1<f32>, scale: Array1<f32>) -> Result<Self> {
        if center.len() != scale.len() {
            return Err(Error::Columns { what: "the scales", found: scale.len(), expected: center.len() });
        }
        if !center.iter().all(|value| value.is_finite()) {
            return Err(Error::NotFinite { name: "center".to_owned() });
        }
        if !scale.iter().all(|value| value.is_finite() && *value > 0.0) {
            return Err(Error::NotFinite { name: "scale".to_owned() });
        }
        Ok(Self { center, scale })
    }

    /// The normalizer of `columns` columns that changes nothing.
    #[must_use]
    pub fn identity(columns: usize) -> Self {
        Self { center: Array1::zeros(columns), scale: Array1::ones(columns) }
    }

    /// What is subtracted.
    #[must_use]
    pub fn center(&self) -> &Array1<f32> {
        &self.center
    }

    /// What is divided by.
    #[must_use]
    pub fn scale(&self) -> &Array1<f32> {
        &self.scale
    }

    /// Columns it is for.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.center.len()
    }

    /// (x − center) / scale for the rows x, (n, columns).
    ///
    /// # Panics
    ///
    /// The rows have other columns.
    #[must_use]
    pub fn normalize(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        (&rows - &self.center) / &self.scale
    }

    /// scale · x + center for the rows x, (n, columns): the way back.
    ///
    /// # Panics
    ///
    /// The rows have other columns.
    #[must_use]
    pub fn restore(&self, mut rows: Array2<f32>) -> Array2<f32> {
        rows *= &self.scale;
        rows += &self.center;
        rows
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn senseless_normalizers_are_refused() {
        for (center, scale) in [
            (array![0.0, 0.0], array![1.0]),
            (array![f32::NAN], array![1.0]),
            (array![0.0], array![0.0]),
            (array![0.0], array![-1.0]),
            (array![0.0], array![f32::INFINITY]),
        ] {
            assert!(Normalizer::new(center, scale).is_err());
        }
        let same = Normalizer::identity(2);
        let rows = array![[1.5_f32, -2.0], [0.0, 3.0]];
        assert_eq!(same.normalize(rows.view()), rows);
        assert_eq!(same.restore(rows.clone()), rows);
    }
}
