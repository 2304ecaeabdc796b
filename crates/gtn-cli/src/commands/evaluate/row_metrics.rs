//! Metrics of vectors: of samples, of their pixels, or of their features.

use std::collections::BTreeMap;

use gtn_metrics::{
    density_coverage, energy_distance, frechet_distance, precision_recall, sliced_wasserstein, variance_kept,
};
use gtn_models::{Streams, purpose};
use gtn_run::metric_constants::K_DENSITY;
use gtn_run::schema::Metric;
use ndarray::ArrayView2;

use crate::failure::Failure;

const PROJECTIONS: usize = 200;
/// Nearest neighbors of precision and recall, as in their paper.
const K_MANIFOLD: usize = 3;

/// These metrics of two sets of rows. Others are ignored. `neighbors` replaces the numbers of neighbors of the papers.
pub(super) fn measure(
    metrics: &[Metric],
    real: ArrayView2<'_, f32>,
    other: ArrayView2<'_, f32>,
    streams: &Streams,
    neighbors: Option<usize>,
) -> Result<BTreeMap<Metric, f64>, Failure> {
    let has = |metric| metrics.contains(&metric);
    let mut values = BTreeMap::new();
    if has(Metric::FrechetDistance) {
        values.insert(Metric::FrechetDistance, frechet_distance(real, other)?);
    }
    if has(Metric::EnergyDistance) {
        values.insert(Metric::EnergyDistance, energy_distance(real, other)?);
    }
    if has(Metric::SlicedWasserstein) {
        // The same directions for a value and its noise floor.
        let mut directions = streams.stream(purpose::EVALUATE_DIRECTIONS, 0);
        values.insert(Metric::SlicedWasserstein, sliced_wasserstein(real, other, PROJECTIONS, &mut directions)?);
    }
    if has(Metric::Precision) || has(Metric::Recall) {
        let result = precision_recall(real, other, neighbors.unwrap_or(K_MANIFOLD))?;
        values.extend([(Metric::Precision, result.precision), (Metric::Recall, result.recall)]);
    }
    if has(Metric::Density) || has(Metric::Coverage) {
        let result = density_coverage(real, other, neighbors.unwrap_or(K_DENSITY))?;
        values.extend([(Metric::Density, result.density), (Metric::Coverage, result.coverage)]);
    }
    if has(Metric::VarianceKept) {
        values.insert(Metric::VarianceKept, variance_kept(real, other)?);
    }
    values.retain(|&metric, _| has(metric));
    Ok(values)
}
