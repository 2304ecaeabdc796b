//! Normal vectors and the points that ĥ generates from them, in the same colors (Figure 3), also after earlier epochs (Figure 8).

use super::super::data_sets::FigureText;
use super::super::section::{Figure, omissions, omissions_of_all_panels};
use super::super::text::count;
use super::point_cloud::{PointCloud, normal_density};
use crate::axis_scale::{Scale, along};
use crate::canvas::{Axis, Canvas, Omitted, Panel, Point, Stroke};
use crate::palette::{GRAY, SILVER, shades};

/// Maximum number of dots in a panel of Figure 8.
const MAX_DOTS: usize = 2000;

const OUTLINE: Stroke = Stroke::new(SILVER, 2.0);

/// The size of a dot. Dots on a curve are larger than those that fill an area.
fn dot_size(cloud: &PointCloud, width: f64) -> f64 {
    if cloud.is_from_numbers() { 1.6 * width } else { width }
}

/// Figure 3: normal vectors on the left, generated points on the right.
pub(super) fn samples(cloud: &PointCloud) -> Figure {
    let mut canvas = Canvas::new(960, 500);
    let normal = || Axis::new(Scale::linear(-4.5, 4.5, 10), "");
    let (x, y) = if cloud.is_from_numbers() {
        (Axis { name: "y", ..normal() }, Axis::new(Scale::linear(0.0, 0.42, 6), "density"))
    } else {
        (normal(), normal())
    };
    let source = Panel { left: 70, top: 40, width: 400, height: 400, x, y };
    let [x, y] = cloud.scales().map(|scale| Axis::new(scale, ""));
    let generated = Panel { left: 545, x, y, ..source };
    canvas.axes(&source);
    canvas.axes(&generated);
    let number = count(cloud.source.len());
    let name = if cloud.is_from_numbers() { "standard normal values y" } else { "normal vectors y" };
    canvas.heading(&source, &format!("{number} {name}"));
    canvas.heading(&generated, "ĥ(y) in the same colors");

    let mut omitted = Omitted::default();
    let colors = shades();
    let shaded = |points: &[Point]| points.iter().copied().zip(cloud.shades.iter().copied()).collect::<Vec<_>>();
    // Vectors that are not finite are counted once, with the points generated from them.
    omitted.outside += canvas.dots(&source, shaded(&cloud.source), &colors, 2.4).outside;
    if cloud.is_from_numbers() {
        let density = along(-4.5, 4.5, 180).map(|y| [y, normal_density(y)]);
        canvas.line(&source, density, Stroke::new(GRAY, 1.5));
    }
    canvas.line(&generated, (cloud.set.outline)(), OUTLINE);
    omitted += canvas.dots(&generated, shaded(&cloud.generated), &colors, dot_size(cloud, 2.4));

    let FigureText { file, title, alt, caption, .. } = cloud.set.generated;
    Figure::svg(file, canvas, title, caption.to_owned() + &omissions(omitted), alt)
}

/// Figure 8: the final points, and those after earlier epochs; `None` without snapshots.
pub(super) fn epochs(cloud: &PointCloud) -> Option<Figure> {
    if cloud.snapshots.is_empty() {
        return None;
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

    let (outline, colors) = ((cloud.set.outline)(), shades());
    let mut omitted = Omitted::default();
    let shown = cloud.generated.len().min(MAX_DOTS);
    for (index, (title, points)) in (0..).zip(&panels) {
        let left = margin + index % columns * (side + gap);
        let top = margin + index / columns * (side + heading) + heading - 8;
        let [x, y] = cloud.scales().map(Axis::unlabeled);
        let panel = Panel { left, top, width: side, height: side, x, y };
        canvas.frame(&panel);
        canvas.heading(&panel, title);
        canvas.line(&panel, outline.iter().copied(), Stroke::new(SILVER, 1.2));
        let dots = points.iter().copied().zip(cloud.shades.iter().copied()).take(shown);
        omitted += canvas.dots(&panel, dots, &colors, dot_size(cloud, 2.0));
    }
    let vectors = if cloud.is_from_numbers() { "numbers" } else { "vectors" };
    let caption = format!(
        "What ĥ generated from the same {} normal {vectors} after some epochs and at the end, in the colors and on the axes of \
         {}. Look for how early the order of the colors is correct, and which part of the shape is learned last.{}",
        count(shown),
        cloud.set.generated.name,
        omissions_of_all_panels(omitted),
    );
    let alt = format!("The points generated from the same normal {vectors} after several epochs");
    Some(Figure::svg("figure-8.svg", canvas, "Figure 8", caption, alt))
}
