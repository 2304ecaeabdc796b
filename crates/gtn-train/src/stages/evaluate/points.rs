//! Against the law that was to be learned.

use std::collections::BTreeMap;

use gtn_data::synthetic::roll_up;
use gtn_math::{Distribution, OpenInterval, SwissRoll, Uniform};
use gtn_metrics::{energy_distance, ks_from_cdf, mean_over_draws, sliced_wasserstein};
use gtn_models::Generator;
use gtn_run::config::Data;
use gtn_run::measures::{CONTINUED_ROLL, OFF_CURVE, OUTSIDE_SQUARE};
use gtn_run::{Artifact, Config, MetricRecord};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, s};

use super::{DRAWS, PROJECTIONS, tell};
use crate::Result;
use crate::pipeline::Context;
use crate::stages::prepare::draw_points;
use crate::stages::sample::exact_angle;

/// Samples that are drawn: those of `gtn sample RUN -n 100000` with the run's seed.
const SAMPLES: usize = 100_000;
/// For the sliced Wasserstein distance.
const SLICED: usize = 10_000;
/// What the results depend on beside the constants that images share.
pub(super) const SIZES: [usize; 2] = [SAMPLES, SLICED];

/// What ĥ made after its first epoch, where the dimension of its source is at issue.
pub(super) fn first_epoch(config: &Config, context: &Context<'_>) -> Result<Option<Artifact>> {
    let on_the_plane = matches!(config.data, Data::SwissRoll(_)) && config.dim == 2;
    Ok(if on_the_plane { Some(Artifact::read(&context.run.snapshot(1))?) } else { None })
}

pub(super) fn measure(
    config: &Config,
    generator: &Generator,
    first: Option<Artifact>,
    context: &mut Context<'_>,
) -> Result<Vec<MetricRecord>> {
    let source = generator.source(SAMPLES, &context.streams);
    let mut sides = Sides {
        config,
        generated: generator.map(source.view())?,
        real: draw_points(config, SAMPLES, &context.streams, "real", 1),
        again: draw_points(config, SAMPLES, &context.streams, "real", 2),
        source,
        first: first.and_then(|first| first.f32("generated").ok()?.clone().into_dimensionality().ok()),
        metrics: Vec::new(),
    };
    tell(0, 3, context)?;
    sides.by_law()?;
    tell(1, 3, context)?;
    sides.energy(context)?;
    tell(2, 3, context)?;
    sides.sliced(context)?;
    Ok(sides.metrics)
}

/// Generated rows, and two independent sets of real ones: against one the generated are measured, and in their place the other
/// gives the floor.
struct Sides<'a> {
    config: &'a Config,
    source: Array2<f32>,
    generated: Array2<f32>,
    real: Array2<f32>,
    again: Array2<f32>,
    /// What ĥ made after its first epoch, if it is there.
    first: Option<Array2<f32>>,
    metrics: Vec<MetricRecord>,
}

