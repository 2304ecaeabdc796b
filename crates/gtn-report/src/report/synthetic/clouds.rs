//! Normal vectors and the points that ĥ generates from them, in the same colors (Figure 3), also after earlier epochs (Figure 8).

use std::path::PathBuf;

use super::super::section::{Figure, omissions, omissions_of_all_panels};
use super::super::text::count;
use super::{Cloud, PointKind, along, normal_density};
use crate::Result;
use crate::axis_scale::Scale;
use crate::canvas::{Align, Axis, Canvas, Omitted, Panel, Point, Stroke};
use crate::palette::{DARK_GRAY, GRAY, SILVER, shades};

/// Maximum number of panels of Figure 8, including the final one.
const MAX_PANELS: usize = 8;
/// Maximum number of dots in a panel of Figure 8.
const MAX_DOTS: usize = 2000;

const OUTLINE: Stroke = Stroke::new(SILVER, 2.0);

/// The size of a dot. Dots on a curve are larger than those that fill an area.
fn dot_size(kind: PointKind, width: f64) -> f64 {
    if kind == PointKind::Angles { 1.6 * width } else { width }
}

/// Figure 3: normal vectors on the left, generated points on the right.
pub(super) fn samples(cloud: &Cloud) -> Result<Figure> {
    let mut canvas = Canvas::new(960, 500);
    let normal = || Axis::new(Scale::linear(-4.5, 4.5, 10), "");
    let (x, y) = match cloud.kind {
        PointKind::Angles => (Axis { name: "y", ..normal() }, Axis::new(Scale::linear(0.0, 0.42, 6), "density")),
        PointKind::Roll | PointKind::Square => (normal(), normal()),
    };
    let source = Panel { left: 70, top: 40, width: 400, height: 400, x, y };
    let generated = Panel { left: 545, top: 40, width: 400, height: 400, x: cloud.kind.axis(), y: cloud.kind.axis() };
    canvas.axes(&source);
    canvas.axes(&generated);
    let number = count(cloud.source.len());
    let name = if cloud.kind == PointKind::Angles { "standard normal values y" } else { "normal vectors y" };
    canvas.heading(&source, &format!("{number} {name}"));
    canvas.heading(&generated, "ĥ(y) in the same colors");

    let mut omitted = Omitted::default();
    let colors = shades();
    let shaded = |points: &[Point]| points.iter().copied().zip(cloud.shades.iter().copied()).collect::<Vec<_>>();
    // Vectors that are not finite are counted once, with the points generated from them.
    omitted.outside += canvas.dots(&source, shaded(&cloud.source), &colors, 2.4).outside;
    if cloud.kind == PointKind::Angles {
        let density = along(-4.5, 4.5, 180).map(|y| [y, normal_density(y)]);
        canvas.line(&source, density, Stroke::new(GRAY, 1.5));
    }
    canvas.line(&generated, cloud.kind.outline(), OUTLINE);
    omitted += canvas.dots(&generated, shaded(&cloud.generated), &colors, dot_size(cloud.kind, 2.4));

    let (file, title, alt, caption) = match cloud.kind {
        PointKind::Angles => (
            "figure-3a.svg",
            "Figure 3(A), source dimension 1",
            "Normal numbers and the points of the swiss roll generated from them, in the same colors",
            "Left: standard normal values y, spread over the area below their density and colored by rank. Right: the points of the \
             swiss roll at the angles ĥ(y), in the color of y, over the exact curve (gray). The colors should follow the \
             curve in the same order from the inner to the outer end, without gaps and with constant density by angle. The \
             ends are the hardest to learn, because they belong to the rarest y.",
        ),
        PointKind::Roll => (
            "figure-3a.svg",
            "Figure 3(A), source dimension 2",
            "Normal vectors in the plane and the points generated from them, in the same colors",
            "Left: normal vectors y, colored by their distance from the origin. Right: ĥ(y) in the color of y, over the exact \
             curve (gray). ĥ is continuous, and the plane has one dimension more than the curve, so some points are between \
             the turns.",
        ),
        PointKind::Square => (
            "figure-3b.svg",
            "Figure 3(B)",
            "Normal vectors in the plane and the points generated from them, in the same colors",
            "Left: normal vectors y, colored by their distance from the origin. Right: ĥ(y) in the color of y, and the \
             boundary of the unit square (gray). The dots should fill the square evenly up to its boundary and corners, with \
             the same order of colors from the center outward.",
        ),
    };
    Figure::svg(file, canvas, title, caption.to_owned() + &omissions(omitted), alt)
}

