//! Compares the metrics with SciPy 1.17.1 (NumPy 2.4.6), scikit-learn 1.9.1 and torch-fidelity 0.4.0, for samples that both programs compute
//! exactly. The script `tests/golden/make_metrics.py` of the workspace prints the tables.

use gtn_metrics::{
    GaussianMixture, GaussianMixtureParams, energy_distance, frechet_distance, inception_score,
    kernel_distances_of_subsets, ks_one_sample, ks_two_sample, pair_noise, precision_recall, sliced_wasserstein,
    source_statistics,
};
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

/// n logits of a number of classes, the number of splits, and mean and standard deviation of the Inception Score, by
/// torch-fidelity's `isc_features_to_metric` without shuffling.
const INCEPTION_SCORE: [(usize, usize, usize, f64, f64); 4] = [
    (1, 3, 1, 1.0, 0.0),
    (10, 8, 10, 1.0, 0.0),
    (203, 40, 10, 6.486470962047788, 0.3517883221481154),
    (500, 1008, 7, 8.549165992162044, 0.05785780302829463),
];

/// The sizes n and m, the dimension d, the size of the subsets, and the kernel distance of three of them, by torch-fidelity's
/// `kernel_mmd`.
const KERNEL: [(usize, usize, usize, usize, [f64; 3]); 3] = [
    (60, 50, 8, 20, [0.09563538927359705, -0.06852170778818856, -0.27813809856170835]),
    (300, 300, 64, 300, [0.0030856990681060736, 0.0030856990681060736, 0.0030856990681060736]),
    (400, 350, 2048, 150, [0.09552088160240224, 0.09164226509353046, 0.09164533040800604]),
];

/// The sizes n and m, the dimension d, precision and recall for k = 3 by torch-fidelity's `prc_features_to_metric`, which
/// returns `f32`, and the Fréchet distance with SciPy's `linalg.sqrtm`, as pytorch-fid computes it.
const FEATURES: [(usize, usize, usize, f64, f64, f64); 3] = [
    (300, 300, 64, 0.8533333539962769, 0.54666668176651, 6.2809329279551065),
    (250, 400, 64, 0.8700000047683716, 0.5799999833106995, 6.151425582129818),
    (400, 300, 16, 0.9433333277702332, 0.7850000262260437, 0.6432149991381486),
];

/// The numbers n and m of training and held-out pairs, the columns of y and x, and the noise of the pairs by
/// scikit-learn's `KNeighborsRegressor(1)`.
const PAIR_NOISE: [(usize, usize, usize, usize, f64); 4] = [
    (40, 10, 1, 1, 0.002571165892759665),
    (200, 50, 2, 3, 0.03759343689659196),
    (300, 60, 5, 5, 0.060129411050406215),
    (150, 150, 40, 2, 0.9087034465253225),
];

/// n rows of d columns against N(0, 1): largest |mean|, largest |variance − 1|, largest and mean distance by
/// `stats.ks_1samp`.
const SOURCE: [(usize, usize, f64, f64, f64, f64); 3] = [
    (2, 1, 0.78125, 0.21875, 0.5620820168082948, 0.5620820168082948),
    (50, 3, 0.125, 0.2307860331632653, 0.12208201680829484, 0.09526732354092847),
    (400, 20, 0.187734375, 0.27892487566572655, 0.15166835865206607, 0.10539159628660914),
];

/// n rows of d columns and K components. By scikit-learn's `GaussianMixture` from the labels i % K: iterations, mean
/// log-likelihood, the numbers of rows that `predict` gives four components, and the sum of i times its component.
const MIXTURE: [OfMixture; 3] = [
    OfMixture {
        sizes: [60, 1, 2],
        iterations: 2,
        log_likelihood: -2.492350767164757,
        counts: [28, 32, 0, 0],
        sum: 827,
    },
    OfMixture {
        sizes: [300, 3, 4],
        iterations: 7,
        log_likelihood: 1.3226917730853185,
        counts: [209, 47, 44, 0],
        sum: 28130,
    },
    OfMixture {
        sizes: [500, 5, 3],
        iterations: 26,
        log_likelihood: -2.1691050059394605,
        counts: [199, 133, 168, 0],
        sum: 146176,
    },
];

struct OfMixture {
    sizes: [usize; 3],
    iterations: usize,
    log_likelihood: f64,
    counts: [usize; 4],
    sum: usize,
}

/// Rows without equal distances: multiples of 1/64 below 157.
fn scattered(n: usize, d: usize, key: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, d), |(i, k)| {
        ((i * i * 37 + i * key + k * 29 + i * k * (key + 7) + k * k * 3 + key) % 10_007) as f32 / 64.0
    })
}

/// y, and an x that is a function of y plus noise.
fn pairs(n: usize, d: usize, columns: usize, key: usize) -> (Array2<f32>, Array2<f32>) {
    let (y, noise) = (scattered(n, d, key), scattered(n, columns, key + 11) / 4.0);
    let x = Array2::from_shape_fn((n, columns), |(i, k)| 2.0 * y[(i, k % d)] - y[(i, (k + 1) % d)] + noise[(i, k)]);
    (y, x)
}