impl Sides<'_> {
    fn add(&mut self, metric: &str, value: f64, floor: Option<f64>, samples: usize) {
        let baselines = BTreeMap::new();
        self.metrics.push(MetricRecord { metric: metric.to_owned(), value, floor, baselines, samples });
    }

    /// What can be said because the law is known.
    fn by_law(&mut self) -> Result<()> {
        let angles = SwissRoll::of_the_paper().angles();
        match (&self.config.data, self.config.dim) {
            (Data::Mnist(_) | Data::Celeba(_) | Data::Hap(_), _) => {}
            (Data::SwissRoll(_), 1) => {
                let law = Uniform::new(angles.lower(), angles.upper()).expect("the roll's angles are an interval");
                let ks = |rows: &Array2<f32>| ks_from_cdf(&numbers(rows.column(0)), |angle| law.cdf(angle));
                let outside = |rows: &Array2<f32>| {
                    share(rows, |row| {
                        // The angles of real data are rounded to f32, too.
                        !(angles.lower() as f32..=angles.upper() as f32).contains(&row[0])
                    })
                };
                self.add("ks_angle", ks(&self.generated)?, Some(ks(&self.again)?), SAMPLES);
                self.add("outside", outside(&self.generated), Some(outside(&self.again)), SAMPLES);
                let pairs = self.source.iter().zip(&self.generated);
                let squares = pairs.map(|(&y, &angle)| (f64::from(angle) - exact_angle(f64::from(y))).powi(2));
                let error = (squares.sum::<f64>() / SAMPLES as f64).sqrt();
                self.add("h_error", error, None, SAMPLES);
            }
            (Data::SwissRoll(_), _) => self.off_curve()?,
            (Data::Uniform(_), _) => {
                let law = Uniform::standard();
                let ks = |rows: &Array2<f32>| -> Result<f64> {
                    let [a, b] = [0, 1].map(|column| ks_from_cdf(&numbers(rows.column(column)), |x| law.cdf(x)));
                    Ok(a?.max(b?))
                };
                let allowed = -OUTSIDE_SQUARE..=1.0 + OUTSIDE_SQUARE;
                let outside = |rows: &Array2<f32>| share(rows, |row| !row.iter().all(|x| allowed.contains(x)));
                self.add("ks_coordinate", ks(&self.generated)?, Some(ks(&self.again)?), SAMPLES);
                self.add("outside", outside(&self.generated), Some(outside(&self.again)), SAMPLES);
            }
        }
        Ok(())
    }

    /// Share of points away from the swiss roll, which is continued beyond its ends: leaving it at an end is told by other
    /// figures, leaving it sideways is what a source of another topology cannot help. From one dimension no point can: it is
    /// rolled up from its angle.
    fn off_curve(&mut self) -> Result<()> {
        let continued = OpenInterval::new(CONTINUED_ROLL.0, CONTINUED_ROLL.1).expect("the roll goes on");
        let roll = SwissRoll::new(continued).expect("the roll may start at 2");
        let off = |points: &Array2<f32>| {
            share(points, |point| {
                let nearest = roll.nearest([f64::from(point[0]), f64::from(point[1])]);
                nearest.map_or(true, |nearest| nearest.distance > OFF_CURVE)
            })
        };
        let floor = Some(off(&self.again));
        if let Some(first) = self.first.take() {
            self.add("off_curve_first_epoch", off(&first), floor, first.nrows());
        }
        self.add("off_curve", off(&self.generated), floor, SAMPLES);
        Ok(())
    }

    fn energy(&mut self, context: &Context<'_>) -> Result<()> {
        let [generated, real, again] = [&self.generated, &self.real, &self.again].map(|rows| self.in_plane(rows));
        let distance = |other: ArrayView2<'_, f32>, index| {
            mean_over_draws(real.view(), other, DRAWS, context.streams.stream("energy", index), energy_distance)
        };
        let (value, floor) = (distance(generated.view(), 0)?, distance(again.view(), 1)?);
        self.add("energy_distance", value, Some(floor), DRAWS.size);
        Ok(())
    }

    fn sliced(&mut self, context: &Context<'_>) -> Result<()> {
        let [generated, real, again] = [&self.generated, &self.real, &self.again].map(|rows| self.in_plane(rows));
        let first = s![..SLICED, ..];
        // The same directions for both, so that only the rows differ.
        let distance = |other: &Array2<f32>| {
            let directions = context.streams.stream("directions", 0);
            sliced_wasserstein(real.slice(first), other.slice(first), PROJECTIONS, directions)
        };
        let (value, floor) = (distance(&generated)?, distance(&again)?);
        self.add("sliced_wasserstein", value, Some(floor), SLICED);
        Ok(())
    }

    /// Rows as points of the plane.
    fn in_plane(&self, rows: &Array2<f32>) -> Array2<f32> {
        if rows.ncols() == 1 { roll_up(rows.view()) } else { rows.clone() }
    }
}

fn numbers(column: ArrayView1<'_, f32>) -> Vec<f64> {
    column.iter().map(|&value| f64::from(value)).collect()
}

fn share(rows: &Array2<f32>, holds: impl Fn(ArrayView1<'_, f32>) -> bool) -> f64 {
    rows.axis_iter(Axis(0)).filter(|row| holds(row.view())).count() as f64 / rows.nrows().max(1) as f64
}
