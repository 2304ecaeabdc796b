//! Appendix B: on the real line Algorithm 1 and the sorted labelling are one.

use gtn_label::{Rows, match_rows};
use gtn_math::sorted_labelling;
use proptest::prelude::*;

/// `count` numbers of one sign, none zero.
fn side(sign: f32, count: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec((1_i16..2000).prop_map(move |k| sign * f32::from(k) / 64.0), count)
}

/// A sample with `negative` numbers below 0 and `positive` above, in any order.
fn sample(negative: usize, positive: usize) -> impl Strategy<Value = Vec<f32>> {
    (side(-1.0, negative), side(1.0, positive)).prop_map(|(low, high)| [low, high].concat()).prop_shuffle()
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

proptest! {
    #[test]
    fn without_zeros_and_with_equal_counts_on_both_sides_algorithm_1_is_the_sorted_labelling(
        (y, x) in (0_usize..40, 0_usize..40).prop_flat_map(|(n, p)| (sample(n, p), sample(n, p)))
    ) {
        let greedy = match_rows(rows(&y), rows(&x)).unwrap();
        let wide = |values: &[f32]| values.iter().map(|&value| f64::from(value)).collect::<Vec<_>>();
        let sorted = sorted_labelling(&wide(&y), &wide(&x)).unwrap();
        prop_assert_eq!(pairs(&y, &x, greedy.matching()), pairs(&y, &x, &sorted));
    }

    #[test]
    fn with_unequal_counts_just_their_difference_of_pairs_has_similarity_minus_one(
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
