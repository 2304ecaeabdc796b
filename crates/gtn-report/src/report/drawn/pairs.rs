//! The pairs that ĥ learns from (Figure 4).

use super::super::section::{Figure, left_out};
use super::super::tensors::Tensors;
use super::super::text::count;
use super::rank_of_distance;
use crate::Result;
use crate::canvas::{Axis, Canvas, Panel, Point, Stroke};
use crate::palette::{BACK, BLUE, VERMILION, shade, shades};
use crate::ticks::Scale;

/// Most pairs that are drawn as segments.
const SEGMENTS: usize = 250;

pub(super) fn figure(samples: &Tensors) -> Result<Figure> {
    let source = samples.rows::<2>("pairs.source", None)?;
    let target = samples.rows::<2>("pairs.target", Some(source.len()))?;
    let pairs: Vec<(Point, Point)> = source.into_iter().zip(target).collect();

    let values = pairs.iter().flat_map(|(y, x)| y.iter().chain(x)).filter(|value| value.is_finite());
    let half = (1.05 * values.fold(0.0, |most: f64, value| most.max(value.abs()))).clamp(1.0, 5.0);
    let axis = || Axis::new(Scale::exactly(-half, half, 10), "");
    let mut canvas = Canvas::new(960, 500);
    let left = Panel { left: 70, top: 40, width: 400, height: 400, x: axis(), y: axis() };
    let right = Panel { left: 545, ..left.clone() };
    canvas.axes(&left);
    canvas.axes(&right);

    let few: Vec<_> = pairs.iter().step_by(pairs.len().div_ceil(SEGMENTS).max(1)).copied().collect();
    canvas.heading(&left, &format!("{} pairs, from y to x_y", count(few.len())));
    let mut missed = canvas.segments(&left, few.iter().copied(), Stroke::new(BACK, 1.0));
    // A pair is drawn whole or not at all.
    let drawn = || few.iter().filter(|(y, x)| left.place(*y).is_some() && left.place(*x).is_some());
    canvas.dots(&left, drawn().map(|(y, _)| (*y, Some(0))), &[VERMILION], 4.0);
    canvas.dots(&left, drawn().map(|(_, x)| (*x, Some(0))), &[BLUE], 4.0);

    canvas.heading(&right, &format!("{} points x_y in the colors of their y", count(pairs.len())));
    let colored = pairs.iter().map(|(y, x)| (*x, shade(rank_of_distance(*y))));
    missed += canvas.dots(&right, colored, &shades(), 3.5);

    let caption = format!(
        "Labels of Algorithm 1, in the units of the normalized data. Left, segments from normal vectors y (vermilion) to \
         the data points x_y (blue) that they were paired with: most run along rays from the origin, and those that do \
         not are the late, forced choices of the greedy matching. Right, the data points in the colors of Figure 3(B): \
         this is what ĥ is asked to learn.{}",
        left_out(missed)
    );
    let name = "Segments from normal vectors to the data points they were paired with, and these points colored by the \
                distance of their normal vectors from the origin";
    Figure::drawn("figure-4.svg", canvas, "Figure 4", caption, name)
}
