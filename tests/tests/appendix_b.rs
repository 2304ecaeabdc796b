//! Appendix B: on the real line, Algorithm 1 and the sorted labeling give the same pairs.

use gtn_label::{Rows, match_rows};
use gtn_math::sorted_labeling;
use proptest::prelude::*;

/// `count` nonzero numbers of one sign.
fn of_sign(sign: f32, count: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((1_i16..2000).prop_map(move |k| sign * f32::from(k) / 64.0), count)
}

/// A sample with `negative` numbers below 0 and `positive` numbers above, in any order.
fn sample(negative: usize, positive: usize) -> impl Strategy<Value = Vec<f32>> {
    (of_sign(-1.0, negative), of_sign(1.0, positive)).prop_map(|(low, high)| [low, high].concat()).prop_shuffle()
}

fn rows(values: &[f32]) -> Rows<'_> {
    Rows::new(values, values.len(), 1).unwrap()
}

/// The pairs of values, sorted.
fn pairs(y: &[f32], x: &[f32], matching: &[usize]) -> Vec<(f32, f32)> {
    let mut pairs: Vec<(f32, f32)> = y.iter().zip(matching).map(|(&y, &target)| (y, x[target])).collect();
    pairs.sort_by(|a, b| a.partial_cmp(b).unwrap());
    pairs
}

/// Figure 7: four circles (y) and four stars (x) on one line through the origin, two of each on both sides. Wherever they are,
/// each circle is paired with the star of the same rank, so that outer circles get outer stars.
#[test]
fn four_circles_and_four_stars_on_one_line_are_paired_by_rank() {
    let circles = [-2.0_f32, -0.5, 0.75, 1.5];
    let distances = [0.25_f32, 1.0, 3.0];
    for (inner, outer) in [(0, 1), (0, 2), (1, 2)] {
        for (near, far) in [(0, 1), (0, 2), (1, 2)] {
            let stars = [-distances[outer], -distances[inner], distances[near], distances[far]];
            // Every order of the stars.
            for order in 0..24 {
                let mut left = vec![0, 1, 2, 3];
                let stars_in_order: Vec<usize> =
                    [order / 6, order / 2 % 3, order % 2, 0].into_iter().map(|k| left.remove(k)).collect();
                let x: Vec<f32> = stars_in_order.iter().map(|&star| stars[star]).collect();
                // On the line, and on the second axis of the plane, where ties are broken exactly by the norm as well.
                let plane = |line: &[f32]| line.iter().flat_map(|&t| [0.0, t]).collect::<Vec<f32>>();
                let (plane_y, plane_x) = (plane(&circles), plane(&x));
                let matchings = [
                    match_rows(rows(&circles), rows(&x)).unwrap(),
                    match_rows(Rows::new(&plane_y, 4, 2).unwrap(), Rows::new(&plane_x, 4, 2).unwrap()).unwrap(),
                ];
                for matched in matchings {
                    let found: Vec<usize> = matched.assignment().iter().map(|&target| stars_in_order[target]).collect();
                    assert_eq!(found, [0, 1, 2, 3]);
                    assert_eq!(matched.similarity(), [1.0; 4]);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn algorithm_1_is_the_sorted_labeling_for_nonzero_values_with_equal_counts_of_each_sign(
        (y, x) in (0_usize..40, 0_usize..40).prop_flat_map(|(n, p)| (sample(n, p), sample(n, p)))
    ) {
        let greedy = match_rows(rows(&y), rows(&x)).unwrap();
        let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
        let sorted = sorted_labeling(&wide(&y), &wide(&x)).unwrap();
        prop_assert_eq!(pairs(&y, &x, greedy.assignment()), pairs(&y, &x, &sorted));
    }

    #[test]
    fn the_difference_of_the_counts_is_the_number_of_pairs_with_opposite_signs(
        (y, x) in (1_usize..60).prop_flat_map(|n| {
            (0..=n, 0..=n).prop_flat_map(move |(a, b)| (sample(n - a, a), sample(n - b, b)))
        })
    ) {
        let positive = |values: &[f32]| values.iter().filter(|&&value| value > 0.0).count();
        let greedy = match_rows(rows(&y), rows(&x)).unwrap();
        let opposite = greedy.similarity().iter().filter(|&&similarity| similarity == -1.0).count();
        prop_assert_eq!(opposite, positive(&y).abs_diff(positive(&x)));
        prop_assert!(greedy.similarity().iter().all(|similarity| similarity.abs() == 1.0));
    }
}
