//! Appendix C: a target on k intervals. h has k − 1 discontinuities and jumps there by the gaps; one map per component
//! has none.

use gtn_math::{
    CdfMap, Distribution, Exponential, Gap, Homeomorphism, MapError, Normal, ParameterError, Uniform,
    UnionDistribution, UnionError, UnionMap,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::{
    AnyDistribution, any_distribution, assert_has_distribution, distribution_with_exact_tails, normal_pair, rank,
};

/// One to five components: uniform distributions on intervals below 0, some of which touch, and a uniform or
/// exponential distribution that starts at 0.
fn union_distribution() -> impl Strategy<Value = UnionDistribution<AnyDistribution>> {
    let below = prop::collection::vec((0.05..1.0, prop_oneof![Just(0.0), 0.1..3.0], 0.1..3.0), 0..5);
    let last = prop_oneof![
        (0.1..10.0).prop_map(|w| AnyDistribution::Uniform(Uniform::new(0.0, w).unwrap())),
        (0.1..10.0).prop_map(|r| AnyDistribution::Exponential(Exponential::new(r).unwrap())),
    ];
    (below, 0.05..1.0, last).prop_map(|(below, weight, last)| {
        let mut distributions = vec![(weight, last)];
        let mut end = 0.0;
        for (weight, gap, width) in below {
            let upper: f64 = end - gap;
            end = upper - width;
            distributions.push((weight, AnyDistribution::Uniform(Uniform::new(end, upper).unwrap())));
        }
        UnionDistribution::new(distributions).unwrap()
    })
}

/// The distribution function of a distribution on a union of intervals.
fn cdf(distribution: &UnionDistribution<AnyDistribution>, x: f64) -> f64 {
    distribution
        .weights()
        .iter()
        .zip(distribution.components())
        .map(|(weight, component)| weight * component.cdf(x))
        .sum()
}

fn ulps_below(value: f64, steps: u32) -> f64 {
    (0..steps).fold(value, |v, _| v.next_down())
}

proptest! {
    // "Exactly": every other f64 of the support has an image, including the neighbors of the discontinuities.
    #[test]
    fn h_to_a_union_is_undefined_at_exactly_k_minus_1_points(
        y in any_distribution(), x in union_distribution(), rank in rank(6.0)
    ) {
        let h = UnionMap::new(y, x.clone()).unwrap();
        let k = x.weights().len();
        prop_assert_eq!(h.discontinuities().len(), k - 1);
        let mut cumulative = 0.0;
        for (i, (&b, gap)) in h.discontinuities().iter().zip(x.support().gaps()).enumerate() {
            cumulative += x.weights()[i];
            // F_Y equals a partial sum of the weights there, up to the rounding of the point itself.
            let allowed = 16.0 * f64::EPSILON * (1.0 + b.abs() * y.density(b));
            prop_assert!((y.cdf(b) - cumulative).abs() <= allowed, "{} {}", y.cdf(b), cumulative);
            prop_assert_eq!(h.forward(&b), Err(MapError::AtDiscontinuity { value: b, gap }));
            prop_assert!(!h.domain().contains(b));
            for neighbor in [ulps_below(b, 5), b.next_down(), b.next_up()] {
                prop_assert!(h.forward(&neighbor).is_ok());
            }
        }
        let point = rank.point(&y);
        prop_assert_eq!(h.forward(&point).is_ok(), !h.discontinuities().contains(&point));
    }

    // The limits from both sides are the ends of the gap: at a distance δ from the discontinuity, h is at most
    // δ · max f_Y / min f_X away from the end.
    #[test]
    fn h_to_a_union_jumps_by_exactly_the_gap(
        y in any_distribution(), x in union_distribution(), exponent in -9.0..-2.0
    ) {
        let h = UnionMap::new(y, x.clone()).unwrap();
        for (i, (&b, gap)) in h.discontinuities().iter().zip(x.support().gaps()).enumerate() {
            let pieces = h.domain();
            let width = |i: usize| {
                let piece = pieces.components()[i];
                piece.upper().min(b + 1.0) - piece.lower().max(b - 1.0)
            };
            let (delta_below, delta_above) = (10f64.powf(exponent) * width(i), 10f64.powf(exponent) * width(i + 1));
            let (low, high) = (b - delta_below, b + delta_above);
            let (from_below, from_above) = (h.forward(&low).unwrap(), h.forward(&high).unwrap());
            prop_assert!(from_below < gap.lower && gap.upper < from_above);
            let bound = |weight: f64, component: &AnyDistribution, end: f64, image: f64, from: f64, to: f64| {
                let min_density = weight * component.min_density(end.min(image), end.max(image));
                let rounding = 8.0 * f64::EPSILON * (1.0 + b.abs() * y.density(b));
                ((to - from) * y.max_density(from, to) * (1.0 + 1e-9) + rounding) / min_density
                    + 4.0 * f64::EPSILON * end.abs()
            };
            let (weights, components) = (x.weights(), x.components());
            let bound_below = bound(weights[i], &components[i], gap.lower, from_below, low, b);
            let bound_above = bound(weights[i + 1], &components[i + 1], gap.upper, from_above, b, high);
            prop_assert!(gap.lower - from_below <= bound_below);
            prop_assert!(from_above - gap.upper <= bound_above);
        }
    }

    // A homeomorphism from each piece onto one component: increasing, with a two-sided inverse, and onto.
    #[test]
    fn h_carries_each_piece_onto_one_component(
        y in any_distribution(), x in union_distribution(), rank in rank(6.0), gap in -6.0..-0.1,
        fraction in 1e-6..0.999_999
    ) {
        let h = UnionMap::new(y, x.clone()).unwrap();
        let (domain, range) = (h.domain(), h.range());
        let point = rank.point(&y);
        prop_assume!(domain.contains(point));
        let image = h.forward(&point).unwrap();
        prop_assert_eq!(domain.component_index(point), range.component_index(image));
        // The image has the same rank as the point.
        let density = |target: f64| x.components()[range.component_index(target).unwrap()].density(target);
        let slack = |source: f64, target: f64| {
            1e-14 * (1.0 + source.abs() * y.density(source) + target.abs() * density(target))
        };
        prop_assert!((cdf(&x, image) - y.cdf(point)).abs() <= slack(point, image));
        // Strictly increasing, also across the discontinuities.
        let nearer = crate::common::Rank { tail: rank.tail * (1.0 - 10f64.powf(gap)), ..rank }.point(&y);
        prop_assume!(domain.contains(nearer));
        let other = h.forward(&nearer).unwrap();
        prop_assert_eq!(point < nearer, image < other, "{} -> {}, {} -> {}", point, image, nearer, other);
        // Onto every component, and h(h⁻¹(x)) has the rank of x.
        for (i, component) in x.components().iter().enumerate() {
            let target = component.quantile(fraction);
            let source = h.inverse(&target).unwrap();
            prop_assert_eq!(domain.component_index(source), Some(i));
            let again = h.forward(&source).unwrap();
            prop_assert!((cdf(&x, again) - cdf(&x, target)).abs() <= slack(source, target));
        }
        let back = h.inverse(&image).unwrap();
        prop_assert!((y.cdf(back) - y.cdf(point)).abs() <= slack(point, image));
    }

    #[test]
    fn h_to_one_interval_is_that_of_theorem_2_1(
        y in distribution_with_exact_tails(), x in distribution_with_exact_tails(), rank in rank(300.0),
        weight in 0.1..10.0
    ) {
        let h = UnionMap::new(y, UnionDistribution::new([(weight, x)]).unwrap()).unwrap();
        let exact = CdfMap::new(y, x);
        let point = rank.point(&y);
        prop_assert_eq!(h.forward(&point), exact.forward(&point));
        let point = rank.point(&x);
        prop_assert_eq!(h.inverse(&point), exact.inverse(&point));
    }

    // The outer tails are accurate: the image of a tail t is the point of the outer component with the tail t/weight.
    #[test]
    fn outer_tails_of_a_union_keep_their_digits(
        y in distribution_with_exact_tails(), exponent in -300.0..-2.0, rate in 0.1..10.0
    ) {
        let below = AnyDistribution::Uniform(Uniform::new(-3.0, -2.0).unwrap());
        let last = AnyDistribution::Exponential(Exponential::new(rate).unwrap());
        let h = UnionMap::new(y, UnionDistribution::new([(1.0, below), (3.0, last)]).unwrap()).unwrap();
        let tail = 10f64.powf(exponent);
        let image = h.forward(&y.isf(tail)).unwrap();
        let exact = -(tail / 0.75).ln() / rate;
        prop_assert!((image / exact - 1.0).abs() <= 1e-12);
        prop_assert!((y.sf(h.inverse(&exact).unwrap()) / tail - 1.0).abs() <= 1e-12);
    }

    // Outer components of small weight are accurate on both sides of the middle of their piece and up to the
    // discontinuity.
    #[test]
    fn outer_components_of_small_weight_keep_their_digits(
        y in distribution_with_exact_tails(), exponent in -250.0..-1.0, fraction in 0.01..0.99_f64
    ) {
        let uniform = |lower, upper| Uniform::new(lower, upper).unwrap();
        let weight = 10f64.powf(exponent);
        let first = UnionDistribution::new([(weight, uniform(-1.0, 0.0)), (1.0 - weight, uniform(1.0, 2.0))]).unwrap();
        let last = UnionDistribution::new([(1.0 - weight, uniform(-2.0, -1.0)), (weight, uniform(0.0, 1.0))]).unwrap();
        let (first, last) = (UnionMap::new(y, first).unwrap(), UnionMap::new(y, last).unwrap());
        prop_assert!((first.forward(&y.quantile(fraction * weight)).unwrap() + 1.0 - fraction).abs() <= 1e-12);
        prop_assert!((last.forward(&y.isf(fraction * weight)).unwrap() - 1.0 + fraction).abs() <= 1e-12);
        prop_assert!((y.cdf(first.inverse(&(fraction - 1.0)).unwrap()) / (fraction * weight) - 1.0).abs() <= 1e-12);
        prop_assert!((y.sf(last.inverse(&(1.0 - fraction)).unwrap()) / (fraction * weight) - 1.0).abs() <= 1e-12);
    }

    // The paper's remedy: maps without discontinuities from the entire support of Y onto each component.
    #[test]
    fn component_maps_carry_the_entire_support_onto_each_component(
        y in any_distribution(), x in union_distribution(), rank in rank(6.0)
    ) {
        let maps = x.component_maps(y);
        prop_assert_eq!(maps.len(), x.weights().len());
        for (i, h) in maps.iter().enumerate() {
            prop_assert_eq!(h.domain(), y.support());
            prop_assert_eq!(h.range(), x.support().components()[i]);
            let image = h.forward(&rank.point(&y)).unwrap();
            prop_assert_eq!(x.support().component_index(image), Some(i));
        }
    }

    // The components take consecutive parts of [0, 1) whose lengths are the weights.
    #[test]
    fn components_are_drawn_by_weight(x in union_distribution(), fraction in 0.0..1.0_f64) {
        let mut cumulative = 0.0;
        for i in 0..x.weights().len() {
            let (from, to) = (cumulative, cumulative + x.weights()[i]);
            let inside = from + fraction * (to - from);
            prop_assert!(x.component_for_uniform(inside) == i || inside >= to);
            prop_assert_eq!(x.component_for_uniform(from), i);
            cumulative = to;
        }
        prop_assert_eq!(x.component_for_uniform(1.0), x.weights().len() - 1);
        prop_assert_eq!((x.component_for_uniform(-1.0), x.component_for_uniform(f64::NAN)), (0, 0));
    }

    #[test]
    fn maps_to_unions_handle_every_f64(
        y in any_distribution(), x in union_distribution(), value in any::<u64>().prop_map(f64::from_bits)
    ) {
        let h = UnionMap::new(y, x).unwrap();
        match h.forward(&value) {
            Ok(image) => prop_assert!(h.domain().contains(value) && h.range().contains(image)),
            Err(MapError::OutsideSupport { support, .. }) => prop_assert!(!support.contains(value)),
            Err(MapError::AtDiscontinuity { value, .. }) => prop_assert!(h.discontinuities().contains(&value)),
            Err(error) => prop_assert!(h.domain().contains(value), "{error}"),
        }
        match h.inverse(&value) {
            Ok(source) => prop_assert!(h.domain().contains(source) && h.range().contains(value)),
            Err(MapError::InGap { gap, .. }) => prop_assert!(gap.lower <= value && value <= gap.upper),
            Err(MapError::OutsideSupport { support, .. }) => prop_assert!(!support.contains(value)),
            Err(error) => prop_assert!(h.range().contains(value), "{error}"),
        }
    }
}

/// Both h with its discontinuities and the paper's remedy carry N(0, 1) to the distribution of X on three intervals.
/// With another seed each of the two comparisons would fail with a probability below 1e-6.
#[test]
fn pushforward_to_a_union_has_its_distribution() {
    let uniform = |lower, upper| AnyDistribution::Uniform(Uniform::new(lower, upper).unwrap());
    let last = AnyDistribution::Exponential(Exponential::new(2.0).unwrap());
    let x = UnionDistribution::new([(0.2, uniform(-5.0, -4.0)), (0.3, uniform(-2.0, -1.0)), (0.5, last)]).unwrap();
    let exact = |x: f64| {
        0.2 * (x + 5.0).clamp(0.0, 1.0) + 0.3 * (x + 2.0).clamp(0.0, 1.0) + 0.5 * -(-2.0 * x.max(0.0)).exp_m1()
    };
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let h = UnionMap::new(Normal::standard(), x.clone()).unwrap();
    let images = (0..20_000).map(|_| h.forward(&normal_pair(&mut rng)[0]).unwrap()).collect();
    assert_has_distribution(images, exact, "h with its discontinuities");
    let maps = x.component_maps(Normal::standard());
    let images = (0..20_000)
        .map(|_| maps[x.component_for_uniform(rng.random())].forward(&normal_pair(&mut rng)[0]).unwrap())
        .collect();
    assert_has_distribution(images, exact, "one map per component");
}

#[test]
fn errors_name_discontinuities_and_gaps() {
    let uniform = |lower, upper| Uniform::new(lower, upper).unwrap();
    let x =
        UnionDistribution::new([(1.0, uniform(2.0, 3.0)), (1.0, uniform(0.0, 1.0)), (2.0, uniform(3.0, 4.0))]).unwrap();
    let h = UnionMap::new(Uniform::standard(), x).unwrap();
    assert_eq!(h.discontinuities(), [0.25, 0.5]);
    let gap = Gap { lower: 1.0, upper: 2.0 };
    let error = h.forward(&0.25).unwrap_err();
    assert_eq!(error, MapError::AtDiscontinuity { value: 0.25, gap });
    assert!(error.to_string().contains("0.25, where it jumps across the gap [1.0, 2.0]"));
    // Components that touch exclude the point between them, and h jumps over it.
    assert_eq!(h.forward(&0.5), Err(MapError::AtDiscontinuity { value: 0.5, gap: Gap { lower: 3.0, upper: 3.0 } }));
    for value in [1.0, 1.5, 2.0] {
        assert_eq!(h.inverse(&value), Err(MapError::InGap { value, gap }));
    }
    assert!(matches!(h.inverse(&4.0), Err(MapError::OutsideSupport { .. })));
    assert!(matches!(h.forward(&f64::NAN), Err(MapError::OutsideSupport { .. })));
    assert_eq!((h.forward(&0.125), h.forward(&0.75)), (Ok(0.5), Ok(3.5)));
}

#[test]
fn invalid_unions_are_errors() {
    let uniform = |lower, upper| Uniform::new(lower, upper).unwrap();
    let none: [(f64, Uniform); 0] = [];
    assert_eq!(UnionDistribution::new(none), Err(UnionError::Empty));
    assert!(matches!(
        UnionDistribution::new([(1.0, uniform(0.0, 2.0)), (1.0, uniform(1.0, 3.0))]),
        Err(UnionError::Overlap { .. })
    ));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = UnionDistribution::new([(1.0, uniform(0.0, 1.0)), (bad, uniform(2.0, 3.0))]).unwrap_err();
        assert!(matches!(
            error,
            UnionError::Weights(ParameterError::NotFinite { .. } | ParameterError::NotPositive { .. })
        ));
    }
    // No f64 below 1 is within 1e-17 of it.
    let x = UnionDistribution::new([(1.0, uniform(0.0, 1.0)), (1e-17, uniform(2.0, 3.0))]).unwrap();
    let error = UnionMap::new(Uniform::standard(), x.clone()).unwrap_err();
    assert!(matches!(error, UnionError::PieceTooSmall { component, .. } if component.lower() == 2.0));
    // The tail of a normal distribution has enough values.
    assert!(UnionMap::new(Normal::standard(), x).is_ok());
}
