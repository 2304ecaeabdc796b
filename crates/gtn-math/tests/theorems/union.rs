//! Appendix C: a target on k intervals. h has k − 1 breaks, and jumps there by the gaps; a map for each component has none.

use gtn_math::{
    CdfMap, Distribution, Exponential, Gap, Homeomorphism, MapError, Normal, ParameterError, Uniform, UnionError,
    UnionLaw, UnionMap,
};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::{Law, assert_has_law, law, law_with_exact_tails, normal_pair, rank};

/// One to five components: uniform laws on intervals below 0, some touching, and from 0 on a uniform or exponential law.
fn union_law() -> impl Strategy<Value = UnionLaw<Law>> {
    let below = prop::collection::vec((0.05..1.0, prop_oneof![Just(0.0), 0.1..3.0], 0.1..3.0), 0..5);
    let last = prop_oneof![
        (0.1..10.0).prop_map(|w| Law::Uniform(Uniform::new(0.0, w).unwrap())),
        (0.1..10.0).prop_map(|r| Law::Exponential(Exponential::new(r).unwrap())),
    ];
    (below, 0.05..1.0, last).prop_map(|(below, mass, last)| {
        let mut laws = vec![(mass, last)];
        let mut end = 0.0;
        for (mass, gap, width) in below {
            let upper: f64 = end - gap;
            end = upper - width;
            laws.push((mass, Law::Uniform(Uniform::new(end, upper).unwrap())));
        }
        UnionLaw::new(laws).unwrap()
    })
}

/// The distribution function of a law on a union of intervals.
fn cdf(law: &UnionLaw<Law>, x: f64) -> f64 {
    law.masses().iter().zip(law.components()).map(|(mass, component)| mass * component.cdf(x)).sum()
}

fn bits_below(value: f64, steps: u32) -> f64 {
    (0..steps).fold(value, |v, _| v.next_down())
}

