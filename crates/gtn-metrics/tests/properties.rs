//! What holds of every pair of samples.

use gtn_metrics::{
    Draws, Error, energy_distance, floor_over_draws, ks_between, ks_from_cdf, mean_over_draws, sliced_wasserstein,
    total_variance, variance_kept,
};
use ndarray::{Array2, ArrayView2, Axis};
use proptest::collection::vec;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

const PROJECTIONS: usize = 5;

fn rng(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn energy(x: &Array2<f32>, y: &Array2<f32>) -> f64 {
    energy_distance(x.view(), y.view()).unwrap()
}

fn sliced(x: &Array2<f32>, y: &Array2<f32>) -> f64 {
    sliced_wasserstein(x.view(), y.view(), PROJECTIONS, rng(3)).unwrap()
}

/// No row is further than this from another one: the scale of what rounding does to a distance.
fn diameter(x: &Array2<f32>, y: &Array2<f32>) -> f64 {
    let largest = x.iter().chain(y).fold(0.0_f32, |max, x| max.max(x.abs()));
    2.0 * f64::from(largest) * (x.ncols() as f64).sqrt()
}

fn shuffled(x: &Array2<f32>, seed: u64) -> Array2<f32> {
    let mut order: Vec<usize> = (0..x.nrows()).collect();
    order.shuffle(&mut rng(seed));
    x.select(Axis(0), &order)
}

/// `sets` sets of 1 to 20 rows in one space of 1 to 4 dimensions. Coordinates are multiples of 1/8, so that ties occur
/// and sums with one another are exact in `f32`.
fn sets(sets: usize) -> impl Strategy<Value = Vec<Array2<f32>>> {
    (1..=4_usize).prop_flat_map(move |d| {
        let set = vec(-60..60_i16, d..=20 * d).prop_map(move |eighths| {
            let rows = eighths.len() / d;
            Array2::from_shape_fn((rows, d), |(i, k)| f32::from(eighths[i * d + k]) / 8.0)
        });
        vec(set, sets)
    })
}

/// Numbers with ties.
fn numbers() -> impl Strategy<Value = Vec<f64>> {
    vec(-20..20_i8, 1..30).prop_map(|eighths| eighths.iter().map(|&x| f64::from(x) / 8.0).collect())
}

/// Continuous, with flat parts and a steep one.
fn cdf(x: f64) -> f64 {
    (0.25 * (x + 2.0).clamp(0.0, 1.0)) + 0.5 * (4.0 * x).clamp(0.0, 1.0) + 0.25 * (x - 1.0).clamp(0.0, 1.0)
}

fn share(sample: &[f64], of: impl Fn(f64) -> bool) -> f64 {
    sample.iter().filter(|&&x| of(x)).count() as f64 / sample.len() as f64
}

proptest! {
    #[test]
    fn ks_from_a_cdf_is_the_largest_gap_on_both_sides_of_each_point(sample in numbers()) {
        let gap = |&x: &f64| {
            let value = cdf(x);
            (share(&sample, |y| y <= x) - value).abs().max((share(&sample, |y| y < x) - value).abs())
        };
        let expected = sample.iter().map(gap).fold(0.0, f64::max);
        let found = ks_from_cdf(&sample, cdf).unwrap();
        prop_assert!((found - expected).abs() <= 1e-15, "{found}, {expected}");
        prop_assert!(found >= 0.5 / sample.len() as f64 - 1e-15 && found <= 1.0);
    }

    #[test]
    fn ks_between_samples_is_the_largest_gap_at_any_point(a in numbers(), b in numbers()) {
        let gap = |&x: &f64| (share(&a, |y| y <= x) - share(&b, |y| y <= x)).abs();
        let expected = a.iter().chain(&b).map(gap).fold(0.0, f64::max);
        let found = ks_between(&a, &b).unwrap();
        prop_assert!((found - expected).abs() <= 1e-15, "{found}, {expected}");
        prop_assert_eq!(found, ks_between(&b, &a).unwrap());
        prop_assert_eq!(ks_between(&a, &a).unwrap(), 0.0);
        // The triangle inequality, with the law as the third corner.
        let sides = (ks_from_cdf(&a, cdf).unwrap(), ks_from_cdf(&b, cdf).unwrap());
        prop_assert!((sides.0 - sides.1).abs() <= found + 1e-15);
    }

    #[test]
    fn ks_depends_on_the_order_of_numbers_alone(a in numbers(), b in numbers()) {
        let cubes = |sample: &[f64]| sample.iter().map(|x| x * x * x + 5.0).collect::<Vec<_>>();
        prop_assert_eq!(ks_between(&cubes(&a), &cubes(&b)).unwrap(), ks_between(&a, &b).unwrap());
        let reversed: Vec<f64> = a.iter().rev().copied().collect();
        prop_assert_eq!(ks_from_cdf(&reversed, cdf).unwrap(), ks_from_cdf(&a, cdf).unwrap());
    }

    #[test]
    fn distances_are_symmetric_not_negative_and_zero_on_equal_sets(sets in sets(2), seed: u64) {
        let (x, y) = (&sets[0], &sets[1]);
        let rounding = 1e-12 * diameter(x, y);
        prop_assert!(energy(x, y) >= 0.0 && sliced(x, y) >= 0.0);
        prop_assert!((energy(x, y) - energy(y, x)).abs() <= rounding);
        prop_assert_eq!(sliced(x, y), sliced(y, x));
        prop_assert!((0.0..=rounding).contains(&energy(x, &shuffled(x, seed))));
        prop_assert_eq!(sliced(x, &shuffled(x, seed)), 0.0);
        // Each row twice is the same empirical law.
        let twice = ndarray::concatenate![Axis(0), x.view(), x.view()];
        prop_assert!((0.0..=rounding).contains(&energy(x, &twice)));
        prop_assert_eq!(sliced(x, &twice), 0.0);
    }

    #[test]
    fn sets_that_differ_are_apart(sets in sets(1), which in any::<prop::sample::Index>(), far in 1..100_u8) {
        let x = &sets[0];
        let mut y = x.clone();
        y[(which.index(x.nrows()), 0)] += f32::from(far);
        prop_assert!(energy(x, &y) > 1e-6 && sliced(x, &y) > 1e-6);
    }

    #[test]
    fn distances_do_not_depend_on_the_order_of_rows(sets in sets(2), seed: u64) {
        let (x, y) = (&sets[0], &sets[1]);
        let (p, q) = (shuffled(x, seed), shuffled(y, !seed));
        prop_assert!((energy(x, y) - energy(&p, &q)).abs() <= 1e-12 * diameter(x, y));
        prop_assert_eq!(sliced(x, y), sliced(&p, &q));
    }

    #[test]
    fn distances_do_not_depend_on_the_origin(sets in sets(2), eighths in -1000..1000_i16) {
        let (x, y, shift) = (&sets[0], &sets[1], f32::from(eighths) / 8.0);
        let (p, q) = (x + shift, y + shift);
        prop_assert_eq!(energy(x, y), energy(&p, &q));
        prop_assert!((sliced(x, y) - sliced(&p, &q)).abs() <= 1e-12 * diameter(&p, &q));
    }

    #[test]
    fn distances_scale_with_the_data(sets in sets(2), exponent in -20..20_i32, negative: bool) {
        let scale = f32::powi(2.0, exponent);
        let (x, y) = (&sets[0], &sets[1]);
        let signed = if negative { -scale } else { scale };
        prop_assert_eq!(energy(&(x * signed), &(y * signed)), f64::from(scale) * energy(x, y));
        let (found, expected) = (sliced(&(x * signed), &(y * signed)), f64::from(scale) * sliced(x, y));
        prop_assert!((found - expected).abs() <= 1e-12 * f64::from(scale) * diameter(x, y));
    }

    #[test]
    fn a_translation_has_its_closed_forms(sets in sets(1), eighths in 0..1000_i16) {
        let (x, shift) = (&sets[0], f32::from(eighths) / 8.0);
        // Every direction sees the same rows moved; in the plane and above by less than |t|.
        let t = f64::from(shift) * (x.ncols() as f64).sqrt();
        let found = sliced(x, &(x + shift));
        if x.ncols() == 1 {
            prop_assert!((found - t).abs() <= 1e-13 * t);
        } else {
            prop_assert!(found <= t * (1.0 + 1e-13));
        }
        // A single row against the same moved.
        let row = x.select(Axis(0), &[0]);
        prop_assert!((energy(&row, &(&row + shift)) - 2.0 * t).abs() <= 1e-13 * t);
    }

    #[test]
    fn both_distances_obey_the_triangle_inequality(sets in sets(3)) {
        let (x, y, z) = (&sets[0], &sets[1], &sets[2]);
        let rounding = 1e-12 * (diameter(x, y) + diameter(y, z));
        prop_assert!(sliced(x, z) <= sliced(x, y) + sliced(y, z) + rounding);
        // Of the energy distance it holds for the root, where rounding near 0 is a root too.
        let root = |x, y| energy(x, y).sqrt();
        prop_assert!(root(x, z) <= root(x, y) + root(y, z) + rounding.sqrt());
    }

    #[test]
    fn draws_of_all_rows_are_the_metric_itself(sets in sets(1), k in 1..4_usize, seed: u64) {
        let (x, y) = (&sets[0], &(&sets[0] * 2.0));
        let draws = Draws { size: x.nrows(), draws: k };
        let metric = |x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>| sliced_wasserstein(x, y, PROJECTIONS, rng(3));
        let found = mean_over_draws(x.view(), y.view(), draws, rng(seed), metric).unwrap();
        prop_assert!((found - sliced(x, y)).abs() <= 1e-14 * found);
    }

    #[test]
    fn any_bits_get_an_answer_or_an_error(
        bits in vec(any::<u32>(), 0..16),
        others in vec(any::<u32>(), 0..16),
        d in 0..3_usize,
        e in 0..3_usize,
        size in 0..4_usize,
    ) {
        let matrix = |bits: &[u32], d: usize| {
            let rows = bits.len().checked_div(d).unwrap_or(bits.len());
            Array2::from_shape_fn((rows, d), |(i, k)| f32::from_bits(bits[i * d + k]))
        };
        let (x, y) = (matrix(&bits, d), matrix(&others, e));
        let draws = Draws { size, draws: 2 };
        let wide = |bits: &[u32]| bits.iter().map(|&b| f64::from(f32::from_bits(b))).collect::<Vec<_>>();
        let answers = [
            energy_distance(x.view(), y.view()),
            sliced_wasserstein(x.view(), y.view(), 2, rng(1)),
            mean_over_draws(x.view(), y.view(), draws, rng(2), energy_distance),
            floor_over_draws(x.view(), draws, rng(2), energy_distance),
            total_variance(x.view()),
            ks_between(&wide(&bits), &wide(&others)),
            ks_from_cdf(&wide(&bits), cdf),
            ks_from_cdf(&wide(&bits), |x| x),
        ];
        for answer in answers.into_iter().flatten() {
            prop_assert!(answer.is_finite() && answer >= 0.0, "{answer}");
        }
        let nan = x.iter().any(|x| !x.is_finite()) && x.nrows() > 1 && d == e;
        if nan {
            let named = matches!(variance_kept(x.view(), y.view()), Err(Error::NotFinite { .. }));
            prop_assert!(named);
        }
    }
}
