//! A metric of one's own with its noise floor, beside one of gtn-metrics. A program of the book (docs/book).
//!
//!     cargo run --release -p gtn-tests --example book_metric
#![allow(clippy::print_stdout)]

use std::error::Error;
// ANCHOR: use
use std::f32::consts::TAU;

use gtn_metrics::{
    Error as MetricError, Gaussian, NearestNeighbors, Subsets, energy_distance, floor_over_subsets, mean_over_subsets,
};
use gtn_models::Streams;
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::Rng;
// ANCHOR_END: use

// ANCHOR: metric
/// The fraction of rows whose nearest other row belongs to their own set (Schilling 1986). For sets of equal size it is near ½ if
/// the distributions are equal, 1 if the sets lie apart, and near 0 for copies.
fn own_neighbors(real: ArrayView2<'_, f32>, generated: ArrayView2<'_, f32>) -> Result<f64, MetricError> {
    let mismatch = MetricError::ColumnMismatch { real: real.ncols(), generated: generated.ncols() };
    let all = concatenate(Axis(0), &[real, generated]).map_err(|_| mismatch)?;
    let mut search = NearestNeighbors::new(all.view(), 2)?; // each row finds itself, too
    search.partial_fit(all.view())?;
    let is_real = |row: usize| row < real.nrows();
    let mut count = 0;
    for (row, neighbors) in search.into_neighbors().iter().enumerate() {
        let nearest = neighbors.iter().find(|neighbor| neighbor.index != row);
        count += usize::from(nearest.is_some_and(|neighbor| is_real(neighbor.index) == is_real(row)));
    }
    Ok(count as f64 / all.nrows() as f64)
}
// ANCHOR_END: metric

/// `n` points near the unit circle.
fn ring(n: usize, purpose: &str, streams: &Streams) -> Array2<f32> {
    let (mut rng, noise) = (streams.stream(purpose, 0), streams.normal(purpose, 1, n, 1));
    let mut points = Array2::<f32>::zeros((n, 2));
    for (mut point, &noise) in points.outer_iter_mut().zip(&noise) {
        let angle: f32 = rng.random_range(0.0..TAU);
        let radius = 1.0 + 0.05 * noise;
        point[0] = radius * angle.cos();
        point[1] = radius * angle.sin();
    }
    points
}

fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: floor
    let streams = Streams::new(1);
    let real = ring(2_000, "real", &streams);
    // Subsets of one size for the value and for its noise floor, which compares two halves of the real rows.
    let subsets = Subsets { size: 1_000, count: 4 };
    let floor = floor_over_subsets(real.view(), subsets, &mut streams.stream("floor", 0), own_neighbors)?;
    let energy_floor = floor_over_subsets(real.view(), subsets, &mut streams.stream("floor", 0), energy_distance)?;
    println!("noise floor        {floor:.3}, energy distance {energy_floor:.4}");
    // ANCHOR_END: floor

    // ANCHOR: compare
    let gaussian = Gaussian::fit(real.view())?.sample(2_000, &mut streams.stream("gaussian", 0));
    let measure = |generated: &Array2<f32>| -> Result<[f64; 2], MetricError> {
        let (x, y) = (real.view(), generated.view());
        let value = mean_over_subsets(x, y, subsets, &mut streams.stream("subsets", 0), own_neighbors)?;
        let energy = mean_over_subsets(x, y, subsets, &mut streams.stream("subsets", 0), energy_distance)?;
        Ok([value, energy])
    };
    let [other, other_energy] = measure(&ring(2_000, "other", &streams))?;
    println!("other real points  {other:.3}, energy distance {other_energy:.4}");
    let [apart, apart_energy] = measure(&gaussian)?;
    println!("one Gaussian       {apart:.3}, energy distance {apart_energy:.4}");
    let [copies, copies_energy] = measure(&real)?;
    println!("copies             {copies:.3}, energy distance {copies_energy:.4}");
    assert!((other - floor).abs() < 0.05 && apart > floor + 0.1 && copies < floor - 0.1);
    // ANCHOR_END: compare
    Ok(())
}
