//! The swiss roll: a curve in the plane with one angle as its parameter.

use gtn_math::{
    CdfMap, Homeomorphism, MapError, NearestAngle, Normal, OpenInterval, SwissRoll, SwissRollError, Uniform,
};
use proptest::prelude::*;

/// The smallest distance over a fine grid of angles, and a bound of its excess over the true one: half the length of a
/// step.
fn nearest_by_grid(roll: SwissRoll, point: [f64; 2], steps: u32) -> (f64, f64) {
    let (lower, upper) = (roll.angles().lower(), roll.angles().upper());
    let step = (upper - lower) / f64::from(steps);
    let nearest = (0..=steps)
        .map(|i| {
            let angle = lower + step * f64::from(i);
            (point[0] - angle * angle.cos()).hypot(point[1] - angle * angle.sin())
        })
        .fold(f64::INFINITY, f64::min);
    (nearest, 0.5 * step * upper.hypot(1.0))
}

fn roll() -> impl Strategy<Value = SwissRoll> {
    let any = (2.0..20.0, 0.1..30.0)
        .prop_map(|(from, width)| SwissRoll::new(OpenInterval::new(from, from + width).unwrap()).unwrap());
    prop_oneof![Just(SwissRoll::paper()), any]
}

proptest! {
    #[test]
    fn nearest_undoes_the_swiss_roll(roll in roll(), fraction in 1e-6..0.999_999) {
        let (lower, upper) = (roll.angles().lower(), roll.angles().upper());
        let angle: f64 = lower + fraction * (upper - lower);
        let point = roll.point(angle).unwrap();
        prop_assert!((point[0].hypot(point[1]) - angle).abs() <= 4.0 * f64::EPSILON * angle);
        let nearest = roll.nearest(point).unwrap();
        prop_assert!((nearest.angle - angle).abs() <= 1e-13 && nearest.distance <= 1e-12, "{angle}: {nearest:?}");
    }

    // No point of the curve is nearer, and the angle returned has the distance returned.
    #[test]
    fn nearest_minimizes_the_distance_to_the_swiss_roll(
        roll in roll(), x in -60.0..60.0, y in -60.0..60.0, exponent in -3.0..0.0
    ) {
        let shrink = 10f64.powf(exponent);
        for point in [[x, y], [x * shrink, y * shrink]] {
            let NearestAngle { angle, distance } = roll.nearest(point).unwrap();
            let (on_grid, slack) = nearest_by_grid(roll, point, 4_000);
            let is_nearest = distance <= on_grid + 1e-12 && on_grid <= distance + slack;
            prop_assert!(is_nearest, "{point:?}: {distance}, grid {on_grid}");
            prop_assert!(roll.angles().lower() <= angle && angle <= roll.angles().upper());
            let distance_at_angle = (point[0] - angle * angle.cos()).hypot(point[1] - angle * angle.sin());
            prop_assert!((distance_at_angle - distance).abs() <= 1e-12);
        }
    }

    // Compared with the length of a fine polygon, and with the derivative with respect to the angle.
    #[test]
    fn arc_length_is_that_of_the_swiss_roll(roll in roll(), fraction in 0.01..0.99) {
        let (lower, upper) = (roll.angles().lower(), roll.angles().upper());
        let angle = lower + fraction * (upper - lower);
        let vertices = (1..=2_000).map(|i| roll.point(lower + (angle - lower) * f64::from(i) / 2_000.0));
        let vertices = vertices.collect::<Result<Vec<_>, _>>().unwrap();
        let polygon: f64 = vertices.windows(2).map(|v| (v[1][0] - v[0][0]).hypot(v[1][1] - v[0][1])).sum();
        let first = roll.arc_length(lower + (angle - lower) / 2_000.0).unwrap();
        let length = roll.arc_length(angle).unwrap();
        prop_assert!((length - first - polygon).abs() <= 1e-4 * length);
        let longer = roll.arc_length(angle + 1e-5 * (upper - angle)).unwrap();
        let speed = (longer - length) / (1e-5 * (upper - angle));
        prop_assert!((speed / roll.speed(angle).unwrap() - 1.0).abs() <= 1e-4 * (1.0 + upper - angle));
    }

    // The map that the experiment asks of a network, from a normal random number to the roll, and its inverse.
    #[test]
    fn normal_distribution_to_the_swiss_roll_and_back(z in -6.0..6.0) {
        let roll = SwissRoll::paper();
        let angles = roll.angles();
        let h = CdfMap::new(Normal::standard(), Uniform::new(angles.lower(), angles.upper()).unwrap());
        let point = roll.point(h.forward(&z).unwrap()).unwrap();
        let back = h.inverse(&roll.nearest(point).unwrap().angle).unwrap();
        // Beyond 5 the density of Y is so small that the rounding of the angle matters.
        prop_assert!((back - z).abs() <= 1e-13 / (-0.5 * z * z).exp() + 1e-13, "{z}, {back}");
    }
}

#[test]
fn the_paper_swiss_roll_has_one_and_a_half_turns() {
    use std::f64::consts::PI;
    let roll = SwissRoll::paper();
    assert_eq!((roll.angles().lower(), roll.angles().upper()), (1.5 * PI, 4.5 * PI));
    // The roll crosses the positive half of the first axis at 2π and at 4π.
    let crossing = roll.point(2.0 * PI).unwrap();
    assert!((crossing[0] - 2.0 * PI).abs() < 1e-14 && crossing[1].abs() < 1e-14);
    // The start of the roll is nearest to the origin.
    let center = roll.nearest([0.0, 0.0]).unwrap();
    assert_eq!(center.angle, 1.5 * PI);
    assert!((center.distance - 1.5 * PI).abs() < 1e-14);
}

#[test]
fn angles_and_points_off_the_swiss_roll_are_errors() {
    for (lower, upper) in [(1.9, 5.0), (-5.0, 5.0), (3.0, f64::INFINITY), (f64::NEG_INFINITY, 3.0)] {
        let angles = OpenInterval::new(lower, upper).unwrap();
        assert_eq!(SwissRoll::new(angles), Err(SwissRollError::InvalidAngles { angles }));
    }
    let roll = SwissRoll::paper();
    for angle in [f64::NAN, f64::INFINITY, 0.0, roll.angles().lower(), roll.angles().upper()] {
        assert!(matches!(roll.point(angle), Err(MapError::OutsideSupport { .. })));
        assert!(roll.speed(angle).is_err() && roll.arc_length(angle).is_err());
    }
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert!(matches!(roll.nearest([0.0, bad]), Err(SwissRollError::NotFinite { index: 1, .. })));
    }
    // Points and angles near the largest f64 are accepted.
    let far = roll.nearest([f64::MAX, 0.0]).unwrap();
    assert!(far.distance > 1e308 && far.distance.is_finite());
    assert!(SwissRoll::new(OpenInterval::new(2.0, 1e300).unwrap()).unwrap().nearest([1e200, 1e250]).is_ok());
}
