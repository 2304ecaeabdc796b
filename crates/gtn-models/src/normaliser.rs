use ndarray::{Array1, Array2, ArrayView2};

use crate::{Error, Result};

/// Shift and scale of each column, between the data's own units and those in which ĥ learned.
///
/// ```
/// use gtn_models::Normaliser;
/// use ndarray::array;
///
/// let normaliser = Normaliser::new(array![10.0, 0.0], array![2.0, 1.0])?;
/// let normalised = normaliser.normalise(array![[14.0_f32, 0.5]].view());
/// assert_eq!(normalised, array![[2.0, 0.5]]);
/// assert_eq!(normaliser.restore(normalised), array![[14.0, 0.5]]);
/// # Ok::<(), gtn_models::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Normaliser {
    centre: Array1<f32>,
    scale: Array1<f32>,
}

impl Normaliser {
    /// The normaliser x ↦ (x − `centre`) / `scale`, with an entry for each column.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the two differ in length, [`Error::NotFinite`] if an entry is not finite, or a scale not above 0.
    pub fn new(centre: Array1<f32>, scale: Array1<f32>) -> Result<Self> {
        if centre.len() != scale.len() {
            return Err(Error::Columns { what: "the scales", found: scale.len(), expected: centre.len() });
        }
        if !centre.iter().all(|value| value.is_finite()) {
            return Err(Error::NotFinite { name: "centre".to_owned() });
        }
        if !scale.iter().all(|value| value.is_finite() && *value > 0.0) {
            return Err(Error::NotFinite { name: "scale".to_owned() });
        }
        Ok(Self { centre, scale })
    }

    /// The normaliser of `columns` columns that changes nothing.
    #[must_use]
    pub fn identity(columns: usize) -> Self {
        Self { centre: Array1::zeros(columns), scale: Array1::ones(columns) }
    }

    /// What is subtracted.
    #[must_use]
    pub fn centre(&self) -> &Array1<f32> {
        &self.centre
    }

    /// What is divided by.
    #[must_use]
    pub fn scale(&self) -> &Array1<f32> {
        &self.scale
    }

    /// Columns it is for.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.centre.len()
    }

    /// (x − centre) / scale for the rows x, (n, columns).
    ///
    /// # Panics
    ///
    /// The rows have other columns.
    #[must_use]
    pub fn normalise(&self, rows: ArrayView2<'_, f32>) -> Array2<f32> {
        (&rows - &self.centre) / &self.scale
    }

    /// scale · x + centre for the rows x, (n, columns): the way back.
    ///
    /// # Panics
    ///
    /// The rows have other columns.
    #[must_use]
    pub fn restore(&self, mut rows: Array2<f32>) -> Array2<f32> {
        rows *= &self.scale;
        rows += &self.centre;
        rows
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn senseless_normalisers_are_refused() {
        for (centre, scale) in [
            (array![0.0, 0.0], array![1.0]),
            (array![f32::NAN], array![1.0]),
            (array![0.0], array![0.0]),
            (array![0.0], array![-1.0]),
            (array![0.0], array![f32::INFINITY]),
        ] {
            assert!(Normaliser::new(centre, scale).is_err());
        }
        let same = Normaliser::identity(2);
        let rows = array![[1.5_f32, -2.0], [0.0, 3.0]];
        assert_eq!(same.normalise(rows.view()), rows);
        assert_eq!(same.restore(rows.clone()), rows);
    }
}
