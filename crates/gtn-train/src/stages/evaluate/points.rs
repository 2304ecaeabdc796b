//! Metrics of points against the known distribution.

use gtn_metrics::{energy_distance, mean_over_subsets, sliced_wasserstein, variance_kept};
use gtn_models::{Generator, Sampling, purpose};
use gtn_run::MetricRecord;
use gtn_run::schema::Metric;
use ndarray::{Array2, s};

use super::values::{PROJECTIONS, SUBSETS, report_progress};
use crate::Result;
use crate::context::Context;
use crate::datasets::{PointDataset, PointSamples, record};

/// Number of samples: those of `gtn sample RUN -n 100000` with the seed of the run.
const SAMPLES: usize = 100_000;
/// Number of samples for the sliced Wasserstein distance.
const SLICED_SAMPLES: usize = 10_000;
/// Sizes that the results depend on, beside those that images share.
pub(super) const SIZES: [usize; 2] = [SAMPLES, SLICED_SAMPLES];

pub(super) fn measure(
    points: &dyn PointDataset,
    generator: &Generator,
    first_epoch: Option<Array2<f32>>,
    context: &mut Context<'_>,
) -> Result<Vec<MetricRecord>> {
    let rows = generator.draw_source(SAMPLES, &mut context.streams.stream(purpose::SAMPLE, 0));
    let draw = |index| points.draw(SAMPLES, &mut context.streams.stream(purpose::REAL, index));
    let samples = PointSamples {
        generated: generator.map_by(&rows, &Sampling::default())?,
        real: draw(1),
        more_real: draw(2),
        source: rows.source,
        first_epoch,
    };
    report_progress(0, 3, context)?;
    let mut metrics = points.metrics(&samples)?;
    let variance = |set: &Array2<f32>| variance_kept(samples.real.view(), set.view());
    let (value, floor) = (variance(&samples.generated)?, Some(variance(&samples.more_real)?));
    metrics.push(record(Metric::VarianceKept, value, floor, SAMPLES));

    let [generated, real, more_real] =
        [&samples.generated, &samples.real, &samples.more_real].map(|rows| points.to_plane(rows));
    report_progress(1, 3, context)?;
    let energy = |other: &Array2<f32>, index| {
        let mut draws = context.streams.stream(purpose::ENERGY, index);
        mean_over_subsets(real.view(), other.view(), SUBSETS, &mut draws, energy_distance)
    };
    let (value, floor) = (energy(&generated, 0)?, Some(energy(&more_real, 1)?));
    metrics.push(record(Metric::EnergyDistance, value, floor, SUBSETS.size));

    report_progress(2, 3, context)?;
    let first_rows = s![..SLICED_SAMPLES, ..];
    // The same directions for both, so that only the points differ.
    let sliced = |other: &Array2<f32>| {
        let mut directions = context.streams.stream(purpose::DIRECTIONS, 0);
        sliced_wasserstein(real.slice(first_rows), other.slice(first_rows), PROJECTIONS, &mut directions)
    };
    let (value, floor) = (sliced(&generated)?, Some(sliced(&more_real)?));
    metrics.push(record(Metric::SlicedWasserstein, value, floor, SLICED_SAMPLES));
    Ok(metrics)
}
