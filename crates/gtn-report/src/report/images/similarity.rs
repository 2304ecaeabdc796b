//! The cosine similarity of training pairs, in the order in which Algorithm 1 computed them.

use gtn_run::schema::image_samples::SIMILARITY_BY_RANK;

use super::super::section::Figure;
use super::super::tensors::Tensors;
use crate::Result;
use crate::axis_scale::Scale;
use crate::canvas::{Axis, Canvas, Panel, Point, Stroke};
use crate::palette::{BLUE, GRAY};

/// The figure, if the run has its tensor.
pub(super) fn figure(samples: &Tensors) -> Result<Option<Figure>> {
    if !samples.contains(&SIMILARITY_BY_RANK) {
        return Ok(None);
    }
    let similarities = samples.values(&SIMILARITY_BY_RANK, None)?;
    let count = similarities.len() as f64;
    let points: Vec<Point> =
        similarities.iter().enumerate().map(|(bin, similarity)| [(bin as f64 + 0.5) / count, *similarity]).collect();
    let finite: Vec<f64> = similarities.iter().copied().filter(|similarity| similarity.is_finite()).collect();
    let lowest = finite.iter().fold(0.0_f64, |low, similarity| low.min(*similarity));

    let mut canvas = Canvas::new(590, 390);
    let panel = Panel {
        left: 76,
        top: 44,
        width: 494,
        height: 286,
        x: Axis::new(Scale::linear(0.0, 1.0, 6), "rank of the pair, as a fraction of all pairs"),
        y: Axis::new(Scale::linear((1.05 * lowest).max(-1.02), 1.02, 8), "mean cosine similarity"),
    };
    canvas.axes(&panel);
    let mean = finite.iter().sum::<f64>() / finite.len().max(1) as f64;
    let (line, all) = (Stroke::new(BLUE, 2.0), Stroke::dashed(GRAY, 1.5));
    canvas.line(&panel, [[0.0, mean], [1.0, mean]], all);
    canvas.line(&panel, points, line);
    canvas.legend([f64::from(panel.left), 26.0], &[(line, "pairs by rank"), (all, "all pairs")]);

    let caption = "Algorithm 1 processes short normal vectors first. It pairs each with the most similar latent that is still \
                   free. A cosine similarity of 1 means equal directions. The curve falls because late pairs have few latents \
                   to choose from. The earlier and the deeper it falls, the noisier are the pairs that ĥ learns from. It \
                   falls earlier in higher dimensions, where fewer latents are close to a given direction.";
    let alt = "Mean cosine similarity of training pairs against their rank in the order of Algorithm 1";
    Ok(Some(Figure::svg("similarity.svg", canvas, "Similarity by rank", caption.to_owned(), alt)))
}
