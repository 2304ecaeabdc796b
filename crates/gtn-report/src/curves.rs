//! The losses of one network's training against the epoch, as an SVG picture.

use gtn_run::EpochRecord;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::palette::{BLUE, FAINT, INK, VERMILION};
use crate::ticks::Scale;
use crate::{Error, Result};

/// Width and height; small enough that the letters are still legible when a phone shows the whole width.
pub(crate) const SIZE: (u32, u32) = (560, 380);

/// The mark at the best epoch.
const BEST: RGBColor = RGBColor(70, 70, 70);

/// Up to this many epochs every one has a dot.
const DOTS_UP_TO: usize = 40;

/// Draws training and validation loss of `network` against the epoch, with a mark at the best epoch: the last one that
/// improved on all before.
///
/// The axis of the loss is logarithmic when the losses are positive and spread wide. A loss that is not finite leaves a
/// gap. `None` if there is nothing to draw: no epochs, or none with a finite loss.
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
    let axes = (Scale::of_whole(first, last), Scale::of(low, high));
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&area, network, &epochs, &axes)
            .and_then(|()| area.present())
            .map_err(|error| Error::Format { what: "the loss curves", reason: error.to_string() })?;
    }
    Ok(Some(svg))
}

/// Losses are computed in f32; what lies beyond is as good as infinite.
fn drawable(loss: f64) -> bool {
    loss.abs() <= f64::from(f32::MAX)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Scale, Scale>>;
type Refusal = DrawingAreaErrorKind<std::io::Error>;

fn draw(
    area: &Area<'_>,
    network: &str,
    epochs: &[&EpochRecord],
    (xs, ys): &(Scale, Scale),
) -> std::result::Result<(), Refusal> {
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption(format!("Loss of the {network}"), ("sans-serif", 21).into_font().color(&INK))
        .margin(12)
        .x_label_area_size(54)
        .y_label_area_size(84)
        .build_cartesian_2d(xs.clone(), ys.clone())?;
    chart
        .configure_mesh()
        .bold_line_style(FAINT)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .x_desc("epoch")
        .y_desc(if ys.is_log() { "mean squared error (log scale)" } else { "mean squared error" })
        .label_style(("sans-serif", 18).into_font().color(&INK))
        .axis_desc_style(("sans-serif", 18).into_font().color(&INK))
        .draw()?;

    let best = epochs.iter().rev().find(|epoch| epoch.improved && drawable(epoch.validation_loss));
    if let Some(best) = best {
        let x = best.epoch as f64;
        let line = DashedLineSeries::new([(x, ys.range().start), (x, ys.range().end)], 2, 3, BEST.stroke_width(1));
        chart.draw_series(line)?;
    }
    draw_curve(&mut chart, epochs, &TRAINED)?;
    draw_curve(&mut chart, epochs, &VALIDATED)?;
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
        .border_style(FAINT)
        .label_font(("sans-serif", 18).into_font().color(&INK))
        .draw()
}

struct Curve {
    name: &'static str,
    color: RGBColor,
    /// Pixels between two dashes, which tell the curves apart in gray.
    gap: i32,
    loss: fn(&EpochRecord) -> f64,
}

const TRAINED: Curve = Curve { name: "training", color: VERMILION, gap: 5, loss: |epoch| epoch.train_loss };
const VALIDATED: Curve = Curve { name: "validation", color: BLUE, gap: 0, loss: |epoch| epoch.validation_loss };

fn draw_curve<'a, 'b: 'a>(
    chart: &mut Chart<'a, 'b>,
    epochs: &[&EpochRecord],
    &Curve { name, color, gap, loss }: &Curve,
) -> std::result::Result<(), Refusal> {
    let style = color.stroke_width(2);
    for piece in epochs.split(|epoch| !drawable(loss(epoch))) {
        let points: Vec<(f64, f64)> = piece.iter().map(|epoch| (epoch.epoch as f64, loss(epoch))).collect();
        if epochs.len() <= DOTS_UP_TO || points.len() == 1 {
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
    // The key of the legend stands on its own, for a curve may lie in several pieces.
    chart.draw_series(std::iter::empty::<Circle<(f64, f64), i32>>())?.label(name).legend(move |at| {
        let dashes = [(0, 8), (8 + gap, 21)].map(|(from, to)| PathElement::new([(from, 0), (to, 0)], style));
        let [first, second] = dashes;
        EmptyElement::at(at) + first + second
    });
    Ok(())
}
