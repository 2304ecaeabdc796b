//! Loss curves of one network, as an SVG image.

use gtn_run::EpochRecord;

use crate::axis_scale::Scale;
use crate::canvas::{Axis, Canvas, Panel, Point, Stroke};
use crate::palette::{BLUE, Color, GREEN, ORANGE, PURPLE, SKY_BLUE, VERMILION};

/// Color of the mark at the best epoch.
const BEST: Color = Color(70, 70, 70);

/// Maximum number of epochs for which every epoch has a dot.
const MAX_DOTS: usize = 40;

/// One of the losses of an epoch.
type Loss = fn(&EpochRecord) -> f64;

/// Plots the training and validation loss of `network` against the epoch, with a mark at the best epoch, which is the last one
/// that improved the validation loss. The epochs may be those of a run that is still training, as in
/// [`MetricsLog::epochs`](gtn_run::MetricsLog::epochs).
///
/// The axis of the loss is logarithmic if the losses are positive and cover a wide range. A loss that is not finite is a gap in
/// the curve. The result is `None` if no epoch has a finite loss.
#[must_use]
pub fn loss_svg<'a>(network: &str, epochs: impl IntoIterator<Item = &'a EpochRecord>) -> Option<String> {
    draw(network, &epochs.into_iter().collect::<Vec<_>>()).map(Canvas::finish)
}

/// Losses are computed in f32, so larger values count as infinite.
fn drawable(loss: f64) -> bool {
    loss.abs() <= f64::from(f32::MAX)
}

/// The image of [`loss_svg`].
pub(crate) fn draw(network: &str, epochs: &[&EpochRecord]) -> Option<Canvas> {
    let values = || epochs.iter().flat_map(|epoch| [epoch.train_loss, epoch.validation_loss]).filter(|v| drawable(*v));
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let numbers = || epochs.iter().map(|epoch| epoch.epoch);
    let (first, last) = (numbers().min()?, numbers().max()?);
    if low > high {
        return None;
    }
    let scale = Scale::new(low, high);
    let loss = if scale.is_log() { "loss (log scale)" } else { "loss" };
    let (x, y) = (Axis::new(Scale::integers(first, last), "epoch"), Axis::new(scale, loss));
    let panel = Panel { left: 96, top: 62, width: 448, height: 264, x, y };
    // Small enough to be legible at the width of a phone.
    let mut canvas = Canvas::new(560, 380);
    canvas.axes(&panel);
    canvas.heading(&Panel { top: 30, ..panel.clone() }, &format!("Loss of the {network}"));

    let best = epochs.iter().rev().find(|epoch| epoch.improved && drawable(epoch.validation_loss));
    let best = best.and_then(|best| {
        let [x, y] = panel.to_pixels([best.epoch as f64, best.validation_loss])?;
        let (top, bottom) = (f64::from(panel.top), f64::from(panel.top + panel.height));
        canvas.lines([vec![[x, top], [x, bottom]]], Stroke::dashed(BEST, 1.0));
        Some(([x, y], format!("best epoch: {}", best.epoch)))
    });
    // The training loss is dashed, so that the curves differ in grayscale too.
    let (training, validation) = (Stroke::dashed(VERMILION, 2.0), Stroke::new(BLUE, 2.0));
    let curves: [(Stroke, Loss); 2] =
        [(training, |epoch| epoch.train_loss), (validation, |epoch| epoch.validation_loss)];
    for (stroke, loss) in curves {
        for piece in epochs.split(|epoch| !drawable(loss(epoch))) {
            let points: Vec<Point> = piece.iter().map(|epoch| [epoch.epoch as f64, loss(epoch)]).collect();
            canvas.line(&panel, points.iter().copied(), stroke);
            if epochs.len() <= MAX_DOTS || points.len() == 1 {
                canvas.dots(&panel, points.into_iter().map(|point| (point, Some(0))), &[stroke.color], 6.0);
            }
        }
    }
    let (x, y) = (f64::from(panel.left) + 30.0, 48.0);
    let mut legend = vec![(training, "training"), (validation, "validation")];
    if let Some((at, text)) = &best {
        canvas.ring(*at, BEST);
        canvas.ring([x + 12.0, y - 5.0], BEST);
        legend.insert(0, (Stroke::dashed(BEST, 1.0), text));
    }
    canvas.legend([x, y], &legend);
    Some(canvas)
}

