//! Mixtures are laws of Theorem 2.1, honest to the tails.

use gtn_math::{CdfMap, Chi, Distribution, Exponential, Gap, Homeomorphism, Mixture, Normal, ParameterError, Uniform};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::{Law, assert_has_law, law_with_exact_tails, normal_pair, rank};

/// Mixtures of laws that all reach down to 0 or to −∞, so that their supports leave no gap and their tails are exact.
fn mixture() -> impl Strategy<Value = Mixture<Law>> {
    prop::collection::vec((1e-3..1.0, law_with_exact_tails()), 1..5).prop_map(|laws| Mixture::new(laws).unwrap())
}

proptest! {
    // 1e-12 as for the components: cdf and sf are sums of positive terms, and the rounding of the quantile itself moves a
    // tail of rank 1e-300 by up to 2e-13.
    #[test]
    fn mixture_quantiles_invert_the_distribution_function(law in mixture(), rank in rank(300.0)) {
        let (low, high) = (law.quantile(rank.tail), law.isf(rank.tail));
        prop_assert!((law.cdf(low) / rank.tail - 1.0).abs() <= 1e-12, "{low}");
        prop_assert!((law.sf(high) / rank.tail - 1.0).abs() <= 1e-12, "{high}");
        prop_assert!(low < high);
        prop_assert!(law.support().contains(low) && law.support().contains(high));
    }

    #[test]
    fn mixture_of_one_law_twice_is_that_law(law in law_with_exact_tails(), weight in 1e-3..1e3, rank in rank(300.0)) {
        let mixture = Mixture::new([(weight, law), (1.0, law)]).unwrap();
        let (alone, mixed) = (rank.point(&law), rank.point(&mixture));
        prop_assert!((mixed - alone).abs() <= 1e-12 * alone.abs() + 8.0 * law.rounding(alone, &law, alone));
        prop_assert!((mixture.cdf(alone) - law.cdf(alone)).abs() <= 4.0 * f64::EPSILON * law.cdf(alone));
        prop_assert!((mixture.sf(alone) - law.sf(alone)).abs() <= 4.0 * f64::EPSILON * law.sf(alone));
    }

    // The law of total probability, for an event that splits at a point.
    #[test]
    fn mixture_lies_between_its_components(law in mixture(), rank in rank(300.0)) {
        let x = rank.point(&law);
        let cdf = || law.components().iter().map(|c| c.cdf(x));
        let (least, most) = (cdf().fold(1.0, f64::min), cdf().fold(0.0, f64::max));
        prop_assert!(law.cdf(x) >= least * (1.0 - 1e-14) && law.cdf(x) <= most * (1.0 + 1e-14));
        prop_assert!((law.weights().iter().sum::<f64>() - 1.0).abs() <= 1e-15);
    }

    #[test]
    fn h_between_mixtures_increases_and_is_inverted(
        y in mixture(), x in mixture(), rank in rank(6.0), gap in -6.0..-0.1
    ) {
        let h = CdfMap::new(&y, &x);
        let nearer = crate::common::Rank { tail: rank.tail * (1.0 - 10f64.powf(gap)), ..rank };
        let (a, b) = (nearer.point(&y), rank.point(&y));
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(h.forward(&low).unwrap() < h.forward(&high).unwrap());
        // Back to the same rank.
        let back = h.inverse(&h.forward(&low).unwrap()).unwrap();
        prop_assert!((y.cdf(back) / y.cdf(low) - 1.0).abs() <= 1e-12);
        prop_assert!((y.sf(back) / y.sf(low) - 1.0).abs() <= 1e-12);
    }

    #[test]
    fn mixtures_answer_every_number(law in mixture(), x in any::<u64>().prop_map(f64::from_bits)) {
        let (cdf, sf) = (law.cdf(x), law.sf(x));
        prop_assert_eq!((cdf.is_nan(), sf.is_nan()), (x.is_nan(), x.is_nan()));
        prop_assert!(x.is_nan() || (cdf + sf - 1.0).abs() < 1e-12);
        prop_assert!(x.is_nan() || ((0.0..=1.0).contains(&cdf) && (0.0..=1.0).contains(&sf)));
        for inverse in [law.quantile(x), law.isf(x)] {
            prop_assert_eq!(inverse.is_nan(), !(0.0 < x && x < 1.0));
        }
    }
}

