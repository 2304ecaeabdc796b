//! What passes between stages.

use gtn_models::{Autoencoder, Coordinates, Normalizer};
use gtn_run::Artifact;
use gtn_run::config::Normalize;
use gtn_run::schema::{PairKeys, Split, TensorKey, latents, pairs, test_latents};
use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};

use crate::Result;
use crate::datasets::{ImageData, PointDataset};

/// The data of an experiment.
pub(crate) enum Source {
    /// Images, whose latents are the targets of ĥ.
    Images(Box<ImageData>),
    /// Points, which are the targets themselves.
    Points(&'static dyn PointDataset),
    /// Vectors of the user, which are the targets themselves.
    Latents,
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
    /// The class of each target, if the data have classes.
    pub(crate) labels: Option<Labels>,
}

/// The classes of the targets, numbered from 0.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels {
    pub(crate) train: Vec<u32>,
    pub(crate) validation: Vec<u32>,
    /// Empty without a test set.
    pub(crate) test: Vec<u32>,
}

impl Labels {
    /// Those of a split.
    pub(crate) fn of(&self, split: Split) -> &[u32] {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }
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
    /// Further training pairs, whose targets are not in the data.
    pub(crate) fresh: Option<FreshPairs>,
    /// The components and the coordinates in which ĥ is trained; `None` for the normalized targets themselves.
    pub(crate) coordinates: Option<Coordinates>,
    /// Steps of the flow that the pairs come from, if they come from one.
    pub(crate) integration_steps: Option<usize>,
}

/// The pairs (y, x_y) of one split.
pub(crate) struct SplitPairs {
    /// The normal vectors y.
    pub(crate) source: Array2<f32>,
    /// For each of them the row of its target.
    pub(crate) assignment: Vec<usize>,
    /// For each of them its component.
    pub(crate) components: Vec<u32>,
}

/// Pairs whose targets are not in the data.
pub(crate) struct FreshPairs {
    /// The normal vectors y.
    pub(crate) source: Array2<f32>,
    /// Their targets, in their own units.
    pub(crate) target: Array2<f32>,
    /// The component of each.
    pub(crate) components: Vec<u32>,
}

impl FreshPairs {
    pub(crate) fn write_into(&self, artifact: &mut Artifact) {
        artifact.insert(&pairs::FRESH_SOURCE, self.source.clone());
        artifact.insert(&pairs::FRESH_TARGET, self.target.clone());
        if self.components.iter().any(|&component| component > 0) {
            artifact.insert(&pairs::FRESH_COMPONENT, to_u64(&self.components));
        }
    }

    /// Those in an artifact, if there are any.
    pub(crate) fn read(artifact: &Artifact) -> Result<Option<Self>> {
        let Ok(source) = artifact.tensor(&pairs::FRESH_SOURCE) else { return Ok(None) };
        let (source, target) = (to_matrix(source), to_matrix(artifact.tensor(&pairs::FRESH_TARGET)?));
        let components = read_components(artifact, &pairs::FRESH_COMPONENT, source.nrows());
        Ok(Some(Self { source, target, components }))
    }
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
            labels: None,
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
        let source = to_matrix(artifact.tensor(&keys.source)?);
        let assignment = artifact.tensor(&keys.assignment)?.iter().map(|&row| row as usize).collect();
        let components = read_components(artifact, &keys.component, source.nrows());
        Ok(Self { source, assignment, components })
    }
}

/// The components of `n` rows; all are the first one if the artifact has none.
fn read_components(artifact: &Artifact, key: &TensorKey<u64>, n: usize) -> Vec<u32> {
    match artifact.tensor(key) {
        Ok(components) => components.iter().map(|&component| component as u32).collect(),
        Err(_) => vec![0; n],
    }
}

/// Components as an artifact holds them.
pub(crate) fn to_u64(values: &[u32]) -> Array1<u64> {
    values.iter().map(|&value| u64::from(value)).collect()
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
