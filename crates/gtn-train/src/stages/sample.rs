//! Draws what the report shows.

mod images;

use std::time::Instant;

use gtn_math::{CdfMap, Homeomorphism, Normal, SwissRoll, Uniform};
use gtn_models::Generator;
use gtn_run::config::Data;
use gtn_run::{Artifact, Config, Stage};
use ndarray::{Array1, Array2, Axis, s};

use crate::Result;
use crate::generator::{AUTOENCODER, H, load_generator};
use crate::pipeline::{Context, Made};
use crate::stages::fingerprint;
use crate::stages::fit::{SHOWN, shown_source};
use crate::stages::prepare::draw_points;

/// Pairs that are shown.
const PAIRS: usize = 1_000;

pub(crate) fn run(config: &Config, made: &Made<'_>, context: &mut Context<'_>) -> Result<()> {
    let best = |network| -> Result<String> { Ok(Artifact::read(&context.run.best_checkpoint(network))?.checksum()) };
    let mut inputs = vec![made.targets.checksum.clone(), made.pairs.checksum.clone(), best(H)?];
    if config.autoencoder.is_some() {
        inputs.push(best(AUTOENCODER)?);
    }
    let mut improvements = Vec::new();
    if made.pictures.is_some() {
        improvements = images::improvements(context)?;
        inputs.extend(improvements.iter().map(|(_, snapshot)| snapshot.checksum()));
        inputs.push(images::extent());
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let [images, measured, ways, steps, bins] = images::sizes(config);
    let sizes = (config.seed, images, measured, SHOWN, PAIRS, ways, steps, bins);
    let made_from = fingerprint("sample", &sizes, &inputs);
    let path = context.run.samples();
    if context.done(Stage::Sample, &path, &made_from)?.is_some() {
        return Ok(());
    }

    let started = Instant::now();
    let generator = load_generator(context.run, &context.device)?;
    let mut artifact = Artifact::new(made_from);
    let variance_kept = match made.pictures {
        Some(pictures) => images::sample(config, &generator, made, pictures, &improvements, &mut artifact, context)?,
        None => sample_points(config, &generator, made, &mut artifact, context)?,
    };
    context.write((Stage::Sample, started), artifact, &[("variance_kept", variance_kept)], &path)?;
    Ok(())
}

/// Generated and real points, some pairs, and on the line ĥ beside the exact h; the share of the variance that is kept.
fn sample_points(
    config: &Config,
    generator: &Generator,
    &Made { targets, pairs, .. }: &Made<'_>,
    artifact: &mut Artifact,
    context: &Context<'_>,
) -> Result<f64> {
    let source = shown_source(config, context);
    let generated = generator.map(source.view())?;
    let variance_kept = gtn_metrics::variance_kept(targets.train.view(), generated.view())?;
    artifact.insert_f32("source", source.into_dyn());
    artifact.insert_f32("generated", generated.into_dyn());
    artifact.insert_f32("real", draw_points(config, SHOWN, &context.streams, "real", 0).into_dyn());

    // The normal vectors lie in random order, so the first ones are a fair choice.
    let shown = PAIRS.min(pairs.train.source.nrows());
    let paired = targets.train.select(Axis(0), &pairs.train.matching[..shown]);
    artifact.insert_f32("pairs.source", pairs.train.source.slice(s![..shown, ..]).to_owned().into_dyn());
    artifact.insert_f32("pairs.target", targets.normalizer.normalize(paired.view()).into_dyn());

    if matches!(config.data, Data::SwissRoll(_)) && config.dim == 1 {
        let y: Array1<f32> = Array1::linspace(-4.0, 4.0, 321);
        let learned: Array2<f32> = generator.map(y.view().insert_axis(Axis(1)))?;
        artifact.insert_f32("curve.exact", y.mapv(|y| exact_angle(f64::from(y)) as f32).into_dyn());
        artifact.insert_f32("curve.learned", learned.column(0).to_owned().into_dyn());
        artifact.insert_f32("curve.y", y.into_dyn());
    }
    Ok(variance_kept)
}

/// Theorem 2.1's h(y) = F_X⁻¹(F_Y(y)) from N(0, 1) to U(1.5π, 4.5π), by which ĥ of the swiss roll can be judged.
pub(crate) fn exact_angle(y: f64) -> f64 {
    let angles = SwissRoll::of_the_paper().angles();
    let uniform = Uniform::new(angles.lower(), angles.upper()).expect("the roll's angles are an interval");
    CdfMap::new(Normal::standard(), uniform).forward(&y).unwrap_or(f64::NAN)
}
