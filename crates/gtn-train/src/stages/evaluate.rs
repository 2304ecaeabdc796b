//! Measures what ĥ makes, each figure beside what real data reach in its place.

mod images;
mod pixels;
mod points;
mod test_set;

use std::collections::BTreeMap;
use std::time::Instant;

use gtn_metrics::Draws;
use gtn_run::{Artifact, Config, MetricRecord, Record, Stage, Step};

use crate::generator::{AUTOENCODER, H, load_generator};
use crate::pipeline::{Context, Made};
use crate::stages::fingerprint;
use crate::targets::Targets;
use crate::{Error, Result};

/// For the energy distance.
const DRAWS: Draws = Draws { size: 2_000, draws: 5 };
/// For the sliced Wasserstein distance.
const PROJECTIONS: usize = 200;

const METRICS: &str = "metrics";

/// Whether there are real latents enough to say something of, and to fit simpler generators to.
pub(crate) fn can_measure(targets: &Targets) -> bool {
    images::can_measure(targets)
}

pub(crate) fn run(config: &Config, made: &Made<'_>, context: &mut Context<'_>) -> Result<()> {
    let weights = Artifact::read(&context.run.best_checkpoint(H))?.checksum();
    let first = points::first_epoch(config, context)?;
    let first_sum = first.as_ref().map(Artifact::checksum).unwrap_or_default();
    let mut inputs = vec![weights, made.targets.checksum.clone(), first_sum];
    if made.pictures.is_some() {
        inputs.extend([pixels::extent(), Artifact::read(&context.run.best_checkpoint(AUTOENCODER))?.checksum()]);
        inputs.extend(test_set::identity(made));
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let sizes = (DRAWS.size, DRAWS.draws, PROJECTIONS, points::SIZES, images::SIZES);
    let made_from = fingerprint("evaluate", &(config.seed, config.dim, &config.data, sizes), &inputs);
    let path = context.run.evaluation();
    if let Some(done) = context.done(Stage::Evaluate, &path, &made_from)? {
        return record(&done.note::<Vec<MetricRecord>>(METRICS).unwrap_or_default(), context);
    }

    let started = Instant::now();
    let generator = load_generator(context.run, &context.device)?;
    let (metrics, facts) = match made.pictures {
        Some(pictures) => {
            let facts = test_set::losses(made, pictures, &generator)?;
            let mut metrics = images::measure(made, &generator, context)?;
            metrics.extend(pixels::measure(made, pictures, &generator, context)?);
            let count = |name| metrics.iter().filter(|metric| metric.metric.ends_with(name)).count();
            if count("memorization") < count("precision") {
                context.observer.note("many held-out images are training images, too; copies of these cannot be told");
            }
            (metrics, facts)
        }
        None => (points::measure(config, &generator, first, context)?, Vec::new()),
    };
    record(&metrics, context)?;
    let mut artifact = Artifact::new(made_from);
    artifact.set_note(METRICS, &metrics)?;
    context.write((Stage::Evaluate, started), artifact, &facts, &path)?;
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

/// The figures of one set, by name; one that cannot be told is missing.
type Figures<const N: usize> = [(&'static str, Option<f64>); N];
/// Those of all sets: of the samples, of the real ones that stand for the floor, and of others by their names.
type Found<const N: usize> = BTreeMap<&'static str, Figures<N>>;
const GTN: &str = "gtn";
const FLOOR: &str = "floor";

/// The figures of the samples, each beside its floor and what the sets of `baselines` reach.
fn records<const N: usize>(found: &Found<N>, baselines: &[&str], samples: usize) -> Vec<MetricRecord> {
    let of = |set: &str, index: usize| found.get(set).and_then(|figures| figures[index].1);
    let names = found.get(GTN).into_iter().flatten().map(|(name, _)| *name);
    let record = |(index, name): (usize, &str)| {
        let baselines = baselines.iter().filter_map(|set| Some(((*set).to_owned(), of(set, index)?))).collect();
        let (value, floor) = (of(GTN, index)?, of(FLOOR, index));
        Some(MetricRecord { metric: name.to_owned(), value, floor, baselines, samples })
    };
    names.enumerate().filter_map(record).collect()
}

/// Copies of training images cannot be told where held-out ones are copies, too: then there is no such figure.
fn unless_held_out_are_copies<T>(found: std::result::Result<T, gtn_metrics::Error>) -> Result<Option<T>> {
    match found {
        Err(gtn_metrics::Error::HeldOutInTraining) => Ok(None),
        found => Ok(Some(found?)),
    }
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
