//! Draws what the report shows.

use std::time::Instant;

use gtn_math::{CdfMap, Homeomorphism, Normal, SwissRoll, Uniform};
use gtn_models::Generator;
use gtn_run::config::Data;
use gtn_run::{Artefact, Config, Stage};
use ndarray::{Array1, Array2, Axis, s};

use crate::Result;
use crate::generator::{AUTOENCODER, H, load_generator};
use crate::pipeline::Context;
use crate::stages::fingerprint;
use crate::stages::fit::{SHOWN, shown_source};
use crate::stages::label::Pairs;
use crate::stages::prepare::draw_points;
use crate::targets::Targets;

/// Images of each grid.
const IMAGES: usize = 100;
/// Latents that statistics are taken from.
const MEASURED: usize = 10_000;
/// Pairs that are shown.
const PAIRS: usize = 1_000;

pub(crate) fn run(config: &Config, targets: &Targets, pairs: &Pairs, context: &mut Context<'_>) -> Result<()> {
    let best = |network| -> Result<String> { Ok(Artefact::read(&context.run.best_checkpoint(network))?.checksum()) };
    let mut inputs = vec![targets.checksum.clone(), pairs.checksum.clone(), best(H)?];
    if config.autoencoder.is_some() {
        inputs.push(best(AUTOENCODER)?);
    }
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let made_from = fingerprint("sample", &(config.seed, IMAGES, MEASURED, SHOWN, PAIRS), &inputs);
    let path = context.run.samples();
    if context.done(Stage::Sample, &path, &made_from)?.is_some() {
        return Ok(());
    }

    let started = Instant::now();
    let generator = load_generator(context.run)?;
    let mut artefact = Artefact::new(made_from);
    let variance_kept = if config.data.are_images() {
        sample_images(&generator, targets, &mut artefact, context)?
    } else {
        sample_points(config, &generator, targets, pairs, &mut artefact, context)?
    };
    context.write((Stage::Sample, started), artefact, &[("variance_kept", variance_kept)], &path)?;
    Ok(())
}

/// Generated images and decoded real ones; the share of the latents' variance that is kept.
fn sample_images(
    generator: &Generator,
    targets: &Targets,
    artefact: &mut Artefact,
    context: &Context<'_>,
) -> Result<f64> {
    let drawn = generator.sample_latents(MEASURED, &context.streams)?;
    let real = targets.validation.slice(s![..IMAGES.min(targets.validation.nrows()), ..]);
    artefact.insert_f32("generated", generator.decode(drawn.slice(s![..IMAGES, ..]))?.into_dyn());
    artefact.insert_f32("decoded", generator.decode(real)?.into_dyn());
    Ok(gtn_metrics::variance_kept(targets.train.view(), drawn.view())?)
}

/// Generated and real points, some pairs, and on the line ĥ beside the exact h; the share of the variance that is kept.
fn sample_points(
    config: &Config,
    generator: &Generator,
    targets: &Targets,
    pairs: &Pairs,
    artefact: &mut Artefact,
    context: &Context<'_>,
) -> Result<f64> {
    let source = shown_source(config, context);
    let generated = generator.map(source.view())?;
    let variance_kept = gtn_metrics::variance_kept(targets.train.view(), generated.view())?;
    artefact.insert_f32("source", source.into_dyn());
    artefact.insert_f32("generated", generated.into_dyn());
    artefact.insert_f32("real", draw_points(config, SHOWN, &context.streams, "real", 0).into_dyn());

    // The normal vectors lie in random order, so the first ones are a fair choice.
    let shown = PAIRS.min(pairs.train.source.nrows());
    let paired = targets.train.select(Axis(0), &pairs.train.matching[..shown]);
    artefact.insert_f32("pairs.source", pairs.train.source.slice(s![..shown, ..]).to_owned().into_dyn());
    artefact.insert_f32("pairs.target", targets.normaliser.normalise(paired.view()).into_dyn());

    if matches!(config.data, Data::SwissRoll(_)) && config.dim == 1 {
        let y: Array1<f32> = Array1::linspace(-4.0, 4.0, 321);
        let learned: Array2<f32> = generator.map(y.view().insert_axis(Axis(1)))?;
        artefact.insert_f32("curve.exact", y.mapv(|y| exact_angle(f64::from(y)) as f32).into_dyn());
        artefact.insert_f32("curve.learned", learned.column(0).to_owned().into_dyn());
        artefact.insert_f32("curve.y", y.into_dyn());
    }
    Ok(variance_kept)
}

/// Theorem 2.1's h(y) = F_X⁻¹(F_Y(y)) from N(0, 1) to U(1.5π, 4.5π), by which ĥ of the swiss roll can be judged.
pub(crate) fn exact_angle(y: f64) -> f64 {
    let angles = SwissRoll::of_the_paper().angles();
    let uniform = Uniform::new(angles.lower(), angles.upper()).expect("the roll's angles are an interval");
    CdfMap::new(Normal::standard(), uniform).forward(&y).unwrap_or(f64::NAN)
}
