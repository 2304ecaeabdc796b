//! Samples of a run on synthetic data: the swiss roll, by angle or in the plane, and the unit square.

mod angles;
mod clouds;
mod pairs;
mod source_dimensions;

use gtn_math::{Distribution, Normal, SwissRoll};
use gtn_run::config::{Data, PointSource};
use gtn_run::schema::{TensorKey, point_samples as keys, snapshot};
use gtn_run::{Config, MetricsLog, RunFolder, Stage};

use super::section::{Item, Section};
use super::tensors::Tensors;
use crate::Result;
use crate::axis_scale::Scale;
use crate::canvas::{Axis, Point};
use crate::palette::shade;

/// What ĥ generates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PointKind {
    /// Angles of the swiss roll.
    Angles,
    /// Points of the swiss roll.
    Roll,
    /// Points of the unit square.
    Square,
}

impl PointKind {
    /// The kind of a configuration; `None` for images.
    pub(super) fn of(config: &Config) -> Option<Self> {
        match (&config.data, config.dim) {
            (Data::Points(PointSource::SwissRoll(_)), 1) => Some(PointKind::Angles),
            (Data::Points(PointSource::SwissRoll(_)), _) => Some(PointKind::Roll),
            (Data::Points(PointSource::Uniform(_)), _) => Some(PointKind::Square),
            (Data::Images(_), _) => None,
        }
    }

    /// The scale of both axes; the same in all figures, so that they can be compared.
    fn scale(self) -> Scale {
        match self {
            PointKind::Angles | PointKind::Roll => Scale::linear(-16.5, 16.5, 8),
            PointKind::Square => Scale::linear(-0.12, 1.12, 8),
        }
    }

    fn axis(self) -> Axis {
        Axis::new(self.scale(), "")
    }

    /// The curve that the points should be on, or the boundary of the square that they should fill.
    fn outline(self) -> Vec<Point> {
        match self {
            PointKind::Angles | PointKind::Roll => {
                let angles = SwissRoll::paper().angles();
                along(angles.lower(), angles.upper(), 240).map(on_roll).collect()
            }
            PointKind::Square => vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]],
        }
    }

    /// A tensor of samples, as points in the plane.
    fn points(self, tensors: &Tensors, tensor: &TensorKey<f32>, count: Option<usize>) -> Result<Vec<Point>> {
        match self {
            PointKind::Angles => {
                Ok(tensors.rows::<1>(tensor, count)?.into_iter().map(|[angle]| on_roll(angle)).collect())
            }
            PointKind::Roll | PointKind::Square => tensors.rows::<2>(tensor, count),
        }
    }
}

/// Normal vectors and generated points of a run, in the plane.
struct Cloud {
    kind: PointKind,
    /// Normal vectors. Normal numbers are spread over the area below the normal density.
    source: Vec<Point>,
    /// The shade of each normal vector: the rank of the number, or of its distance from the origin.
    shades: Vec<Option<usize>>,
    /// What ĥ generated from them.
    generated: Vec<Point>,
    /// What ĥ generated from them after earlier epochs.
    snapshots: Vec<(usize, Vec<Point>)>,
    /// The epoch of ĥ's best weights, if it is recorded.
    best_epoch: Option<usize>,
}

impl Cloud {
    fn read(run: &RunFolder, kind: PointKind, samples: &Tensors, log: &MetricsLog) -> Result<Self> {
        let (source, shades): (Vec<Point>, Vec<_>) = match kind {
            PointKind::Angles => {
                let numbers = samples.rows::<1>(&keys::SOURCE, None)?;
                numbers.into_iter().enumerate().map(|(index, [y])| (below_density(index, y), rank(y))).unzip()
            }
            PointKind::Roll | PointKind::Square => {
                samples.rows::<2>(&keys::SOURCE, None)?.into_iter().map(|y| (y, rank_of_distance(y))).unzip()
            }
        };
        let count = Some(source.len());
        let generated = kind.points(samples, &keys::GENERATED, count)?;
        let snapshots = clouds::select(run.snapshots()).into_iter().map(|(epoch, path)| {
            let points = kind.points(&Tensors::snapshot(&path)?, &snapshot::GENERATED, count)?;
            Ok((epoch, points))
        });
        let snapshots = snapshots.collect::<Result<_>>()?;
        let best_epoch = log.epochs(Stage::Fit).filter(|epoch| epoch.improved).map(|epoch| epoch.epoch).last();
        let shades = shades.into_iter().map(shade).collect();
        Ok(Self { kind, source, shades, generated, snapshots, best_epoch })
    }
}

/// The sections on the samples of a run.
pub(super) fn sections(run: &RunFolder, config: &Config, kind: PointKind, log: &MetricsLog) -> Result<Vec<Section>> {
    let samples = &Tensors::samples(run)?;
    let cloud = Cloud::read(run, kind, samples, log)?;
    let mut figures = Vec::new();
    let mut map = Vec::new();
    let mut comparison = None;
    match kind {
        PointKind::Angles => {
            let angles = angles::Angles::read(samples)?;
            figures.push(angles.distribution_functions()?);
            figures.push(clouds::samples(&cloud)?);
            map = vec![angles.map()?, angles.distribution()?];
        }
        PointKind::Roll => {
            figures.push(clouds::samples(&cloud)?);
            comparison = source_dimensions::figure(run, config, &cloud)?;
        }
        PointKind::Square => {
            figures.push(clouds::samples(&cloud)?);
            figures.push(pairs::figure(samples)?);
        }
    }
    figures.extend(clouds::epochs(&cloud)?);
    let section = |heading, side_by_side, figures: Vec<_>| Section {
        heading,
        side_by_side,
        items: figures.into_iter().map(Item::Figure).collect(),
    };
    let sections = [
        section("Figures of the paper", false, figures),
        section("Comparison of source dimensions 1 and 2", false, comparison.into_iter().collect()),
        section("The map and the distribution", true, map),
    ];
    Ok(sections.into_iter().filter(|section| !section.items.is_empty()).collect())
}

/// The point of the swiss roll at an angle, which may be beyond the ends of the roll.
fn on_roll(angle: f64) -> Point {
    [angle * angle.cos(), angle * angle.sin()]
}

/// `steps` + 1 numbers from `low` to `high`.
fn along(low: f64, high: f64, steps: u32) -> impl Iterator<Item = f64> {
    (0..=steps).map(move |step| low + (high - low) * f64::from(step) / f64::from(steps))
}

/// The probability of N(0, 1) below a number.
fn rank(y: f64) -> f64 {
    Normal::standard().cdf(y)
}

/// The probability of N(0, I) in the plane nearer to the origin.
fn rank_of_distance([a, b]: Point) -> f64 {
    -(-0.5 * (a * a + b * b)).exp_m1()
}

fn normal_density(y: f64) -> f64 {
    (-0.5 * y * y).exp() / std::f64::consts::TAU.sqrt()
}

/// A point for the `index`-th number between 0 and the density. Multiples of the golden ratio modulo 1 are distributed evenly, so
/// the points fill the area below the curve.
fn below_density(index: usize, y: f64) -> Point {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    [y, normal_density(y) * (index as f64 * GOLDEN).fract()]
}
