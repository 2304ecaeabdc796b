//! What ĥ generated from the normal vectors of a run, as points in the plane.

use std::path::PathBuf;

use gtn_math::{Distribution, Normal};
use gtn_run::schema::{TensorKey, point_samples as keys, snapshot};
use gtn_run::{MetricsLog, RunFolder, Stage};

use super::super::data_sets::PointSet;
use super::super::tensors::Tensors;
use crate::Result;
use crate::axis_scale::Scale;
use crate::canvas::Point;
use crate::palette::shade;

/// Maximum number of snapshots.
const MAX_SNAPSHOTS: usize = 7;

/// Normal vectors and generated points of a run, in the plane.
pub(super) struct PointCloud {
    pub(super) set: PointSet,
    /// Normal vectors. Normal numbers are spread over the area below the normal density.
    pub(super) source: Vec<Point>,
    /// The shade of each normal vector: the rank of the number, or of its distance from the origin.
    pub(super) shades: Vec<Option<usize>>,
    /// What ĥ generated from them.
    pub(super) generated: Vec<Point>,
    /// What ĥ generated from them after earlier epochs.
    pub(super) snapshots: Vec<(usize, Vec<Point>)>,
    /// The epoch of ĥ's best weights, if it is recorded.
    pub(super) best_epoch: Option<usize>,
}

impl PointCloud {
    pub(super) fn read(run: &RunFolder, set: PointSet, samples: &Tensors, log: &MetricsLog) -> Result<Self> {
        let (source, ranks): (Vec<Point>, Vec<_>) = if set.embedding.is_some() {
            let numbers = samples.rows::<1>(&keys::SOURCE, None)?;
            let normal = Normal::standard();
            numbers.into_iter().enumerate().map(|(index, [y])| (below_density(index, y), normal.cdf(y))).unzip()
        } else {
            samples.rows::<2>(&keys::SOURCE, None)?.into_iter().map(|y| (y, rank_of_distance(y))).unzip()
        };
        let points = |tensors: &Tensors, tensor: &TensorKey<f32>| match set.embedding {
            Some(embedding) => {
                let numbers = tensors.rows::<1>(tensor, Some(source.len()))?;
                Ok(numbers.into_iter().map(|[number]| embedding(number)).collect())
            }
            None => tensors.rows::<2>(tensor, Some(source.len())),
        };
        let generated = points(samples, &keys::GENERATED)?;
        let snapshots = select(run.snapshots())
            .into_iter()
            .map(|(epoch, path)| Ok((epoch, points(&Tensors::snapshot(&path)?, &snapshot::GENERATED)?)));
        let snapshots = snapshots.collect::<Result<_>>()?;
        let best_epoch = log.epochs(Stage::Fit).filter(|epoch| epoch.improved).map(|epoch| epoch.epoch).last();
        let shades = ranks.into_iter().map(shade).collect();
        Ok(Self { set, source, shades, generated, snapshots, best_epoch })
    }

    /// Whether ĥ generates numbers from normal numbers, from which the points are computed.
    pub(super) fn is_from_numbers(&self) -> bool {
        self.set.embedding.is_some()
    }

    /// The scales of both axes.
    pub(super) fn scales(&self) -> [Scale; 2] {
        self.set.ranges.map(|(low, high)| Scale::linear(low, high, 8))
    }
}

/// The probability of N(0, I) in the plane nearer to the origin.
pub(super) fn rank_of_distance([a, b]: Point) -> f64 {
    -(-0.5 * (a * a + b * b)).exp_m1()
}

/// The density of N(0, 1).
pub(super) fn normal_density(y: f64) -> f64 {
    (-0.5 * y * y).exp() / std::f64::consts::TAU.sqrt()
}

/// A point for the `index`-th number between 0 and the density. Multiples of the golden ratio modulo 1 are distributed evenly, so
/// the points fill the area below the curve.
fn below_density(index: usize, y: f64) -> Point {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    [y, normal_density(y) * (index as f64 * GOLDEN).fract()]
}

/// The snapshots to show: the first, the last, and others between them at equal steps.
fn select(snapshots: Vec<(usize, PathBuf)>) -> Vec<(usize, PathBuf)> {
    let (max, all) = (MAX_SNAPSHOTS, snapshots.len());
    if all <= max {
        return snapshots;
    }
    let mut selected = (0..max).map(|step| (step * (all - 1) + (max - 1) / 2) / (max - 1)).peekable();
    let is_selected = |(index, _): &(usize, _)| selected.next_if_eq(index).is_some();
    snapshots.into_iter().enumerate().filter(is_selected).map(|(_, snapshot)| snapshot).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_most_seven_snapshots_are_selected_with_the_first_and_the_last() {
        for all in 0..40 {
            let snapshots: Vec<_> = (0..all).map(|epoch| (epoch, PathBuf::new())).collect();
            let selected: Vec<_> = select(snapshots).into_iter().map(|(epoch, _)| epoch).collect();
            assert_eq!(selected.len(), all.min(7), "{selected:?}");
            assert_eq!(
                (selected.first().copied(), selected.last().copied()),
                (all.min(1).checked_sub(1), all.checked_sub(1))
            );
        }
    }
}
