//! What ĥ learns to make: latents, or the data themselves, with the units in which it learns.

use gtn_models::Normalizer;
use gtn_run::Artifact;
use gtn_run::config::Normalize;
use ndarray::{Array1, Array2, ArrayView1, Axis};

use crate::Result;

/// The targets X of both sides in their own units, and how they are normalized before they are paired.
pub(crate) struct Targets {
    pub(crate) train: Array2<f32>,
    pub(crate) validation: Array2<f32>,
    pub(crate) normalizer: Normalizer,
    pub(crate) checksum: String,
    /// Latents of the official test set, if it is there.
    pub(crate) test: Option<TestTargets>,
}

/// The latents of images that no training sees. They are kept apart, so that nothing that is trained depends on them.
pub(crate) struct TestTargets {
    pub(crate) rows: Array2<f32>,
    pub(crate) checksum: String,
}

/// The names of center and scale, beside the targets and beside ĥ's weights.
pub(crate) const CENTER: &str = "center";
pub(crate) const SCALE: &str = "scale";

impl Targets {
    /// Puts the targets and their normalizer into an artifact.
    pub(crate) fn write_into(
        artifact: &mut Artifact,
        train: Array2<f32>,
        validation: Array2<f32>,
        by: Normalize,
    ) -> Result<()> {
        let normalizer = normalizer(&train, by)?;
        artifact.insert_f32(CENTER, normalizer.center().clone().into_dyn());
        artifact.insert_f32(SCALE, normalizer.scale().clone().into_dyn());
        artifact.insert_f32("train", train.into_dyn());
        artifact.insert_f32("validation", validation.into_dyn());
        Ok(())
    }

    /// The targets in an artifact.
    pub(crate) fn read(artifact: &Artifact) -> Result<Self> {
        Ok(Self {
            train: into_matrix(artifact.f32("train")?),
            validation: into_matrix(artifact.f32("validation")?),
            normalizer: read_normalizer(artifact)?,
            checksum: artifact.checksum(),
            test: None,
        })
    }
}

impl TestTargets {
    /// Their tensor in an artifact of their own.
    pub(crate) const NAME: &str = "test";

    pub(crate) fn read(artifact: &Artifact) -> Result<Self> {
        Ok(Self { rows: into_matrix(artifact.f32(Self::NAME)?), checksum: artifact.checksum() })
    }
}

/// Center and scale beside targets or weights.
pub(crate) fn read_normalizer(artifact: &Artifact) -> Result<Normalizer> {
    let vector = |name| -> Result<Array1<f32>> { Ok(Array1::from_iter(artifact.f32(name)?.iter().copied())) };
    Ok(Normalizer::new(vector(CENTER)?, vector(SCALE)?)?)
}

/// The array as a matrix; one without columns if it has other dimensions (which no artifact that passed its checksum has).
pub(crate) fn into_matrix(array: &ndarray::ArrayD<f32>) -> Array2<f32> {
    array.clone().into_dimensionality().unwrap_or_default()
}

/// The normalizer by the statistics of `rows`, summed in f64. The variance is the biased one (divisor n). A column without
/// variance keeps its scale.
fn normalizer(rows: &Array2<f32>, by: Normalize) -> Result<Normalizer> {
    let same = Normalizer::identity(rows.ncols());
    let n = rows.nrows().max(1) as f64;
    let mean = |column: ArrayView1<'_, f32>| column.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let deviation = |column: ArrayView1<'_, f32>| {
        let mean = mean(column);
        let variance = column.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
        if variance > 0.0 { variance.sqrt() as f32 } else { 1.0 }
    };
    let columns = || rows.axis_iter(Axis(1));
    let center = || columns().map(|column| mean(column) as f32).collect();
    Ok(match by {
        Normalize::AsIs => same,
        Normalize::Center => Normalizer::new(center(), same.scale().clone())?,
        Normalize::Standardize => Normalizer::new(center(), columns().map(deviation).collect())?,
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn statistics_are_those_of_the_rows() {
        let rows = array![[1.0_f32, 5.0, 7.0], [3.0, 5.0, -7.0]];
        let by = |by| normalizer(&rows, by).unwrap();
        assert_eq!(by(Normalize::AsIs), Normalizer::identity(3));
        let centered = by(Normalize::Center);
        assert_eq!((centered.center(), centered.scale()), (&array![2.0, 5.0, 0.0], &array![1.0, 1.0, 1.0]));
        assert_eq!(by(Normalize::Standardize).scale(), &array![1.0, 1.0, 7.0]);
    }
}
