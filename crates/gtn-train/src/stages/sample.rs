//! Draws what the report shows.

use std::time::Instant;

use gtn_math::{CdfMap, Homeomorphism, Normal, SwissRoll, Uniform};
use gtn_models::{Generator, Path};
use gtn_run::config::Data;
use gtn_run::{Artefact, Config, Stage};
use ndarray::{Array1, Array2, Axis, concatenate, s};

use crate::Result;
use crate::generator::{AUTOENCODER, H, load_generator};
use crate::pipeline::Context;
use crate::stages::fingerprint;
use crate::stages::fit::{SHOWN, SHOWN_IMAGES, shown_source};
use crate::stages::label::Pairs;
use crate::stages::prepare::draw_points;
use crate::targets::{Targets, into_matrix};

/// Images of each grid.
const IMAGES: usize = SHOWN_IMAGES;
/// Improvements of the validation loss that are shown, as in Figure 5.
const IMPROVEMENTS: usize = 4;
/// Ways from one normal vector to another that are shown, and samples on each.
const WAYS: usize = 8;
const STEPS: usize = 12;
/// Bins of the ranks over which similarity is shown.
const BINS: usize = 200;
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
    let improvements = if config.data.are_images() { improvements(context)? } else { Vec::new() };
    inputs.extend(improvements.iter().map(|(_, snapshot)| snapshot.checksum()));
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let made_from = fingerprint("sample", &(config.seed, IMAGES, MEASURED, SHOWN, PAIRS, WAYS, STEPS, BINS), &inputs);
    let path = context.run.samples();
    if context.done(Stage::Sample, &path, &made_from)?.is_some() {
        return Ok(());
    }

    let started = Instant::now();
    let generator = load_generator(context.run)?;
    let mut artefact = Artefact::new(made_from);
    let variance_kept = if config.data.are_images() {
        sample_images(&generator, targets, &improvements, &mut artefact, context)?
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
    improvements: &[(usize, Artefact)],
    artefact: &mut Artefact,
    context: &Context<'_>,
) -> Result<f64> {
    let drawn = generator.sample_latents(MEASURED, &context.streams)?;
    let real = targets.validation.slice(s![..IMAGES.min(targets.validation.nrows()), ..]);
    artefact.insert_f32("generated", generator.decode(drawn.slice(s![..IMAGES, ..]))?.into_dyn());
    artefact.insert_f32("decoded", generator.decode(real)?.into_dyn());
    for (number, (_, snapshot)) in (1..).zip(improvements) {
        let latents = into_matrix(snapshot.f32("generated")?);
        artefact.insert_f32(format!("improvement.{number}"), generator.decode(latents.view())?.into_dyn());
    }
    let epochs: Vec<usize> = improvements.iter().map(|(epoch, _)| *epoch).collect();
    artefact.set_note("improvements", &epochs)?;

    let ends = context.streams.normal("ways", 0, 2 * WAYS, generator.source_dim());
    let mut ways = Vec::with_capacity(WAYS);
    for way in 0..WAYS {
        let way = Path::Line.between(ends.row(2 * way), ends.row(2 * way + 1), STEPS)?;
        ways.push(generator.map(way.view())?);
    }
    let ways: Vec<_> = ways.iter().map(|way| way.view()).collect();
    let ways = concatenate(Axis(0), &ways).expect("all ways have the latents' columns");
    artefact.insert_f32("ways", generator.decode(ways.view())?.into_dyn());
    artefact.set_note("ways_steps", &STEPS)?;

    artefact.insert_f32("similarity.by_rank", similarity_by_rank(context)?.into_dyn());
    Ok(gtn_metrics::variance_kept(targets.train.view(), drawn.view())?)
}

/// Up to four of the epochs that improved the validation loss, from the first to the best, with their snapshots.
fn improvements(context: &mut Context<'_>) -> Result<Vec<(usize, Artefact)>> {
    let mut whole = Vec::new();
    for (epoch, path) in context.run.snapshots() {
        match Artefact::read(&path) {
            Ok(snapshot) => whole.push((epoch, snapshot)),
            Err(gtn_run::Error::Damaged { path, reason }) => {
                context.observer.note(&format!("{} is damaged: {reason}; it is left out", path.display()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    let last = whole.len().saturating_sub(1);
    let shown = |index: &usize| (0..IMPROVEMENTS).any(|part| *index == (part * last + 1) / (IMPROVEMENTS - 1));
    Ok(whole.into_iter().enumerate().filter(|(index, _)| shown(index)).map(|(_, one)| one).collect())
}

/// The mean cosine of the training pairs in equal bins of the order in which they were made.
fn similarity_by_rank(context: &Context<'_>) -> Result<Array1<f32>> {
    let pairs = Artefact::read(&context.run.pairs())?;
    let similarity = pairs.f32("train.similarity")?;
    let in_order: Vec<f32> = pairs.u64("train.order")?.iter().map(|&row| similarity[[row as usize]]).collect();
    let bins = BINS.min(in_order.len());
    let mean = |bin: usize| {
        let part = &in_order[bin * in_order.len() / bins..(bin + 1) * in_order.len() / bins];
        (part.iter().map(|&cosine| f64::from(cosine)).sum::<f64>() / part.len() as f64) as f32
    };
    Ok((0..bins).map(mean).collect())
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
