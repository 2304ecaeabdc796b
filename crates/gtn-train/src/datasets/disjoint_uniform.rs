//! The uniform distribution on two unit squares that lie apart (Appendix C).

use gtn_data::synthetic;
use gtn_metrics::ks_one_sample;
use gtn_run::MetricRecord;
use gtn_run::metric_constants::{SQUARE_LEFT_EDGES, SQUARE_TOLERANCE};
use gtn_run::schema::Metric;
use ndarray::{Array2, ArrayView1};
use rand::RngCore;

use super::traits::{PointDataset, PointSamples, fraction, to_f64};
use crate::Result;

pub(super) struct TwoSquares;

impl PointDataset for TwoSquares {
    fn draw(&self, n: usize, rng: &mut dyn RngCore) -> Array2<f32> {
        synthetic::two_squares_points(n, rng)
    }

    /// 0 for the left square and 1 for the right one, each with its tolerance.
    fn component_of(&self, point: ArrayView1<'_, f32>) -> Option<u32> {
        let allowed = -SQUARE_TOLERANCE..=1.0 + SQUARE_TOLERANCE;
        let is_inside = |left: &f32| allowed.contains(&(point[0] - left)) && allowed.contains(&point[1]);
        SQUARE_LEFT_EDGES.iter().position(is_inside).map(|square| square as u32)
    }

    fn metrics(&self, samples: &PointSamples) -> Result<Vec<MetricRecord>> {
        let ks = |rows: &Array2<f32>| -> Result<f64> {
            let a = ks_one_sample(&to_f64(rows.column(0)), first_coordinate_cdf)?;
            Ok(a.max(ks_one_sample(&to_f64(rows.column(1)), |x| x.clamp(0.0, 1.0))?))
        };
        let outside = |rows: &Array2<f32>| Ok(fraction(rows, |row| self.component_of(row).is_none()));
        let between = |rows: &Array2<f32>| Ok(fraction(rows, |row| is_between(row[0])));
        Ok(vec![
            samples.measure(Metric::KsCoordinate, ks)?,
            samples.measure(Metric::OutsideSupport, outside)?,
            samples.measure(Metric::BetweenSquares, between)?,
        ])
    }
}

/// The distribution function of the first coordinate: half of it rises on each square.
fn first_coordinate_cdf(x: f64) -> f64 {
    let on_square = |left: &f32| (x - f64::from(*left)).clamp(0.0, 1.0);
    SQUARE_LEFT_EDGES.iter().map(on_square).sum::<f64>() / SQUARE_LEFT_EDGES.len() as f64
}

/// Whether a first coordinate is between the squares.
fn is_between(x: f32) -> bool {
    let [left, right] = SQUARE_LEFT_EDGES;
    x > left + 1.0 + SQUARE_TOLERANCE && x < right - SQUARE_TOLERANCE
}

#[cfg(test)]
mod tests {
    use gtn_models::Streams;
    use ndarray::array;

    use super::*;

    #[test]
    fn every_point_has_the_component_of_its_square() {
        let points = TwoSquares.draw(1000, &mut Streams::new(1).stream("points", 0));
        for point in points.outer_iter() {
            assert_eq!(TwoSquares.component_of(point), Some(u32::from(point[0] > 1.5)));
        }
        for (point, component) in [
            ([-0.005, 1.005], Some(0)),
            ([2.0, 0.0], Some(1)),
            ([1.5, 0.5], None),
            ([0.5, 1.02], None),
            ([3.02, 0.5], None),
            ([f32::NAN, 0.5], None),
        ] {
            assert_eq!(TwoSquares.component_of(array![point[0], point[1]].view()), component, "{point:?}");
        }
    }

    #[test]
    fn real_points_are_at_the_noise_floor_and_others_are_counted() {
        let draw = |seed| TwoSquares.draw(4000, &mut Streams::new(seed).stream("points", 0));
        // A quarter of the points moves between the squares, and a quarter above them.
        let mut generated = draw(1);
        for (row, mut point) in generated.outer_iter_mut().enumerate() {
            match row % 4 {
                0 => point[0] = 1.5,
                1 => point[1] = 1.5,
                _ => {}
            }
        }
        let samples = PointSamples { source: draw(2), generated, real: draw(3), more_real: draw(4), first_epoch: None };
        let metrics = TwoSquares.metrics(&samples).unwrap();
        let of = |metric| metrics.iter().find(|record| record.metric == metric).unwrap();
        assert_eq!((of(Metric::OutsideSupport).value, of(Metric::OutsideSupport).floor), (0.5, Some(0.0)));
        assert_eq!((of(Metric::BetweenSquares).value, of(Metric::BetweenSquares).floor), (0.25, Some(0.0)));
        let ks = of(Metric::KsCoordinate);
        // P(√n D > 2.8) is below 1e-6 (Massart 1990). A quarter of one value of a coordinate is a jump of at least 1/8.
        assert!(ks.floor.unwrap() < 2.8 / 4000_f64.sqrt() && ks.value > 0.12, "{ks:?}");
    }

    #[test]
    fn the_first_coordinate_has_the_distribution_function_of_two_intervals() {
        let values = [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0].map(first_coordinate_cdf);
        assert_eq!(values, [0.0, 0.0, 0.25, 0.5, 0.5, 0.5, 0.75, 1.0, 1.0]);
    }
}
