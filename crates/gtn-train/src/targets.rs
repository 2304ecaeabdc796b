//! What ĥ learns to make: latents, or the data themselves, with the units in which it learns.

use gtn_models::Normaliser;
use gtn_run::Artefact;
use gtn_run::config::Normalise;
use ndarray::{Array1, Array2, ArrayView1, Axis};

use crate::Result;

/// The targets X of both sides in their own units, and how they are normalised before they are paired.
pub(crate) struct Targets {
    pub(crate) train: Array2<f32>,
    pub(crate) validation: Array2<f32>,
    pub(crate) normaliser: Normaliser,
    pub(crate) checksum: String,
    /// Latents of the official test set, if it is there.
    pub(crate) test: Option<TestTargets>,
}

/// The latents of images that no training sees. They are kept apart, so that nothing that is trained depends on them.
pub(crate) struct TestTargets {
    pub(crate) rows: Array2<f32>,
    pub(crate) checksum: String,
}

/// The names of centre and scale, beside the targets and beside ĥ's weights.
pub(crate) const CENTRE: &str = "centre";
pub(crate) const SCALE: &str = "scale";

impl Targets {
    /// Puts the targets and their normaliser into an artefact.
    pub(crate) fn write_into(
        artefact: &mut Artefact,
        train: Array2<f32>,
        validation: Array2<f32>,
        by: Normalise,
    ) -> Result<()> {
        let normaliser = normaliser(&train, by)?;
        artefact.insert_f32(CENTRE, normaliser.centre().clone().into_dyn());
        artefact.insert_f32(SCALE, normaliser.scale().clone().into_dyn());
        artefact.insert_f32("train", train.into_dyn());
        artefact.insert_f32("validation", validation.into_dyn());
        Ok(())
    }

    /// The targets in an artefact.
    pub(crate) fn read(artefact: &Artefact) -> Result<Self> {
        Ok(Self {
            train: into_matrix(artefact.f32("train")?),
            validation: into_matrix(artefact.f32("validation")?),
            normaliser: read_normaliser(artefact)?,
            checksum: artefact.checksum(),
            test: None,
        })
    }
}

impl TestTargets {
    /// Their tensor in an artefact of their own.
    pub(crate) const NAME: &str = "test";

    pub(crate) fn read(artefact: &Artefact) -> Result<Self> {
        Ok(Self { rows: into_matrix(artefact.f32(Self::NAME)?), checksum: artefact.checksum() })
    }
}

/// Centre and scale beside targets or weights.
pub(crate) fn read_normaliser(artefact: &Artefact) -> Result<Normaliser> {
    let vector = |name| -> Result<Array1<f32>> { Ok(Array1::from_iter(artefact.f32(name)?.iter().copied())) };
    Ok(Normaliser::new(vector(CENTRE)?, vector(SCALE)?)?)
}

/// The array as a matrix; one without columns if it has other dimensions (which no artefact that passed its checksum has).
pub(crate) fn into_matrix(array: &ndarray::ArrayD<f32>) -> Array2<f32> {
    array.clone().into_dimensionality().unwrap_or_default()
}

/// The normaliser by the statistics of `rows`, summed in f64. The variance is the biased one (divisor n). A column without
/// variance keeps its scale.
fn normaliser(rows: &Array2<f32>, by: Normalise) -> Result<Normaliser> {
    let same = Normaliser::identity(rows.ncols());
    let n = rows.nrows().max(1) as f64;
    let mean = |column: ArrayView1<'_, f32>| column.iter().map(|&x| f64::from(x)).sum::<f64>() / n;
    let deviation = |column: ArrayView1<'_, f32>| {
        let mean = mean(column);
        let variance = column.iter().map(|&x| (f64::from(x) - mean).powi(2)).sum::<f64>() / n;
        if variance > 0.0 { variance.sqrt() as f32 } else { 1.0 }
    };
    let columns = || rows.axis_iter(Axis(1));
    let centre = || columns().map(|column| mean(column) as f32).collect();
    Ok(match by {
        Normalise::AsIs => same,
        Normalise::Centre => Normaliser::new(centre(), same.scale().clone())?,
        Normalise::Standardise => Normaliser::new(centre(), columns().map(deviation).collect())?,
    })
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::*;

    #[test]
    fn statistics_are_those_of_the_rows() {
        let rows = array![[1.0_f32, 5.0, 7.0], [3.0, 5.0, -7.0]];
        let by = |by| normaliser(&rows, by).unwrap();
        assert_eq!(by(Normalise::AsIs), Normaliser::identity(3));
        let centred = by(Normalise::Centre);
        assert_eq!((centred.centre(), centred.scale()), (&array![2.0, 5.0, 0.0], &array![1.0, 1.0, 1.0]));
        assert_eq!(by(Normalise::Standardise).scale(), &array![1.0, 1.0, 7.0]);
    }
}
