//! Measures the samples. Every metric but the error of ĥ has a noise floor: its value for real data in place of the samples.

mod images;
mod inception;
mod losses;
mod pixels;
mod points;
mod values;

use std::time::Instant;

use gtn_run::schema::evaluation::METRICS;
use gtn_run::schema::{Metric, Statistic, snapshot};
use gtn_run::{Artifact, MetricRecord, Record, Stage, Statistics};
use ndarray::Array2;

use crate::context::{Context, fingerprint};
use crate::handoff::{Source, to_matrix};
use crate::results::Results;
use crate::{Result, baselines};
use values::{PROJECTIONS, SUBSETS};

/// Writes the metrics to the run folder.
pub(crate) fn run(results: Results<'_>, context: &mut Context<'_>) -> Result<()> {
    let Results { config, source, targets, pairs, trained, vae, .. } = results;
    let first_epoch = match source {
        Source::Points(points) if points.compares_first_epoch() => Some(Artifact::read(&context.run.snapshot(1))?),
        _ => None,
    };
    let first_checksum = first_epoch.as_ref().map(Artifact::checksum).unwrap_or_default();
    let mut parts = vec![trained.h_checksum.clone(), targets.checksum.clone(), first_checksum];
    match source {
        Source::Latents => parts.push(baselines::settings()),
        Source::Points(_) => {}
        Source::Images(_) => {
            parts.extend([
                pixels::settings(),
                baselines::settings(),
                trained.decoder_checksum.clone().unwrap_or_default(),
            ]);
            parts.extend(targets.test.as_ref().map(|test| test.checksum.clone()));
            parts.extend(pairs.test_checksum.clone());
            parts.extend(vae.map(|vae| vae.checksum.clone()));
            parts.extend(config.inception.as_ref().map(inception::settings));
        }
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let sizes = (SUBSETS.size, SUBSETS.count, PROJECTIONS, points::SIZES, images::SIZES);
    let fingerprint = fingerprint("evaluate", &(config.seed, config.dim, &config.data, sizes), &parts);
    let path = context.run.evaluation();
    if let Some(artifact) = context.completed(Stage::Evaluate, &path, &fingerprint)? {
        return record(&artifact.metadata(&METRICS).unwrap_or_default(), context);
    }

    let started = Instant::now();
    let (metrics, statistics) = match source {
        Source::Images(images) => {
            let mut statistics = losses::on_test_set(results, images)?;
            statistics.extend([losses::reconstruction_error(results, images)?]);
            let mut metrics = images::measure(results, context)?;
            metrics.extend(pixels::measure(results, images, context)?);
            metrics.extend(inception::measure(results, images, &fingerprint, context)?);
            statistics.extend(mixture_components(results, context)?);
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
        Source::Latents => {
            (images::measure(results, context)?, mixture_components(results, context)?.into_iter().collect())
        }
        Source::Points(points) => {
            let generated =
                |artifact: &Artifact| -> Result<Array2<f32>> { Ok(to_matrix(artifact.tensor(&snapshot::GENERATED)?)) };
            let first_epoch = first_epoch.as_ref().map(generated).transpose()?;
            (points::measure(*points, trained.generator()?, first_epoch, context)?, Statistics::new())
        }
    };
    record(&metrics, context)?;
    let mut artifact = Artifact::new(fingerprint);
    artifact.set_metadata(&METRICS, &metrics)?;
    context.write((Stage::Evaluate, started), artifact, statistics, &path)?;
    Ok(())
}

/// The number of components of the baseline, if there is one.
fn mixture_components(results: Results<'_>, context: &Context<'_>) -> Result<Option<(Statistic, f64)>> {
    let baselines = results.baselines.samples(Stage::Evaluate, context)?;
    Ok(baselines.map(|baselines| (Statistic::MixtureComponents, baselines.mixture_components as f64)))
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
