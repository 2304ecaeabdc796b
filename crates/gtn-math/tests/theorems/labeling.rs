//! Figure 2: sorting pairs each y with the x that has the same empirical distribution function.

use gtn_math::{LabelingError, Variable, sorted_labeling};
use proptest::prelude::*;

/// Two samples of equal size with ties, and a random permutation to compare with.
fn samples() -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Vec<usize>)> {
    let point = || prop_oneof![-1e3..1e3, (-3..3_i32).prop_map(f64::from)];
    (0..40_usize).prop_flat_map(move |n| {
        (
            prop::collection::vec(point(), n),
            prop::collection::vec(point(), n),
            Just((0..n).collect::<Vec<_>>()).prop_shuffle(),
        )
    })
}

/// The empirical distribution function of a sample.
fn fraction_at_or_below(sample: &[f64], value: f64) -> f64 {
    sample.iter().filter(|&&v| v <= value).count() as f64 / sample.len() as f64
}

proptest! {
    #[test]
    fn labeling_is_a_permutation((y, x, _) in samples()) {
        let mut label = sorted_labeling(&y, &x).unwrap();
        label.sort_unstable();
        prop_assert_eq!(label, (0..y.len()).collect::<Vec<_>>());
    }

    #[test]
    fn labeling_increases((y, x, _) in samples()) {
        let label = sorted_labeling(&y, &x).unwrap();
        for (i, a) in y.iter().enumerate() {
            for (j, b) in y.iter().enumerate() {
                if a < b {
                    prop_assert!(x[label[i]] <= x[label[j]]);
                }
                // Ties among the y, and then among the x, are ordered by index.
                if a == b && i < j {
                    prop_assert!((x[label[i]], label[i]) < (x[label[j]], label[j]));
                }
            }
        }
    }

    #[test]
    fn labeled_points_have_equal_empirical_cdfs((mut y, mut x, order) in samples()) {
        // Samples without ties: distinct integers in random order.
        for (i, &k) in order.iter().enumerate() {
            y[i] = k as f64;
            x[k] = 3.0 * ((i * 7919) % 10_007) as f64 - 5.0;
        }
        for (i, j) in sorted_labeling(&y, &x).unwrap().into_iter().enumerate() {
            prop_assert_eq!(fraction_at_or_below(&y, y[i]), fraction_at_or_below(&x, x[j]));
        }
    }

    // On the real line the sorted pairing is the optimal transport between the two samples.
    #[test]
    fn labeling_minimizes_the_squared_distance((y, x, other) in samples()) {
        let cost = |label: &[usize]| -> f64 {
            y.iter().zip(label).map(|(y, &j)| (y - x[j]).powi(2)).sum()
        };
        let best = cost(&sorted_labeling(&y, &x).unwrap());
        let competitor = cost(&other);
        prop_assert!(best <= competitor * (1.0 + 1e-12), "{} > {}", best, competitor);
    }
}

#[test]
fn zeros_of_either_sign_are_ties() {
    assert_eq!(sorted_labeling(&[0.0, -0.0, 0.0], &[3.0, 1.0, 2.0]), Ok(vec![1, 2, 0]));
    assert_eq!(sorted_labeling(&[1.0, 2.0], &[0.0, -0.0]), Ok(vec![0, 1]));
}

#[test]
fn samples_that_cannot_be_paired_are_errors() {
    assert_eq!(sorted_labeling(&[], &[]), Ok(vec![]));
    assert_eq!(sorted_labeling(&[1.0], &[]), Err(LabelingError::LengthMismatch { y: 1, x: 0 }));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = sorted_labeling(&[0.0, bad], &[1.0, 2.0]).unwrap_err();
        assert!(matches!(error, LabelingError::NotFinite { variable: Variable::Y, index: 1, .. }));
        let error = sorted_labeling(&[0.0, 1.0], &[bad, 2.0]).unwrap_err();
        assert!(matches!(error, LabelingError::NotFinite { variable: Variable::X, index: 0, .. }));
        assert!(error.to_string().contains("point 0 of the sample of X"));
    }
}
