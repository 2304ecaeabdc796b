//! What holds of random samples. Seeds are fixed; the false-alarm rate of a test is that over all seeds.

use gtn_metrics::{
    Draws, Error, Set, energy_distance, floor_over_draws, ks_between, ks_from_cdf, mean_over_draws, sliced_wasserstein,
};
use ndarray::{Array2, ArrayView2, array, aview1};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn uniform_numbers(n: usize, rng: &mut impl Rng) -> Vec<f64> {
    (0..n).map(|_| rng.random()).collect()
}

fn uniform_rows(n: usize, d: usize, rng: &mut impl Rng) -> Array2<f32> {
    Array2::from_shape_simple_fn((n, d), || rng.random())
}

/// P(√n D > 2.8) ≤ 2 exp(−2 · 2.8²) = 3.1e-7 (Massart 1990), and twice that for the second sample.
#[test]
fn ks_of_a_law_and_its_own_sample_falls_as_the_root_of_n() {
    let n = 10_000;
    let bound = 2.8 / (n as f64).sqrt();
    let mut rng = rng(1);
    let (a, b) = (uniform_numbers(n, &mut rng), uniform_numbers(n, &mut rng));
    let uniform = |x: f64| x.clamp(0.0, 1.0);
    let (to_law, other) = (ks_from_cdf(&a, uniform).unwrap(), ks_from_cdf(&b, uniform).unwrap());
    assert!(to_law < bound && other < bound, "{to_law}, {other}");
    assert!(ks_between(&a, &b).unwrap() < 2.0 * bound);
    // The law of the squares has F(x) = √x, up to 1/4 above x: at x = 1/4.
    let squares: Vec<f64> = a.iter().map(|x| x * x).collect();
    let found = ks_from_cdf(&squares, uniform).unwrap();
    assert!((found - 0.25).abs() < bound, "{found}");
}

/// The front page's √(π/2) ln 2. D lies in [0, 1] and changes by at most 1/n with one number, so the mean of R
/// distances is off by t with a probability of at most 2 exp(−2 R n t²) (McDiarmid 1989): for t = 0.04/√n, R = 5000 it
/// is 2.3e-7. The limit itself is off by about 1/(6n).
#[test]
fn the_floor_of_ks_is_the_one_stated() {
    let (n, repeats) = (400, 5000);
    let mut rng = rng(2);
    let distance = |_| ks_from_cdf(&uniform_numbers(n, &mut rng), |x| x).unwrap();
    let mean = (0..repeats).map(distance).sum::<f64>() / f64::from(repeats);
    let stated = (std::f64::consts::FRAC_PI_2).sqrt() * std::f64::consts::LN_2;
    let root = (n as f64).sqrt();
    assert!((mean * root - stated).abs() < 0.04 + 0.2 / root, "{} of {stated}", mean * root);
}

/// Under equal laws the mean is E|X − X′| (1/n + 1/m), here 1/3 · 5/6. Each value lies in [0, 2], so by Hoeffding's
/// inequality the mean of 100,000 is off by 0.02 with a probability of at most 2 exp(−20) = 4.2e-9. Without the pairs
/// of a row with itself the mean would be 0.
#[test]
fn the_bias_of_the_energy_distance_is_the_one_stated() {
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

/// The mean of ⟨θ, t⟩² is |t|²/d. It lies in [0, |t|²], so by Hoeffding's inequality 20,000 directions are off by
/// 0.02 |t|² with a probability of at most 2 exp(−16) = 2.3e-7 for each of the four shifts.
#[test]
fn a_translation_is_its_length_over_the_root_of_d() {
    let x = array![[1.0_f32, -2.0, 0.5], [3.0, 0.0, 4.0], [-1.0, 1.0, 1.0]];
    for (seed, shift) in [[3.0_f32, 0.0, 0.0], [0.0, 3.0, 0.0], [0.0, 0.0, 3.0], [2.0, -1.0, 2.0]].iter().enumerate() {
        let moved = &x + &aview1(shift);
        let distance = sliced_wasserstein(x.view(), moved.view(), 20_000, rng(seed as u64)).unwrap();
        assert!((distance.powi(2) / 9.0 - 1.0 / 3.0).abs() < 0.02, "{shift:?}: {distance}");
    }
}

/// Draws take each row equally often: by Hoeffding's inequality the share of the draws with a given row is off by 0.03
/// with a probability of at most 2 exp(−2 · 10,000 · 0.03²) = 3.0e-8, for each of the 24 shares below.
#[test]
fn every_row_is_drawn_equally_often_and_at_most_once() {
    let rows = |n: usize| Array2::from_shape_fn((n, 1), |(i, _)| i as f32);
    let draws = Draws { size: 3, draws: 10_000 };
    fn count(seen: &mut [u32], drawn: ArrayView2<'_, f32>) {
        assert_eq!(drawn.dim(), (3, 1));
        let mut drawn: Vec<usize> = drawn.iter().map(|&x| x as usize).collect();
        drawn.sort_unstable();
        assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]));
        drawn.iter().for_each(|&row| seen[row] += 1);
    }
    let fair = |seen: &[u32]| {
        let expected = 3.0 / seen.len() as f64;
        seen.iter().all(|&times| (f64::from(times) / 10_000.0 - expected).abs() < 0.03)
    };

    let (mut real, mut generated) = ([0; 5], [0; 7]);
    let metric = |x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>| {
        count(&mut real, x);
        count(&mut generated, y);
        Ok(1.5)
    };
    assert_eq!(mean_over_draws(rows(5).view(), rows(7).view(), draws, rng(4), metric), Ok(1.5));
    assert!(fair(&real) && fair(&generated), "{real:?}, {generated:?}");

    let (mut first, mut second) = ([0; 6], [0; 6]);
    let metric = |x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>| {
        count(&mut first, x);
        count(&mut second, y);
        assert!(x.iter().all(|a| y.iter().all(|b| a != b)), "the halves share a row");
        Ok(0.5)
    };
    assert_eq!(floor_over_draws(rows(6).view(), draws, rng(5), metric), Ok(0.5));
    assert!(fair(&first) && fair(&second), "{first:?}, {second:?}");
}

