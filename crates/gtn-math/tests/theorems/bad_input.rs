//! Every input gives a value or an error: no panic, no endless loop, no silent NaN.

use gtn_math::{
    BallDensity, CdfMap, Chi, Distribution, EmpiricalCdf, EmpiricalMap, Exponential, Homeomorphism, LineError, LineMap,
    MapError, Normal, OpenInterval, ParameterError, RadialError, RadialMap, SwissRoll, Uniform, Variable, VectorError,
};
use proptest::prelude::*;

use crate::common::{AnyDistribution, any_distribution};

/// Random bit patterns, mixed with the edge cases of `f64` and ordinary values.
fn any_f64() -> impl Strategy<Value = f64> {
    let special = vec![
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        0.0,
        -0.0,
        1.0,
        0.5,
        f64::MAX,
        f64::MIN,
        f64::MIN_POSITIVE,
        f64::from_bits(1),
        1.0_f64.next_down(),
    ];
    prop_oneof![any::<u64>().prop_map(f64::from_bits), prop::sample::select(special), -40.0..40.0]
}

/// Distributions with the most extreme parameters that the constructors accept. Rejected parameters become the standard
/// normal distribution.
fn extreme_distribution() -> impl Strategy<Value = AnyDistribution> {
    (any_f64(), any_f64(), 0..300_usize, 0..4_u8).prop_map(|(a, b, d, kind)| {
        match kind {
            0 => Normal::new(a, b).map(AnyDistribution::Normal),
            1 => Uniform::new(a, b).map(AnyDistribution::Uniform),
            2 => Exponential::new(a).map(AnyDistribution::Exponential),
            _ => Chi::new(d, a).map(AnyDistribution::Chi),
        }
        .unwrap_or(AnyDistribution::Normal(Normal::standard()))
    })
}

