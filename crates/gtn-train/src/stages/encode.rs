//! Encodes the images as latents.

use std::ops::Range;

use gtn_data::Images;
use gtn_dist::{ArrayReader, push_array};
use gtn_models::{Device, Encoder, to_array2, to_tensor};
use gtn_run::schema::{Statistic, test_latents};
use gtn_run::{Config, Stage, Statistics};
use ndarray::{Array2, Axis, concatenate};

use crate::Result;
use crate::context::{Context, Counter, Part, PartKind, fingerprint};
use crate::datasets::ImageData;
use crate::divided_rows::compute_rows;
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
    let device = context.device.clone();
    let rows = |request: &[u8]| {
        let (kind, indices) = read_request(request).ok_or(gtn_dist::Error::Message { rank: 0 })?;
        encode(encoder, images_of(data, kind), &indices, &device, &mut |_| Ok(()))
    };
    let (latents, test) =
        context.complete_parts(Stage::Encode, main, test, rows, |kind, artifact, counter, context| {
            let mut encode = |kind, indices| encode_divided(encoder, (data, kind), indices, counter, context);
            if let (PartKind::Test, Some(set)) = (kind, &data.test) {
                artifact.insert(&test_latents::TEST, encode(kind, &set.indices)?);
                return Ok(Statistics::new());
            }
            let train = encode(kind, &split.train)?;
            let validation = encode(kind, &split.validation)?;
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

/// The images that an artifact is computed from.
fn images_of(data: &ImageData, kind: PartKind) -> &Images {
    match (kind, &data.test) {
        (PartKind::Test, Some(test)) => &test.images,
        _ => &data.images,
    }
}

/// Asks another process for the latents of these images.
fn request(kind: PartKind, indices: &[usize]) -> Vec<u8> {
    let mut request = Vec::new();
    push_array(&mut request, &[u8::from(kind == PartKind::Test)]);
    push_array(&mut request, &indices.iter().map(|&index| index as u64).collect::<Vec<_>>());
    request
}

fn read_request(request: &[u8]) -> Option<(PartKind, Vec<usize>)> {
    let mut reader = ArrayReader::new(request);
    let kind = if reader.next_array::<u8>()? == [1] { PartKind::Test } else { PartKind::Main };
    Some((kind, reader.next_array::<u64>()?.into_iter().map(|index| index as usize).collect()))
}

/// The latents of these images, which all processes compute.
fn encode_divided(
    encoder: (&Encoder, usize),
    (data, kind): (&ImageData, PartKind),
    indices: &[usize],
    counter: &mut Counter,
    context: &mut Context<'_>,
) -> Result<Array2<f32>> {
    let (collective, device) = (context.collective, context.device.clone());
    let own = |part: Range<usize>| {
        // The other processes are as far.
        let factor = indices.len() as f64 / part.len().max(1) as f64;
        encode(encoder, images_of(data, kind), &indices[part], &device, &mut |done| {
            context.check_stop(Stage::Encode)?;
            counter.report((done as f64 * factor) as usize, &mut *context.observer);
            Ok(())
        })
    };
    let latents = compute_rows(collective, (indices.len(), BATCH_SIZE), |part| request(kind, &indices[part]), own)?;
    counter.add(indices.len());
    Ok(latents)
}

/// The latents of these images. `check` is told how many are done, and may end the work.
fn encode(
    (encoder, dim): (&Encoder, usize),
    images: &Images,
    indices: &[usize],
    device: &Device,
    check: &mut dyn FnMut(usize) -> Result<()>,
) -> Result<Array2<f32>> {
    let mut parts = vec![Array2::zeros((0, dim))];
    let mut done = 0;
    for indices in indices.chunks(BATCH_SIZE) {
        check(done)?;
        let batch = to_tensor(images.batch(indices).view(), device)?;
        parts.push(to_array2(&encoder.forward(&batch)?)?);
        done += indices.len();
        check(done)?;
    }
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    Ok(concatenate(Axis(0), &views).expect("all parts have the latent dimension"))
}
