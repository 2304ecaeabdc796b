//! What passes between stages.

use gtn_models::{Autoencoder, Normalizer};
use gtn_run::Artifact;
use gtn_run::config::Normalize;
use gtn_run::schema::{PairKeys, latents, test_latents};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};

use crate::Result;
use crate::datasets::{ImageData, PointDataset};

/// The data of an experiment.
pub(crate) enum Source {
    /// Images, whose latents are the targets of ĥ.
    Images(Box<ImageData>),
    /// Points, which are the targets themselves.
    Points(&'static dyn PointDataset),
}

/// The trained autoencoder, with the weights that encode.
pub(crate) struct TrainedAutoencoder {
    pub(crate) autoencoder: Autoencoder,
    /// Checksum of those weights.
    pub(crate) encoder_checksum: String,
    /// Checksum of the weights that decode.
    pub(crate) decoder_checksum: String,
}

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

/// The pairs of all splits.
pub(crate) struct Pairs {
    pub(crate) train: SplitPairs,
    pub(crate) validation: SplitPairs,
    pub(crate) checksum: String,
    /// Those of the official test set, if it exists.
    pub(crate) test: Option<SplitPairs>,
    pub(crate) test_checksum: Option<String>,
}

/// The pairs (y, x_y) of one split.
pub(crate) struct SplitPairs {
    /// The normal vectors y.
    pub(crate) source: Array2<f32>,
    /// For each of them the row of its target.
    pub(crate) assignment: Vec<usize>,
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

impl SplitPairs {
    pub(crate) fn read(artifact: &Artifact, keys: &PairKeys) -> Result<Self> {
        Ok(Self {
            source: to_matrix(artifact.tensor(&keys.source)?),
            assignment: artifact.tensor(&keys.assignment)?.iter().map(|&row| row as usize).collect(),
        })
    }
}

/// The array as a matrix. An array with another number of dimensions, which an intact artifact does not contain, becomes an
/// empty matrix.
pub(crate) fn to_matrix(array: &ndarray::ArrayD<f32>) -> Array2<f32> {
    array.clone().into_dimensionality().unwrap_or_default()
}

/// The first rows, at most `max`.
pub(crate) fn first_rows(rows: &Array2<f32>, max: usize) -> ArrayView2<'_, f32> {
    rows.slice(s![..max.min(rows.nrows()), ..])
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
