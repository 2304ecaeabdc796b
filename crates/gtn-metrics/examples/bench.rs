//! Measures the time of the slower metrics on random data, on one thread. Name the groups to run:
//!
//!     cargo run --release -p gtn-metrics --example bench -- frechet kernel neighbors mixture
#![allow(clippy::print_stdout)]

use std::time::Instant;

use gtn_metrics::{
    Gaussian, GaussianMixture, GaussianMixtureParams, SampleMoments, Subsets, density_coverage, frechet_distance,
    frechet_distance_from_moments, kernel_distance, memorization, precision_recall,
};
use ndarray::{Array1, Array2};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

fn main() {
    let groups: Vec<String> = std::env::args().skip(1).collect();
    if groups.iter().any(|group| group == "frechet") {
        frechet();
    }
    if groups.iter().any(|group| group == "kernel") {
        kernel();
    }
    if groups.iter().any(|group| group == "neighbors") {
        neighbors();
    }
    if groups.iter().any(|group| group == "mixture") {
        mixture();
    }
}

fn frechet() {
    for (d, n) in [(100, 10000), (768, 10000), (768, 500), (2048, 5000), (2048, 1000)] {
        let (x, y) = (correlated_rows(n, d, 1), correlated_rows(n, d, 2));
        let start = Instant::now();
        let (a, b) = (SampleMoments::from_rows(x.view()).unwrap(), SampleMoments::from_rows(y.view()).unwrap());
        println!("d {d}, n {n}: moments of both sets in {:?}", start.elapsed());
        let start = Instant::now();
        let distance = frechet_distance_from_moments(&a, &b);
        println!("d {d}, n {n}: Fréchet distance {distance:?} in {:?}", start.elapsed());
        let start = Instant::now();
        let distance = frechet_distance(x.view(), y.view());
        println!("d {d}, n {n}: Fréchet distance from rows {distance:?} in {:?}", start.elapsed());
        if d < 1000 {
            let trace = a.covariance().diag().sum();
            println!("of equal sets {:?}, with the trace {trace}", frechet_distance_from_moments(&a, &a));
        }
    }
}

fn kernel() {
    for n in [1000, 2000, 5000, 10000, 20000] {
        let (x, y) = (correlated_rows(n, 2048, 1), correlated_rows(n, 2048, 2));
        let subsets = Subsets { size: 1000, count: 100 };
        let start = Instant::now();
        let distance = kernel_distance(x.view(), y.view(), subsets, &mut ChaCha8Rng::seed_from_u64(3));
        println!("d 2048, n {n}: kernel distance {distance:?} in {:?}", start.elapsed());
    }
}

fn neighbors() {
    for d in [5, 25, 100] {
        let (x, y) = (correlated_rows(10000, d, 1), correlated_rows(10000, d, 2));
        let start = Instant::now();
        println!("d {d}: {:?} in {:?}", precision_recall(x.view(), y.view(), 3), start.elapsed());
        let start = Instant::now();
        println!("d {d}: {:?} in {:?}", density_coverage(x.view(), y.view(), 5), start.elapsed());
        let training = correlated_rows(48000, d, 3);
        let start = Instant::now();
        let result = memorization(training.view(), x.view(), y.view()).unwrap();
        println!(
            "d {d}: memorization {} {} {} in {:?}",
            result.median_distance_ratio,
            result.closer_probability,
            result.near_copy_fraction,
            start.elapsed()
        );
    }
}

fn mixture() {
    for (n, d, k) in [(48000, 5, 10), (48000, 5, 30), (15000, 100, 10)] {
        let mut rng = ChaCha8Rng::seed_from_u64(9);
        let centers = Array2::from_shape_simple_fn((k, d), || {
            2.5 * rng.sample::<f32, _>(StandardNormal) / (d as f32).sqrt() * 2.0
        });
        let mut rows = correlated_rows(n, d, 4);
        for (i, mut row) in rows.outer_iter_mut().enumerate() {
            row += &centers.row(i * i % 97 % k);
        }
        for seed in 0..3 {
            let start = Instant::now();
            let params = GaussianMixtureParams::new(k);
            let mixture = GaussianMixture::fit(rows.view(), params, &mut ChaCha8Rng::seed_from_u64(seed)).unwrap();
            println!(
                "n {n}, d {d}, {k} components: {} iterations, converged: {}, mean log-likelihood {:?}, {:?}",
                mixture.log_likelihood_history().len(),
                mixture.converged(),
                mixture.mean_log_likelihood(rows.view()),
                start.elapsed()
            );
        }
        let gaussian = Gaussian::fit(rows.view()).unwrap();
        let start = Instant::now();
        gaussian.sample(10000, &mut ChaCha8Rng::seed_from_u64(1));
        println!("10,000 samples of one Gaussian in {:?}", start.elapsed());
    }
}

/// Normal rows whose columns are correlated and have standard deviations over four orders of magnitude.
fn correlated_rows(n: usize, d: usize, seed: u64) -> Array2<f32> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let scale = Array1::from_shape_fn(d, |k| 10f32.powf(-4.0 * k as f32 / d as f32));
    let mut rows = Array2::from_shape_simple_fn((n, d), || rng.sample::<f32, _>(StandardNormal)) * &scale;
    for k in 1..d {
        let previous = rows.column(k - 1).to_owned();
        let mut column = rows.column_mut(k);
        column += &(&previous * 0.5);
    }
    rows
}
