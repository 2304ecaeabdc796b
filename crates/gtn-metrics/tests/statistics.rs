//! Statistical properties of the metrics for random samples. Seeds are fixed. The false-alarm probability that a test
//! states is over all seeds.

use gtn_metrics::{
    Error, SampleSet, Subsets, energy_distance, floor_over_subsets, ks_one_sample, ks_two_sample, mean_over_subsets,
    pair_noise, sliced_wasserstein, source_statistics,
};
use ndarray::{Array2, ArrayView2, array, aview1};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn uniform_values(n: usize, rng: &mut impl Rng) -> Vec<f64> {
    (0..n).map(|_| rng.random()).collect()
}

fn uniform_rows(n: usize, d: usize, rng: &mut impl Rng) -> Array2<f32> {
    Array2::from_shape_simple_fn((n, d), || rng.random())
}

/// P(√n D > 2.8) ≤ 2 exp(−2 · 2.8²) = 3.1e-7 (Massart 1990), and twice that for the second sample.
#[test]
fn ks_of_a_sample_of_the_distribution_falls_as_the_root_of_n() {
    let n = 10_000;
    let bound = 2.8 / (n as f64).sqrt();
    let mut rng = rng(1);
    let (a, b) = (uniform_values(n, &mut rng), uniform_values(n, &mut rng));
    let uniform = |x: f64| x.clamp(0.0, 1.0);
    let (first, second) = (ks_one_sample(&a, uniform).unwrap(), ks_one_sample(&b, uniform).unwrap());
    assert!(first < bound && second < bound, "{first}, {second}");
    assert!(ks_two_sample(&a, &b).unwrap() < 2.0 * bound);
    // The CDF of the squares is √x. It exceeds x by up to 1/4, at x = 1/4.
    let squares: Vec<f64> = a.iter().map(|x| x * x).collect();
    let result = ks_one_sample(&squares, uniform).unwrap();
    assert!((result - 0.25).abs() < bound, "{result}");
}

/// The documented noise floor is √(π/2) ln 2/√n. D is in [0, 1], and changing one value changes it by at most 1/n. So
/// the mean of R distances deviates by t with a probability of at most 2 exp(−2 R n t²) (McDiarmid 1989), which is
/// 2.3e-7 for t = 0.04/√n and R = 5000. The limit itself deviates by about 1/(6n).
#[test]
fn the_noise_floor_of_ks_is_as_documented() {
    let (n, repeats) = (400, 5000);
    let mut rng = rng(2);
    let distance = |_| ks_one_sample(&uniform_values(n, &mut rng), |x| x).unwrap();
    let mean = (0..repeats).map(distance).sum::<f64>() / f64::from(repeats);
    let documented = (std::f64::consts::FRAC_PI_2).sqrt() * std::f64::consts::LN_2;
    let root = (n as f64).sqrt();
    assert!((mean * root - documented).abs() < 0.04 + 0.2 / root, "{} instead of {documented}", mean * root);
}

/// For equal distributions the mean is E|X − X′| (1/n + 1/m), here 1/3 · 5/6. Each value is in [0, 2], so by
/// Hoeffding's inequality the mean of 100,000 values deviates by 0.02 with a probability of at most
/// 2 exp(−20) = 4.2e-9. Without the pairs of a row with itself, the mean would be 0.
#[test]
fn the_bias_of_the_energy_distance_is_as_documented() {
    let (n, m, repeats) = (3, 2, 100_000);
    let mut rng = rng(3);
    let mut sum = 0.0;
    for _ in 0..repeats {
        let (x, y) = (uniform_rows(n, 1, &mut rng), uniform_rows(m, 1, &mut rng));
        sum += energy_distance(x.view(), y.view()).unwrap();
    }
    let mean = sum / f64::from(repeats);
    assert!((mean - 5.0 / 18.0).abs() < 0.02, "{mean}");
}

/// The mean of ⟨θ, t⟩² is |t|²/d. Each value is in [0, |t|²], so by Hoeffding's inequality the mean over 20,000
/// directions deviates by 0.02 |t|² with a probability of at most 2 exp(−16) = 2.3e-7 for each of the four shifts.
#[test]
fn the_distance_of_a_shift_is_its_length_over_the_root_of_d() {
    let x = array![[1.0_f32, -2.0, 0.5], [3.0, 0.0, 4.0], [-1.0, 1.0, 1.0]];
    for (seed, shift) in [[3.0_f32, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0], [2.0, -1.0, 2.0]].iter().enumerate() {
        let shifted = &x + &aview1(shift);
        let distance = sliced_wasserstein(x.view(), shifted.view(), 20_000, &mut rng(seed as u64)).unwrap();
        assert!((distance.powi(2) / 9.0 - 1.0 / 3.0).abs() < 0.02, "{shift:?}: {distance}");
    }
}

