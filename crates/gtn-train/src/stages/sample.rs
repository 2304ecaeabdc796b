//! Draws the samples that the report shows.

mod images;

use std::time::Instant;

use gtn_math::{CdfMap, Homeomorphism, Normal, SwissRoll, Uniform};
use gtn_models::{Generator, purpose};
use gtn_run::config::Data;
use gtn_run::schema::point_samples as keys;
use gtn_run::{Artifact, Config, Network, Stage, Statistics};
use ndarray::{Array1, Array2, Axis, s};

use crate::Result;
use crate::pipeline::{Context, Handoff};
use crate::stages::fingerprint;
use crate::stages::fit::{SNAPSHOT_POINTS, snapshot_source};
use crate::stages::prepare::draw_points;

/// Number of pairs in the report.
const PAIRS: usize = 1_000;

pub(crate) fn run(config: &Config, handoff: &Handoff<'_>, context: &mut Context<'_>) -> Result<()> {
    let best = |network| -> Result<String> { Ok(Artifact::read(&context.run.best_checkpoint(network))?.checksum()) };
    let mut inputs = vec![handoff.targets.checksum.clone(), handoff.pairs.checksum.clone(), best(Network::H)?];
    if config.autoencoder.is_some() {
        inputs.push(best(Network::Autoencoder)?);
    }
    let mut improvements = Vec::new();
    if handoff.images.is_some() {
        improvements = images::improvements(context)?;
        inputs.extend(improvements.iter().map(|(_, snapshot)| snapshot.checksum()));
        inputs.push(images::settings());
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let sizes = (config.seed, images::sizes(config), SNAPSHOT_POINTS, PAIRS);
    let inputs = fingerprint("sample", &sizes, &inputs);
    let path = context.run.samples();
    if context.completed(Stage::Sample, &path, &inputs)?.is_some() {
        return Ok(());
    }

    let started = Instant::now();
    let generator = Generator::load_on(context.run.root(), &context.device)?;
    let mut artifact = Artifact::new(inputs);
    match handoff.images {
        Some(images) => {
            images::sample(config, &generator, handoff, images, &improvements, &mut artifact, context)?;
        }
        None => sample_points(config, &generator, handoff, &mut artifact, context)?,
    }
    context.write((Stage::Sample, started), artifact, Statistics::new(), &path)?;
    Ok(())
}

/// Generated and real points, some pairs, and for the swiss roll in one dimension ĥ and the exact h.
fn sample_points(
    config: &Config,
    generator: &Generator,
    &Handoff { targets, pairs, .. }: &Handoff<'_>,
    artifact: &mut Artifact,
    context: &Context<'_>,
) -> Result<()> {
    let source = snapshot_source(config, context);
    let generated = generator.map(source.view())?;
    artifact.insert(&keys::SOURCE, source);
    artifact.insert(&keys::GENERATED, generated);
    artifact.insert(&keys::REAL, draw_points(config, SNAPSHOT_POINTS, &context.streams, purpose::REAL, 0));

    // The normal vectors are in random order, so the first ones are a random sample.
    let count = PAIRS.min(pairs.train.source.nrows());
    let paired = targets.train.select(Axis(0), &pairs.train.assignment[..count]);
    artifact.insert(&keys::PAIRS_SOURCE, pairs.train.source.slice(s![..count, ..]).to_owned());
    artifact.insert(&keys::PAIRS_TARGET, targets.normalizer.normalize(paired.view()));

    if matches!(config.data, Data::SwissRoll(_)) && config.dim == 1 {
        let y: Array1<f32> = Array1::linspace(-4.0, 4.0, 321);
        let learned: Array2<f32> = generator.map(y.view().insert_axis(Axis(1)))?;
        artifact.insert(&keys::CURVE_EXACT, y.mapv(|y| exact_angle(f64::from(y)) as f32));
        artifact.insert(&keys::CURVE_LEARNED, learned.column(0).to_owned());
        artifact.insert(&keys::CURVE_Y, y);
    }
    Ok(())
}

/// h(y) = F_X⁻¹(F_Y(y)) of Theorem 2.1 from N(0, 1) to U(1.5π, 4.5π), which ĥ of the swiss roll approximates.
pub(crate) fn exact_angle(y: f64) -> f64 {
    let angles = SwissRoll::paper().angles();
    let uniform = Uniform::new(angles.lower(), angles.upper()).expect("the roll's angles are an interval");
    CdfMap::new(Normal::standard(), uniform).forward(&y).unwrap_or(f64::NAN)
}
