//! Trains ĥ on latents in memory, samples from it, and measures the samples:
//!
//!     cargo run --release -p gtn-train --example train_on_latents -- [LATENTS]
//!
//! LATENTS is a .npy, .npz or .safetensors file with one latent per row; without it, points near a curved surface. For
//! checkpoints, a report, and pairs from a flow, which suit more than a few dimensions, use `gtn fit --latents`.
#![allow(clippy::print_stdout)]

use std::path::Path;

use gtn_metrics::energy_distance;
use gtn_models::{Device, Generator, H, MlpShape, Normalizer, Streams};
use gtn_run::config::Training;
use gtn_train::training::{BestWeights, EarlyStopping, Regression, Trainer};
use ndarray::{Array2, Axis, s};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let streams = Streams::new(1); // the seed
    let latents = match std::env::args().nth(1) {
        Some(path) => gtn_io::arrays::read_matrix(Path::new(&path))?,
        None => curved_surface(&streams),
    };
    // A fifth of the latents is held out. ĥ learns normalized columns.
    let split = gtn_data::split::random_split(latents.nrows(), 0.8, streams.stream("split", 0));
    let [train, held_out] = [split.train, split.validation].map(|rows| latents.select(Axis(0), &rows));
    let mean = train.mean_axis(Axis(0)).ok_or("there are no training latents; pass more rows")?;
    let normalizer = Normalizer::new(mean, train.std_axis(Axis(0), 0.0).mapv(|std| std.max(1e-6)))?;

    // Algorithm 1 pairs each normal vector y with a latent x_y.
    let [x, validation_x] = [&train, &held_out].map(|rows| normalizer.normalize(rows.view()));
    let (y, validation_y) = (normal(&streams, "train", &x), normal(&streams, "validation", &validation_x));
    let x_y = x.select(Axis(0), gtn_label::match_rows(&y, &x)?.assignment());
    let matched = gtn_label::match_rows(&validation_y, &validation_x)?;
    let validation_x_y = validation_x.select(Axis(0), matched.assignment());

    // ĥ learns y → x_y until the loss of the validation pairs stops falling, and keeps its best weights.
    let dim = train.ncols();
    let shape =
        MlpShape { input: dim, hidden_layers: 4, width: 64, output: dim, negative_slope: 0.5, batch_norm_layers: 4 };
    let h = H::new(&shape.into(), &streams, &Device::Cpu)?;
    let task = Regression::new(&h, [(y.view(), x_y.view()), (validation_y.view(), validation_x_y.view())])?;
    let settings = Training::new(40, 5, 128, 1e-3); // epochs, patience, batch size, learning rate
    let mut trainer = Trainer::new(&task, &settings, EarlyStopping::new(&settings), streams)?;
    let mut best = BestWeights::default();
    trainer.run(&mut best)?;
    best.restore(h.parameters())?;

    // The noise floor has training latents in place of samples.
    let generator = Generator::new(h, Some(normalizer), None)?;
    let n = held_out.nrows().min(2000);
    let samples = generator.sample_latents(n, &mut streams.stream("sample", 0))?;
    let (real, other) = (held_out.slice(s![..n, ..]), train.slice(s![..n, ..]));
    println!("energy distance of {n} samples to held-out latents: {:.4}", energy_distance(real, samples.view())?);
    println!("noise floor: {:.4}", energy_distance(real, other)?);
    Ok(())
}

/// As many normal vectors as there are rows.
fn normal(streams: &Streams, purpose: &str, rows: &Array2<f32>) -> Array2<f32> {
    streams.normal(purpose, 0, rows.nrows(), rows.ncols())
}

/// Points near a curved surface in space, one per row.
fn curved_surface(streams: &Streams) -> Array2<f32> {
    let mut points = streams.normal("latents", 0, 20_000, 3);
    for mut point in points.outer_iter_mut() {
        point[2] = point[0] * point[0] / 2.0 + point[1].sin() + point[2] / 10.0;
    }
    points
}
