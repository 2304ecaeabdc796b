//! A distance of samples from validation targets.

use gtn_metrics::{energy_distance, sliced_wasserstein};
use gtn_models::{Coordinates, H, Streams, purpose};
use gtn_run::config::Selection;
use gtn_run::schema::Split;
use ndarray::{Array2, s};

use super::metric::SampleMetric;
use crate::Result;
use crate::context::Context;
use crate::handoff::Targets;
use crate::stages::fit::fixed_source::FixedSource;

/// Validation targets that samples are compared with, and as many samples.
const SAMPLES: usize = 5_000;
/// The same for the energy distance, whose cost grows with the square.
const ENERGY_SAMPLES: usize = 2_000;
/// Directions of the sliced Wasserstein distance.
const PROJECTIONS: usize = 128;

/// The energy distance or the sliced Wasserstein-2 distance of samples from validation targets.
pub(super) struct Distance<'a> {
    selection: Selection,
    source: FixedSource<'a>,
    /// The validation targets, in their own units.
    real: Array2<f32>,
    streams: Streams,
}

impl<'a> Distance<'a> {
    pub(super) fn new(
        selection: Selection,
        (coordinates, targets): (Option<&'a Coordinates>, &'a Targets),
        context: &Context<'_>,
    ) -> Result<Self> {
        let max = if selection == Selection::EnergyDistance { ENERGY_SAMPLES } else { SAMPLES };
        let streams = context.streams;
        let n = targets.validation.nrows().min(max);
        let real = targets.validation.slice(s![..n, ..]).to_owned();
        let source = streams.normal(&purpose::sample_metric(Split::Validation.name()), 0, n, real.ncols());
        let mut components = streams.stream(purpose::SAMPLE_METRIC_COMPONENT, 0);
        let space = (coordinates, &targets.normalizer);
        let source = FixedSource::new(source, space, &mut components, &context.device)?;
        Ok(Self { selection, source, real, streams })
    }
}

impl SampleMetric for Distance<'_> {
    fn measure(&self, h: &H, _stop: &dyn Fn() -> bool) -> Result<f64> {
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
