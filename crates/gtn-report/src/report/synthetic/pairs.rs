//! The pairs that ĥ learns from (Figure 4).

use gtn_run::schema::point_samples as keys;

use super::super::section::{Figure, omissions};
use super::super::tensors::Tensors;
use super::super::text::count;
use super::point_cloud::rank_of_distance;
use crate::Result;
use crate::axis_scale::Scale;
use crate::canvas::{Axis, Canvas, Panel, Point, Stroke};
use crate::palette::{BLUE, SILVER, VERMILION, shade, shades};

/// Maximum number of pairs that are drawn as segments.
const MAX_SEGMENTS: usize = 250;

/// The figure. `name` is that of the figure with the same colors.
pub(super) fn figure(samples: &Tensors, name: &str) -> Result<Figure> {
    let source = samples.rows::<2>(&keys::PAIRS_SOURCE, None)?;
    let target = samples.rows::<2>(&keys::PAIRS_TARGET, Some(source.len()))?;
    let pairs: Vec<(Point, Point)> = source.into_iter().zip(target).collect();

    let values = pairs.iter().flat_map(|(y, x)| y.iter().chain(x)).filter(|value| value.is_finite());
    let half = (1.05 * values.fold(0.0, |largest: f64, value| largest.max(value.abs()))).clamp(1.0, 5.0);
    let axis = || Axis::new(Scale::linear(-half, half, 10), "");
    let mut canvas = Canvas::new(960, 500);
    let left = Panel { left: 70, top: 40, width: 400, height: 400, x: axis(), y: axis() };
    let right = Panel { left: 545, ..left.clone() };
    canvas.axes(&left);
    canvas.axes(&right);

    let thinned: Vec<_> = pairs.iter().step_by(pairs.len().div_ceil(MAX_SEGMENTS).max(1)).copied().collect();
    canvas.heading(&left, &format!("{} pairs, from y to x_y", count(thinned.len())));
    let mut omitted = canvas.segments(&left, thinned.iter().copied(), Stroke::new(SILVER, 1.0));
    // A pair is shown only if both of its points are inside the frame.
    let inside = || thinned.iter().filter(|(y, x)| left.to_pixels(*y).is_some() && left.to_pixels(*x).is_some());
    canvas.dots(&left, inside().map(|(y, _)| (*y, Some(0))), &[VERMILION], 4.0);
    canvas.dots(&left, inside().map(|(_, x)| (*x, Some(0))), &[BLUE], 4.0);

    canvas.heading(&right, &format!("{} points x_y in the colors of their y", count(pairs.len())));
    let colored = pairs.iter().map(|(y, x)| (*x, shade(rank_of_distance(*y))));
    omitted += canvas.dots(&right, colored, &shades(), 3.5);

    let caption = format!(
        "Pairs of Algorithm 1, in units of the normalized data. Left: segments from normal vectors y (vermilion) to the data \
         points x_y (blue) that they are paired with. Most segments run along rays from the origin. The others belong to late \
         pairs, for which few data points were left. Right: the data points in the colors of their y, as in {name}. This \
         is what ĥ learns.{}",
        omissions(omitted)
    );
    let alt = "Segments from normal vectors to the data points that they are paired with, and these points colored by the \
               distance of their normal vectors from the origin";
    Ok(Figure::svg("figure-4.svg", canvas, "Figure 4", caption, alt))
}
