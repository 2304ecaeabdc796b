//! Figure 2: the empirical h is the sorted labeling, and converges to the h of Theorem 2.1.

use gtn_math::{
    CdfMap, Distribution, EmpiricalCdf, EmpiricalError, EmpiricalMap, Exponential, Homeomorphism, LabelingError,
    MapError, Normal, Uniform, Variable, sorted_labeling,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::normal_pair;

/// A nonempty sample with ties.
fn sample() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(prop_oneof![-1e3..1e3, (-3..3_i32).prop_map(f64::from), Just(-0.0)], 1..60)
}

/// Distinct numbers in any order, including zero for n > 5.
fn distinct(n: usize) -> impl Strategy<Value = Vec<f64>> {
    Just((0..n).map(|k| 0.375 * (k as f64 - 5.0)).collect::<Vec<_>>()).prop_shuffle()
}

fn samples() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    sample().prop_flat_map(|x| (distinct(x.len()), Just(x)))
}

proptest! {
    // Compared with direct counting: at each point, next to it, and at the extremes.
    #[test]
    fn empirical_cdf_is_the_fraction_at_or_below(sample in sample(), other in -1e3..1e3) {
        let f = EmpiricalCdf::new(&sample).unwrap();
        let n = sample.len() as f64;
        for &x in sample.iter().chain(&[other]) {
            let at_or_below = sample.iter().filter(|&&v| v <= x).count() as f64;
            let below = sample.iter().filter(|&&v| v < x).count() as f64;
            prop_assert_eq!(f.cdf(x), at_or_below / n);
            // Right-continuous; the jump at x is the fraction of points equal to x.
            prop_assert_eq!(f.cdf(x.next_down()), below / n);
            prop_assert!(f.cdf(x.next_up()) == f.cdf(x) || sample.contains(&x.next_up()));
        }
        let (low, high) = (f.sorted()[0], f.sorted()[sample.len() - 1]);
        prop_assert_eq!((f.cdf(f64::NEG_INFINITY), f.cdf(low.next_down())), (0.0, 0.0));
        prop_assert_eq!((f.cdf(high), f.cdf(f64::INFINITY)), (1.0, 1.0));
    }

    // The definition of the generalized inverse, at random p and at those p where rounding could cross a jump.
    #[test]
    fn empirical_quantile_is_the_smallest_point_whose_cdf_reaches_p(
        sample in sample(), p in 0.0..=1.0_f64, k in 0..60_usize
    ) {
        let f = EmpiricalCdf::new(&sample).unwrap();
        let jump = (k % sample.len() + 1) as f64 / sample.len() as f64;
        for p in [p, jump, jump.next_down(), jump.next_up(), f64::MIN_POSITIVE, 1.0] {
            let q = f.quantile(p);
            prop_assert_eq!(q.is_nan(), !(0.0 < p && p <= 1.0));
            if !q.is_nan() {
                prop_assert!(sample.contains(&q));
                for &x in &sample {
                    prop_assert_eq!(q <= x, p <= f.cdf(x));
                    prop_assert_eq!(q <= x.next_down(), p <= f.cdf(x.next_down()));
                }
            }
        }
    }

    #[test]
    fn empirical_quantile_of_k_over_n_is_the_kth_smallest(sample in sample()) {
        let f = EmpiricalCdf::new(&sample).unwrap();
        for (i, &x) in f.sorted().iter().enumerate() {
            prop_assert_eq!(f.quantile((i + 1) as f64 / sample.len() as f64), x);
        }
    }

    #[test]
    fn empirical_h_is_the_sorted_labeling((y, x) in samples()) {
        let h = EmpiricalMap::new(&y, &x).unwrap();
        let mut labeled: Vec<_> =
            sorted_labeling(&y, &x).unwrap().into_iter().zip(&y).map(|(j, &y)| (y, x[j])).collect();
        labeled.sort_by(|a, b| a.0.total_cmp(&b.0));
        prop_assert_eq!(h.pairs().collect::<Vec<_>>(), labeled);
    }

    #[test]
    fn empirical_h_is_the_quantile_of_the_cdf((y, x) in samples()) {
        let h = EmpiricalMap::new(&y, &x).unwrap();
        let (f_y, f_x) = (EmpiricalCdf::new(&y).unwrap(), EmpiricalCdf::new(&x).unwrap());
        for &y in &y {
            prop_assert_eq!(h.forward(y).unwrap(), f_x.quantile(f_y.cdf(y)));
        }
    }
}

