//! The uniform distribution on the unit square.

use gtn_data::synthetic;
use gtn_math::{Distribution, Uniform};
use gtn_metrics::ks_one_sample;
use gtn_run::MetricRecord;
use gtn_run::metric_constants::SQUARE_TOLERANCE;
use gtn_run::schema::Metric;
use ndarray::Array2;
use rand::RngCore;

use super::traits::{PointDataset, PointSamples, fraction, to_f64};
use crate::Result;

pub(super) struct Square;

impl PointDataset for Square {
    fn draw(&self, n: usize, rng: &mut dyn RngCore) -> Array2<f32> {
        synthetic::unit_square_points(n, rng)
    }

    fn metrics(&self, samples: &PointSamples) -> Result<Vec<MetricRecord>> {
        let uniform = Uniform::standard();
        let ks = |rows: &Array2<f32>| -> Result<f64> {
            let [a, b] = [0, 1].map(|column| ks_one_sample(&to_f64(rows.column(column)), |x| uniform.cdf(x)));
            Ok(a?.max(b?))
        };
        let allowed = -SQUARE_TOLERANCE..=1.0 + SQUARE_TOLERANCE;
        let outside = |rows: &Array2<f32>| Ok(fraction(rows, |row| !row.iter().all(|x| allowed.contains(x))));
        Ok(vec![samples.measure(Metric::KsCoordinate, ks)?, samples.measure(Metric::OutsideSupport, outside)?])
    }
}
