//! How alike in direction the two vectors of a training pair are, in the order in which Algorithm 1 made the pairs.

use super::super::section::Figure;
use super::super::tensors::Tensors;
use crate::Result;
use crate::canvas::{Axis, Canvas, Panel, Point, Stroke};
use crate::palette::{BLUE, GRAY};
use crate::ticks::Scale;

const TENSOR: &str = "similarity.by_rank";

/// The figure, if the run has what it shows.
pub(super) fn figure(samples: &Tensors) -> Result<Option<Figure>> {
    if !samples.has(TENSOR) {
        return Ok(None);
    }
    let cosines = samples.numbers(TENSOR, None)?;
    let count = cosines.len() as f64;
    let points: Vec<Point> =
        cosines.iter().enumerate().map(|(bin, cosine)| [(bin as f64 + 0.5) / count, *cosine]).collect();
    let finite: Vec<f64> = cosines.iter().copied().filter(|cosine| cosine.is_finite()).collect();
    let lowest = finite.iter().fold(0.0_f64, |low, cosine| low.min(*cosine));

    let mut canvas = Canvas::new(590, 390);
    let panel = Panel {
        left: 76,
        top: 44,
        width: 494,
        height: 286,
        x: Axis::new(Scale::exactly(0.0, 1.0, 6), "rank of the pair, as a share of all pairs"),
        y: Axis::new(Scale::exactly((1.05 * lowest).max(-1.02), 1.02, 8), "mean cosine of a pair"),
    };
    canvas.axes(&panel);
    let mean = finite.iter().sum::<f64>() / finite.len().max(1) as f64;
    let (line, all) = (Stroke::new(BLUE, 2.0), Stroke::dashed(GRAY, 1.5));
    canvas.line(&panel, [[0.0, mean], [1.0, mean]], all);
    canvas.line(&panel, points, line);
    canvas.legend([f64::from(panel.left), 26.0], &[(line, "pairs of a rank"), (all, "all pairs")]);

    let caption = "Algorithm 1 serves short normal vectors first, and each takes the free latent of the most similar \
                   direction; 1 is the same direction. Early pairs find theirs, late ones take what is left, so that the \
                   curve falls: the further from 1 and the earlier it does, the noisier are the pairs that ĥ learns from. It \
                   falls earlier in more dimensions, where no latent lies in just the right direction.";
    let name = "The mean cosine between the vectors of a training pair against the rank at which the pair was made";
    Figure::drawn("similarity.svg", canvas, "Similarity by rank", caption.to_owned(), name).map(Some)
}
