//! Turns the images into latents.

use std::time::Instant;

use gtn_models::{array2_of, tensor_of};
use gtn_run::{Artefact, Config, Stage, Step};
use ndarray::{Array1, Array2, Axis, concatenate};

use crate::pipeline::Context;
use crate::stages::autoencode::Trained;
use crate::stages::fingerprint;
use crate::stages::prepare::Prepared;
use crate::{Error, Result};

/// The latents X of both sides, as the encoder made them, and the point they are matched around.
pub(crate) struct Latents {
    pub(crate) train: Array2<f32>,
    pub(crate) validation: Array2<f32>,
    /// The mean of the training latents, or 0 if they are matched as they are.
    pub(crate) centre: Array1<f32>,
    pub(crate) checksum: String,
}

const ROWS: usize = 256;

pub(crate) fn run(config: &Config, data: &Prepared, trained: &Trained, context: &mut Context<'_>) -> Result<Latents> {
    let settings = (config.seed, &config.data, &config.label);
    let made_from = fingerprint("encode", &settings, &[&data.fingerprint, &trained.checksum]);
    let path = context.run.latents();
    if let Some(artefact) = Artefact::read_if_made_from(&path, &made_from)? {
        context.observer.stage_skipped(Stage::Encode);
        return read(&artefact);
    }

    context.observer.stage_started(Stage::Encode);
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
    let centre = if config.label.centre { mean(&train) } else { Array1::zeros(config.dim) };

    let variance = gtn_metrics::total_variance(train.view())?;
    let mut artefact = Artefact::new(made_from);
    artefact.insert_f32("train", train.into_dyn());
    artefact.insert_f32("validation", validation.into_dyn());
    artefact.insert_f32("centre", centre.into_dyn());
    // The record goes first: were it lost, the finished stage would never write it again.
    context.finish(Stage::Encode, started.elapsed().as_secs_f64(), &[("latent_variance", variance)])?;
    artefact.write(&path)?;
    read(&artefact)
}

fn read(artefact: &Artefact) -> Result<Latents> {
    let matrix = |name| -> Result<Array2<f32>> { Ok(into_matrix(artefact.f32(name)?)) };
    Ok(Latents {
        train: matrix("train")?,
        validation: matrix("validation")?,
        centre: Array1::from_iter(artefact.f32("centre")?.iter().copied()),
        checksum: artefact.checksum(),
    })
}

/// The array as a matrix; one without columns if it has other dimensions (which no artefact that passed its checksum has).
pub(crate) fn into_matrix(array: &ndarray::ArrayD<f32>) -> Array2<f32> {
    array.clone().into_dimensionality().unwrap_or_default()
}

/// Means of the columns, summed in f64.
fn mean(rows: &Array2<f32>) -> Array1<f32> {
    let of_column = |column: ndarray::ArrayView1<'_, f32>| {
        (column.iter().map(|&x| f64::from(x)).sum::<f64>() / column.len().max(1) as f64) as f32
    };
    rows.axis_iter(Axis(1)).map(of_column).collect()
}
