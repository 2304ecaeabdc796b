//! Latents in the plane of their two principal components: real ones, ĥ's, and those of simpler generators.

use super::super::section::{Figure, left_out};
use super::super::tensors::Tensors;
use super::super::text::count;
use crate::Result;
use crate::canvas::{Axis, Canvas, LeftOut, Panel, Point};
use crate::palette::{BACK, BLUE, INK, VERMILION};
use crate::ticks::Scale;

/// The tensors, what they are, and their colors; the first is the real one.
const SETS: [(&str, &str, plotters::style::RGBColor); 4] = [
    ("scatter.real", "held-out real latents", BLUE),
    ("scatter.generated", "made by ĥ", VERMILION),
    ("scatter.gaussian", "from one Gaussian", INK),
    ("scatter.mixture", "from a mixture of ten Gaussians", INK),
];

/// Width of a panel, in pixels, and what is around it.
const ACROSS: i32 = 320;
const BESIDE: i32 = 48;
const ABOVE: i32 = 36;
const BELOW: i32 = 34;
const RIGHT: i32 = 14;

/// The figure, if the run has what it shows.
pub(super) fn figure(samples: &Tensors) -> Result<Option<Figure>> {
    let Some(share) = samples.note::<f64>("scatter_share").filter(|share| share.is_finite()) else {
        return Ok(None);
    };
    // Too few latents have nothing fitted to them.
    let there = SETS.iter().enumerate().filter(|(index, (tensor, ..))| *index < 2 || samples.has(tensor));
    let sets = there.map(|(_, (tensor, what, color))| Ok((samples.rows::<2>(tensor, None)?, *what, *color)));
    let sets = sets.collect::<Result<Vec<_>>>()?;
    let real: &[Point] = &sets[0].0;

    let reach = |axis: usize| {
        let places = real.iter().map(|point| point[axis].abs()).filter(|place| place.is_finite());
        places.fold(0.0_f64, f64::max)
    };
    // One unit for both axes, and little room above and below where there is nothing.
    let wide = if reach(0) > 0.0 { 1.15 * reach(0) } else { 1.0 };
    let high = (1.4 * reach(1)).clamp(0.5 * wide, wide);
    let up = (f64::from(ACROSS) * high / wide).round() as i32;
    let rows = sets.len().div_ceil(2) as i32;
    let (width, height) = (BESIDE + ACROSS + RIGHT, ABOVE + up + BELOW);
    let mut canvas = Canvas::new((2 * width).unsigned_abs(), (rows * height).unsigned_abs());
    let mut missed = LeftOut::default();
    for (index, (points, what, color)) in (0..).zip(&sets) {
        let axis = |half: f64, most| Axis::new(Scale::exactly(-half, half, most), "");
        let (left, top) = (index % 2 * width + BESIDE, index / 2 * height + ABOVE);
        let panel = Panel { left, top, width: ACROSS, height: up, x: axis(wide, 6), y: axis(high, 5) };
        canvas.axes(&panel);
        canvas.heading(&panel, &format!("{} {what}", count(points.len())));
        if index > 0 {
            // What is not there shows where real latents are not covered; it is counted where it is in front.
            canvas.dots(&panel, real.iter().map(|point| (*point, Some(0))), &[BACK], 2.6);
        }
        missed += canvas.dots(&panel, points.iter().map(|point| (*point, Some(0))), &[*color], 2.2);
    }
    let caption = format!(
        "Latents along the two directions in which those of the training images vary most, which hold {:.0}% of their \
         variance; gray behind the others, the real ones. Dots of ĥ should lie where real ones do, as densely, and leave the \
         gaps between kinds of images free, which one Gaussian cannot. Bridges across gaps are where ĥ, being continuous, \
         goes from one kind to another.{}{}",
        100.0 * share,
        if missed == LeftOut::default() { "" } else { " In all panels together:" },
        left_out(missed).to_lowercase(),
    );
    let name = "Real latents, those that the network made, and those of simpler generators, in the plane of the first two \
                principal components";
    Figure::drawn("latents.svg", canvas, "Latents in the plane", caption, name).map(Some)
}
