//! Comparison of the swiss roll learned from source dimension 1 and from source dimension 2.

use gtn_math::{OpenInterval, SwissRoll};
use gtn_run::metric_constants::{EXTENDED_ANGLES, OFF_CURVE_DISTANCE};
use gtn_run::{Config, MetricsLog, RunFolder};

use super::super::data_sets::DataSet;
use super::super::section::{Figure, omissions_of_all_panels};
use super::super::tensors::Tensors;
use super::super::text::count;
use super::point_cloud::PointCloud;
use crate::canvas::{Axis, Canvas, Omitted, Panel, Point, Stroke};
use crate::palette::{BLUE, SILVER, VERMILION};
use crate::{Error, Result};

/// The figure, if the reference run exists and both runs have snapshots.
pub(super) fn figure(run: &RunFolder, config: &Config, plane: &PointCloud) -> Result<Option<Figure>> {
    let Some(line) = reference_run(run, config)? else {
        return Ok(None);
    };
    let (Some(line_first), Some(plane_first)) = (line.snapshots.first(), plane.snapshots.first()) else {
        return Ok(None);
    };
    let off_curve = OffCurve::new()?;
    let mut omitted = Omitted::default();
    let (margin, side, gap, heading) = (16, 340, 24, 34);
    let mut canvas = Canvas::new(2 * 16 + 2 * 340 + 24, 2 * 16 + 2 * (340 + 34));
    let rows = [(&line, line_first), (plane, plane_first)];
    for (row, (cloud, (epoch, first))) in (0..).zip(rows) {
        let columns = [(format!("after epoch {}", count(*epoch)), first), ("final".to_owned(), &cloud.generated)];
        for (column, (when, points)) in (0..).zip(columns) {
            let [x, y] = cloud.scales().map(Axis::unlabeled);
            let (left, top) = (margin + column * (side + gap), margin + row * (side + heading) + heading - 8);
            let panel = Panel { left, top, width: side, height: side, x, y };
            canvas.frame(&panel);
            canvas.line(&panel, (cloud.set.outline)(), Stroke::new(SILVER, 1.5));
            // A point that was computed from an angle is on the curve.
            let by_construction = cloud.is_from_numbers();
            let marked = if by_construction {
                points.iter().map(|point| (*point, Some(0))).collect()
            } else {
                off_curve.mark(points)
            };
            omitted += canvas.dots(&panel, marked.iter().copied(), &[BLUE, VERMILION], 2.2);
            let finite = marked.iter().filter(|(_, mark)| mark.is_some()).count();
            let far = marked.iter().filter(|(_, mark)| *mark == Some(1)).count();
            let percent = 100.0 * far as f64 / finite.max(1) as f64;
            let title = if by_construction {
                format!("d = 1, {when}: 0% off the curve by construction")
            } else {
                format!("d = 2, {when}: {percent:.1}% off the curve")
            };
            canvas.heading(&panel, &title);
        }
    }
    let caption = format!(
        "The swiss roll learned from standard normal values (top) and from normal vectors in the plane (bottom), after the first \
         recorded epoch (left) and at the end (right). Points farther than {OFF_CURVE_DISTANCE} from the curve, which is extended beyond \
         its ends, are vermilion. With d = 1, a point is on the curve for every angle that ĥ generates. With d = 2, nothing \
         keeps it there.{}",
        omissions_of_all_panels(omitted)
    );
    let alt = "Points of the swiss roll learned from one and from two dimensions, after the first epoch and at the end, with \
               the points off the curve marked";
    Ok(Some(Figure::svg("dimension.svg", canvas, "Source dimension", caption, alt)))
}

/// The points of the reference run; `None` if it does not exist, has another configuration, or has no samples yet.
fn reference_run(run: &RunFolder, config: &Config) -> Result<Option<PointCloud>> {
    let run = run.reference_run();
    let record = match run.record() {
        Err(gtn_run::Error::NotARun { .. }) => return Ok(None),
        record => record?,
    };
    // A run of another experiment cannot be compared.
    if config.reference_run().as_ref() != Some(&record.config) {
        return Ok(None);
    }
    let samples = match Tensors::samples(&run) {
        Err(Error::Unfinished { .. }) => return Ok(None),
        samples => samples?,
    };
    let log = MetricsLog::open(&run.metrics())?;
    let set = DataSet::of(&record.config).points;
    set.map(|set| PointCloud::read(&run, set, &samples, &log)).transpose()
}

/// Finds the points off the curve.
struct OffCurve {
    roll: SwissRoll,
}

impl OffCurve {
    fn new() -> Result<Self> {
        let fail = |reason: String| Error::Format { what: "distances from the swiss roll", reason };
        // The curve is extended, so that points beyond its ends do not count as off the curve.
        let angles =
            OpenInterval::new(EXTENDED_ANGLES.0, EXTENDED_ANGLES.1).map_err(|error| fail(error.to_string()))?;
        Ok(Self { roll: SwissRoll::new(angles).map_err(|error| fail(error.to_string()))? })
    }

    /// Each point with 0 if it is on the curve, 1 if it is off, and `None` if it is not finite.
    fn mark(&self, points: &[Point]) -> Vec<(Point, Option<usize>)> {
        let far =
            |point| self.roll.nearest(point).ok().map(|nearest| usize::from(nearest.distance > OFF_CURVE_DISTANCE));
        points.iter().map(|point| (*point, far(*point))).collect()
    }
}