/// Like Inception features: not negative, and many of them 0. Values are multiples of 1/64.
fn features(n: usize, d: usize, key: usize) -> Array2<f32> {
    Array2::from_shape_fn((n, d), |(i, k)| {
        let mixed = (i * i * 37 + i * key + k * 29 + i * k * (key + 7) + k * k * 3 + key) % 10_007;
        (mixed % 101).saturating_sub(60) as f32 * (mixed % 7 + 1) as f32 / 64.0
    })
}

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

#[test]
fn inception_scores_agree_with_torch_fidelity() {
    for (n, classes, splits, mean, std) in INCEPTION_SCORE {
        let logits = Array2::from_shape_fn((n, classes), |(i, k)| {
            (((i * i * 37 + i * 5 + k * 29 + i * k * 13 + 5) % 10_007 % 401) as f32 - 200.0) / 16.0
        });
        let score = inception_score(logits.view(), splits).unwrap();
        let sizes = format!("{n} × {classes}, {splits} splits");
        assert_close(score.mean, mean, 1e-12, &sizes);
        assert!((score.std - std).abs() < 1e-12, "{sizes}: got {}, expected {std}", score.std);
    }
}

#[test]
fn kernel_distances_agree_with_torch_fidelity() {
    for (n, m, d, size, expected) in KERNEL {
        let (x, y) = (features(n, d, 3), features(m, d, 58));
        let rows = |total: usize, subset: usize| (0..size).map(|i| (i * 7 + subset * 13) % total).collect();
        let subsets = [0, 1, 2].map(|subset| [rows(n, subset), rows(m, subset)]);
        let values = kernel_distances_of_subsets(x.view(), y.view(), &subsets).unwrap();
        for (value, expected) in values.iter().zip(expected) {
            // The terms are of the order of 1.
            assert!((value - expected).abs() < 1e-11, "{n} and {m} × {d}: got {value}, expected {expected}");
        }
    }
}

#[test]
fn metrics_of_features_agree_with_torch_fidelity_and_pytorch_fid() {
    for (n, m, d, precision, recall, frechet) in FEATURES {
        let (x, y) = (features(n, d, 3), features(m, d, 58) * 0.9);
        let sizes = format!("{n} and {m} × {d}");
        let result = precision_recall(x.view(), y.view(), 3).unwrap();
        assert_close(result.precision, precision, 1e-7, &sizes);
        assert_close(result.recall, recall, 1e-7, &sizes);
        // SciPy has the values before they were rounded to f32.
        assert_close(frechet_distance(x.view(), y.view()).unwrap(), frechet, 1e-6, &sizes);
    }
}

#[test]
fn the_noise_of_pairs_agrees_with_scikit_learn() {
    for (n, m, d, columns, expected) in PAIR_NOISE {
        let (train, held_out) = (pairs(n, d, columns, 3), pairs(m, d, columns, 58));
        let value = pair_noise((train.0.view(), train.1.view()), (held_out.0.view(), held_out.1.view())).unwrap();
        assert_close(value, expected, 1e-13, &format!("{n} and {m} pairs, {d} to {columns}"));
    }
}

#[test]
fn statistics_of_the_source_agree_with_scipy() {
    for (n, d, mean, variance, largest_ks, mean_ks) in SOURCE {
        let statistics = source_statistics((sample(n, d, 3) / 4.0 - 1.5).view()).unwrap();
        let sizes = format!("{n} × {d}");
        assert_close(statistics.largest_mean, mean, 1e-13, &sizes);
        assert_close(statistics.largest_variance_error, variance, 1e-13, &sizes);
        assert_close(statistics.largest_ks, largest_ks, 1e-13, &sizes);
        assert_close(statistics.mean_ks, mean_ks, 1e-13, &sizes);
    }
}

#[test]
fn mixtures_agree_with_scikit_learn() {
    for OfMixture { sizes: [n, d, components], iterations, log_likelihood, counts, sum } in MIXTURE {
        let rows = scattered(n, d, 3) / 16.0;
        let labels: Vec<usize> = (0..n).map(|row| row % components).collect();
        let params = GaussianMixtureParams::new(components);
        let mixture = GaussianMixture::fit_from_labels(rows.view(), params, &labels).unwrap();
        let sizes = format!("{n} × {d}, {components} components");
        assert_eq!(mixture.log_likelihood_history().len(), iterations, "{sizes}");
        let difference = mixture.mean_log_likelihood(rows.view()).unwrap() - log_likelihood;
        assert!(difference.abs() < 1e-8, "{sizes}: {difference}");
        let assigned = mixture.assign(rows.view()).unwrap();
        let count = |component: usize| assigned.iter().filter(|&&other| other == component).count();
        assert_eq!([0, 1, 2, 3].map(count), counts, "{sizes}");
        assert_eq!(assigned.iter().enumerate().map(|(row, component)| row * component).sum::<usize>(), sum, "{sizes}");
    }
}
