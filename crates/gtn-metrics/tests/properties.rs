//! Properties of the metrics that hold for all samples.

use gtn_metrics::{
    Error, Subsets, energy_distance, floor_over_subsets, ks_one_sample, ks_two_sample, mean_over_subsets, pair_noise,
    sliced_wasserstein, source_statistics, total_variance, variance_kept,
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
    sliced_wasserstein(x.view(), y.view(), PROJECTIONS, &mut rng(3)).unwrap()
}

/// An upper bound for the distance of two rows, and so the scale of rounding errors.
fn diameter(x: &Array2<f32>, y: &Array2<f32>) -> f64 {
    let largest = x.iter().chain(y).fold(0.0_f32, |max, x| max.max(x.abs()));
    2.0 * f64::from(largest) * (x.ncols() as f64).sqrt()
}

fn shuffled(x: &Array2<f32>, seed: u64) -> Array2<f32> {
    let mut order: Vec<usize> = (0..x.nrows()).collect();
    order.shuffle(&mut rng(seed));
    x.select(Axis(0), &order)
}

/// `count` sets of 1 to 20 rows with the same 1 to 4 columns. Coordinates are multiples of 1/8, so ties occur and sums
/// are exact in `f32`.
fn sets(count: usize) -> impl Strategy<Value = Vec<Array2<f32>>> {
    (1..=4_usize).prop_flat_map(move |d| {
        let set = vec(-60..60_i16, d..=20 * d).prop_map(move |eighths| {
            let rows = eighths.len() / d;
            Array2::from_shape_fn((rows, d), |(i, k)| f32::from(eighths[i * d + k]) / 8.0)
        });
        vec(set, count)
    })
}

/// Values with ties.
fn values() -> impl Strategy<Value = Vec<f64>> {
    vec(-20..20_i8, 1..30).prop_map(|eighths| eighths.iter().map(|&x| f64::from(x) / 8.0).collect())
}

/// A continuous CDF with flat parts and a steep part.
fn cdf(x: f64) -> f64 {
    (0.25 * (x + 2.0).clamp(0.0, 1.0)) + 0.5 * (4.0 * x).clamp(0.0, 1.0) + 0.25 * (x - 1.0).clamp(0.0, 1.0)
}

fn fraction(sample: &[f64], holds: impl Fn(f64) -> bool) -> f64 {
    sample.iter().filter(|&&x| holds(x)).count() as f64 / sample.len() as f64
}

