//! Compares the metrics with SciPy 1.17.1 (NumPy 2.4.6), for samples that both programs compute exactly. The script
//! `tests/golden/make_metrics.py` of the workspace prints the tables.

use gtn_metrics::{energy_distance, ks_one_sample, ks_two_sample, sliced_wasserstein};
use ndarray::Array2;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Two samples of one dimension: their sizes n and m, then
/// - `stats.ks_1samp` of the first sample and F(x) = x/(1 + x),
/// - `stats.ks_2samp`,
/// - `stats.energy_distance`, squared because SciPy returns the root,
/// - W₂, by `optimize.linprog` over all couplings. In one dimension all directions agree.
const ONE_DIMENSION: [(usize, usize, f64, f64, f64, f64); 6] = [
    (1, 4, 0.7272727272727273, 1.0, 9.046875, 5.90649801066588),
    (5, 5, 0.43999999999999995, 0.6, 2.3000000000000016, 3.351305715687544),
    (6, 9, 0.4761904761904762, 0.6111111111111112, 2.1226851851851865, 2.9798221889531895),
    (20, 20, 0.5575757575757576, 0.3, 0.5443750000000002, 1.6985747702117795),
    (24, 36, 0.553030303030303, 0.2361111111111111, 0.32368827160493835, 1.4264368973853074),
    (50, 31, 0.5037037037037038, 0.1664516129032258, 0.18234849115504678, 1.0791788619728575),
];

/// The dimension d, the sizes n and m, and the energy distance from the means of `scipy.spatial.distance.cdist`.
const ENERGY: [(usize, usize, usize, f64); 3] =
    [(2, 5, 8, 2.0421852697004157), (3, 20, 13, 1.6140479819526563), (17, 30, 30, 2.0235257708420207)];

/// n rows of d columns. Values are multiples of 1/8 below 101/8.
fn sample(n: usize, d: usize, key: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, d), |(i, k)| ((i * i * 37 + i * key + k * 29 + key) % 101) as f32 / 8.0)
}

fn assert_close(actual: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((actual - expected).abs() <= tolerance * expected, "{what}: got {actual:?}, expected {expected:?}");
}

#[test]
fn samples_of_one_dimension_agree_with_scipy() {
    for (n, m, ks_1samp, ks_2samp, energy, wasserstein) in ONE_DIMENSION {
        let (x, y) = (sample(n, 1, 3), sample(m, 1, 58));
        let values = |rows: &Array2<f32>| rows.iter().map(|&x| f64::from(x)).collect::<Vec<_>>();
        let sizes = format!("{n} and {m}");
        assert_close(ks_one_sample(&values(&x), |x| x / (1.0 + x)).unwrap(), ks_1samp, 1e-15, &sizes);
        assert_close(ks_two_sample(&values(&x), &values(&y)).unwrap(), ks_2samp, 1e-15, &sizes);
        assert_close(energy_distance(x.view(), y.view()).unwrap(), energy, 1e-13, &sizes);
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        assert_close(sliced_wasserstein(x.view(), y.view(), 3, &mut rng).unwrap(), wasserstein, 1e-12, &sizes);
    }
}

#[test]
fn energy_distances_of_rows_agree_with_scipy() {
    for (d, n, m, expected) in ENERGY {
        let (x, y) = (sample(n, d, 3), sample(m, d, 58));
        assert_close(energy_distance(x.view(), y.view()).unwrap(), expected, 1e-13, &format!("{n} × {d}, {m} × {d}"));
    }
}
