//! Metrics of points against the known distribution.

use std::collections::BTreeMap;

use gtn_data::synthetic::swiss_roll_from_angles;
use gtn_math::{Distribution, OpenInterval, SwissRoll, Uniform};
use gtn_metrics::{energy_distance, ks_one_sample, mean_over_subsets, sliced_wasserstein, variance_kept};
use gtn_models::{Generator, purpose};
use gtn_run::config::Data;
use gtn_run::metric_constants::{EXTENDED_ANGLES, OFF_CURVE_DISTANCE, SQUARE_TOLERANCE};
use gtn_run::schema::{Metric, snapshot};
use gtn_run::{Artifact, Config, MetricRecord};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};

use super::{PROJECTIONS, SUBSETS, report_progress};
use crate::Result;
use crate::pipeline::Context;
use crate::stages::prepare::draw_points;
use crate::stages::sample::exact_angle;

/// Number of samples: those of `gtn sample RUN -n 100000` with the seed of the run.
const SAMPLES: usize = 100_000;
/// Number of samples for the sliced Wasserstein distance.
const SLICED_SAMPLES: usize = 10_000;
/// Sizes that the results depend on, beside those that images share.
pub(super) const SIZES: [usize; 2] = [SAMPLES, SLICED_SAMPLES];

/// What ĥ generated after its first epoch, if the run compares source dimensions.
pub(super) fn first_epoch(config: &Config, context: &Context<'_>) -> Result<Option<Artifact>> {
    let is_plane = matches!(config.data, Data::SwissRoll(_)) && config.dim == 2;
    Ok(if is_plane { Some(Artifact::read(&context.run.snapshot(1))?) } else { None })
}

pub(super) fn measure(
    config: &Config,
    generator: &Generator,
    first_epoch: Option<Artifact>,
    context: &mut Context<'_>,
) -> Result<Vec<MetricRecord>> {
    let source = generator.sample_source(SAMPLES, &context.streams);
    let first_epoch = first_epoch.as_ref().map(|artifact| artifact.tensor(&snapshot::GENERATED)).transpose()?;
    let mut sets = PointSets {
        config,
        generated: generator.map(source.view())?,
        real: draw_points(config, SAMPLES, &context.streams, purpose::REAL, 1),
        more_real: draw_points(config, SAMPLES, &context.streams, purpose::REAL, 2),
        source,
        first_epoch: first_epoch.and_then(|points| points.clone().into_dimensionality().ok()),
        metrics: Vec::new(),
    };
    report_progress(0, 3, context)?;
    sets.measure_distribution()?;
    sets.measure_variance()?;
    report_progress(1, 3, context)?;
    sets.measure_energy_distance(context)?;
    report_progress(2, 3, context)?;
    sets.measure_sliced_wasserstein(context)?;
    Ok(sets.metrics)
}

/// Generated points and two independent sets of real ones. Generated points are compared with the first real set; the second
/// one, in their place, gives the noise floor.
struct PointSets<'a> {
    config: &'a Config,
    source: Array2<f32>,
    generated: Array2<f32>,
    real: Array2<f32>,
    more_real: Array2<f32>,
    /// What ĥ generated after its first epoch, if it is known.
    first_epoch: Option<Array2<f32>>,
    metrics: Vec<MetricRecord>,
}

