//! Encodes the images as latents.

use gtn_data::Images;
use gtn_models::{Encoder, to_array2, to_tensor};
use gtn_run::schema::{Statistic, test_latents};
use gtn_run::{Config, Stage, Statistics};
use ndarray::{Array2, Axis, concatenate};

use crate::Result;
use crate::context::{Context, Counter, Part, PartKind, fingerprint};
use crate::datasets::ImageData;
use crate::handoff::{Labels, Targets, TestTargets, TrainedAutoencoder};

/// Images in one forward pass.
const BATCH_SIZE: usize = 256;

pub(crate) struct Inputs<'a> {
    pub(crate) config: &'a Config,
    pub(crate) images: &'a ImageData,
    pub(crate) trained: &'a TrainedAutoencoder,
}

pub(crate) fn run(Inputs { config, images: data, trained }: Inputs<'_>, context: &mut Context<'_>) -> Result<Targets> {
    let (split, weights) = (&data.split, &trained.encoder_checksum);
    let settings = (config.split_seed(), &config.data, config.pairing.normalize);
    let main = Part {
        path: context.run.latents(),
        inputs: fingerprint("encode", &settings, &[&data.checksum, weights]),
        samples: split.train.len() + split.validation.len(),
    };
    let test = data.test.as_ref().map(|test| {
        let settings = (config.split_seed(), &config.data);
        Part {
            path: context.run.test_latents(),
            inputs: fingerprint("encode/test", &settings, &[&data.checksum, &test.checksum, weights]),
            samples: test.indices.len(),
        }
    });
    let encoder = (trained.autoencoder.encoder(), config.dim);
    let (latents, test) = context.complete_parts(Stage::Encode, main, test, |kind, artifact, counter, context| {
        let mut encode = |images, indices| encode(encoder, images, indices, counter, context);
        if let (PartKind::Test, Some(set)) = (kind, &data.test) {
            artifact.insert(&test_latents::TEST, encode(&set.images, &set.indices)?);
            return Ok(Statistics::new());
        }
        let train = encode(&data.images, &split.train)?;
        let validation = encode(&data.images, &split.validation)?;
        let variance = gtn_metrics::total_variance(train.view())?;
        Targets::write_into(artifact, train, validation, config.pairing.normalize)?;
        Ok(Statistics::from([(Statistic::LatentVariance, variance)]))
    })?;
    let test = test.as_ref().map(TestTargets::read).transpose()?;
    let labels = data.labels.as_ref().map(|[labels, of_test]| {
        let select = |labels: &[u32], indices: &[usize]| indices.iter().map(|&index| labels[index]).collect();
        let test = data.test.as_ref().map_or_else(Vec::new, |test| select(of_test, &test.indices));
        Labels { train: select(labels, &split.train), validation: select(labels, &split.validation), test }
    });
    Ok(Targets { test, labels, ..Targets::read(&latents)? })
}

fn encode(
    (encoder, dim): (&Encoder, usize),
    images: &Images,
    indices: &[usize],
    counter: &mut Counter,
    context: &mut Context<'_>,
) -> Result<Array2<f32>> {
    let mut parts = vec![Array2::zeros((0, dim))];
    for indices in indices.chunks(BATCH_SIZE) {
        context.check_stop(Stage::Encode)?;
        let batch = to_tensor(images.batch(indices).view(), &context.device)?;
        parts.push(to_array2(&encoder.forward(&batch)?)?);
        counter.add(indices.len());
        counter.report(0, &mut *context.observer);
    }
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    Ok(concatenate(Axis(0), &views).expect("all parts have the latent dimension"))
}
