//! The samples of a run on data drawn from a known law: the swiss roll, from its angle or in the plane, and the unit square.

mod angles;
mod clouds;
mod dimension;
mod pairs;

use gtn_math::{Distribution, Normal, SwissRoll};
use gtn_run::config::Data;
use gtn_run::{Config, MetricsLog, RunFolder, Stage};

use super::section::{Item, Section};
use super::tensors::Tensors;
use crate::Result;
use crate::canvas::{Axis, Point};
use crate::palette::shade;
use crate::ticks::Scale;

/// What ĥ makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Law {
    /// Angles of the swiss roll.
    Angles,
    /// Points of the swiss roll.
    Roll,
    /// Points of the unit square.
    Square,
}

impl Law {
    /// That of a configuration; `None` for images.
    pub(super) fn of(config: &Config) -> Option<Self> {
        match (&config.data, config.dim) {
            (Data::SwissRoll(_), 1) => Some(Law::Angles),
            (Data::SwissRoll(_), _) => Some(Law::Roll),
            (Data::Uniform(_), _) => Some(Law::Square),
            (Data::Mnist(_) | Data::Celeba(_) | Data::Hap(_), _) => None,
        }
    }

    /// The part of the plane that figures of its points show: the same for all, so that they can be compared.
    fn scale(self) -> Scale {
        match self {
            Law::Angles | Law::Roll => Scale::exactly(-16.5, 16.5, 8),
            Law::Square => Scale::exactly(-0.12, 1.12, 8),
        }
    }

    fn axis(self) -> Axis {
        Axis::new(self.scale(), "")
    }

    /// The curve that the points should lie on, or the edge that they should fill.
    fn outline(self) -> Vec<Point> {
        match self {
            Law::Angles | Law::Roll => {
                let angles = SwissRoll::of_the_paper().angles();
                along(angles.lower(), angles.upper(), 240).map(on_roll).collect()
            }
            Law::Square => vec![[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [0.0, 0.0]],
        }
    }

    /// A tensor of the law's samples, as points in the plane.
    fn points(self, tensors: &Tensors, tensor: &'static str, count: Option<usize>) -> Result<Vec<Point>> {
        match self {
            Law::Angles => Ok(tensors.rows::<1>(tensor, count)?.into_iter().map(|[angle]| on_roll(angle)).collect()),
            Law::Roll | Law::Square => tensors.rows::<2>(tensor, count),
        }
    }
}

/// What a run left for its figures, in the plane.
struct Cloud {
    law: Law,
    /// Where the normal vectors are shown; numbers lie somewhere below the normal density.
    source: Vec<Point>,
    /// The rank of each normal vector as a shade: of the number, or of the distance from the origin.
    shades: Vec<Option<usize>>,
    /// What ĥ made of them.
    generated: Vec<Point>,
    /// What it made of them after earlier epochs.
    snapshots: Vec<(usize, Vec<Point>)>,
    /// The epoch whose ĥ is the final one, if it is known.
    best: Option<usize>,
}

impl Cloud {
    fn read(run: &RunFolder, law: Law, samples: &Tensors, log: &MetricsLog) -> Result<Self> {
        let (source, shades): (Vec<Point>, Vec<_>) = match law {
            Law::Angles => {
                let numbers = samples.rows::<1>("source", None)?;
                numbers.into_iter().enumerate().map(|(index, [y])| (below_density(index, y), rank(y))).unzip()
            }
            Law::Roll | Law::Square => {
                samples.rows::<2>("source", None)?.into_iter().map(|y| (y, rank_of_distance(y))).unzip()
            }
        };
        let count = Some(source.len());
        let generated = law.points(samples, "generated", count)?;
        let snapshots = clouds::shown(run.snapshots()).into_iter().map(|(epoch, path)| {
            let points = law.points(&Tensors::snapshot(&path)?, "generated", count)?;
            Ok((epoch, points))
        });
        let snapshots = snapshots.collect::<Result<_>>()?;
        let best = log.epochs(Stage::Fit).filter(|epoch| epoch.improved).map(|epoch| epoch.epoch).last();
        let shades = shades.into_iter().map(shade).collect();
        Ok(Self { law, source, shades, generated, snapshots, best })
    }
}

/// The sections of a run's report that show its samples.
pub(super) fn sections(run: &RunFolder, config: &Config, law: Law, log: &MetricsLog) -> Result<Vec<Section>> {
    let samples = &Tensors::samples(run)?;
    let cloud = Cloud::read(run, law, samples, log)?;
    let mut figures = Vec::new();
    let mut map = Vec::new();
    let mut compared = None;
    match law {
        Law::Angles => {
            let angles = angles::Angles::read(samples)?;
            figures.push(angles.matching()?);
            figures.push(clouds::samples(&cloud)?);
            map = vec![angles.map()?, angles.law()?];
        }
        Law::Roll => {
            figures.push(clouds::samples(&cloud)?);
            compared = dimension::figure(run, config, &cloud)?;
        }
        Law::Square => {
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
        section("One dimension against two", false, compared.into_iter().collect()),
        section("The map and its law", true, map),
    ];
    Ok(sections.into_iter().filter(|section| !section.items.is_empty()).collect())
}

/// The point of the swiss roll at any angle, also where the roll is continued beyond its ends.
fn on_roll(angle: f64) -> Point {
    [angle * angle.cos(), angle * angle.sin()]
}

/// `steps` + 1 numbers from `low` to `high`.
fn along(low: f64, high: f64, steps: u32) -> impl Iterator<Item = f64> {
    (0..=steps).map(move |step| low + (high - low) * f64::from(step) / f64::from(steps))
}

/// The share of N(0, 1) below a number.
fn rank(y: f64) -> f64 {
    Normal::standard().cdf(y)
}

/// The share of N(0, I) in the plane that is nearer to the origin.
fn rank_of_distance([a, b]: Point) -> f64 {
    -(-0.5 * (a * a + b * b)).exp_m1()
}

fn normal_density(y: f64) -> f64 {
    (-0.5 * y * y).exp() / std::f64::consts::TAU.sqrt()
}

/// A place for the `index`-th number anywhere between 0 and the density: multiples of the golden ratio modulo 1 fill that
/// interval evenly, so that the dots fill the area below the curve.
fn below_density(index: usize, y: f64) -> Point {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    [y, normal_density(y) * (index as f64 * GOLDEN).fract()]
}
