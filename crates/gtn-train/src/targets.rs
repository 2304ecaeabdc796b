//! The targets of ĥ, which are latents or the data themselves, and their normalization.

use gtn_models::Normalizer;
use gtn_run::Artifact;
use gtn_run::config::Normalize;
use gtn_run::schema::{latents, test_latents};
use ndarray::{Array2, ArrayView1, Axis};

use crate::Result;

/// Training and validation targets X in their own units, and how they are normalized before they are paired.
pub(crate) struct Targets {
    pub(crate) train: Array2<f32>,
    pub(crate) validation: Array2<f32>,
    pub(crate) normalizer: Normalizer,
    pub(crate) checksum: String,
    /// Latents of the official test set, if it exists.
    pub(crate) test: Option<TestTargets>,
}

/// The latents of the official test set. They are kept apart, so that nothing that is trained depends on them.
pub(crate) struct TestTargets {
    pub(crate) rows: Array2<f32>,
    pub(crate) checksum: String,
}

impl Targets {
    /// Inserts the targets and their normalization into an artifact.
    pub(crate) fn write_into(
        artifact: &mut Artifact,
        train: Array2<f32>,
        validation: Array2<f32>,
        by: Normalize,
    ) -> Result<()> {
        let normalizer = fit_normalizer(&train, by)?;
        artifact.insert(&latents::MEAN, normalizer.mean().clone());
        artifact.insert(&latents::STD, normalizer.std().clone());
        artifact.insert(&latents::TRAIN, train);
        artifact.insert(&latents::VALIDATION, validation);
        Ok(())
    }

    /// The targets in an artifact.
    pub(crate) fn read(artifact: &Artifact) -> Result<Self> {
        Ok(Self {
            train: to_matrix(artifact.tensor(&latents::TRAIN)?),
            validation: to_matrix(artifact.tensor(&latents::VALIDATION)?),
            normalizer: Normalizer::from_artifact(artifact, &latents::MEAN, &latents::STD)?,
            checksum: artifact.checksum(),
            test: None,
        })
    }
}

impl TestTargets {
    pub(crate) fn read(artifact: &Artifact) -> Result<Self> {
        Ok(Self { rows: to_matrix(artifact.tensor(&test_latents::TEST)?), checksum: artifact.checksum() })
    }
}

/// The array as a matrix. An array with another number of dimensions, which an intact artifact does not contain, becomes an
/// empty matrix.
pub(crate) fn to_matrix(array: &ndarray::ArrayD<f32>) -> Array2<f32> {
    array.clone().into_dimensionality().unwrap_or_default()
}

/// The normalizer with the statistics of `rows`, computed in f64. The variance is biased (divisor n). A column without variance
/// is not scaled.
fn fit_normalizer(rows: &Array2<f32>, by: Normalize) -> Result<Normalizer> {
    let identity = Normalizer::identity(rows.ncols());
    let n = rows.nrows().max(1) as f64;
    let mean = |column: ArrayView1<'_, f32>| column.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let std = |column: ArrayView1<'_, f32>| {
        let mean = mean(column);
        let variance = column.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
        if variance > 0.0 { variance.sqrt() as f32 } else { 1.0 }
    };
    let columns = || rows.axis_iter(Axis(1));
    let means = || columns().map(|column| mean(column) as f32).collect();
    Ok(match by {
        Normalize::None => identity,
        Normalize::Center => Normalizer::new(means(), identity.std().clone())?,
        Normalize::Standardize => Normalizer::new(means(), columns().map(std).collect())?,
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn a_normalizer_has_the_statistics_of_the_rows() {
        let rows = array![[1.0_f32, 5.0, 7.0], [3.0, 5.0, -7.0]];
        let by = |by| fit_normalizer(&rows, by).unwrap();
        assert_eq!(by(Normalize::None), Normalizer::identity(3));
        let centered = by(Normalize::Center);
        assert_eq!((centered.mean(), centered.std()), (&array![2.0, 5.0, 0.0], &array![1.0, 1.0, 1.0]));
        assert_eq!(by(Normalize::Standardize).std(), &array![1.0, 1.0, 7.0]);
    }
}
