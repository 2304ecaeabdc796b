//! Compares two arrays by several metrics, each beside its noise floor:
//!
//!     cargo run --release -p gtn-metrics --example metrics_of_arrays
#![allow(clippy::print_stdout)]

use gtn_metrics::ndarray::{Array2, ArrayView2};
use gtn_metrics::rand::{Rng, SeedableRng};
use gtn_metrics::{
    Error, Gaussian, Subsets, density_coverage, energy_distance, floors_over_subsets, means_over_subsets,
    precision_recall, sliced_wasserstein,
};
use rand_chacha::ChaCha8Rng;

const NAMES: [&str; 6] = ["energy distance", "sliced Wasserstein-2", "precision", "recall", "density", "coverage"];

/// The metrics of real and generated rows, in the order of `NAMES`.
fn metrics(real: ArrayView2<'_, f32>, generated: ArrayView2<'_, f32>) -> Result<[f64; 6], Error> {
    let energy = energy_distance(real, generated)?;
    // The same 50 directions each time.
    let sliced = sliced_wasserstein(real, generated, 50, &mut ChaCha8Rng::seed_from_u64(2))?;
    let balls = precision_recall(real, generated, 3)?;
    let density = density_coverage(real, generated, 5)?;
    Ok([energy, sliced, balls.precision, balls.recall, density.density, density.coverage])
}

/// Points near a circle, one per row.
fn ring(rows: usize, rng: &mut impl Rng) -> Array2<f32> {
    let mut points = Array2::zeros((rows, 2));
    for mut point in points.outer_iter_mut() {
        let angle: f32 = rng.random_range(0.0..std::f32::consts::TAU);
        let radius: f32 = rng.random_range(0.9..1.1);
        point[0] = radius * angle.cos();
        point[1] = radius * angle.sin();
    }
    points
}

fn main() -> Result<(), Error> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let real = ring(3000, &mut rng);
    // Two generators: a perfect one, and a Gaussian with the mean and the covariance of the real rows, which fills the circle.
    let perfect = ring(3000, &mut rng);
    let gaussian = Gaussian::fit(real.view())?.sample(3000, &mut rng);

    // Means over 3 pairs of subsets of 1,000 rows. The noise floor compares real rows with other real rows.
    let subsets = Subsets { size: 1000, count: 3 };
    let floors = floors_over_subsets(real.view(), subsets, &mut rng, metrics)?;
    let of_perfect = means_over_subsets(real.view(), perfect.view(), subsets, &mut rng, metrics)?;
    let of_gaussian = means_over_subsets(real.view(), gaussian.view(), subsets, &mut rng, metrics)?;
    println!("{:22} {:>12} {:>12} {:>12}", "", "noise floor", "perfect", "Gaussian");
    for (i, name) in NAMES.iter().enumerate() {
        println!("{name:22} {:>12.4} {:>12.4} {:>12.4}", floors[i], of_perfect[i], of_gaussian[i]);
    }
    Ok(())
}