/// Figure 8: the final points, and those after earlier epochs; `None` without snapshots.
pub(super) fn epochs(cloud: &Cloud) -> Result<Option<Figure>> {
    if cloud.snapshots.is_empty() {
        return Ok(None);
    }
    let last = match cloud.best_epoch {
        Some(best) => format!("final (epoch {})", count(best)),
        None => "final".to_owned(),
    };
    let earlier = cloud.snapshots.iter().map(|(epoch, points)| (format!("epoch {}", count(*epoch)), points));
    let panels: Vec<_> = earlier.chain([(last, &cloud.generated)]).collect();

    let (margin, gap, heading) = (12, 16, 30);
    let columns = if panels.len() <= 4 { panels.len() } else { panels.len().div_ceil(2) };
    let rows = panels.len().div_ceil(columns);
    let (columns, rows) = (columns as i32, rows as i32);
    let side = ((960 - 2 * margin - (columns - 1) * gap) / columns).min(300);
    let size = |tiles: i32, side: i32, gap: i32| (2 * margin + tiles * side + (tiles - 1) * gap).unsigned_abs();
    let mut canvas = Canvas::new(size(columns, side, gap), size(rows, side + heading, 0));

    let (outline, colors) = (cloud.kind.outline(), shades());
    let mut omitted = Omitted::default();
    let shown = cloud.generated.len().min(MAX_DOTS);
    for (index, (title, points)) in (0..).zip(&panels) {
        let left = margin + index % columns * (side + gap);
        let top = margin + index / columns * (side + heading) + heading - 8;
        let axis = || Axis::unlabeled(cloud.kind.scale());
        let panel = Panel { left, top, width: side, height: side, x: axis(), y: axis() };
        canvas.frame(&panel);
        canvas.text([f64::from(left) + 0.5 * f64::from(side), f64::from(top) - 8.0], Align::Middle, DARK_GRAY, title);
        canvas.line(&panel, outline.iter().copied(), Stroke::new(SILVER, 1.2));
        let dots = points.iter().copied().zip(cloud.shades.iter().copied()).take(shown);
        omitted += canvas.dots(&panel, dots, &colors, dot_size(cloud.kind, 2.0));
    }
    let vectors = if cloud.kind == PointKind::Angles { "numbers" } else { "vectors" };
    let caption = format!(
        "What ĥ generated from the same {} normal {vectors} after some epochs and at the end, in the colors and on the axes of \
         Figure 3. Look for how early the order of the colors is correct, and which part of the shape is learned last.{}",
        count(shown),
        omissions_of_all_panels(omitted),
    );
    let alt = format!("The points generated from the same normal {vectors} after several epochs");
    Figure::svg("figure-8.svg", canvas, "Figure 8", caption, alt).map(Some)
}

/// The snapshots to show: the first, the last, and others between them at equal steps.
pub(super) fn select(snapshots: Vec<(usize, PathBuf)>) -> Vec<(usize, PathBuf)> {
    let (max, all) = (MAX_PANELS - 1, snapshots.len());
    if all <= max {
        return snapshots;
    }
    let mut selected = (0..max).map(|step| (step * (all - 1) + (max - 1) / 2) / (max - 1)).peekable();
    let is_selected = |(index, _): &(usize, _)| selected.next_if_eq(index).is_some();
    snapshots.into_iter().enumerate().filter(is_selected).map(|(_, snapshot)| snapshot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_seven_snapshots_are_selected_with_the_first_and_the_last() {
        for all in 0..40 {
            let snapshots: Vec<_> = (0..all).map(|epoch| (epoch, PathBuf::new())).collect();
            let selected: Vec<_> = select(snapshots).into_iter().map(|(epoch, _)| epoch).collect();
            assert_eq!(selected.len(), all.min(7), "{selected:?}");
            assert_eq!(
                (selected.first().copied(), selected.last().copied()),
                (all.min(1).checked_sub(1), all.checked_sub(1))
            );
        }
    }
}
