//! Measures what ĥ makes, each figure beside what real data reach in its place.

mod images;
mod points;

use std::time::Instant;

use gtn_metrics::Draws;
use gtn_run::{Artefact, Config, MetricRecord, Record, Stage, Step};

use crate::generator::{H, load_generator};
use crate::pipeline::Context;
use crate::stages::fingerprint;
use crate::targets::Targets;
use crate::{Error, Result};

/// For the energy distance.
const DRAWS: Draws = Draws { size: 2_000, draws: 5 };
/// For the sliced Wasserstein distance.
const PROJECTIONS: usize = 200;

const METRICS: &str = "metrics";

pub(crate) fn run(config: &Config, targets: &Targets, context: &mut Context<'_>) -> Result<()> {
    let weights = Artefact::read(&context.run.best_checkpoint(H))?.checksum();
    let first = points::first_epoch(config, context)?;
    let first_sum = first.as_ref().map(Artefact::checksum).unwrap_or_default();
    let sizes = (DRAWS.size, DRAWS.draws, PROJECTIONS, points::SIZES, images::SIZES);
    let settings = (config.seed, config.dim, &config.data, sizes);
    let made_from = fingerprint("evaluate", &settings, &[&weights, &targets.checksum, &first_sum]);
    let path = context.run.evaluation();
    if let Some(done) = context.done(Stage::Evaluate, &path, &made_from)? {
        return record(&done.note::<Vec<MetricRecord>>(METRICS).unwrap_or_default(), context);
    }

    let started = Instant::now();
    let generator = load_generator(context.run)?;
    let metrics = if config.data.are_images() {
        images::measure(targets, &generator, context)?
    } else {
        points::measure(config, &generator, first, context)?
    };
    record(&metrics, context)?;
    let mut artefact = Artefact::new(made_from);
    artefact.set_note(METRICS, &metrics)?;
    context.write((Stage::Evaluate, started), artefact, &[], &path)?;
    Ok(())
}

/// Puts the figures of merit into the log, unless it has them.
fn record(metrics: &[MetricRecord], context: &mut Context<'_>) -> Result<()> {
    if context.log.metrics().eq(metrics) {
        return Ok(());
    }
    context.log.forget_metrics()?;
    for metric in metrics {
        context.log.append(Record::Metric(metric.clone()))?;
        context.observer.metric(metric);
    }
    Ok(())
}

/// Tells how many parts are done, and passes the wish to stop on.
fn tell(done: usize, total: usize, context: &mut Context<'_>) -> Result<()> {
    if context.observer.stop_requested() {
        return Err(Error::Stopped { stage: Stage::Evaluate });
    }
    let (done, total) = (done as u64, total as u64);
    context.observer.step(&Step { stage: Stage::Evaluate, done, total, epoch: None, loss: None });
    Ok(())
}