/// Subsets contain each row equally often: by Hoeffding's inequality the fraction of subsets with a given row deviates
/// by 0.03 with a probability of at most 2 exp(−2 · 10,000 · 0.03²) = 3.0e-8, for each of the 24 fractions below.
#[test]
fn every_row_is_drawn_equally_often_and_at_most_once() {
    let rows = |n: usize| Array2::from_shape_fn((n, 1), |(i, _)| i as f32);
    let subsets = Subsets { size: 3, count: 10_000 };
    fn count(seen: &mut [u32], subset: ArrayView2<'_, f32>) {
        assert_eq!(subset.dim(), (3, 1));
        let mut subset: Vec<usize> = subset.iter().map(|&x| x as usize).collect();
        subset.sort_unstable();
        assert!(subset.windows(2).all(|pair| pair[0] < pair[1]));
        subset.iter().for_each(|&row| seen[row] += 1);
    }
    let is_fair = |seen: &[u32]| {
        let expected = 3.0 / seen.len() as f64;
        seen.iter().all(|&times| (f64::from(times) / 10_000.0 - expected).abs() < 0.03)
    };

    let (mut real, mut generated) = ([0; 5], [0; 7]);
    let metric = |x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>| {
        count(&mut real, x);
        count(&mut generated, y);
        Ok(1.5)
    };
    assert_eq!(mean_over_subsets(rows(5).view(), rows(7).view(), subsets, &mut rng(4), metric), Ok(1.5));
    assert!(is_fair(&real) && is_fair(&generated), "{real:?}, {generated:?}");

    let (mut first, mut second) = ([0; 6], [0; 6]);
    let metric = |x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>| {
        count(&mut first, x);
        count(&mut second, y);
        assert!(x.iter().all(|a| y.iter().all(|b| a != b)), "both halves contain the same row");
        Ok(0.5)
    };
    assert_eq!(floor_over_subsets(rows(6).view(), subsets, &mut rng(5), metric), Ok(0.5));
    assert!(is_fair(&first) && is_fair(&second), "{first:?}, {second:?}");
}