/// With n points each, |F_X(hₙ(y)) − F_Y(y)| ≤ 2ε at all y of the sample, where 2·exp(−2nε²) = 1e-8: by the
/// Dvoretzky-Kiefer-Wolfowitz inequality with Massart's constant, both F(yᵢ) and F(xᵢ) differ from i/n by at most ε,
/// each with a failure probability of at most 1e-8 (below 2.4e-7 for all 24 samples together). Hence F_X⁻¹(F_Y(y) − 2ε)
/// ≤ hₙ(y) ≤ F_X⁻¹(F_Y(y) + 2ε), and hₙ(y) converges to h(y) as ε, about 3.1/√n, goes to 0.
#[test]
fn empirical_h_converges_to_h() {
    fn check(
        n: usize,
        (y_distribution, mut draw_y): (impl Distribution, impl FnMut() -> f64),
        (x_distribution, mut draw_x): (impl Distribution, impl FnMut() -> f64),
    ) {
        let epsilon = ((2.0_f64 / 1e-8).ln() / (2.0 * n as f64)).sqrt();
        let y: Vec<f64> = (0..n).map(|_| draw_y()).collect();
        let x: Vec<f64> = (0..n).map(|_| draw_x()).collect();
        let empirical = EmpiricalMap::new(&y, &x).unwrap();
        let h = CdfMap::new(&y_distribution, &x_distribution);
        for (y, image) in empirical.pairs() {
            let p = y_distribution.cdf(y);
            assert!((x_distribution.cdf(image) - p).abs() <= 2.0 * epsilon, "{n}: {y} -> {image}");
            let (low, high) = (p - 2.0 * epsilon, p + 2.0 * epsilon);
            let exact = h.forward(&y).unwrap();
            if low > 0.0 {
                assert!(
                    x_distribution.quantile(low) <= image && x_distribution.quantile(low) <= exact,
                    "{n}: {y} -> {image}"
                );
            }
            if high < 1.0 {
                assert!(
                    x_distribution.quantile(high) >= image && x_distribution.quantile(high) >= exact,
                    "{n}: {y} -> {image}"
                );
            }
        }
    }

    for (n, seed) in [(100, 1_u64), (1_000, 2), (10_000, 3), (100_000, 4)] {
        let stream = |purpose: u64| ChaCha8Rng::seed_from_u64(100 * seed + purpose);
        // The samples are drawn without the quantile functions of the crate.
        let normal = |purpose| {
            let mut rng = stream(purpose);
            (Normal::standard(), move || normal_pair(&mut rng)[0])
        };
        let exponential = |purpose| {
            let mut rng = stream(purpose);
            (Exponential::new(1.0).unwrap(), move || -(1.0 - rng.random::<f64>()).ln())
        };
        let uniform = |purpose| {
            let mut rng = stream(purpose);
            (Uniform::new(-1.0, 1.0).unwrap(), move || 2.0 * rng.random::<f64>() - 1.0)
        };
        check(n, normal(1), uniform(2));
        check(n, uniform(3), exponential(4));
        check(n, exponential(5), normal(6));
    }
}

#[test]
fn empirical_quantiles_at_the_limits_of_p() {
    let f = EmpiricalCdf::new(&[7.0]).unwrap();
    assert_eq!((f.quantile(1.0), f.quantile(f64::from_bits(1))), (7.0, 7.0));
    for p in [0.0, -0.0, -1.0, 1.0_f64.next_up(), f64::INFINITY, f64::NAN] {
        assert!(f.quantile(p).is_nan(), "{p}");
    }
    assert!(f.cdf(f64::NAN).is_nan());
    assert_eq!(f.count_at_or_below(f64::NAN), 0);
    // 0.07 · 100 is 7.000000000000001 in f64.
    let hundred: Vec<f64> = (1..=100).map(f64::from).collect();
    assert_eq!(EmpiricalCdf::new(&hundred).unwrap().quantile(0.07), 7.0);
}

#[test]
fn invalid_samples_are_errors() {
    assert_eq!(EmpiricalCdf::new(&[]), Err(EmpiricalError::Empty));
    assert_eq!(EmpiricalMap::new(&[], &[]).unwrap().pairs().len(), 0);
    assert_eq!(EmpiricalMap::new(&[1.0], &[]), Err(LabelingError::LengthMismatch { y: 1, x: 0 }));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(EmpiricalCdf::new(&[0.0, bad]), Err(EmpiricalError::NotFinite { index: 1, .. })));
        let error = EmpiricalMap::new(&[0.0], &[bad]).unwrap_err();
        assert!(matches!(error, LabelingError::NotFinite { variable: Variable::X, index: 0, .. }));
        let h = EmpiricalMap::new(&[0.0], &[1.0]).unwrap();
        assert!(matches!(h.forward(bad), Err(MapError::NotInSample { .. })));
    }
    let error = EmpiricalMap::new(&[0.0, 1.0, -0.0], &[1.0, 2.0, 3.0]).unwrap_err();
    assert_eq!(error, LabelingError::EqualPoints { first: 0, second: 2, value: 0.0 });
    assert!(error.to_string().contains("points 0 and 2 of the sample of Y are both 0.0"));
    assert_eq!(EmpiricalMap::new(&[-0.0, 1.0], &[5.0, 5.0]).unwrap().forward(0.0), Ok(5.0));
}
