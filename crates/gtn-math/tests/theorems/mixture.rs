//! Mixtures satisfy the assumptions of Theorem 2.1, with accurate tails.

use gtn_math::{CdfMap, Chi, Distribution, Exponential, Gap, Homeomorphism, Mixture, Normal, ParameterError, Uniform};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::{AnyDistribution, assert_has_distribution, distribution_with_exact_tails, normal_pair, rank};

/// Mixtures of distributions that start at 0 or at −∞, so their supports leave no gap and their tails are exact.
fn mixture() -> impl Strategy<Value = Mixture<AnyDistribution>> {
    prop::collection::vec((1e-3..1.0, distribution_with_exact_tails()), 1..5)
        .prop_map(|distributions| Mixture::new(distributions).unwrap())
}

proptest! {
    // The tolerance is 1e-12 as for the components: cdf and sf are sums of positive terms, and the rounding of the
    // quantile itself changes a tail of rank 1e-300 by up to 2e-13.
    #[test]
    fn mixture_quantiles_invert_the_distribution_function(distribution in mixture(), rank in rank(300.0)) {
        let (low, high) = (distribution.quantile(rank.tail), distribution.isf(rank.tail));
        prop_assert!((distribution.cdf(low) / rank.tail - 1.0).abs() <= 1e-12, "{low}");
        prop_assert!((distribution.sf(high) / rank.tail - 1.0).abs() <= 1e-12, "{high}");
        prop_assert!(low < high);
        prop_assert!(distribution.support().contains(low) && distribution.support().contains(high));
    }

    #[test]
    fn mixture_of_a_distribution_with_itself_is_that_distribution(
        distribution in distribution_with_exact_tails(), weight in 1e-3..1e3, rank in rank(300.0)
    ) {
        let mixture = Mixture::new([(weight, distribution), (1.0, distribution)]).unwrap();
        let (alone, mixed) = (rank.point(&distribution), rank.point(&mixture));
        let rounding = distribution.rounding(alone, &distribution, alone);
        prop_assert!((mixed - alone).abs() <= 1e-12 * alone.abs() + 8.0 * rounding);
        let (cdf, sf) = (distribution.cdf(alone), distribution.sf(alone));
        prop_assert!((mixture.cdf(alone) - cdf).abs() <= 4.0 * f64::EPSILON * cdf);
        prop_assert!((mixture.sf(alone) - sf).abs() <= 4.0 * f64::EPSILON * sf);
    }

    // The law of total probability.
    #[test]
    fn mixture_lies_between_its_components(distribution in mixture(), rank in rank(300.0)) {
        let x = rank.point(&distribution);
        let cdf = || distribution.components().iter().map(|c| c.cdf(x));
        let (min, max) = (cdf().fold(1.0, f64::min), cdf().fold(0.0, f64::max));
        prop_assert!(distribution.cdf(x) >= min * (1.0 - 1e-14) && distribution.cdf(x) <= max * (1.0 + 1e-14));
        prop_assert!((distribution.weights().iter().sum::<f64>() - 1.0).abs() <= 1e-15);
    }

    #[test]
    fn h_between_mixtures_increases_and_is_invertible(
        y in mixture(), x in mixture(), rank in rank(6.0), gap in -6.0..-0.1
    ) {
        let h = CdfMap::new(&y, &x);
        let nearer = crate::common::Rank { tail: rank.tail * (1.0 - 10f64.powf(gap)), ..rank };
        let (a, b) = (nearer.point(&y), rank.point(&y));
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(h.forward(&low).unwrap() < h.forward(&high).unwrap());
        // The inverse returns to the same rank.
        let back = h.inverse(&h.forward(&low).unwrap()).unwrap();
        prop_assert!((y.cdf(back) / y.cdf(low) - 1.0).abs() <= 1e-12);
        prop_assert!((y.sf(back) / y.sf(low) - 1.0).abs() <= 1e-12);
    }

    #[test]
    fn mixtures_handle_every_f64(distribution in mixture(), x in any::<u64>().prop_map(f64::from_bits)) {
        let (cdf, sf) = (distribution.cdf(x), distribution.sf(x));
        prop_assert_eq!((cdf.is_nan(), sf.is_nan()), (x.is_nan(), x.is_nan()));
        prop_assert!(x.is_nan() || (cdf + sf - 1.0).abs() < 1e-12);
        prop_assert!(x.is_nan() || ((0.0..=1.0).contains(&cdf) && (0.0..=1.0).contains(&sf)));
        for inverse in [distribution.quantile(x), distribution.isf(x)] {
            prop_assert_eq!(inverse.is_nan(), !(0.0 < x && x < 1.0));
        }
    }
}

