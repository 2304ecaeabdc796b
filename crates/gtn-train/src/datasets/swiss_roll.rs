//! The swiss roll: its angles, and its points in the plane.

use gtn_data::synthetic;
use gtn_math::{CdfMap, Distribution, Homeomorphism, Normal, OpenInterval, SwissRoll, Uniform};
use gtn_metrics::ks_one_sample;
use gtn_run::MetricRecord;
use gtn_run::metric_constants::{EXTENDED_ANGLES, OFF_CURVE_DISTANCE};
use gtn_run::schema::Metric;
use ndarray::Array2;
use rand::RngCore;

use super::traits::{PointDataset, PointSamples, fraction, record, to_f64};
use crate::Result;

/// The angles, in one dimension.
pub(super) struct Angles;

/// The points, in two dimensions.
pub(super) struct Roll;

impl PointDataset for Angles {
    fn draw(&self, n: usize, rng: &mut dyn RngCore) -> Array2<f32> {
        synthetic::swiss_roll_angles(n, rng)
    }

    fn to_plane(&self, points: &Array2<f32>) -> Array2<f32> {
        synthetic::swiss_roll_from_angles(points.view())
    }

    fn exact_h(&self) -> Option<fn(f64) -> f64> {
        Some(exact_angle)
    }

    fn metrics(&self, samples: &PointSamples) -> Result<Vec<MetricRecord>> {
        let (angles, uniform) = uniform_angles();
        let ks = |rows: &Array2<f32>| Ok(ks_one_sample(&to_f64(rows.column(0)), |angle| uniform.cdf(angle))?);
        let outside = |rows: &Array2<f32>| {
            Ok(fraction(rows, |row| {
                // Real angles are rounded to f32 as well.
                !(angles.lower() as f32..=angles.upper() as f32).contains(&row[0])
            }))
        };
        let pairs = samples.source.iter().zip(&samples.generated);
        let squares = pairs.map(|(&y, &angle)| (f64::from(angle) - exact_angle(f64::from(y))).powi(2));
        let n = samples.generated.nrows();
        let error = (squares.sum::<f64>() / n as f64).sqrt();
        Ok(vec![
            samples.measure(Metric::KsAngle, ks)?,
            samples.measure(Metric::OutsideSupport, outside)?,
            record(Metric::HError, error, None, n),
        ])
    }
}

fn uniform_angles() -> (OpenInterval, Uniform) {
    let angles = SwissRoll::paper().angles();
    let uniform = Uniform::new(angles.lower(), angles.upper()).expect("the roll's angles are an interval");
    (angles, uniform)
}

/// h(y) = F_X⁻¹(F_Y(y)) of Theorem 2.1 from N(0, 1) to U(1.5π, 4.5π), which ĥ of the swiss roll approximates.
fn exact_angle(y: f64) -> f64 {
    CdfMap::new(Normal::standard(), uniform_angles().1).forward(&y).unwrap_or(f64::NAN)
}

impl PointDataset for Roll {
    fn draw(&self, n: usize, rng: &mut dyn RngCore) -> Array2<f32> {
        synthetic::swiss_roll_points(n, rng)
    }

    fn compares_first_epoch(&self) -> bool {
        true
    }

    /// Fraction of the points off the swiss roll, which is extended beyond its ends: other metrics measure points beyond the
    /// ends, and a source with another topology cannot avoid points beside the curve. For d = 1 no point is off the curve, since
    /// it is computed from its angle.
    fn metrics(&self, samples: &PointSamples) -> Result<Vec<MetricRecord>> {
        let extended = OpenInterval::new(EXTENDED_ANGLES.0, EXTENDED_ANGLES.1).expect("the interval is not empty");
        let roll = SwissRoll::new(extended).expect("the roll may start at 2");
        let off_curve = |points: &Array2<f32>| {
            fraction(points, |point| {
                let nearest = roll.nearest([f64::from(point[0]), f64::from(point[1])]);
                nearest.map_or(true, |nearest| nearest.distance > OFF_CURVE_DISTANCE)
            })
        };
        let floor = Some(off_curve(&samples.more_real));
        let measure = |metric, points: &Array2<f32>| record(metric, off_curve(points), floor, points.nrows());
        let first_epoch = samples.first_epoch.as_ref();
        let first_epoch = first_epoch.map(|points| measure(Metric::OffCurveFirstEpoch, points));
        Ok(first_epoch.into_iter().chain([measure(Metric::OffCurve, &samples.generated)]).collect())
    }
}
