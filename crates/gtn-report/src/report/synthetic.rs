//! Samples of a run on synthetic data: the swiss roll, by angle or in the plane, the unit square, and two squares.

mod angles;
mod generated_points;
mod pairs;
mod point_cloud;
mod source_dimensions;

use gtn_run::{Config, MetricsLog, RunFolder};

use super::data_sets::{PointFigures, PointSet};
use super::section::{Item, Section};
use super::tensors::Tensors;
use crate::Result;
use point_cloud::PointCloud;

/// The sections on the samples of a run.
pub(super) fn sections(run: &RunFolder, config: &Config, set: PointSet, log: &MetricsLog) -> Result<Vec<Section>> {
    let samples = &Tensors::samples(run)?;
    let cloud = PointCloud::read(run, set, samples, log)?;
    let mut figures = vec![generated_points::samples(&cloud)];
    let mut map = Vec::new();
    let mut comparison = None;
    match set.figures {
        PointFigures::Angles => {
            let angles = angles::Angles::read(samples)?;
            figures.insert(0, angles.distribution_functions());
            map = vec![angles.map(), angles.distribution()];
        }
        PointFigures::SourceDimensions => comparison = source_dimensions::figure(run, config, &cloud)?,
        PointFigures::Pairs => figures.push(pairs::figure(samples, set.generated.name)?),
    }
    figures.extend(generated_points::epochs(&cloud));
    let section = |heading, side_by_side, figures: Vec<_>| Section {
        heading,
        side_by_side,
        items: figures.into_iter().map(Item::Figure).collect(),
    };
    let sections = [
        section(set.heading, false, figures),
        section("Comparison of source dimensions 1 and 2", false, comparison.into_iter().collect()),
        section("The map and the distribution", true, map),
    ];
    Ok(sections.into_iter().filter(|section| !section.items.is_empty()).collect())
}