/// From N(0, 1) to 0.3·N(−2, 0.5²) + 0.7·N(1, 1), and back from a sample of the mixture that is drawn by component.
/// With another seed each of the two comparisons would fail with a probability below 1e-6.
#[test]
fn pushforward_to_a_mixture_has_its_distribution() {
    let (low, high) = (Normal::new(-2.0, 0.5).unwrap(), Normal::new(1.0, 1.0).unwrap());
    let distribution = Mixture::new([(3.0, low), (7.0, high)]).unwrap();
    let h = CdfMap::new(Normal::standard(), &distribution);
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let images = (0..20_000).map(|_| h.forward(&normal_pair(&mut rng)[0]).unwrap()).collect();
    assert_has_distribution(images, |x| 0.3 * low.cdf(x) + 0.7 * high.cdf(x), "normal to mixture");
    let back = (0..20_000)
        .map(|_| {
            let z = normal_pair(&mut rng)[0];
            let x = if rng.random::<f64>() < 0.3 { -2.0 + 0.5 * z } else { 1.0 + z };
            h.inverse(&x).unwrap()
        })
        .collect();
    assert_has_distribution(back, |y| Normal::standard().cdf(y), "mixture to normal");
}

#[test]
fn a_mixture_of_uniforms_has_a_piecewise_constant_density() {
    // The supports touch at 1, which has no probability.
    let distribution = Mixture::new([(1.0, Uniform::new(1.0, 2.0).unwrap()), (3.0, Uniform::standard())]).unwrap();
    assert_eq!((distribution.support().lower(), distribution.support().upper()), (0.0, 2.0));
    assert_eq!(
        (distribution.cdf(0.5), distribution.cdf(1.0), distribution.sf(1.5), distribution.cdf(2.0)),
        (0.375, 0.75, 0.125, 1.0)
    );
    assert_eq!((distribution.quantile(0.375), distribution.quantile(0.75), distribution.isf(0.125)), (0.5, 1.0, 1.5));
    let boxed: Vec<(f64, Box<dyn Distribution>)> =
        vec![(1.0, Box::new(Normal::standard())), (1.0, Box::new(Chi::new(3, 1.0).unwrap()))];
    assert_eq!(Mixture::new(boxed).unwrap().cdf(0.0), 0.25);
}

#[test]
fn invalid_mixtures_are_errors() {
    let none: [(f64, Normal); 0] = [];
    assert_eq!(Mixture::new(none), Err(ParameterError::NoComponents { distribution: "mixture" }));
    let uniform = |lower, upper| Uniform::new(lower, upper).unwrap();
    let error = Mixture::new([(1.0, uniform(3.0, 4.0)), (1.0, uniform(0.0, 1.0))]).unwrap_err();
    assert_eq!(error, ParameterError::Gap(Gap { lower: 1.0, upper: 3.0 }));
    assert!(error.to_string().contains("[1.0, 3.0]"));
    // A wide component covers the gap between the others.
    assert!(Mixture::new([(1.0, uniform(3.0, 4.0)), (1.0, uniform(0.0, 1.0)), (1.0, uniform(-1.0, 5.0))]).is_ok());
    let distribution = Exponential::new(1.0).unwrap();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(
            Mixture::new([(bad, distribution)]),
            Err(ParameterError::NotFinite { distribution: "mixture", .. })
        ));
    }
    for bad in [0.0, -1.0] {
        assert!(matches!(
            Mixture::new([(1.0, distribution), (bad, distribution)]),
            Err(ParameterError::NotPositive { .. })
        ));
    }
    // The smaller weight underflows when it is divided by the sum.
    assert!(matches!(
        Mixture::new([(1e300, distribution), (1e-300, distribution)]),
        Err(ParameterError::NotPositive { .. })
    ));
    assert_eq!(Mixture::new([(f64::MAX, distribution), (f64::MAX, distribution)]).unwrap().weights(), [0.5, 0.5]);
}