impl PointSets<'_> {
    fn add(&mut self, metric: Metric, value: f64, floor: Option<f64>, samples: usize) {
        debug_assert_eq!(metric.has_noise_floor(), floor.is_some());
        self.metrics.push(MetricRecord { metric, value, floor, baselines: BTreeMap::new(), samples });
    }

    /// Metrics that the known distribution allows.
    fn measure_distribution(&mut self) -> Result<()> {
        let angles = SwissRoll::paper().angles();
        match (&self.config.data, self.config.dim) {
            (Data::Mnist(_) | Data::Celeba(_) | Data::Hap(_), _) => {}
            (Data::SwissRoll(_), 1) => {
                let uniform = Uniform::new(angles.lower(), angles.upper()).expect("the roll's angles are an interval");
                let ks = |rows: &Array2<f32>| ks_one_sample(&to_f64(rows.column(0)), |angle| uniform.cdf(angle));
                let outside = |rows: &Array2<f32>| {
                    fraction(rows, |row| {
                        // Real angles are rounded to f32 as well.
                        !(angles.lower() as f32..=angles.upper() as f32).contains(&row[0])
                    })
                };
                self.add(Metric::KsAngle, ks(&self.generated)?, Some(ks(&self.more_real)?), SAMPLES);
                self.add(Metric::OutsideSupport, outside(&self.generated), Some(outside(&self.more_real)), SAMPLES);
                let pairs = self.source.iter().zip(&self.generated);
                let squares = pairs.map(|(&y, &angle)| (f64::from(angle) - exact_angle(f64::from(y))).powi(2));
                let error = (squares.sum::<f64>() / SAMPLES as f64).sqrt();
                self.add(Metric::HError, error, None, SAMPLES);
            }
            (Data::SwissRoll(_), _) => self.measure_off_curve()?,
            (Data::Uniform(_), _) => {
                let uniform = Uniform::standard();
                let ks = |rows: &Array2<f32>| -> Result<f64> {
                    let [a, b] = [0, 1].map(|column| ks_one_sample(&to_f64(rows.column(column)), |x| uniform.cdf(x)));
                    Ok(a?.max(b?))
                };
                let allowed = -SQUARE_TOLERANCE..=1.0 + SQUARE_TOLERANCE;
                let outside = |rows: &Array2<f32>| fraction(rows, |row| !row.iter().all(|x| allowed.contains(x)));
                self.add(Metric::KsCoordinate, ks(&self.generated)?, Some(ks(&self.more_real)?), SAMPLES);
                self.add(Metric::OutsideSupport, outside(&self.generated), Some(outside(&self.more_real)), SAMPLES);
            }
        }
        Ok(())
    }

    /// Fraction of the points off the swiss roll, which is extended beyond its ends: other metrics measure points beyond the
    /// ends, and a source with another topology cannot avoid points beside the curve. For d = 1 no point is off the curve, since
    /// it is computed from its angle.
    fn measure_off_curve(&mut self) -> Result<()> {
        let extended = OpenInterval::new(EXTENDED_ANGLES.0, EXTENDED_ANGLES.1).expect("the interval is not empty");
        let roll = SwissRoll::new(extended).expect("the roll may start at 2");
        let off_curve = |points: &Array2<f32>| {
            fraction(points, |point| {
                let nearest = roll.nearest([f64::from(point[0]), f64::from(point[1])]);
                nearest.map_or(true, |nearest| nearest.distance > OFF_CURVE_DISTANCE)
            })
        };
        let floor = Some(off_curve(&self.more_real));
        if let Some(first_epoch) = self.first_epoch.take() {
            self.add(Metric::OffCurveFirstEpoch, off_curve(&first_epoch), floor, first_epoch.nrows());
        }
        self.add(Metric::OffCurve, off_curve(&self.generated), floor, SAMPLES);
        Ok(())
    }

    fn measure_variance(&mut self) -> Result<()> {
        let ratio = |set: &Array2<f32>| variance_kept(self.real.view(), set.view());
        let (value, floor) = (ratio(&self.generated)?, ratio(&self.more_real)?);
        self.add(Metric::VarianceKept, value, Some(floor), SAMPLES);
        Ok(())
    }

    fn measure_energy_distance(&mut self, context: &Context<'_>) -> Result<()> {
        let [generated, real, more_real] = self.in_plane();
        let distance = |other: ArrayView2<'_, f32>, index| {
            let mut draws = context.streams.stream(purpose::ENERGY, index);
            mean_over_subsets(real.view(), other, SUBSETS, &mut draws, energy_distance)
        };
        let (value, floor) = (distance(generated.view(), 0)?, distance(more_real.view(), 1)?);
        self.add(Metric::EnergyDistance, value, Some(floor), SUBSETS.size);
        Ok(())
    }

    fn measure_sliced_wasserstein(&mut self, context: &Context<'_>) -> Result<()> {
        let [generated, real, more_real] = self.in_plane();
        let first_rows = s![..SLICED_SAMPLES, ..];
        // The same directions for both, so that only the points differ.
        let distance = |other: &Array2<f32>| {
            let mut directions = context.streams.stream(purpose::DIRECTIONS, 0);
            sliced_wasserstein(real.slice(first_rows), other.slice(first_rows), PROJECTIONS, &mut directions)
        };
        let (value, floor) = (distance(&generated)?, distance(&more_real)?);
        self.add(Metric::SlicedWasserstein, value, Some(floor), SLICED_SAMPLES);
        Ok(())
    }

    /// Generated points and both real sets, in the plane.
    fn in_plane(&self) -> [Array2<f32>; 3] {
        [&self.generated, &self.real, &self.more_real]
            .map(|rows| if rows.ncols() == 1 { swiss_roll_from_angles(rows.view()) } else { rows.clone() })
    }
}

fn to_f64(column: ArrayView1<'_, f32>) -> Vec<f64> {
    column.iter().map(|&value| f64::from(value)).collect()
}

fn fraction(rows: &Array2<f32>, condition: impl Fn(ArrayView1<'_, f32>) -> bool) -> f64 {
    rows.axis_iter(Axis(0)).filter(|row| condition(row.view())).count() as f64 / rows.nrows().max(1) as f64
}
