//! Normal vectors and what ĥ makes of them, in the same colors (Figure 3), and how that comes about (Figure 8).

use std::path::PathBuf;

use super::super::section::{Figure, left_out};
use super::super::text::count;
use super::{Cloud, Law, along, normal_density};
use crate::Result;
use crate::canvas::{Align, Axis, Canvas, LeftOut, Panel, Point, Stroke};
use crate::palette::{BACK, GRAY, INK, shades};
use crate::ticks::Scale;

/// Panels of Figure 8 with the final one, and the dots in each.
const MOST_PANELS: usize = 8;
const MOST_DOTS: usize = 2000;

const OUTLINE: Stroke = Stroke::new(BACK, 2.0);

/// The width of a dot: dots that follow one another on a curve may be larger than those that fill an area.
fn dot(law: Law, width: f64) -> f64 {
    if law == Law::Angles { 1.6 * width } else { width }
}

/// The normal vectors at the left, ĥ's images of them at the right.
pub(super) fn samples(cloud: &Cloud) -> Result<Figure> {
    let mut canvas = Canvas::new(960, 500);
    let normal = || Axis::new(Scale::exactly(-4.5, 4.5, 10), "");
    let (x, y) = match cloud.law {
        Law::Angles => (Axis { name: "y", ..normal() }, Axis::new(Scale::exactly(0.0, 0.42, 6), "density")),
        Law::Roll | Law::Square => (normal(), normal()),
    };
    let source = Panel { left: 70, top: 40, width: 400, height: 400, x, y };
    let image = Panel { left: 545, top: 40, width: 400, height: 400, x: cloud.law.axis(), y: cloud.law.axis() };
    canvas.axes(&source);
    canvas.axes(&image);
    let number = count(cloud.source.len());
    let from = if cloud.law == Law::Angles { "normal numbers y" } else { "normal vectors y" };
    canvas.heading(&source, &format!("{number} {from}"));
    canvas.heading(&image, "what ĥ makes of them");

    let mut missed = LeftOut::default();
    let colors = shades();
    let shaded = |points: &[Point]| points.iter().copied().zip(cloud.shades.iter().copied()).collect::<Vec<_>>();
    // Vectors that are not finite are counted once, with their images.
    missed.beyond += canvas.dots(&source, shaded(&cloud.source), &colors, 2.4).beyond;
    if cloud.law == Law::Angles {
        let density = along(-4.5, 4.5, 180).map(|y| [y, normal_density(y)]);
        canvas.line(&source, density, Stroke::new(GRAY, 1.5));
    }
    canvas.line(&image, cloud.law.outline(), OUTLINE);
    missed += canvas.dots(&image, shaded(&cloud.generated), &colors, dot(cloud.law, 2.4));

    let (file, lead, name, caption) = match cloud.law {
        Law::Angles => (
            "figure-3a.svg",
            "Figure 3(A), from the angle",
            "Normal numbers and the points of the swiss roll that the network made of them, in the same colors",
            "Left, normal numbers y, spread below their density and colored by rank. Right, the point of the swiss roll \
             at the angle ĥ(y), in the color of its y, over the exact curve (gray). Colors should follow the curve in \
             the same order from its inner end to its outer one, without gaps and evenly dense by angle; the ends, which \
             belong to the rarest y, are the hardest to reach.",
        ),
        Law::Roll => (
            "figure-3a.svg",
            "Figure 3(A), in the plane",
            "Normal vectors in the plane and the points that the network made of them, in the same colors",
            "Left, normal vectors y, colored by their distance from the origin. Right, ĥ(y) in the color of its y, over \
             the exact curve (gray). ĥ is continuous and the plane has one dimension more than the curve, so look for \
             points between the turns.",
        ),
        Law::Square => (
            "figure-3b.svg",
            "Figure 3(B)",
            "Normal vectors in the plane and the points that the network made of them, in the same colors",
            "Left, normal vectors y, colored by their distance from the origin. Right, ĥ(y) in the color of its y, with \
             the edge of the unit square (gray). Dots should fill the square evenly up to its edge and corners, and keep \
             the order of colors from the middle outwards.",
        ),
    };
    Figure::drawn(file, canvas, lead, caption.to_owned() + &left_out(missed), name)
}

