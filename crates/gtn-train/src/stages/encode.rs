//! Turns the images into latents.

use std::time::Instant;

use gtn_data::Images;
use gtn_models::{array2_of, tensor_of};
use gtn_run::{Artifact, Config, Stage, Step};
use ndarray::{Array2, Axis, concatenate};

use crate::pipeline::Context;
use crate::stages::autoencode::Trained;
use crate::stages::fingerprint;
use crate::stages::prepare::Pictures;
use crate::targets::{Targets, TestTargets};
use crate::{Error, Result};

const ROWS: usize = 256;

pub(crate) fn run(config: &Config, data: &Pictures, trained: &Trained, context: &mut Context<'_>) -> Result<Targets> {
    let settings = (config.seed, &config.data, config.label.normalize);
    let made_from = fingerprint("encode", &settings, &[&data.fingerprint, &trained.checksum]);
    let test_set = data.test.as_ref();
    let of_test = test_set.map(|test| {
        let settings = (config.seed, &config.data);
        fingerprint("encode/test", &settings, &[&data.fingerprint, &test.fingerprint, &trained.checksum])
    });
    let (path, test_path) = (context.run.latents(), context.run.test_latents());
    let started = Instant::now();
    let parts = [(path.as_path(), Some(&made_from)), (&test_path, of_test.as_ref())];
    let [latents, test] = context.done_in_parts(Stage::Encode, parts)?;

    let (no_latents, no_test) = (latents.is_none(), test.is_none());
    let trained_on = if no_latents { data.split.train.len() + data.split.validation.len() } else { 0 };
    let tested = test_set.filter(|_| no_test).map_or(0, |test| test.indices.len());
    let mut encoder = Encoder { trained, dim: config.dim, done: 0, total: trained_on + tested };
    let test = match (test, test_set, of_test) {
        (None, Some(set), Some(made_from)) => {
            let mut artifact = Artifact::new(made_from);
            artifact.insert_f32(TestTargets::NAME, encoder.encode(&set.images, &set.indices, context)?.into_dyn());
            artifact.write(&test_path)?;
            Some(artifact)
        }
        (test, ..) => test,
    };
    let latents = match latents {
        Some(latents) => {
            if no_test && test.is_some() {
                context.complete((Stage::Encode, started), &latents)?;
            }
            latents
        }
        None => {
            let train = encoder.encode(&data.images, &data.split.train, context)?;
            let validation = encoder.encode(&data.images, &data.split.validation, context)?;
            let variance = gtn_metrics::total_variance(train.view())?;
            let mut artifact = Artifact::new(made_from);
            Targets::write_into(&mut artifact, train, validation, config.label.normalize)?;
            context.write((Stage::Encode, started), artifact, &[("latent_variance", variance)], &path)?
        }
    };
    let test = test.as_ref().map(TestTargets::read).transpose()?;
    Ok(Targets { test, ..Targets::read(&latents)? })
}

/// The trained encoder at work.
struct Encoder<'a> {
    trained: &'a Trained,
    dim: usize,
    /// Images that are done, of all that are to be done.
    done: usize,
    total: usize,
}

impl Encoder<'_> {
    fn encode(&mut self, images: &Images, indices: &[usize], context: &mut Context<'_>) -> Result<Array2<f32>> {
        let mut parts = vec![Array2::zeros((0, self.dim))];
        for indices in indices.chunks(ROWS) {
            if context.observer.stop_requested() {
                return Err(Error::Stopped { stage: Stage::Encode });
            }
            let batch = tensor_of(images.batch(indices).view(), &context.device)?;
            parts.push(array2_of(&self.trained.autoencoder.encoder().forward(&batch)?)?);
            self.done += indices.len();
            let (done, total) = (self.done as u64, self.total as u64);
            context.observer.step(&Step { stage: Stage::Encode, done, total, epoch: None, loss: None });
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        Ok(concatenate(Axis(0), &views).expect("all parts have the latent dimension"))
    }
}