/// The result is the mean over the subsets, and the subsets depend only on the random number generator.
#[test]
fn values_of_subsets_are_averaged() {
    let rows = uniform_rows(50, 2, &mut rng(6));
    let subsets = Subsets { size: 10, count: 4 };
    let mut values = Vec::new();
    let metric = |x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>| {
        let value = energy_distance(x, y)?;
        values.push(value);
        Ok(value)
    };
    let result = mean_over_subsets(rows.view(), rows.view(), subsets, &mut rng(7), metric).unwrap();
    assert_eq!(values.len(), 4);
    assert!(values.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(result, values.iter().sum::<f64>() / 4.0);
    assert_eq!(mean_over_subsets(rows.view(), rows.view(), subsets, &mut rng(7), energy_distance), Ok(result));
    assert_ne!(mean_over_subsets(rows.view(), rows.view(), subsets, &mut rng(8), energy_distance), Ok(result));
}

/// Subsets of given sets are independent and contain each row and each pair of rows with the same probability. Let A be
/// the mean distance between the sets, and B and C the mean distances of two rows within each set. Then the mean of the
/// energy distance over all subsets of s rows is 2A − (1 − 1/s)(B + C), and the noise floor of one set is 2B/s. Values
/// are in [0, 2], so by Hoeffding's inequality the mean of 100,000 values deviates by 0.02 with a probability of at
/// most 2 exp(−20) = 4.2e-9, for each of the two results.
#[test]
fn the_mean_over_subsets_is_determined_by_the_sets() {
    let (real, generated) = (uniform_rows(12, 1, &mut rng(9)), uniform_rows(9, 1, &mut rng(10)) * 0.3);
    let sum_of_distances = |x: &Array2<f32>, y: &Array2<f32>| -> f64 {
        x.iter().map(|a| y.iter().map(|b| f64::from((a - b).abs())).sum::<f64>()).sum()
    };
    let between = sum_of_distances(&real, &generated) / (12.0 * 9.0);
    let within_real = sum_of_distances(&real, &real) / (12.0 * 11.0);
    let within_generated = sum_of_distances(&generated, &generated) / (9.0 * 8.0);
    let subsets = Subsets { size: 4, count: 100_000 };

    let value = mean_over_subsets(real.view(), generated.view(), subsets, &mut rng(11), energy_distance).unwrap();
    let floor = floor_over_subsets(real.view(), subsets, &mut rng(12), energy_distance).unwrap();
    let expected = (2.0 * between - 0.75 * (within_real + within_generated), within_real / 2.0);
    assert!((value - expected.0).abs() < 0.02, "{value} instead of {}", expected.0);
    assert!((floor - expected.1).abs() < 0.02, "{floor} instead of {}", expected.1);
}

#[test]
fn invalid_subsets_are_an_error() {
    let rows = |n: usize| Array2::<f32>::zeros((n, 2));
    let mean = |n, m, size, count| {
        mean_over_subsets(rows(n).view(), rows(m).view(), Subsets { size, count }, &mut rng(1), energy_distance)
    };
    let floor =
        |n, size, count| floor_over_subsets(rows(n).view(), Subsets { size, count }, &mut rng(1), energy_distance);
    assert_eq!(mean(5, 7, 5, 1), Ok(0.0));
    let too_large = |set, needed, samples| Err(Error::SubsetTooLarge { set, needed, samples });
    assert_eq!(mean(5, 7, 6, 1), too_large(SampleSet::Real, 6, 5));
    assert_eq!(mean(7, 5, 6, 1), too_large(SampleSet::Generated, 6, 5));
    assert_eq!(floor(6, 3, 1), Ok(0.0));
    assert_eq!(floor(6, 4, 1), too_large(SampleSet::Real, 8, 6));
    assert_eq!(floor(6, usize::MAX, 1), too_large(SampleSet::Real, usize::MAX, 6));
    for (size, count, setting) in [(0, 1, "size of the subsets"), (1, 0, "number of subsets")] {
        let error = Error::ZeroSetting { setting };
        assert_eq!(mean(5, 7, size, count), Err(error.clone()));
        assert_eq!(floor(5, size, count), Err(error));
    }
    assert_eq!(mean(0, 7, 1, 1), Err(Error::Empty { set: SampleSet::Real }));
    // A row is rejected even if no subset contains it. The error names its index in the full set.
    let mut bad = rows(1000);
    bad[(777, 1)] = f32::NAN;
    let subsets = Subsets { size: 1, count: 1 };
    let not_finite = Err(Error::NotFinite { set: SampleSet::Generated, row: 777 });
    assert_eq!(mean_over_subsets(rows(2).view(), bad.view(), subsets, &mut rng(1), energy_distance), not_finite);
    // Errors of the metric are returned.
    let failing = |_: ArrayView2<'_, f32>, _: ArrayView2<'_, f32>| Err(Error::ZeroVariance);
    assert_eq!(floor_over_subsets(rows(6).view(), subsets, &mut rng(1), failing), Err(Error::ZeroVariance));
}

/// For a rotation of standard normal rows, the noise is that of the identity, about 0.05 for 10,000 pairs of 5 columns.
/// Unrelated x have 2: the mean over 2,000 held-out pairs deviates by 0.2 with a probability far below 1e-9, since the
/// standard deviation of one squared distance over the total variance is √(8/5).
#[test]
fn the_noise_of_pairs_is_near_0_for_a_function_and_near_2_without_a_relation() {
    let mut rng = rng(31);
    let mut normal = |n| Array2::from_shape_simple_fn((n, 5), || rng.sample::<f32, _>(rand_distr::StandardNormal));
    let (train, held_out, unrelated, other) = (normal(10_000), normal(2000), normal(10_000), normal(2000));
    let noise = |x: &Array2<f32>, held_out_x: &Array2<f32>| {
        pair_noise((train.view(), x.view()), (held_out.view(), held_out_x.view())).unwrap()
    };
    // The columns in another order, and one of them mirrored.
    let rotated = |y: &Array2<f32>| {
        Array2::from_shape_fn(y.dim(), |(i, k)| y[(i, (k + 2) % 5)] * if k == 1 { -3.0 } else { 3.0 })
    };
    let identity = noise(&train, &held_out);
    assert!(identity > 0.03 && identity < 0.07, "{identity}");
    assert!((noise(&rotated(&train), &rotated(&held_out)) - identity).abs() < 0.01);
    let value = noise(&unrelated, &other);
    assert!((value - 2.0).abs() < 0.2, "{value}");
}

/// With a probability of at most 5% the limit is exceeded, so at most 25 times in 100 repetitions with a probability below
/// 1e-10 (binomial). The mean distance of 40 columns is within 0.03/√n of its limit, as in the test of its noise floor.
#[test]
fn normal_rows_are_below_the_limit_of_the_largest_distance() {
    let mut rng = rng(32);
    let (mut above, mut mean, mut expected) = (0, 0.0, 0.0);
    for _ in 0..100 {
        let y = Array2::from_shape_simple_fn((300, 40), || rng.sample::<f32, _>(rand_distr::StandardNormal));
        let statistics = source_statistics(y.view()).unwrap();
        above += usize::from(statistics.largest_ks > statistics.ks_limit);
        mean += statistics.mean_ks / 100.0;
        expected = statistics.expected_ks;
    }
    assert!(above <= 25, "{above}");
    assert!((mean / expected - 1.0).abs() < 0.06, "{mean}, {expected}");
}