proptest! {
    #[test]
    fn ks_one_sample_is_the_largest_gap_on_both_sides_of_each_value(sample in values()) {
        let gap = |&x: &f64| {
            let value = cdf(x);
            (fraction(&sample, |y| y <= x) - value).abs().max((fraction(&sample, |y| y < x) - value).abs())
        };
        let expected = sample.iter().map(gap).fold(0.0, f64::max);
        let result = ks_one_sample(&sample, cdf).unwrap();
        prop_assert!((result - expected).abs() <= 1e-15, "{result}, {expected}");
        prop_assert!(result >= 0.5 / sample.len() as f64 - 1e-15 && result <= 1.0);
    }

    #[test]
    fn ks_two_sample_is_the_largest_gap_at_any_value(a in values(), b in values()) {
        let gap = |&x: &f64| (fraction(&a, |y| y <= x) - fraction(&b, |y| y <= x)).abs();
        let expected = a.iter().chain(&b).map(gap).fold(0.0, f64::max);
        let result = ks_two_sample(&a, &b).unwrap();
        prop_assert!((result - expected).abs() <= 1e-15, "{result}, {expected}");
        prop_assert_eq!(result, ks_two_sample(&b, &a).unwrap());
        prop_assert_eq!(ks_two_sample(&a, &a).unwrap(), 0.0);
        // The triangle inequality, with the distribution of the CDF as the third corner.
        let to_cdf = (ks_one_sample(&a, cdf).unwrap(), ks_one_sample(&b, cdf).unwrap());
        prop_assert!((to_cdf.0 - to_cdf.1).abs() <= result + 1e-15);
    }

    #[test]
    fn ks_depends_only_on_ranks(a in values(), b in values()) {
        let cubes = |sample: &[f64]| sample.iter().map(|x| x * x * x + 5.0).collect::<Vec<_>>();
        prop_assert_eq!(ks_two_sample(&cubes(&a), &cubes(&b)).unwrap(), ks_two_sample(&a, &b).unwrap());
        let reversed: Vec<f64> = a.iter().rev().copied().collect();
        prop_assert_eq!(ks_one_sample(&reversed, cdf).unwrap(), ks_one_sample(&a, cdf).unwrap());
    }

    #[test]
    fn distances_are_symmetric_nonnegative_and_zero_for_equal_sets(sets in sets(2), seed: u64) {
        let (x, y) = (&sets[0], &sets[1]);
        let rounding = 1e-12 * diameter(x, y);
        prop_assert!(energy(x, y) >= 0.0 && sliced(x, y) >= 0.0);
        prop_assert!((energy(x, y) - energy(y, x)).abs() <= rounding);
        prop_assert_eq!(sliced(x, y), sliced(y, x));
        prop_assert!((0.0..=rounding).contains(&energy(x, &shuffled(x, seed))));
        prop_assert_eq!(sliced(x, &shuffled(x, seed)), 0.0);
        // Repeating each row does not change the empirical distribution.
        let twice = ndarray::concatenate![Axis(0), x.view(), x.view()];
        prop_assert!((0.0..=rounding).contains(&energy(x, &twice)));
        prop_assert_eq!(sliced(x, &twice), 0.0);
    }

    #[test]
    fn different_sets_have_a_positive_distance(
        sets in sets(1),
        row in any::<prop::sample::Index>(),
        shift in 1..100_u8,
    ) {
        let x = &sets[0];
        let mut y = x.clone();
        y[(row.index(x.nrows()), 0)] += f32::from(shift);
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
        let (result, expected) = (sliced(&(x * signed), &(y * signed)), f64::from(scale) * sliced(x, y));
        prop_assert!((result - expected).abs() <= 1e-12 * f64::from(scale) * diameter(x, y));
    }

    #[test]
    fn shifts_match_their_closed_forms(sets in sets(1), eighths in 0..1000_i16) {
        let (x, shift) = (&sets[0], f32::from(eighths) / 8.0);
        // Each direction sees a shift of at most |t|, and of exactly |t| in one dimension.
        let t = f64::from(shift) * (x.ncols() as f64).sqrt();
        let result = sliced(x, &(x + shift));
        if x.ncols() == 1 {
            prop_assert!((result - t).abs() <= 1e-13 * t);
        } else {
            prop_assert!(result <= t * (1.0 + 1e-13));
        }
        // A single row and its shifted copy.
        let row = x.select(Axis(0), &[0]);
        prop_assert!((energy(&row, &(&row + shift)) - 2.0 * t).abs() <= 1e-13 * t);
    }

    #[test]
    fn both_distances_satisfy_the_triangle_inequality(sets in sets(3)) {
        let (x, y, z) = (&sets[0], &sets[1], &sets[2]);
        let rounding = 1e-12 * (diameter(x, y) + diameter(y, z));
        prop_assert!(sliced(x, z) <= sliced(x, y) + sliced(y, z) + rounding);
        // For the energy distance it holds for the square root, which also turns rounding near 0 into its root.
        let root = |x, y| energy(x, y).sqrt();
        prop_assert!(root(x, z) <= root(x, y) + root(y, z) + rounding.sqrt());
    }

    #[test]
    fn subsets_of_all_rows_give_the_metric_itself(sets in sets(1), k in 1..4_usize, seed: u64) {
        let (x, y) = (&sets[0], &(&sets[0] * 2.0));
        let subsets = Subsets { size: x.nrows(), count: k };
        let metric = |x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>| sliced_wasserstein(x, y, PROJECTIONS, &mut rng(3));
        let result = mean_over_subsets(x.view(), y.view(), subsets, &mut rng(seed), metric).unwrap();
        prop_assert!((result - sliced(x, y)).abs() <= 1e-14 * result);
    }

    #[test]
    fn the_noise_of_pairs_is_that_of_all_distances(sets in sets(2), shift in -9..9_i8) {
        let (train, held_out) = (&sets[0], &sets[1]);
        let x = |y: &Array2<f32>| y.mapv(|y| (y * 8.0).rem_euclid(7.0)) + f32::from(shift);
        let nearest = |row: ndarray::ArrayView1<'_, f32>| {
            let square = |other: ndarray::ArrayView1<'_, f32>| {
                row.iter().zip(other).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
            };
            let squares: Vec<f64> = train.outer_iter().map(square).collect();
            let least = squares.iter().copied().fold(f64::INFINITY, f64::min);
            squares.iter().position(|&square| square == least).unwrap()
        };
        let (train_x, held_out_x) = (x(train), x(held_out));
        let error = |(row, x): (ndarray::ArrayView1<'_, f32>, ndarray::ArrayView1<'_, f32>)| {
            x.iter().zip(train_x.row(nearest(row))).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>()
        };
        let sum: f64 = held_out.outer_iter().zip(held_out_x.outer_iter()).map(error).sum();
        match pair_noise((train.view(), train_x.view()), (held_out.view(), held_out_x.view())) {
            Ok(noise) => {
                let expected = sum / held_out.nrows() as f64 / total_variance(held_out_x.view()).unwrap();
                prop_assert!((noise - expected).abs() <= 1e-12 * expected, "{noise}, {expected}");
                // Pairs that were learned have no error, if equal y have equal x.
                let of_train = pair_noise((train.view(), train_x.view()), (train.view(), train_x.view()));
                prop_assert!(matches!(of_train, Ok(0.0) | Err(_)));
            }
            Err(error) => {
                let expected = matches!(error, Error::TooFewSamples { samples: 1 } | Error::ZeroVariance);
                prop_assert!(expected, "{error}");
            }
        }
    }

    #[test]
    fn source_statistics_do_not_depend_on_the_order_of_rows_and_columns(sets in sets(1), seed: u64) {
        let y = &sets[0];
        match (source_statistics(y.view()), source_statistics(shuffled(y, seed).slice(ndarray::s![.., ..;-1]))) {
            (Ok(a), Ok(b)) => {
                prop_assert_eq!(a.largest_ks, b.largest_ks);
                prop_assert!(a.mean_ks <= a.largest_ks && a.largest_ks <= 1.0);
                prop_assert!((a.mean_ks - b.mean_ks).abs() < 1e-12 && (a.largest_mean - b.largest_mean).abs() < 1e-12);
                prop_assert!((a.largest_variance_error - b.largest_variance_error).abs() < 1e-10);
            }
            (a, b) => {
                prop_assert_eq!(&a, &Err(Error::TooFewSamples { samples: 1 }));
                prop_assert_eq!(a, b);
            }
        }
    }

    #[test]
    fn any_bits_give_a_finite_result_or_an_error(
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
        let subsets = Subsets { size, count: 2 };
        let widened = |bits: &[u32]| bits.iter().map(|&b| f64::from(f32::from_bits(b))).collect::<Vec<_>>();
        let results = [
            energy_distance(x.view(), y.view()),
            sliced_wasserstein(x.view(), y.view(), 2, &mut rng(1)),
            mean_over_subsets(x.view(), y.view(), subsets, &mut rng(2), energy_distance),
            floor_over_subsets(x.view(), subsets, &mut rng(2), energy_distance),
            total_variance(x.view()),
            ks_two_sample(&widened(&bits), &widened(&others)),
            ks_one_sample(&widened(&bits), cdf),
            ks_one_sample(&widened(&bits), |x| x),
        ];
        for result in results.into_iter().flatten() {
            prop_assert!(result.is_finite() && result >= 0.0, "{result}");
        }
        let has_non_finite = x.iter().any(|x| !x.is_finite()) && x.nrows() > 1 && d == e;
        if has_non_finite {
            let is_reported = matches!(variance_kept(x.view(), y.view()), Err(Error::NotFinite { .. }));
            prop_assert!(is_reported);
        }
    }
}