/// Plots a metric of samples against the epoch, with a dot at each epoch that was the best so far, and a line at the value of real
/// data; `None` if no epoch has a finite value.
pub(crate) fn draw_sample_metric(title: &'static str, epochs: &[&EpochRecord], real: Option<f64>) -> Option<Canvas> {
    let points = epochs.iter().filter_map(|epoch| {
        let value = epoch.sample_metric.filter(|value| drawable(*value))?;
        Some(([epoch.epoch as f64, value], epoch.improved))
    });
    let points: Vec<(Point, bool)> = points.collect();
    let real = real.filter(|value| drawable(*value));
    let values = || points.iter().map(|([_, value], _)| *value).chain(real);
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), value| (a.min(value), b.max(value)));
    let (first, last) = (points.first()?.0[0], points.last()?.0[0]);
    let (x, y) =
        (Axis::new(Scale::integers(first as usize, last as usize), "epoch"), Axis::new(Scale::new(low, high), title));
    let panel = Panel { left: 96, top: 62, width: 448, height: 264, x, y };
    let mut canvas = Canvas::new(560, 380);
    canvas.axes(&panel);
    let mut letters = title.chars();
    let heading: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    canvas.heading(&Panel { top: 30, ..panel.clone() }, &heading);
    let (every, of_real) = (Stroke::new(BLUE, 1.0), Stroke::dashed(BEST, 1.5));
    canvas.line(&panel, points.iter().map(|(point, _)| *point), every);
    let improvements = points.iter().filter(|(_, improved)| *improved).map(|(point, _)| (*point, Some(0)));
    canvas.dots(&panel, improvements, &[VERMILION], 6.0);
    let mut legend = vec![(every, "each epoch"), (Stroke::new(VERMILION, 4.0), "best so far")];
    if let Some(real) = real {
        canvas.line(&panel, [[first, real], [last, real]], of_real);
        legend.push((of_real, "real images after the autoencoder"));
    }
    canvas.legend([f64::from(panel.left) + 10.0, 48.0], &legend);
    Some(canvas)
}

/// Colors of the curves of several runs. Further curves have the same colors and are dashed.
const RUNS: [Color; 6] = [BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY_BLUE];

/// Plots the validation loss of a network in several runs, each with its name; `None` if no epoch has a finite loss.
pub(crate) fn draw_validation_losses(network: &str, runs: &[(&str, Vec<&EpochRecord>)]) -> Option<Canvas> {
    let finite = |epochs: &Vec<&EpochRecord>| epochs.iter().any(|epoch| drawable(epoch.validation_loss));
    let runs: Vec<&(&str, Vec<&EpochRecord>)> = runs.iter().filter(|(_, epochs)| finite(epochs)).collect();
    let losses = || runs.iter().flat_map(|(_, epochs)| epochs.iter()).filter(|epoch| drawable(epoch.validation_loss));
    let (low, high) = losses().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), epoch| {
        (a.min(epoch.validation_loss), b.max(epoch.validation_loss))
    });
    let (first, last) = (losses().map(|epoch| epoch.epoch).min()?, losses().map(|epoch| epoch.epoch).max()?);
    let scale = Scale::new(low, high);
    let loss = if scale.is_log() { "loss (log scale)" } else { "loss" };
    let (x, y) = (Axis::new(Scale::integers(first, last), "epoch"), Axis::new(scale, loss));
    let panel = Panel { left: 96, top: 40, width: 448, height: 264, x, y };
    let mut canvas = Canvas::new(560, 370 + 20 * u32::try_from(runs.len()).unwrap_or_default());
    canvas.axes(&panel);
    canvas.heading(&panel, &format!("Validation loss of {network}"));
    for (index, (name, epochs)) in runs.iter().enumerate() {
        let color = RUNS[index % RUNS.len()];
        let stroke = if index < RUNS.len() { Stroke::new(color, 2.0) } else { Stroke::dashed(color, 2.0) };
        let points = epochs.iter().map(|epoch| [epoch.epoch as f64, epoch.validation_loss]);
        canvas.line(&panel, points.clone(), stroke);
        if epochs.len() <= MAX_DOTS {
            canvas.dots(&panel, points.map(|point| (point, Some(0))), &[color], 5.0);
        }
        let best = epochs.iter().rev().find(|epoch| epoch.improved && drawable(epoch.validation_loss));
        if let Some(at) = best.and_then(|best| panel.to_pixels([best.epoch as f64, best.validation_loss])) {
            canvas.ring(at, color);
        }
        canvas.legend([96.0, 374.0 + 20.0 * index as f64], &[(stroke, name)]);
    }
    Some(canvas)
}
