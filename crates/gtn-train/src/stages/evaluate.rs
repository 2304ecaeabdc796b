//! Measures the samples. Every metric but the error of ĥ has a noise floor: its value for real data in place of the samples.

mod images;
mod pixels;
mod points;
mod test_set;

use std::collections::BTreeMap;
use std::time::Instant;

use gtn_metrics::Subsets;
use gtn_models::Generator;
use gtn_run::schema::evaluation::METRICS;
use gtn_run::schema::{Baseline, Metric};
use gtn_run::{Artifact, Config, MetricRecord, Network, Record, Stage, StageProgress, Statistics};

use crate::pipeline::{Context, Handoff};
use crate::stages::fingerprint;
use crate::targets::Targets;
use crate::{Error, Result};

/// For the energy distance.
const SUBSETS: Subsets = Subsets { size: 2_000, count: 5 };
/// For the sliced Wasserstein distance.
const PROJECTIONS: usize = 200;

/// Whether there are enough real latents to measure samples, and to fit baselines to.
pub(crate) fn can_measure(targets: &Targets) -> bool {
    images::can_measure(targets)
}

pub(crate) fn run(config: &Config, handoff: &Handoff<'_>, context: &mut Context<'_>) -> Result<()> {
    let weights = Artifact::read(&context.run.best_checkpoint(Network::H))?.checksum();
    let first_epoch = points::first_epoch(config, context)?;
    let first_checksum = first_epoch.as_ref().map(Artifact::checksum).unwrap_or_default();
    let mut inputs = vec![weights, handoff.targets.checksum.clone(), first_checksum];
    if handoff.images.is_some() {
        let autoencoder = Artifact::read(&context.run.best_checkpoint(Network::Autoencoder))?;
        inputs.extend([pixels::settings(), autoencoder.checksum()]);
        inputs.extend(test_set::checksums(handoff));
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let sizes = (SUBSETS.size, SUBSETS.count, PROJECTIONS, points::SIZES, images::SIZES);
    let inputs = fingerprint("evaluate", &(config.seed, config.dim, &config.data, sizes), &inputs);
    let path = context.run.evaluation();
    if let Some(artifact) = context.completed(Stage::Evaluate, &path, &inputs)? {
        return record(&artifact.metadata(&METRICS).unwrap_or_default(), context);
    }

    let started = Instant::now();
    let generator = Generator::load_on(context.run.root(), &context.device)?;
    let (metrics, statistics) = match handoff.images {
        Some(images) => {
            let statistics = test_set::losses(handoff, images, &generator)?;
            let mut metrics = images::measure(handoff, &generator, context)?;
            metrics.extend(pixels::measure(handoff, images, &generator, context)?);
            let has = |metric| metrics.iter().any(|record| record.metric == metric);
            let lacks = |ratio, of| has(of) && !has(ratio);
            if lacks(Metric::NnDistanceRatio, Metric::Precision)
                || lacks(Metric::PixelNnDistanceRatio, Metric::PixelPrecision)
            {
                context.observer.note(
                    "many held-out images are also training images, so memorization cannot be measured for all samples",
                );
            }
            (metrics, statistics)
        }
        None => (points::measure(config, &generator, first_epoch, context)?, Statistics::new()),
    };
    record(&metrics, context)?;
    let mut artifact = Artifact::new(inputs);
    artifact.set_metadata(&METRICS, &metrics)?;
    context.write((Stage::Evaluate, started), artifact, statistics, &path)?;
    Ok(())
}

/// Appends the metrics to the log, unless it has them.
fn record(metrics: &[MetricRecord], context: &mut Context<'_>) -> Result<()> {
    if context.log.metrics().eq(metrics) {
        return Ok(());
    }
    context.log.remove_metrics()?;
    for metric in metrics {
        context.log.append(Record::Metric(metric.clone()))?;
        context.observer.metric(metric);
    }
    Ok(())
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum SampleSet {
    /// Samples of ĥ.
    Generated,
    /// Real data in their place.
    NoiseFloor,
    Baseline(Baseline),
}

/// The metrics of one set of samples; `None` for one that cannot be measured.
type Values<const N: usize> = [(Metric, Option<f64>); N];
/// The metrics of all sets.
type ValuesBySet<const N: usize> = BTreeMap<SampleSet, Values<N>>;

/// The metrics of the generated samples, with their noise floors and baselines.
fn records<const N: usize>(values: &ValuesBySet<N>, samples: usize) -> Vec<MetricRecord> {
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
fn unless_held_out_are_copies<T>(result: std::result::Result<T, gtn_metrics::Error>) -> Result<Option<T>> {
    match result {
        Err(gtn_metrics::Error::HeldOutInTraining) => Ok(None),
        result => Ok(Some(result?)),
    }
}

/// Reports progress, and stops if the observer asks for it.
fn report_progress(done: usize, total: usize, context: &mut Context<'_>) -> Result<()> {
    if context.observer.stop_requested() {
        return Err(Error::Stopped { stage: Stage::Evaluate });
    }
    context.observer.progress(&StageProgress::new(Stage::Evaluate, done, total));
    Ok(())
}
