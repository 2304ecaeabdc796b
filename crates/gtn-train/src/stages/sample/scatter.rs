//! Real and generated latents in the plane.

use gtn_metrics::Pca;
use gtn_run::Artifact;
use gtn_run::schema::image_samples as keys;
use ndarray::Array2;

use crate::Result;
use crate::baselines::BaselineSamples;
use crate::handoff::{Targets, first_rows};

/// Latents of each kind in the scatter plot.
pub(super) const SCATTERED: usize = 2_000;

/// Latents in the plane of the first two principal components of the training latents: held-out real ones, generated ones, and
/// those of the baselines.
pub(super) fn insert(
    generated: &Array2<f32>,
    targets: &Targets,
    baselines: Option<&BaselineSamples>,
    artifact: &mut Artifact,
) -> Result<()> {
    if generated.ncols() < 2 {
        return Ok(());
    }
    let pca = Pca::fit(targets.train.view(), 2)?;
    let mut sets = vec![(keys::SCATTER_REAL, &targets.validation), (keys::SCATTER_GENERATED, generated)];
    if let Some(baselines) = baselines {
        sets.extend([(keys::SCATTER_GAUSSIAN, &baselines.gaussian), (keys::SCATTER_MIXTURE, &baselines.mixture)]);
    }
    for (key, rows) in sets {
        artifact.insert(&key, pca.transform(first_rows(rows, SCATTERED))?);
    }
    Ok(artifact.set_metadata(&keys::SCATTER_EXPLAINED_VARIANCE, &pca.explained_variance_ratio())?)
}
