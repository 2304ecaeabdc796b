//! The swiss roll learned from one dimension and from two, side by side.

use gtn_math::{OpenInterval, SwissRoll};
use gtn_run::measures::{CONTINUED_ROLL, OFF_CURVE};
use gtn_run::{Config, MetricsLog, RunFolder};

use super::super::section::{Figure, left_out};
use super::super::tensors::Tensors;
use super::super::text::count;
use super::{Cloud, Law};
use crate::canvas::{Align, Axis, Canvas, LeftOut, Panel, Point, Stroke};
use crate::palette::{BACK, BLUE, INK, VERMILION};
use crate::{Error, Result};

/// The figure, if the run of one dimension is there and both have snapshots.
pub(super) fn figure(run: &RunFolder, config: &Config, plane: &Cloud) -> Result<Option<Figure>> {
    let Some(line) = companion(run, config)? else {
        return Ok(None);
    };
    let (Some(line_first), Some(plane_first)) = (line.snapshots.first(), plane.snapshots.first()) else {
        return Ok(None);
    };
    let off = OffCurve::new()?;
    let mut missed = LeftOut::default();
    let (margin, side, gap, heading) = (16, 340, 24, 34);
    let mut canvas = Canvas::new(2 * 16 + 2 * 340 + 24, 2 * 16 + 2 * (340 + 34));
    let rows = [(&line, line_first), (plane, plane_first)];
    for (row, (cloud, (epoch, first))) in (0..).zip(rows) {
        let columns = [(format!("after epoch {}", count(*epoch)), first), ("in the end".to_owned(), &cloud.generated)];
        for (column, (when, points)) in (0..).zip(columns) {
            let axis = || Axis::unlabeled(cloud.law.scale());
            let (left, top) = (margin + column * (side + gap), margin + row * (side + heading) + heading - 8);
            let panel = Panel { left, top, width: side, height: side, x: axis(), y: axis() };
            canvas.edge(&panel);
            canvas.line(&panel, cloud.law.outline(), Stroke::new(BACK, 1.5));
            // A point that was rolled up from an angle lies on the curve, whatever the angle.
            let by_construction = cloud.law == Law::Angles;
            let marked =
                if by_construction { points.iter().map(|point| (*point, Some(0))).collect() } else { off.mark(points) };
            missed += canvas.dots(&panel, marked.iter().copied(), &[BLUE, VERMILION], 2.2);
            let known = marked.iter().filter(|(_, mark)| mark.is_some()).count();
            let far = marked.iter().filter(|(_, mark)| *mark == Some(1)).count();
            let share = 100.0 * far as f64 / known.max(1) as f64;
            let title = if by_construction {
                format!("d = 1, {when}: 0% off the curve by construction")
            } else {
                format!("d = 2, {when}: {share:.1}% off the curve")
            };
            canvas.text([f64::from(left) + 0.5 * f64::from(side), f64::from(top) - 8.0], Align::Middle, INK, &title);
        }
    }
    let caption = format!(
        "The swiss roll learned from normal numbers (top) and from normal vectors in the plane (bottom), after the first \
         recorded epoch and in the end. Points farther than {OFF_CURVE} from the curve, continued beyond its ends, are \
         vermilion. With d = 1 a point lies on the curve whatever angle ĥ makes; with d = 2 nothing keeps \
         it there.{}",
        left_out(missed)
    );
    let name = "Points of the swiss roll from one and from two dimensions, early and late, those off the curve marked";
    Figure::drawn("dimension.svg", canvas, "The dimension of the source", caption, name).map(Some)
}

/// The run of the same experiment in one dimension; nothing if it is not there, is another, or has no samples yet.
fn companion(run: &RunFolder, config: &Config) -> Result<Option<Cloud>> {
    let run = run.companion();
    let record = match run.record() {
        Err(gtn_run::Error::NoRun { .. }) => return Ok(None),
        record => record?,
    };
    // One that something else left there says nothing about this run.
    if config.companion().as_ref() != Some(&record.config) {
        return Ok(None);
    }
    let samples = match Tensors::samples(&run) {
        Err(Error::NoSamples { .. }) => return Ok(None),
        samples => samples?,
    };
    let log = MetricsLog::open(&run.metrics())?;
    Cloud::read(&run, Law::Angles, &samples, &log).map(Some)
}

/// Tells which points lie off the curve.
struct OffCurve {
    roll: SwissRoll,
}

impl OffCurve {
    fn new() -> Result<Self> {
        let fail = |reason: String| Error::Format { what: "distances from the swiss roll", reason };
        // Continued as far as it can be, so that leaving the roll at an end is not taken for leaving it sideways.
        let angles = OpenInterval::new(CONTINUED_ROLL.0, CONTINUED_ROLL.1).map_err(|error| fail(error.to_string()))?;
        Ok(Self { roll: SwissRoll::new(angles).map_err(|error| fail(error.to_string()))? })
    }

    /// Each point with 0 on the curve, 1 off it, and nothing if it is not finite.
    fn mark(&self, points: &[Point]) -> Vec<(Point, Option<usize>)> {
        let far = |point| self.roll.nearest(point).ok().map(|place| usize::from(place.distance > OFF_CURVE));
        points.iter().map(|point| (*point, far(*point))).collect()
    }
}