proptest! {
    #[test]
    fn distributions_handle_every_f64(
        distribution in prop_oneof![any_distribution(), extreme_distribution()], x in any_f64()
    ) {
        let (cdf, sf) = (distribution.cdf(x), distribution.sf(x));
        prop_assert_eq!(cdf.is_nan(), x.is_nan());
        prop_assert_eq!(sf.is_nan(), x.is_nan());
        if !x.is_nan() {
            prop_assert!((0.0..=1.0).contains(&cdf) && (0.0..=1.0).contains(&sf));
            prop_assert!((cdf + sf - 1.0).abs() < 1e-12);
            prop_assert_eq!(x <= distribution.support().lower() && cdf != 0.0, false);
            prop_assert_eq!(x >= distribution.support().upper() && sf != 0.0, false);
        }
        for inverse in [distribution.quantile(x), distribution.isf(x)] {
            prop_assert_eq!(inverse.is_nan(), !(0.0 < x && x < 1.0));
            prop_assert!(!(inverse < distribution.support().lower() || inverse > distribution.support().upper()));
        }
    }

    #[test]
    fn maps_handle_every_f64(
        y_distribution in prop_oneof![any_distribution(), extreme_distribution()],
        x_distribution in prop_oneof![any_distribution(), extreme_distribution()], y in any_f64()
    ) {
        let h = CdfMap::new(y_distribution, x_distribution);
        match h.forward(&y) {
            Ok(x) => prop_assert!(h.domain().contains(y) && h.range().contains(x)),
            Err(MapError::OutsideSupport { support, .. }) => prop_assert!(!support.contains(y)),
            Err(error) => prop_assert!(h.domain().contains(y), "{error}"),
        }
    }

    #[test]
    fn radial_maps_handle_every_vector(
        degrees in (1..300_usize, 1..300_usize), scale in 1e-3..1e3, y in prop::collection::vec(any_f64(), 0..5)
    ) {
        let chi = |d| Chi::new(d, scale).unwrap();
        let h = RadialMap::new(3, chi(degrees.0), chi(degrees.1)).unwrap();
        match h.forward(&y) {
            Ok(x) => prop_assert!(h.domain().contains(&y) && h.range().contains(&x)),
            Err(RadialError::Vector(VectorError::DimensionMismatch { expected, found })) => {
                prop_assert!(expected == 3 && found == y.len() && found != 3);
            }
            Err(RadialError::Vector(VectorError::NotFinite { index, .. })) => prop_assert!(!y[index].is_finite()),
            Err(error) => prop_assert!(matches!(error, RadialError::Norm(_))),
        }
    }

    // Beyond 8 standard deviations rounding would put images on the sphere, which is outside the open ball.
    #[test]
    fn images_of_radial_maps_stay_in_the_open_ball(y in prop::collection::vec(-20.0..20.0, 3), radius in 1e-3..1e3) {
        let h = RadialMap::new(3, Chi::new(3, 1.0).unwrap(), Uniform::new(0.0, radius).unwrap()).unwrap();
        let x = h.forward(&y).unwrap();
        prop_assert!(h.range().contains(&x) && h.inverse(&x).is_ok());
    }

    #[test]
    fn line_wise_maps_handle_every_vector(scale in 1e-3..1e3, y in prop::collection::vec(any_f64(), 1..4)) {
        let norm = |v: &[f64]| v.iter().fold(0.0, |sum: f64, c| sum.hypot(*c));
        let normal = BallDensity::new(2, f64::INFINITY, 1.0, |v: &[f64]| (-0.5 * norm(v).powi(2)).exp()).unwrap();
        let disk = BallDensity::new(2, scale, 0.5 * scale, |_: &[f64]| 1.0).unwrap();
        let h = LineMap::new(normal, disk).unwrap();
        match h.forward(&y) {
            Ok(x) => prop_assert!(h.domain().contains(&y) && h.range().contains(&x)),
            Err(LineError::Vector(VectorError::DimensionMismatch { expected, found })) => {
                prop_assert!(expected == 2 && found == y.len() && found != 2);
            }
            Err(LineError::Vector(VectorError::NotFinite { index, .. })) => prop_assert!(!y[index].is_finite()),
            Err(error) => {
                prop_assert!(matches!(error, LineError::TailUnderflow { .. } | LineError::OutsideBall { .. }), "{error}");
            }
        }
    }

    #[test]
    fn empirical_distributions_and_the_swiss_roll_handle_every_f64(
        sample in prop::collection::vec(any_f64(), 0..5), x in any_f64(), y in any_f64()
    ) {
        match EmpiricalCdf::new(&sample) {
            Ok(cdf) => {
                prop_assert_eq!(cdf.cdf(x).is_nan(), x.is_nan());
                prop_assert_eq!(cdf.quantile(x).is_nan(), !(0.0 < x && x <= 1.0));
            }
            Err(_) => prop_assert!(sample.is_empty() || sample.iter().any(|v| !v.is_finite())),
        }
        if let Ok(h) = EmpiricalMap::new(&sample, &sample) {
            prop_assert!(sample.iter().all(|&v| h.forward(v) == Ok(v)));
            prop_assert_eq!(h.forward(x).is_ok(), sample.contains(&x));
        }
        let roll = SwissRoll::paper();
        prop_assert_eq!(roll.point(x).is_ok(), roll.angles().contains(x));
        match roll.nearest([x, y]) {
            Ok(nearest) => prop_assert!(nearest.distance >= 0.0 && nearest.angle > 0.0),
            Err(_) => prop_assert!(!(x.is_finite() && y.is_finite())),
        }
    }
}

#[test]
fn points_outside_the_open_support_are_errors() {
    let h = CdfMap::new(Uniform::new(-1.0, 2.0).unwrap(), Normal::standard());
    for y in [-1.0, 2.0, -1.5, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let error = h.forward(&y).unwrap_err();
        assert!(matches!(error, MapError::OutsideSupport { .. }), "{y}");
        assert!(error.to_string().contains(&format!("{y:?} is not inside the open support (-1.0, 2.0)")));
    }
    assert!(matches!(h.inverse(&f64::INFINITY), Err(MapError::OutsideSupport { .. })));
}

#[test]
fn probabilities_that_underflow_are_errors() {
    let h = CdfMap::new(Normal::standard(), Uniform::standard());
    for y in [-37.0, 8.0] {
        assert!(h.forward(&y).is_ok(), "{y}");
    }
    for y in [-38.0, 38.0, -1e300, f64::MAX] {
        let error = h.forward(&y).unwrap_err();
        assert!(matches!(error, MapError::ProbabilityUnderflow { .. }), "{y}");
        assert!(error.to_string().contains(&format!("{y:?}")) && error.to_string().contains("(-inf, inf)"));
    }
}

