//! Turns the images into latents.

use std::time::Instant;

use gtn_models::{array2_of, tensor_of};
use gtn_run::{Artefact, Config, Stage, Step};
use ndarray::{Array2, Axis, concatenate};

use crate::pipeline::Context;
use crate::stages::autoencode::Trained;
use crate::stages::fingerprint;
use crate::stages::prepare::Pictures;
use crate::targets::Targets;
use crate::{Error, Result};

const ROWS: usize = 256;

pub(crate) fn run(config: &Config, data: &Pictures, trained: &Trained, context: &mut Context<'_>) -> Result<Targets> {
    let settings = (config.seed, &config.data, config.label.normalise);
    let made_from = fingerprint("encode", &settings, &[&data.fingerprint, &trained.checksum]);
    let path = context.run.latents();
    if let Some(artefact) = context.done(Stage::Encode, &path, &made_from)? {
        return Targets::read(&artefact);
    }

    let started = Instant::now();
    let sides = [&data.split.train, &data.split.validation];
    let total: usize = sides.iter().map(|side| side.len()).sum();
    let mut done = 0;
    let mut encoded = Vec::new();
    for side in sides {
        let mut parts = vec![Array2::zeros((0, config.dim))];
        for indices in side.chunks(ROWS) {
            if context.observer.stop_requested() {
                return Err(Error::Stopped { stage: Stage::Encode });
            }
            let images = tensor_of(data.images.batch(indices).view(), &context.device)?;
            parts.push(array2_of(&trained.autoencoder.encoder().forward(&images)?)?);
            done += indices.len();
            let (done, total) = (done as u64, total as u64);
            context.observer.step(&Step { stage: Stage::Encode, done, total, epoch: None, loss: None });
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        encoded.push(concatenate(Axis(0), &views).expect("all parts have the latent dimension"));
    }
    let validation = encoded.pop().unwrap_or_default();
    let train = encoded.pop().unwrap_or_default();
    let variance = gtn_metrics::total_variance(train.view())?;
    let mut artefact = Artefact::new(made_from);
    Targets::write_into(&mut artefact, train, validation, config.label.normalise)?;
    let facts = [("latent_variance", variance)];
    Targets::read(&context.write((Stage::Encode, started), artefact, &facts, &path)?)
}