/// The mean over draws is a mean, and what was drawn depends on the stream alone.
#[test]
fn draws_are_averaged() {
    let rows = uniform_rows(50, 2, &mut rng(6));
    let draws = Draws { size: 10, draws: 4 };
    let mut values = Vec::new();
    let metric = |x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>| {
        let value = energy_distance(x, y)?;
        values.push(value);
        Ok(value)
    };
    let found = mean_over_draws(rows.view(), rows.view(), draws, rng(7), metric).unwrap();
    assert_eq!(values.len(), 4);
    assert!(values.windows(2).all(|pair| pair[0] != pair[1]));
    assert_eq!(found, values.iter().sum::<f64>() / 4.0);
    assert_eq!(mean_over_draws(rows.view(), rows.view(), draws, rng(7), energy_distance), Ok(found));
    assert_ne!(mean_over_draws(rows.view(), rows.view(), draws, rng(8), energy_distance), Ok(found));
}

/// For given sets draws are independent, and every row and pair of rows is equally likely in them. So the mean of a
/// figure over all draws of s rows follows from the mean distances between the sets, A, and of two rows of each set, B
/// and C: it is 2A − (1 − 1/s)(B + C), and for the floor of one set 2B/s. Values lie in [0, 2], so by Hoeffding's
/// inequality the mean of 100,000 is off by 0.02 with a probability of at most 2 exp(−20) = 4.2e-9, for each of the two
/// figures.
#[test]
fn draws_have_the_mean_that_the_sets_determine() {
    let (real, generated) = (uniform_rows(12, 1, &mut rng(9)), uniform_rows(9, 1, &mut rng(10)) * 0.3);
    let sum_of_distances = |x: &Array2<f32>, y: &Array2<f32>| -> f64 {
        x.iter().map(|a| y.iter().map(|b| f64::from((a - b).abs())).sum::<f64>()).sum()
    };
    let between = sum_of_distances(&real, &generated) / (12.0 * 9.0);
    let within_real = sum_of_distances(&real, &real) / (12.0 * 11.0);
    let within_generated = sum_of_distances(&generated, &generated) / (9.0 * 8.0);
    let draws = Draws { size: 4, draws: 100_000 };

    let figure = mean_over_draws(real.view(), generated.view(), draws, rng(11), energy_distance).unwrap();
    let floor = floor_over_draws(real.view(), draws, rng(12), energy_distance).unwrap();
    let expected = (2.0 * between - 0.75 * (within_real + within_generated), within_real / 2.0);
    assert!((figure - expected.0).abs() < 0.02, "{figure} of {}", expected.0);
    assert!((floor - expected.1).abs() < 0.02, "{floor} of {}", expected.1);
}

#[test]
fn draws_that_cannot_be_taken_are_an_error() {
    let rows = |n: usize| Array2::<f32>::zeros((n, 2));
    let mean = |n, m, size, draws| {
        mean_over_draws(rows(n).view(), rows(m).view(), Draws { size, draws }, rng(1), energy_distance)
    };
    let floor = |n, size, draws| floor_over_draws(rows(n).view(), Draws { size, draws }, rng(1), energy_distance);
    assert_eq!(mean(5, 7, 5, 1), Ok(0.0));
    let too_large = |set, needed, samples| Err(Error::DrawTooLarge { set, needed, samples });
    assert_eq!(mean(5, 7, 6, 1), too_large(Set::Real, 6, 5));
    assert_eq!(mean(7, 5, 6, 1), too_large(Set::Generated, 6, 5));
    assert_eq!(floor(6, 3, 1), Ok(0.0));
    assert_eq!(floor(6, 4, 1), too_large(Set::Real, 8, 6));
    assert_eq!(floor(6, usize::MAX, 1), too_large(Set::Real, usize::MAX, 6));
    for (size, draws) in [(0, 1), (1, 0)] {
        let error = Error::NoDraws { asked: Draws { size, draws } };
        assert_eq!(mean(5, 7, size, draws), Err(error.clone()));
        assert_eq!(floor(5, size, draws), Err(error));
    }
    assert_eq!(mean(0, 7, 1, 1), Err(Error::Empty { set: Set::Real }));
    // A row is refused even if no draw would have met it, and by its place in the whole set.
    let mut bad = rows(1000);
    bad[(777, 1)] = f32::NAN;
    let draws = Draws { size: 1, draws: 1 };
    let not_finite = Err(Error::NotFinite { set: Set::Generated, row: 777 });
    assert_eq!(mean_over_draws(rows(2).view(), bad.view(), draws, rng(1), energy_distance), not_finite);
    // What the metric says is passed on.
    let refuse = |_: ArrayView2<'_, f32>, _: ArrayView2<'_, f32>| Err(Error::NoVariance);
    assert_eq!(floor_over_draws(rows(6).view(), draws, rng(1), refuse), Err(Error::NoVariance));
}
