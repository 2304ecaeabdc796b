//! A data set that a program draws: points near a clover. ĥ learns it in memory, from pairs of Algorithm 1. A program of the book
//! (docs/book).
//!
//!     cargo run --release -p gtn-tests --example book_data_set
#![allow(clippy::print_stdout)]

use std::error::Error;
// ANCHOR: use
use std::f32::consts::TAU;

use gtn_label::{MatchError, match_rows};
use gtn_metrics::{Gaussian, PrecisionRecall, energy_distance, precision_recall};
use gtn_models::{Device, Generator, H, Normalizer, ResidualShape, Streams, purpose};
use gtn_run::config::Training;
use gtn_train::training::{BestWeights, EarlyStopping, Regression, Trainer};
use ndarray::{Array2, Axis};
use rand::Rng;
// ANCHOR_END: use

// ANCHOR: data
/// `n` points near a clover with three leaves.
fn clover(n: usize, purpose: &str, streams: &Streams) -> Array2<f32> {
    let (mut rng, noise) = (streams.stream(purpose, 0), streams.normal(purpose, 1, n, 1));
    let mut points = Array2::<f32>::zeros((n, 2));
    for (mut point, &noise) in points.outer_iter_mut().zip(&noise) {
        let angle: f32 = rng.random_range(0.0..TAU);
        let radius = 1.0 + 0.5 * (3.0 * angle).cos() + 0.05 * noise;
        point[0] = radius * angle.cos();
        point[1] = radius * angle.sin();
    }
    points
}
// ANCHOR_END: data

// ANCHOR: pairs
/// Normal vectors y and their targets x_y: rows of the same index belong together.
type Pairs = (Array2<f32>, Array2<f32>);

/// Pairs the rows of `x` with normal vectors by Algorithm 1.
fn pair(x: &Array2<f32>, split: &str, streams: &Streams) -> Result<Pairs, MatchError> {
    let y = streams.normal(&purpose::source(split), 0, x.nrows(), x.ncols());
    let matched = match_rows(&y, x)?;
    let x_y = x.select(Axis(0), matched.assignment());
    Ok((y, x_y))
}
// ANCHOR_END: pairs

// ANCHOR: train
/// Trains ĥ on training pairs until the loss of the validation pairs stops falling. Returns the lowest one.
fn train(h: &H, [training, validation]: [&Pairs; 2], streams: Streams) -> gtn_train::Result<f64> {
    let views = [training, validation].map(|(y, x)| (y.view(), x.view()));
    let task = Regression::new(h, views)?;
    let settings = Training::new(30, 5, 100, 1e-3); // epochs, patience, batch size, learning rate
    let mut best = BestWeights::default();
    let mut trainer = Trainer::new(&task, &settings, EarlyStopping::new(&settings), streams)?;
    trainer.run(&mut best)?;
    best.restore(h.parameters())?;
    Ok(trainer.early_stopping().best().map_or(f64::INFINITY, |epoch| epoch.loss))
}
// ANCHOR_END: train

fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: main
    let streams = Streams::new(1);
    let (training, validation) = (clover(10_000, "training", &streams), clover(2_000, "validation", &streams));
    // ĥ learns data of mean 0 and standard deviation 1; the generator returns samples in the units of the data.
    let mean = training.mean_axis(Axis(0)).ok_or("there are no points")?;
    let normalizer = Normalizer::new(mean, training.std_axis(Axis(0), 0.0))?;
    let train_pairs = pair(&normalizer.normalize(training.view()), "train", &streams)?;
    let validation_pairs = pair(&normalizer.normalize(validation.view()), "validation", &streams)?;

    let shape = ResidualShape { dim: 2, condition: 0, width: 64, blocks: 2, adds_input: true };
    let h = H::new(&shape.into(), &streams, &Device::Cpu)?;
    let loss = train(&h, [&train_pairs, &validation_pairs], streams)?;
    let generator = Generator::new(h, Some(normalizer), None)?;
    let generated = generator.sample_latents(2_000, &mut streams.stream(purpose::SAMPLE, 0))?;
    // ANCHOR_END: main

    // ANCHOR: measure
    println!("lowest validation loss {loss:.4}");
    let (real, other) = (clover(2_000, "real", &streams), clover(2_000, "other", &streams));
    let gaussian = Gaussian::fit(training.view())?.sample(2_000, &mut streams.stream("gaussian", 0));
    let mut distances = Vec::new();
    for (name, rows) in [("real points", &other), ("samples of ĥ", &generated), ("one Gaussian", &gaussian)] {
        let distance = energy_distance(real.view(), rows.view())?;
        let PrecisionRecall { precision, recall } = precision_recall(real.view(), rows.view(), 3)?;
        println!("{name:<12} energy distance {distance:.4}, precision {precision:.2}, recall {recall:.2}");
        distances.push(distance);
    }
    assert!(distances[1] < distances[2]); // ĥ is nearer to the data than the Gaussian
    // ANCHOR_END: measure
    Ok(())
}
