//! A pairing other than Algorithm 1: the targets of two rows are swapped as long as that brings the pairs nearer. ĥ is trained on
//! its pairs, on those of Algorithm 1 and on those of chance. A program of the book (docs/book).
//!
//!     cargo run --release -p gtn-tests --example book_pairing
#![allow(clippy::print_stdout)]

use std::error::Error;

// ANCHOR: use
use gtn_label::{MatchError, match_rows};
use gtn_metrics::{energy_distance, pair_noise, variance_kept};
use gtn_models::{Device, Generator, H, ResidualShape, Streams, purpose};
use gtn_run::config::Training;
use gtn_train::training::{BestWeights, EarlyStopping, Regression, Trainer};
use ndarray::{Array2, Axis, array};
// ANCHOR_END: use

// ANCHOR: pairing
/// A pairing finds a row of x for each row of y. Both have as many rows.
type Pairing = fn(y: &Array2<f32>, x: &Array2<f32>) -> Result<Vec<usize>, MatchError>;

/// The rows as they come.
fn by_chance(y: &Array2<f32>, _x: &Array2<f32>) -> Result<Vec<usize>, MatchError> {
    Ok((0..y.nrows()).collect())
}

/// Algorithm 1.
fn greedy(y: &Array2<f32>, x: &Array2<f32>) -> Result<Vec<usize>, MatchError> {
    Ok(match_rows(y, x)?.assignment().to_vec())
}

/// Each row of y in turn swaps its target with the row that gains most, until no swap makes Σ |y − x_y|² smaller.
fn by_swaps(y: &Array2<f32>, x: &Array2<f32>) -> Result<Vec<usize>, MatchError> {
    // |y − x|² = |y|² + |x|² − 2 y·x, so the sum is smallest where that of the products is largest.
    let products = y.mapv(f64::from).dot(&x.mapv(f64::from).t());
    let mut rows: Vec<usize> = (0..y.nrows()).collect();
    loop {
        let mut swaps = 0;
        for i in 0..rows.len() {
            let gain = |j: usize| {
                let (a, b) = (rows[i], rows[j]);
                products[[i, b]] + products[[j, a]] - products[[i, a]] - products[[j, b]]
            };
            let gains = (0..rows.len()).map(|j| (gain(j), j));
            let (largest, best) = gains.fold((0.0, i), |best, next| if next.0 > best.0 { next } else { best });
            if largest > 1e-9 {
                rows.swap(i, best);
                swaps += 1;
            }
        }
        if swaps == 0 {
            return Ok(rows);
        }
    }
}
// ANCHOR_END: pairing

// ANCHOR: data
/// Vectors of three values that are not normal: each is bent by another one.
fn bent(n: usize, purpose: &str, streams: &Streams) -> Array2<f32> {
    let z = streams.normal(purpose, 0, n, 3);
    Array2::from_shape_fn((n, 3), |(row, column)| z[[row, column]] + (2.0 * z[[row, (column + 2) % 3]]).sin())
}
// ANCHOR_END: data

// ANCHOR: fit
/// Normal vectors y and their targets x_y.
type Pairs = (Array2<f32>, Array2<f32>);

/// ĥ, trained on the first pairs and validated on the second ones, as a generator.
fn fit(pairs: [&Pairs; 2], streams: Streams) -> gtn_train::Result<Generator> {
    let shape = ResidualShape { dim: 3, condition: 0, width: 64, blocks: 2, adds_input: true };
    let h = H::new(&shape.into(), &streams, &Device::Cpu)?;
    train(&h, pairs, streams)?;
    Ok(Generator::new(h, None, None)?)
}

fn train(h: &H, pairs: [&Pairs; 2], streams: Streams) -> gtn_train::Result<()> {
    let task = Regression::new(h, pairs.map(|(y, x)| (y.view(), x.view())))?;
    let settings = Training::new(60, 10, 50, 2e-3); // epochs, patience, batch size, learning rate
    let mut best = BestWeights::default();
    Trainer::new(&task, &settings, EarlyStopping::new(&settings), streams)?.run(&mut best)?;
    best.restore(h.parameters())
}
// ANCHOR_END: fit

fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: line
    // In one dimension, no swap helps if both sides have the same order: the sorted labeling of Figure 2.
    let (y, x) = (array![[0.3], [-1.2], [2.0]], array![[5.0], [1.0], [3.0]]);
    assert_eq!(by_swaps(&y, &x)?, [2, 1, 0]);
    // ANCHOR_END: line

    // ANCHOR: compare
    let streams = Streams::new(1);
    let (x, held_out_x) = (bent(1_000, "training", &streams), bent(500, "held out", &streams));
    let (y, held_out_y) = (streams.normal("y", 0, 1_000, 3), streams.normal("held out y", 0, 500, 3));
    let (real, other) = (bent(2_000, "real", &streams), bent(2_000, "other", &streams));
    println!("noise floor: energy distance {:.4}", energy_distance(real.view(), other.view())?);

    let pairings: [(&str, Pairing); 3] = [("chance", by_chance), ("Algorithm 1", greedy), ("swaps", by_swaps)];
    let mut measured = Vec::new();
    for (name, pairing) in pairings {
        let x_y = x.select(Axis(0), &pairing(&y, &x)?);
        let held_out_x_y = held_out_x.select(Axis(0), &pairing(&held_out_y, &held_out_x)?);
        let noise = pair_noise((y.view(), x_y.view()), (held_out_y.view(), held_out_x_y.view()))?;

        let generator = fit([&(y.clone(), x_y), &(held_out_y.clone(), held_out_x_y)], streams)?;
        let generated = generator.sample_latents(2_000, &mut streams.stream(purpose::SAMPLE, 0))?;
        let kept = variance_kept(real.view(), generated.view())?;
        let distance = energy_distance(real.view(), generated.view())?;
        println!("{name:<11} noise of the pairs {noise:.2}, variance kept {kept:.2}, energy distance {distance:.4}");
        measured.push((noise, kept));
    }
    // Less noise in the pairs, and more of the variance of the data in the samples.
    assert!(measured.is_sorted_by(|a, b| a.0 > b.0 && a.1 < b.1));
    // ANCHOR_END: compare
    Ok(())
}
