//! Samples of runs, as grids of equal size or as points.

use gtn_run::schema::{image_samples, point_samples};

use super::super::data_sets::{DataSet, PointSet};
use super::super::images::{GridText, grid_figure, vector_figure};
use super::super::section::{Figure, Item, Section, omissions};
use super::super::tensors::Tensors;
use super::super::text::count;
use super::compared_run::ComparedRun;
use crate::axis_scale::Scale;
use crate::canvas::{Axis, Canvas, Panel, Point, Stroke};
use crate::palette::{BLUE, SILVER};
use crate::{Error, Result};

/// Maximum numbers of images in a grid, its columns, and points in a plot.
const MAX_IMAGES: usize = 100;
const COLUMNS: usize = 10;
const MAX_POINTS: usize = 5_000;

/// The samples of all runs that have some, and decoded real images once for each autoencoder.
pub(super) fn section(runs: &[ComparedRun]) -> Result<Section> {
    let samples = runs.iter().map(read).collect::<Result<Vec<_>>>()?;
    let images = |samples: &Tensors| samples.tensor(&image_samples::GENERATED).ok().map(|images| images.shape()[0]);
    let of_images = runs.iter().zip(&samples).filter(|(run, _)| run.config().data.are_images());
    let smallest = of_images.filter_map(|(_, samples)| images(samples.as_ref()?)).min();
    let max_images = smallest.unwrap_or(MAX_IMAGES).min(MAX_IMAGES);

    let mut items = Vec::new();
    for (run, samples) in runs.iter().zip(&samples) {
        items.push(match (samples, DataSet::of(run.config()).points) {
            (None, _) => Item::Missing(format!("{} has no samples yet.", run.name())),
            (Some(samples), None) if !run.config().data.are_images() => vectors(run, samples)?,
            (Some(samples), None) => {
                let caption = "images that the run generated.";
                let text = GridText { file: "", title: run.name(), caption, alt: "generated images" };
                grid_figure(samples, &image_samples::GENERATED, (max_images, COLUMNS), text)?
            }
            (Some(samples), Some(set)) => points(run, samples, set)?,
        });
    }
    let mut shown: Vec<&str> = Vec::new();
    for (run, samples) in runs.iter().zip(&samples) {
        let Some(samples) = samples.as_ref().filter(|_| run.config().data.are_images()) else { continue };
        if !shown.contains(&run.decoder()) {
            shown.push(run.decoder());
            let title = format!("Reconstructed real images, {}", run.name());
            let caption = "held-out images after the autoencoder. Generated images are hardly sharper than these.";
            let text = GridText { file: "", title: &title, caption, alt: "real images after the autoencoder" };
            items.push(grid_figure(samples, &image_samples::DECODED, (max_images, COLUMNS), text)?);
        }
    }
    Ok(Section { heading: "Samples", side_by_side: true, items })
}

/// The samples of a run, if it has some.
fn read(run: &ComparedRun) -> Result<Option<Tensors>> {
    match Tensors::samples(run.folder()) {
        Ok(samples) => Ok(Some(samples)),
        Err(Error::Unfinished { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The vectors that a run generated, in the plane.
fn vectors(run: &ComparedRun, samples: &Tensors) -> Result<Item> {
    let figure = vector_figure(samples, run.log())?;
    Ok(match figure {
        Some(figure) => Item::Figure(Figure { title: run.name().to_owned(), ..figure }),
        None => Item::Missing(format!("{} generates numbers, which have no plane.", run.name())),
    })
}

/// The points that a run generated, over the outline of their distribution.
fn points(run: &ComparedRun, samples: &Tensors, set: PointSet) -> Result<Item> {
    let mut points: Vec<Point> = match set.embedding {
        Some(embedding) => {
            let numbers = samples.rows::<1>(&point_samples::GENERATED, None)?;
            numbers.into_iter().map(|[number]| embedding(number)).collect()
        }
        None => samples.rows::<2>(&point_samples::GENERATED, None)?,
    };
    points.truncate(MAX_POINTS);
    let [x, y] = set.ranges.map(|(low, high)| Axis::new(Scale::linear(low, high, 8), ""));
    let panel = Panel { left: 60, top: 20, width: 400, height: 400, x, y };
    let mut canvas = Canvas::new(480, 470);
    canvas.axes(&panel);
    canvas.line(&panel, (set.outline)(), Stroke::new(SILVER, 2.0));
    let omitted = canvas.dots(&panel, points.iter().map(|point| (*point, Some(0))), &[BLUE], 2.2);
    let number = count(points.len());
    let caption = format!("{number} {} that the run generated.{}", set.noun, omissions(omitted));
    let alt = format!("{number} generated {}", set.noun);
    Ok(Item::Figure(Figure::svg("", canvas, run.name(), caption, alt)))
}
