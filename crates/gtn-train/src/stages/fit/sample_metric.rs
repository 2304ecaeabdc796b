//! Choosing the best epoch of ĥ by its samples.

use gtn_metrics::{energy_distance, sliced_wasserstein};
use gtn_models::{Coordinates, H, Streams, purpose};
use gtn_run::config::Selection;
use gtn_run::schema::Split;
use ndarray::{Array2, s};

use super::fixed_source::FixedSource;
use crate::Result;
use crate::context::Context;
use crate::handoff::Targets;

/// Validation targets that samples are compared with, and as many samples.
const SAMPLES: usize = 5_000;
/// The same for the energy distance, whose cost grows with the square.
const ENERGY_SAMPLES: usize = 2_000;
/// Directions of the sliced Wasserstein distance.
const PROJECTIONS: usize = 128;

/// A metric of samples against validation targets. The same normal vectors are used after each epoch, so that only ĥ differs.
pub(super) struct SampleMetric<'a> {
    selection: Selection,
    source: FixedSource<'a>,
    /// The validation targets, in their own units.
    real: Array2<f32>,
    streams: Streams,
}

impl<'a> SampleMetric<'a> {
    /// The metric of a selection, if it goes by samples.
    pub(super) fn new(
        selection: Selection,
        coordinates: Option<&'a Coordinates>,
        targets: &'a Targets,
        context: &Context<'_>,
    ) -> Result<Option<Self>> {
        let max = match selection {
            Selection::ValidationLoss => return Ok(None),
            Selection::SlicedWasserstein => SAMPLES,
            Selection::EnergyDistance => ENERGY_SAMPLES,
        };
        let streams = context.streams;
        let n = targets.validation.nrows().min(max);
        let real = targets.validation.slice(s![..n, ..]).to_owned();
        let source = streams.normal(&purpose::sample_metric(Split::Validation.name()), 0, n, real.ncols());
        let mut components = streams.stream(purpose::SAMPLE_METRIC_COMPONENT, 0);
        let space = (coordinates, &targets.normalizer);
        let source = FixedSource::new(source, space, &mut components, &context.device)?;
        Ok(Some(Self { selection, source, real, streams }))
    }

    /// Its value for the present weights; lower is better.
    pub(super) fn measure(&self, h: &H) -> Result<f64> {
        let generated = self.source.generate(h)?;
        Ok(match self.selection {
            Selection::EnergyDistance => energy_distance(self.real.view(), generated.view())?,
            _ => {
                let mut directions = self.streams.stream(purpose::SAMPLE_METRIC_DIRECTIONS, 0);
                sliced_wasserstein(self.real.view(), generated.view(), PROJECTIONS, &mut directions)?
            }
        })
    }
}
