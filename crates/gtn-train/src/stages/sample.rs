//! Draws the samples that the report shows.

mod images;
mod latents;
mod points;
mod scatter;

use std::time::Instant;

use gtn_run::{Artifact, Stage, Statistics};

use crate::Result;
use crate::context::{Context, fingerprint};
use crate::datasets::shown_samples;
use crate::handoff::Source;
use crate::results::Results;

/// Writes the samples to the run folder.
pub(crate) fn run(results: Results<'_>, context: &mut Context<'_>) -> Result<()> {
    let Results { config, source, targets, pairs, trained, vae, .. } = results;
    let mut inputs = vec![targets.checksum.clone(), pairs.checksum.clone(), trained.h_checksum.clone()];
    inputs.extend(trained.decoder_checksum.clone());
    inputs.extend(vae.map(|vae| vae.checksum.clone()));
    let mut improvements = Vec::new();
    let sizes = match source {
        Source::Images(_) => {
            improvements = images::improvements(context)?;
            inputs.extend(improvements.iter().map(|(_, snapshot)| snapshot.checksum()));
            images::settings()
        }
        Source::Points(_) => points::settings(),
        Source::Latents => latents::settings(),
    };
    inputs.push(sizes);
    let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
    let inputs = fingerprint("sample", &(config.seed, shown_samples(&config.data)), &inputs);
    let path = context.run.samples();
    if context.completed(Stage::Sample, &path, &inputs)?.is_some() {
        return Ok(());
    }

    let started = Instant::now();
    let mut artifact = Artifact::new(inputs);
    let mut statistics = Statistics::new();
    match source {
        Source::Images(images) => {
            statistics = images::sample(results, images, &improvements, &mut artifact, context)?;
        }
        Source::Points(points) => points::sample(results, *points, &mut artifact, context)?,
        Source::Latents => latents::sample(results, &mut artifact, context)?,
    }
    context.write((Stage::Sample, started), artifact, statistics, &path)?;
    Ok(())
}
