//! The values of metrics, and how they become records.

use std::collections::BTreeMap;

use gtn_metrics::Subsets;
use gtn_run::schema::{Baseline, Metric};
use gtn_run::{MetricRecord, Stage, StageProgress};

use crate::Result;
use crate::context::Context;

/// For the energy distance.
pub(super) const SUBSETS: Subsets = Subsets { size: 2_000, count: 5 };
/// For the sliced Wasserstein distance.
pub(super) const PROJECTIONS: usize = 200;
/// Nearest neighbors of precision and recall, as in their paper.
pub(super) const K_MANIFOLD: usize = 3;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SampleSet {
    /// Samples of ĥ.
    Generated,
    /// Real data in their place.
    NoiseFloor,
    Baseline(Baseline),
}

/// The metrics of one set of samples; `None` for one that cannot be measured.
pub(super) type Values<const N: usize> = [(Metric, Option<f64>); N];
/// The metrics of all sets.
pub(super) type ValuesBySet<const N: usize> = BTreeMap<SampleSet, Values<N>>;

/// The metrics of the generated samples, with their noise floors and baselines.
pub(super) fn records<const N: usize>(values: &ValuesBySet<N>, samples: usize) -> Vec<MetricRecord> {
    let value_of = |set: SampleSet, index: usize| values.get(&set).and_then(|values| values[index].1);
    let metrics = values.get(&SampleSet::Generated).into_iter().flatten().map(|(metric, _)| *metric);
    let record = |(index, metric): (usize, Metric)| {
        let baselines = Baseline::ALL.iter();
        let baselines = baselines.filter_map(|&name| Some((name, value_of(SampleSet::Baseline(name), index)?)));
        Some(MetricRecord {
            metric,
            value: value_of(SampleSet::Generated, index)?,
            floor: value_of(SampleSet::NoiseFloor, index),
            baselines: baselines.collect(),
            samples,
        })
    };
    metrics.enumerate().filter_map(record).collect()
}

/// `None` if too many held-out images are also training images: then copies cannot be recognized.
pub(super) fn unless_held_out_are_copies<T>(result: std::result::Result<T, gtn_metrics::Error>) -> Result<Option<T>> {
    match result {
        Err(gtn_metrics::Error::HeldOutInTraining) => Ok(None),
        result => Ok(Some(result?)),
    }
}

/// Reports progress, and stops if the observer asks for it.
pub(super) fn report_progress(done: usize, total: usize, context: &mut Context<'_>) -> Result<()> {
    context.check_stop(Stage::Evaluate)?;
    context.observer.progress(&StageProgress::new(Stage::Evaluate, done, total));
    Ok(())
}