/// From N(0, 1) to 0.3·N(−2, 0.5²) + 0.7·N(1, 1), and back from a sample of the mixture that is drawn by its components. Each of
/// the two comparisons fails with a probability below 1e-6 for another seed.
#[test]
fn push_forward_to_a_mixture_has_its_law() {
    let (low, high) = (Normal::new(-2.0, 0.5).unwrap(), Normal::new(1.0, 1.0).unwrap());
    let law = Mixture::new([(3.0, low), (7.0, high)]).unwrap();
    let h = CdfMap::new(Normal::standard(), &law);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let images = (0..20_000).map(|_| h.forward(&normal_pair(&mut rng)[0]).unwrap()).collect();
    assert_has_law(images, |x| 0.3 * low.cdf(x) + 0.7 * high.cdf(x), "normal to mixture");
    let back = (0..20_000)
        .map(|_| {
            let z = normal_pair(&mut rng)[0];
            let x = if rng.random::<f64>() < 0.3 { -2.0 + 0.5 * z } else { 1.0 + z };
            h.inverse(&x).unwrap()
        })
        .collect();
    assert_has_law(back, |y| Normal::standard().cdf(y), "mixture to normal");
}

#[test]
fn uniform_laws_mix_to_steps() {
    // The supports touch at 1, which has no probability.
    let law = Mixture::new([(1.0, Uniform::new(1.0, 2.0).unwrap()), (3.0, Uniform::standard())]).unwrap();
    assert_eq!((law.support().lower(), law.support().upper()), (0.0, 2.0));
    assert_eq!((law.cdf(0.5), law.cdf(1.0), law.sf(1.5), law.cdf(2.0)), (0.375, 0.75, 0.125, 1.0));
    assert_eq!((law.quantile(0.375), law.quantile(0.75), law.isf(0.125)), (0.5, 1.0, 1.5));
    let boxed: Vec<(f64, Box<dyn Distribution>)> =
        vec![(1.0, Box::new(Normal::standard())), (1.0, Box::new(Chi::new(3, 1.0).unwrap()))];
    assert_eq!(Mixture::new(boxed).unwrap().cdf(0.0), 0.25);
}

#[test]
fn mixtures_that_are_no_laws_are_errors() {
    let none: [(f64, Normal); 0] = [];
    assert_eq!(Mixture::new(none), Err(ParameterError::NoComponent { law: "mixture" }));
    let uniform = |lower, upper| Uniform::new(lower, upper).unwrap();
    let error = Mixture::new([(1.0, uniform(3.0, 4.0)), (1.0, uniform(0.0, 1.0))]).unwrap_err();
    assert_eq!(error, ParameterError::Gap(Gap { lower: 1.0, upper: 3.0 }));
    assert!(error.to_string().contains("[1.0, 3.0]"));
    // A wide component bridges what the others leave.
    assert!(Mixture::new([(1.0, uniform(3.0, 4.0)), (1.0, uniform(0.0, 1.0)), (1.0, uniform(-1.0, 5.0))]).is_ok());
    let law = Exponential::new(1.0).unwrap();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(Mixture::new([(bad, law)]), Err(ParameterError::NotFinite { law: "mixture", .. })));
    }
    for bad in [0.0, -1.0] {
        assert!(matches!(Mixture::new([(1.0, law), (bad, law)]), Err(ParameterError::NotPositive { .. })));
    }
    // A weight that underflows beside the other.
    assert!(matches!(Mixture::new([(1e300, law), (1e-300, law)]), Err(ParameterError::NotPositive { .. })));
    assert_eq!(Mixture::new([(f64::MAX, law), (f64::MAX, law)]).unwrap().weights(), [0.5, 0.5]);
}