/// In high dimensions a normal vector near 0 is as unlikely as one far from 0.
#[test]
fn norms_too_small_for_their_dimension_are_errors() {
    let chi = |scale| Chi::new(100, scale).unwrap();
    let h = RadialMap::new(1, chi(1.0), chi(2.0)).unwrap();
    assert!((h.forward(&[0.006]).unwrap()[0] - 0.012).abs() < 1e-14);
    assert!(matches!(h.forward(&[0.005]), Err(RadialError::Norm(MapError::ProbabilityUnderflow { .. }))));
    assert_eq!(h.forward(&[0.0]), Ok(vec![0.0]));
}

#[test]
fn images_beyond_the_largest_f64_are_errors() {
    let h = CdfMap::new(Normal::standard(), Exponential::new(1e-308).unwrap());
    assert!(h.forward(&0.0).is_ok());
    assert!(matches!(h.forward(&10.0), Err(MapError::ImageOutsideRange { .. })));
}

#[test]
fn parameters_out_of_range_are_errors() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(Normal::new(bad, 1.0), Err(ParameterError::NotFinite { parameter: "mean", .. })));
        assert!(matches!(Normal::new(0.0, bad), Err(ParameterError::NotFinite { .. })));
        assert!(matches!(Uniform::new(bad, 1.0), Err(ParameterError::NotFinite { .. })));
        assert!(matches!(Uniform::new(0.0, bad), Err(ParameterError::NotFinite { .. })));
        assert!(matches!(Exponential::new(bad), Err(ParameterError::NotFinite { .. })));
        assert!(matches!(Chi::new(3, bad), Err(ParameterError::NotFinite { .. })));
    }
    for bad in [0.0, -0.0, -1.0] {
        assert!(matches!(Normal::new(0.0, bad), Err(ParameterError::NotPositive { .. })));
        assert!(matches!(Exponential::new(bad), Err(ParameterError::NotPositive { .. })));
        assert!(matches!(Chi::new(3, bad), Err(ParameterError::NotPositive { .. })));
    }
    assert!(matches!(Uniform::new(1.0, 1.0), Err(ParameterError::Endpoints(_))));
    assert!(matches!(Uniform::new(f64::MIN, f64::MAX), Err(ParameterError::TooWide { .. })));
    for degrees in [0, (1 << 24) + 1, usize::MAX] {
        assert!(matches!(Chi::new(degrees, 1.0), Err(ParameterError::DegreesOfFreedom { .. })));
    }
}

#[test]
fn norm_distributions_must_start_at_zero() {
    let chi = Chi::new(2, 1.0).unwrap();
    let ring = Uniform::new(1.0, 2.0).unwrap();
    let ring_support = OpenInterval::new(1.0, 2.0).unwrap();
    assert_eq!(
        RadialMap::new(2, chi, ring).unwrap_err(),
        RadialError::NormSupport { variable: Variable::X, support: ring_support }
    );
    let error = RadialMap::new(2, Normal::standard(), chi).unwrap_err();
    assert!(error.to_string().contains("norm of Y has the support (-inf, inf); it must start at 0"));
    assert_eq!(RadialMap::new(0, chi, chi).unwrap_err(), RadialError::ZeroDimensions);
}

#[test]
fn intermediate_norms_do_not_overflow_or_underflow() {
    let exponential = |rate| Exponential::new(rate).unwrap();
    // The squares of these coordinates overflow or underflow; the norms do not.
    let h = RadialMap::new(2, exponential(1e-200), exponential(1e200)).unwrap();
    let x = h.forward(&[3e200, -4e200]).unwrap();
    assert!((x[0] / 3e-200 - 1.0).abs() < 1e-14 && (x[1] / -4e-200 - 1.0).abs() < 1e-14);
    let back = h.inverse(&x).unwrap();
    assert!((back[0] / 3e200 - 1.0).abs() < 1e-14 && (back[1] / -4e200 - 1.0).abs() < 1e-14);
    // Here the norm itself overflows.
    assert!(matches!(h.forward(&[f64::MAX, f64::MAX]), Err(RadialError::Norm(_))));
}