/// The final samples and those after earlier epochs; nothing without snapshots.
pub(super) fn epochs(cloud: &Cloud) -> Result<Option<Figure>> {
    if cloud.snapshots.is_empty() {
        return Ok(None);
    }
    let last = match cloud.best {
        Some(best) => format!("final (epoch {})", count(best)),
        None => "final".to_owned(),
    };
    let before = cloud.snapshots.iter().map(|(epoch, points)| (format!("epoch {}", count(*epoch)), points));
    let panels: Vec<_> = before.chain([(last, &cloud.generated)]).collect();

    let (margin, gap, heading) = (12, 16, 30);
    let columns = if panels.len() <= 4 { panels.len() } else { panels.len().div_ceil(2) };
    let rows = panels.len().div_ceil(columns);
    let (columns, rows) = (columns as i32, rows as i32);
    let side = ((960 - 2 * margin - (columns - 1) * gap) / columns).min(300);
    let size = |tiles: i32, side: i32, gap: i32| (2 * margin + tiles * side + (tiles - 1) * gap).unsigned_abs();
    let mut canvas = Canvas::new(size(columns, side, gap), size(rows, side + heading, 0));

    let (outline, colors) = (cloud.law.outline(), shades());
    let mut missed = LeftOut::default();
    let shown = cloud.generated.len().min(MOST_DOTS);
    for (index, (title, points)) in (0..).zip(&panels) {
        let left = margin + index % columns * (side + gap);
        let top = margin + index / columns * (side + heading) + heading - 8;
        let axis = || Axis::unlabeled(cloud.law.scale());
        let panel = Panel { left, top, width: side, height: side, x: axis(), y: axis() };
        canvas.edge(&panel);
        canvas.text([f64::from(left) + 0.5 * f64::from(side), f64::from(top) - 8.0], Align::Middle, INK, title);
        canvas.line(&panel, outline.iter().copied(), Stroke::new(BACK, 1.2));
        let dots = points.iter().copied().zip(cloud.shades.iter().copied()).take(shown);
        missed += canvas.dots(&panel, dots, &colors, dot(cloud.law, 2.0));
    }
    let number = count(shown);
    let caption = format!(
        "What ĥ made of the same {number} normal vectors after some epochs and in the end, in the colors and the frame of \
         Figure 3. Look for how early the order of the colors is right, and for the part of the shape that comes \
         last.{}{}",
        if missed == LeftOut::default() { "" } else { " In all panels together:" },
        left_out(missed).to_lowercase(),
    );
    let name = "The points that the network made of the same normal vectors after several epochs";
    Figure::drawn("figure-8.svg", canvas, "Figure 8", caption, name).map(Some)
}

/// Which snapshots are shown: the first and the last, and others between them at even steps.
pub(super) fn shown(snapshots: Vec<(usize, PathBuf)>) -> Vec<(usize, PathBuf)> {
    let (most, all) = (MOST_PANELS - 1, snapshots.len());
    if all <= most {
        return snapshots;
    }
    let mut picked = (0..most).map(|step| (step * (all - 1) + (most - 1) / 2) / (most - 1)).peekable();
    let wanted = |(index, _): &(usize, _)| picked.next_if_eq(index).is_some();
    snapshots.into_iter().enumerate().filter(wanted).map(|(_, snapshot)| snapshot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_thinned_to_seven_with_both_ends() {
        for all in 0..40 {
            let snapshots: Vec<_> = (0..all).map(|epoch| (epoch, PathBuf::new())).collect();
            let shown: Vec<_> = shown(snapshots).into_iter().map(|(epoch, _)| epoch).collect();
            assert_eq!(shown.len(), all.min(7), "{shown:?}");
            assert_eq!(
                (shown.first().copied(), shown.last().copied()),
                (all.min(1).checked_sub(1), all.checked_sub(1))
            );
        }
    }
}
