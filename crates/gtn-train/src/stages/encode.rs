//! Encodes the images as latents.

use std::time::Instant;

use gtn_data::Images;
use gtn_models::{to_array2, to_tensor};
use gtn_run::schema::{Statistic, test_latents};
use gtn_run::{Artifact, Config, Stage, StageProgress, Statistics};
use ndarray::{Array2, Axis, concatenate};

use crate::pipeline::Context;
use crate::stages::autoencode::Trained;
use crate::stages::fingerprint;
use crate::stages::prepare::ImageData;
use crate::targets::{Targets, TestTargets};
use crate::{Error, Result};

/// Images in one forward pass.
const BATCH_SIZE: usize = 256;

pub(crate) fn run(config: &Config, data: &ImageData, trained: &Trained, context: &mut Context<'_>) -> Result<Targets> {
    let settings = (config.seed, &config.data, config.pairing.normalize);
    let inputs = fingerprint("encode", &settings, &[&data.checksum, &trained.checksum]);
    let test_set = data.test.as_ref();
    let test_inputs = test_set.map(|test| {
        let settings = (config.seed, &config.data);
        fingerprint("encode/test", &settings, &[&data.checksum, &test.checksum, &trained.checksum])
    });
    let (path, test_path) = (context.run.latents(), context.run.test_latents());
    let started = Instant::now();
    let parts = [(path.as_path(), Some(&inputs)), (&test_path, test_inputs.as_ref())];
    let [latents, test] = context.completed_parts(Stage::Encode, parts)?;

    let (latents_are_missing, test_is_missing) = (latents.is_none(), test.is_none());
    let split = &data.split;
    let latent_count = if latents_are_missing { split.train.len() + split.validation.len() } else { 0 };
    let test_count = test_set.filter(|_| test_is_missing).map_or(0, |test| test.indices.len());
    let mut encoder = Encoder { trained, dim: config.dim, done: 0, total: latent_count + test_count };
    let test = match (test, test_set, test_inputs) {
        (None, Some(set), Some(inputs)) => {
            let mut artifact = Artifact::new(inputs);
            artifact.insert(&test_latents::TEST, encoder.encode(&set.images, &set.indices, context)?);
            artifact.write(&test_path)?;
            Some(artifact)
        }
        (test, ..) => test,
    };
    let latents = match latents {
        Some(latents) => {
            if test_is_missing && test.is_some() {
                context.finish_parts((Stage::Encode, started), &latents)?;
            }
            latents
        }
        None => {
            let train = encoder.encode(&data.images, &split.train, context)?;
            let validation = encoder.encode(&data.images, &split.validation, context)?;
            let variance = gtn_metrics::total_variance(train.view())?;
            let mut artifact = Artifact::new(inputs);
            Targets::write_into(&mut artifact, train, validation, config.pairing.normalize)?;
            let statistics = Statistics::from([(Statistic::LatentVariance, variance)]);
            context.write((Stage::Encode, started), artifact, statistics, &path)?
        }
    };
    let test = test.as_ref().map(TestTargets::read).transpose()?;
    Ok(Targets { test, ..Targets::read(&latents)? })
}

/// The trained encoder, with its progress.
struct Encoder<'a> {
    trained: &'a Trained,
    dim: usize,
    /// Encoded images, out of `total`.
    done: usize,
    total: usize,
}

impl Encoder<'_> {
    fn encode(&mut self, images: &Images, indices: &[usize], context: &mut Context<'_>) -> Result<Array2<f32>> {
        let mut parts = vec![Array2::zeros((0, self.dim))];
        for indices in indices.chunks(BATCH_SIZE) {
            if context.observer.stop_requested() {
                return Err(Error::Stopped { stage: Stage::Encode });
            }
            let batch = to_tensor(images.batch(indices).view(), &context.device)?;
            parts.push(to_array2(&self.trained.autoencoder.encoder().forward(&batch)?)?);
            self.done += indices.len();
            context.observer.progress(&StageProgress::new(Stage::Encode, self.done, self.total));
        }
        let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
        Ok(concatenate(Axis(0), &views).expect("all parts have the latent dimension"))
    }
}
