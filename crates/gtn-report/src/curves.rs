//! Loss curves of one network, as an SVG image.

use gtn_run::EpochRecord;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::axis_scale::Scale;
use crate::palette::{BLUE, DARK_GRAY, LIGHT_GRAY, VERMILION};
use crate::{Error, Result};

/// Width and height in pixels, small enough to be legible at the width of a phone.
pub(crate) const SIZE: (u32, u32) = (560, 380);

/// Color of the mark at the best epoch.
const BEST: RGBColor = RGBColor(70, 70, 70);

/// Maximum number of epochs for which every epoch has a dot.
const MAX_DOTS: usize = 40;

/// Plots the training and validation loss of `network` against the epoch, with a mark at the best epoch, which is the last one
/// that improved the validation loss.
///
/// The axis of the loss is logarithmic if the losses are positive and cover a wide range. A loss that is not finite is a gap in
/// the curve. The result is `None` if no epoch has a finite loss.
///
/// # Errors
///
/// [`Error::Format`] if the drawing library fails.
pub fn loss_svg<'a>(network: &str, epochs: impl IntoIterator<Item = &'a EpochRecord>) -> Result<Option<String>> {
    let epochs: Vec<&EpochRecord> = epochs.into_iter().collect();
    let values = || epochs.iter().flat_map(|epoch| [epoch.train_loss, epoch.validation_loss]).filter(|v| drawable(*v));
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(v), b.max(v)));
    let numbers = || epochs.iter().map(|epoch| epoch.epoch);
    let (Some(first), Some(last), true) = (numbers().min(), numbers().max(), low <= high) else {
        return Ok(None);
    };
    let axes = (Scale::integers(first, last), Scale::new(low, high));
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&area, network, &epochs, &axes)
            .and_then(|()| area.present())
            .map_err(|error| Error::Format { what: "the loss curves", reason: error.to_string() })?;
    }
    Ok(Some(svg))
}

/// Losses are computed in f32, so larger values count as infinite.
fn drawable(loss: f64) -> bool {
    loss.abs() <= f64::from(f32::MAX)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Scale, Scale>>;
type DrawingError = DrawingAreaErrorKind<std::io::Error>;

fn draw(
    area: &Area<'_>,
    network: &str,
    epochs: &[&EpochRecord],
    (xs, ys): &(Scale, Scale),
) -> std::result::Result<(), DrawingError> {
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption(format!("Loss of the {network}"), ("sans-serif", 21).into_font().color(&DARK_GRAY))
        .margin(12)
        .x_label_area_size(54)
        .y_label_area_size(84)
        .build_cartesian_2d(xs.clone(), ys.clone())?;
    chart
        .configure_mesh()
        .bold_line_style(LIGHT_GRAY)
        .light_line_style(TRANSPARENT)
        .axis_style(DARK_GRAY)
        .x_desc("epoch")
        .y_desc(if ys.is_log() { "mean squared error (log scale)" } else { "mean squared error" })
        .label_style(("sans-serif", 18).into_font().color(&DARK_GRAY))
        .axis_desc_style(("sans-serif", 18).into_font().color(&DARK_GRAY))
        .draw()?;

    let best = epochs.iter().rev().find(|epoch| epoch.improved && drawable(epoch.validation_loss));
    if let Some(best) = best {
        let x = best.epoch as f64;
        let line = DashedLineSeries::new([(x, ys.range().start), (x, ys.range().end)], 2, 3, BEST.stroke_width(1));
        chart.draw_series(line)?;
    }
    draw_curve(&mut chart, epochs, &TRAINING)?;
    draw_curve(&mut chart, epochs, &VALIDATION)?;
    if let Some(best) = best {
        let at = (best.epoch as f64, best.validation_loss);
        chart
            .draw_series([Circle::new(at, 6, BEST.stroke_width(2))])?
            .label(format!("best epoch: {}", best.epoch))
            .legend(|(x, y)| Circle::new((x + 10, y), 5, BEST.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE)
        .border_style(LIGHT_GRAY)
        .label_font(("sans-serif", 18).into_font().color(&DARK_GRAY))
        .draw()
}

struct Curve {
    name: &'static str,
    color: RGBColor,
    /// Pixels between two dashes, so that the curves differ in grayscale too; 0 for a solid line.
    gap: i32,
    loss: fn(&EpochRecord) -> f64,
}

const TRAINING: Curve = Curve { name: "training", color: VERMILION, gap: 5, loss: |epoch| epoch.train_loss };
const VALIDATION: Curve = Curve { name: "validation", color: BLUE, gap: 0, loss: |epoch| epoch.validation_loss };

fn draw_curve<'a, 'b: 'a>(
    chart: &mut Chart<'a, 'b>,
    epochs: &[&EpochRecord],
    &Curve { name, color, gap, loss }: &Curve,
) -> std::result::Result<(), DrawingError> {
    let style = color.stroke_width(2);
    for piece in epochs.split(|epoch| !drawable(loss(epoch))) {
        let points: Vec<(f64, f64)> = piece.iter().map(|epoch| (epoch.epoch as f64, loss(epoch))).collect();
        if epochs.len() <= MAX_DOTS || points.len() == 1 {
            chart.draw_series(points.iter().map(|point| Circle::new(*point, 3, color.filled())))?;
        }
        if points.len() < 2 {
            continue;
        }
        if gap > 0 {
            chart.draw_series(DashedLineSeries::new(points, 7, gap, style))?;
        } else {
            chart.draw_series(LineSeries::new(points, style))?;
        }
    }
    // An empty series carries the legend, because a curve may have several pieces.
    chart.draw_series(std::iter::empty::<Circle<(f64, f64), i32>>())?.label(name).legend(move |at| {
        let dashes = [(0, 8), (8 + gap, 21)].map(|(from, to)| PathElement::new([(from, 0), (to, 0)], style));
        let [first, second] = dashes;
        EmptyElement::at(at) + first + second
    });
    Ok(())
}
