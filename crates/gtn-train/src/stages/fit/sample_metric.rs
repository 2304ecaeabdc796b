//! Choosing the best epoch of ĥ by its samples.

mod distance;
mod inception_score;
mod metric;

use gtn_models::Coordinates;
use gtn_run::Config;
use gtn_run::config::Selection;

use crate::Result;
use crate::context::Context;
use crate::handoff::Targets;
use distance::Distance;
use inception_score::InceptionScoreOfImages;
pub(super) use metric::SampleMetric;

/// The metric that chooses the best epoch, if samples do.
pub(super) fn chosen<'a>(
    config: &Config,
    coordinates: Option<&'a Coordinates>,
    targets: &'a Targets,
    context: &Context<'_>,
) -> Result<Option<Box<dyn SampleMetric + 'a>>> {
    let space = (coordinates, targets);
    Ok(match config.h.training.select {
        Selection::ValidationLoss => None,
        selection @ (Selection::SlicedWasserstein | Selection::EnergyDistance) => {
            Some(Box::new(Distance::new(selection, space, context)?))
        }
        Selection::InceptionScore => match config.deciding_score() {
            Some(settings) => Some(Box::new(InceptionScoreOfImages::new(settings, space, context)?)),
            None => None,
        },
    })
}
