//! Draws what the report shows.

use std::time::Instant;

use gtn_run::{Artefact, Stage};
use ndarray::s;

use crate::Result;
use crate::generator::{AUTOENCODER, H, load_generator};
use crate::pipeline::Context;
use crate::stages::encode::Latents;
use crate::stages::fingerprint;

/// Images of each grid.
const SHOWN: usize = 100;
/// Latents that statistics are taken from.
const MEASURED: usize = 10_000;

pub(crate) fn run(latents: &Latents, context: &mut Context<'_>) -> Result<()> {
    let best = |network| -> Result<String> { Ok(Artefact::read(&context.run.best_checkpoint(network))?.checksum()) };
    let inputs = [latents.checksum.clone(), best(AUTOENCODER)?, best(H)?];
    let made_from = fingerprint("sample", &(SHOWN, MEASURED), &inputs.each_ref().map(String::as_str));
    let path = context.run.samples();
    if Artefact::read_if_made_from(&path, &made_from)?.is_some() {
        context.observer.stage_skipped(Stage::Sample);
        return Ok(());
    }

    context.observer.stage_started(Stage::Sample);
    let started = Instant::now();
    let generator = load_generator(context.run)?;
    let drawn = generator.sample_latents(MEASURED, &context.streams)?;
    let variance_kept = gtn_metrics::variance_kept(latents.train.view(), drawn.view())?;
    let real = latents.validation.slice(s![..SHOWN.min(latents.validation.nrows()), ..]);
    let mut artefact = Artefact::new(made_from);
    artefact.insert_f32("generated", generator.decode(drawn.slice(s![..SHOWN, ..]))?.into_dyn());
    artefact.insert_f32("decoded", generator.decode(real)?.into_dyn());
    context.finish(Stage::Sample, started.elapsed().as_secs_f64(), &[("variance_kept", variance_kept)])?;
    Ok(artefact.write(&path)?)
}