proptest! {
    // Exactly there: every other number of the support, the neighbors of the breaks too, has an image.
    #[test]
    fn h_to_a_union_is_undefined_at_just_k_minus_1_points(y in law(), x in union_law(), rank in rank(6.0)) {
        let h = UnionMap::new(y, x.clone()).unwrap();
        let k = x.masses().len();
        prop_assert_eq!(h.breaks().len(), k - 1);
        let mut mass = 0.0;
        for (i, (&b, gap)) in h.breaks().iter().zip(x.support().gaps()).enumerate() {
            mass += x.masses()[i];
            // F_Y equals a partial mass there, up to the rounding of the point itself.
            let allowed = 16.0 * f64::EPSILON * (1.0 + b.abs() * y.density(b));
            prop_assert!((y.cdf(b) - mass).abs() <= allowed, "{} {}", y.cdf(b), mass);
            prop_assert_eq!(h.forward(&b), Err(MapError::AtBreak { value: b, gap }));
            prop_assert!(!h.domain().contains(b));
            for beside in [bits_below(b, 5), b.next_down(), b.next_up()] {
                prop_assert!(h.forward(&beside).is_ok());
            }
        }
        let point = rank.point(&y);
        prop_assert_eq!(h.forward(&point).is_ok(), !h.breaks().contains(&point));
    }

    // The limits from both sides are the ends of the gap: at a distance δ from the break h has left the end by at most
    // δ · max f_Y / min f_X.
    #[test]
    fn h_to_a_union_jumps_by_exactly_the_gap(y in law(), x in union_law(), exponent in -9.0..-2.0) {
        let h = UnionMap::new(y, x.clone()).unwrap();
        for (i, (&b, gap)) in h.breaks().iter().zip(x.support().gaps()).enumerate() {
            let pieces = h.domain();
            let room = |i: usize| pieces.components()[i].upper().min(b + 1.0) - pieces.components()[i].lower().max(b - 1.0);
            let (delta_below, delta_above) = (10f64.powf(exponent) * room(i), 10f64.powf(exponent) * room(i + 1));
            let (low, high) = (b - delta_below, b + delta_above);
            let (from_below, from_above) = (h.forward(&low).unwrap(), h.forward(&high).unwrap());
            prop_assert!(from_below < gap.lower && gap.upper < from_above);
            let bound = |mass: f64, law: &Law, end: f64, image: f64, from: f64, to: f64| {
                let least = mass * law.min_density(end.min(image), end.max(image));
                let rounding = 8.0 * f64::EPSILON * (1.0 + b.abs() * y.density(b));
                ((to - from) * y.max_density(from, to) * (1.0 + 1e-9) + rounding) / least + 4.0 * f64::EPSILON * end.abs()
            };
            let (masses, laws) = (x.masses(), x.components());
            prop_assert!(gap.lower - from_below <= bound(masses[i], &laws[i], gap.lower, from_below, low, b));
            prop_assert!(from_above - gap.upper <= bound(masses[i + 1], &laws[i + 1], gap.upper, from_above, b, high));
        }
    }

    // A homeomorphism from each piece onto one component: increasing, inverted on both sides, onto.
    #[test]
    fn h_carries_each_piece_onto_one_component(
        y in law(), x in union_law(), rank in rank(6.0), gap in -6.0..-0.1, share in 1e-6..0.999_999
    ) {
        let h = UnionMap::new(y, x.clone()).unwrap();
        let (domain, range) = (h.domain(), h.range());
        let point = rank.point(&y);
        prop_assume!(domain.contains(point));
        let image = h.forward(&point).unwrap();
        prop_assert_eq!(domain.component_of(point), range.component_of(image));
        // The same rank in both laws.
        let density = |x: &UnionLaw<Law>, at: f64| x.components()[range.component_of(at).unwrap()].density(at);
        let slack = |source: f64, target: f64| {
            1e-14 * (1.0 + source.abs() * y.density(source) + target.abs() * density(&x, target))
        };
        prop_assert!((cdf(&x, image) - y.cdf(point)).abs() <= slack(point, image));
        // Strictly increasing, across the breaks too.
        let nearer = crate::common::Rank { tail: rank.tail * (1.0 - 10f64.powf(gap)), ..rank }.point(&y);
        prop_assume!(domain.contains(nearer));
        let other = h.forward(&nearer).unwrap();
        prop_assert_eq!(point < nearer, image < other, "{} -> {}, {} -> {}", point, image, nearer, other);
        // Onto every component, and h(h⁻¹(x)) = x up to the rank.
        for (i, law) in x.components().iter().enumerate() {
            let target = law.quantile(share);
            let source = h.inverse(&target).unwrap();
            prop_assert_eq!(domain.component_of(source), Some(i));
            let again = h.forward(&source).unwrap();
            prop_assert!((cdf(&x, again) - cdf(&x, target)).abs() <= slack(source, target));
        }
        let back = h.inverse(&image).unwrap();
        prop_assert!((y.cdf(back) - y.cdf(point)).abs() <= slack(point, image));
    }

    #[test]
    fn h_to_one_interval_is_that_of_theorem_2_1(
        y in law_with_exact_tails(), x in law_with_exact_tails(), rank in rank(300.0), mass in 0.1..10.0
    ) {
        let h = UnionMap::new(y, UnionLaw::new([(mass, x)]).unwrap()).unwrap();
        let exact = CdfMap::new(y, x);
        let point = rank.point(&y);
        prop_assert_eq!(h.forward(&point), exact.forward(&point));
        let point = rank.point(&x);
        prop_assert_eq!(h.inverse(&point), exact.inverse(&point));
    }

    // The outer tails stay honest: the image of a small tail t is that of t/mass in the outer component.
    #[test]
    fn outer_tails_of_a_union_keep_their_digits(y in law_with_exact_tails(), exponent in -300.0..-2.0, rate in 0.1..10.0) {
        let below = Law::Uniform(Uniform::new(-3.0, -2.0).unwrap());
        let last = Law::Exponential(Exponential::new(rate).unwrap());
        let h = UnionMap::new(y, UnionLaw::new([(1.0, below), (3.0, last)]).unwrap()).unwrap();
        let tail = 10f64.powf(exponent);
        let image = h.forward(&y.isf(tail)).unwrap();
        let exact = -(tail / 0.75).ln() / rate;
        prop_assert!((image / exact - 1.0).abs() <= 1e-12);
        prop_assert!((y.sf(h.inverse(&exact).unwrap()) / tail - 1.0).abs() <= 1e-12);
    }

    // So do outer components whose whole mass is small, on both sides of the middle of their piece and up to the break.
    #[test]
    fn outer_components_of_small_mass_keep_their_digits(
        y in law_with_exact_tails(), exponent in -250.0..-1.0, share in 0.01..0.99_f64
    ) {
        let uniform = |lower, upper| Uniform::new(lower, upper).unwrap();
        let mass = 10f64.powf(exponent);
        let first = UnionLaw::new([(mass, uniform(-1.0, 0.0)), (1.0 - mass, uniform(1.0, 2.0))]).unwrap();
        let last = UnionLaw::new([(1.0 - mass, uniform(-2.0, -1.0)), (mass, uniform(0.0, 1.0))]).unwrap();
        let (first, last) = (UnionMap::new(y, first).unwrap(), UnionMap::new(y, last).unwrap());
        prop_assert!((first.forward(&y.quantile(share * mass)).unwrap() + 1.0 - share).abs() <= 1e-12);
        prop_assert!((last.forward(&y.isf(share * mass)).unwrap() - 1.0 + share).abs() <= 1e-12);
        prop_assert!((y.cdf(first.inverse(&(share - 1.0)).unwrap()) / (share * mass) - 1.0).abs() <= 1e-12);
        prop_assert!((y.sf(last.inverse(&(1.0 - share)).unwrap()) / (share * mass) - 1.0).abs() <= 1e-12);
    }

    // The remedy: from the whole support of Y, without a break, onto one component.
    #[test]
    fn component_maps_carry_the_whole_support_onto_each_component(y in law(), x in union_law(), rank in rank(6.0)) {
        let maps = x.component_maps(y);
        prop_assert_eq!(maps.len(), x.masses().len());
        for (i, h) in maps.iter().enumerate() {
            prop_assert_eq!(h.domain(), y.support());
            prop_assert_eq!(h.range(), x.support().components()[i]);
            let image = h.forward(&rank.point(&y)).unwrap();
            prop_assert_eq!(x.support().component_of(image), Some(i));
        }
    }

    // The shares of [0, 1) are consecutive and as long as the masses.
    #[test]
    fn components_are_drawn_by_mass(x in union_law(), share in 0.0..1.0_f64) {
        let mut mass = 0.0;
        for i in 0..x.masses().len() {
            let (from, to) = (mass, mass + x.masses()[i]);
            let inside = from + share * (to - from);
            prop_assert!(x.component_at(inside) == i || inside >= to);
            prop_assert_eq!(x.component_at(from), i);
            mass = to;
        }
        prop_assert_eq!(x.component_at(1.0), x.masses().len() - 1);
        prop_assert_eq!((x.component_at(-1.0), x.component_at(f64::NAN)), (0, 0));
    }

    #[test]
    fn maps_to_unions_answer_every_number(y in law(), x in union_law(), value in any::<u64>().prop_map(f64::from_bits)) {
        let h = UnionMap::new(y, x).unwrap();
        match h.forward(&value) {
            Ok(image) => prop_assert!(h.domain().contains(value) && h.range().contains(image)),
            Err(MapError::OutsideSupport { support, .. }) => prop_assert!(!support.contains(value)),
            Err(MapError::AtBreak { value, .. }) => prop_assert!(h.breaks().contains(&value)),
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

/// By h with its breaks, and by the remedy, N(0, 1) gets the law of X on three intervals. Each of the two comparisons fails with
/// a probability below 1e-6 for another seed.
#[test]
fn push_forward_to_a_union_has_its_law() {
    let uniform = |lower, upper| Law::Uniform(Uniform::new(lower, upper).unwrap());
    let last = Law::Exponential(Exponential::new(2.0).unwrap());
    let x = UnionLaw::new([(0.2, uniform(-5.0, -4.0)), (0.3, uniform(-2.0, -1.0)), (0.5, last)]).unwrap();
    let exact = |x: f64| {
        0.2 * (x + 5.0).clamp(0.0, 1.0) + 0.3 * (x + 2.0).clamp(0.0, 1.0) + 0.5 * -(-2.0 * x.max(0.0)).exp_m1()
    };
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let h = UnionMap::new(Normal::standard(), x.clone()).unwrap();
    let images = (0..20_000).map(|_| h.forward(&normal_pair(&mut rng)[0]).unwrap()).collect();
    assert_has_law(images, exact, "h with its breaks");
    let maps = x.component_maps(Normal::standard());
    let images =
        (0..20_000).map(|_| maps[x.component_at(rng.random())].forward(&normal_pair(&mut rng)[0]).unwrap()).collect();
    assert_has_law(images, exact, "one map for each component");
}

#[test]
fn breaks_and_gaps_are_named() {
    let uniform = |lower, upper| Uniform::new(lower, upper).unwrap();
    let x = UnionLaw::new([(1.0, uniform(2.0, 3.0)), (1.0, uniform(0.0, 1.0)), (2.0, uniform(3.0, 4.0))]).unwrap();
    let h = UnionMap::new(Uniform::standard(), x).unwrap();
    assert_eq!(h.breaks(), [0.25, 0.5]);
    let gap = Gap { lower: 1.0, upper: 2.0 };
    let error = h.forward(&0.25).unwrap_err();
    assert_eq!(error, MapError::AtBreak { value: 0.25, gap });
    assert!(error.to_string().contains("0.25, where it jumps across the gap [1.0, 2.0]"));
    // Components that touch leave a point out, and h with it.
    assert_eq!(h.forward(&0.5), Err(MapError::AtBreak { value: 0.5, gap: Gap { lower: 3.0, upper: 3.0 } }));
    for value in [1.0, 1.5, 2.0] {
        assert_eq!(h.inverse(&value), Err(MapError::InGap { value, gap }));
    }
    assert!(matches!(h.inverse(&4.0), Err(MapError::OutsideSupport { .. })));
    assert!(matches!(h.forward(&f64::NAN), Err(MapError::OutsideSupport { .. })));
    assert_eq!((h.forward(&0.125), h.forward(&0.75)), (Ok(0.5), Ok(3.5)));
}

#[test]
fn laws_that_make_no_union_are_errors() {
    let uniform = |lower, upper| Uniform::new(lower, upper).unwrap();
    let none: [(f64, Uniform); 0] = [];
    assert_eq!(UnionLaw::new(none), Err(UnionError::Empty));
    assert!(matches!(
        UnionLaw::new([(1.0, uniform(0.0, 2.0)), (1.0, uniform(1.0, 3.0))]),
        Err(UnionError::Overlap { .. })
    ));
    for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = UnionLaw::new([(1.0, uniform(0.0, 1.0)), (bad, uniform(2.0, 3.0))]).unwrap_err();
        assert!(matches!(
            error,
            UnionError::Mass(ParameterError::NotFinite { .. } | ParameterError::NotPositive { .. })
        ));
    }
    // 1e-17 of the unit interval holds no number next to 1.
    let x = UnionLaw::new([(1.0, uniform(0.0, 1.0)), (1e-17, uniform(2.0, 3.0))]).unwrap();
    let error = UnionMap::new(Uniform::standard(), x.clone()).unwrap_err();
    assert!(matches!(error, UnionError::Piece { component, .. } if component.lower() == 2.0));
    // The tail of a normal law does.
    assert!(UnionMap::new(Normal::standard(), x).is_ok());
}
