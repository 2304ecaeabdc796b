//! Appendix E: the map along every line through the origin. It is Equation 4 in one dimension and between centered normal laws;
//! in more dimensions it does not carry the law of Y to that of X.

use gtn_math::{
    BallDensity, CdfMap, Chi, Distribution, Exponential, Homeomorphism, LineError, LineMap, Mixture, Normal, RadialMap,
    Side, Uniform,
};
use proptest::prelude::*;

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|c| c * c).sum::<f64>().sqrt()
}

/// N(0, s²·I), without its constant.
fn normal(d: usize, s: f64) -> BallDensity<impl Fn(&[f64]) -> f64> {
    BallDensity::new(d, f64::INFINITY, s, move |v: &[f64]| (-0.5 * (norm(v) / s).powi(2)).exp()).unwrap()
}

/// Half a normal law on each side of 0, of different widths and masses, with the law of its absolute value.
fn lopsided_normal([s, t]: [f64; 2], right: f64) -> (BallDensity<impl Fn(&[f64]) -> f64>, Mixture<Chi>) {
    let density = move |v: &[f64]| {
        let (mass, s) = if v[0] > 0.0 { (right, s) } else { (1.0 - right, t) };
        mass / s * (-0.5 * (v[0] / s).powi(2)).exp()
    };
    let chi = |s| Chi::new(1, s).unwrap();
    let norm = Mixture::new([(right, chi(s)), (1.0 - right, chi(t))]).unwrap();
    (BallDensity::new(1, f64::INFINITY, s, density).unwrap(), norm)
}

/// An exponential law on each side of 0, of different rates and masses, with the law of its absolute value.
fn lopsided_exponential([r, t]: [f64; 2], right: f64) -> (BallDensity<impl Fn(&[f64]) -> f64>, Mixture<Exponential>) {
    let density = move |v: &[f64]| {
        let (mass, rate) = if v[0] > 0.0 { (right, r) } else { (1.0 - right, t) };
        mass * rate * (-rate * v[0].abs()).exp()
    };
    let exponential = |r| Exponential::new(r).unwrap();
    let norm = Mixture::new([(right, exponential(r)), (1.0 - right, exponential(t))]).unwrap();
    (BallDensity::new(1, f64::INFINITY, 1.0 / r, density).unwrap(), norm)
}

// The tolerance of the integrals, as the maps below amplify it: by less than 10 for tails above 1e-6.
const TOLERANCE: f64 = 1e-9;

proptest! {
    #[test]
    fn line_wise_h_of_one_dimension_is_equation_4(
        widths in prop::array::uniform2(0.1..10.0), rates in prop::array::uniform2(0.1..10.0),
        (right_y, right_x) in (0.01..0.99, 0.01..0.99), p in 1e-6..0.999_999, negative: bool
    ) {
        let ((y, norm_of_y), (x, norm_of_x)) = (lopsided_normal(widths, right_y), lopsided_exponential(rates, right_x));
        let h = LineMap::new(y, x).unwrap();
        let size = norm_of_y.quantile(p);
        let radial = RadialMap::new(1, norm_of_y, norm_of_x).unwrap();
        let y = if negative { -size } else { size };
        let (found, exact) = (h.forward(&[y]).unwrap()[0], radial.forward(&[y]).unwrap()[0]);
        prop_assert!((found / exact - 1.0).abs() <= TOLERANCE, "{found}, {exact}");
        let (back, exact) = (h.inverse(&[exact]).unwrap()[0], y);
        prop_assert!((back / exact - 1.0).abs() <= TOLERANCE, "{back}, {exact}");
    }

    #[test]
    fn line_wise_h_between_centered_normals_is_equation_4(
        y in prop::collection::vec(-2.0..2.0, 1..6), s_y in 0.1..10.0, s_x in 0.1..10.0
    ) {
        prop_assume!(norm(&y) > 1e-3);
        let d = y.len();
        let source: Vec<f64> = y.iter().map(|c| c * s_y).collect();
        let image = LineMap::new(normal(d, s_y), normal(d, s_x)).unwrap().forward(&source).unwrap();
        let radial = RadialMap::new(d, Chi::new(d, s_y).unwrap(), Chi::new(d, s_x).unwrap()).unwrap();
        let equation_4 = radial.forward(&source).unwrap();
        for ((found, exact), y) in image.iter().zip(equation_4).zip(&y) {
            prop_assert!((found - exact).abs() <= TOLERANCE * s_x * norm(&source) / s_y);
            prop_assert!((found - y * s_x).abs() <= TOLERANCE * s_x * norm(&source) / s_y);
        }
    }

    // From N(0, I) to a density that depends on the direction.
    #[test]
    fn line_wise_h_keeps_rays_and_is_inverted(
        d in 2..5_usize, y in prop::collection::vec(-2.0..2.0, 5), shrink in 0.1..0.999
    ) {
        prop_assume!(norm(&y[..d]) > 1e-2);
        let y = &y[..d];
        let wide = BallDensity::new(d, f64::INFINITY, 1.0, |v: &[f64]| {
            (-v[0].abs() - 0.1 * norm(&v[1..]).powi(2)).exp() * (2.0 + v[1].tanh())
        });
        let h = LineMap::new(normal(d, 1.0), wide.unwrap()).unwrap();
        let image = h.forward(y).unwrap();
        for (a, b) in y.iter().zip(&image) {
            prop_assert!((a / norm(y) - b / norm(&image)).abs() <= 8.0 * f64::EPSILON);
        }
        let back = h.inverse(&image).unwrap();
        prop_assert!(y.iter().zip(&back).all(|(a, b)| (a - b).abs() <= TOLERANCE * norm(y)));
        // Increasing along the ray.
        let nearer: Vec<f64> = y.iter().map(|c| c * shrink).collect();
        prop_assert!(norm(&h.forward(&nearer).unwrap()) < norm(&image));
    }

    /// Equation 4 is odd for d = 1. Where X and Y are symmetric about 0, the h of Theorem 2.1 is odd too, and the two are one.
    #[test]
    fn equation_4_is_theorem_2_1_for_symmetric_laws_of_one_dimension(s in 0.1..10.0, width in 0.1..10.0, z in -8.0..8.0) {
        prop_assume!(z != 0.0);
        let radial = RadialMap::new(1, Chi::new(1, s).unwrap(), Uniform::new(0.0, width).unwrap()).unwrap();
        let h = CdfMap::new(Normal::new(0.0, s).unwrap(), Uniform::new(-width, width).unwrap());
        let y: f64 = s * z;
        let (radial, exact) = (radial.forward(&[y]).unwrap()[0], h.forward(&y).unwrap());
        prop_assert!((radial - exact).abs() <= 4.0 * f64::EPSILON * width, "{radial}, {exact}");
    }

    /// Symmetry is not needed if Y and X are out of balance alike: from Y to c·Y both maps are scaling by c.
    #[test]
    fn equation_4_is_theorem_2_1_between_multiples_of_one_law(
        (a, extra) in (0.1..5.0_f64, 0.1..5.0_f64), c in 0.1..10.0_f64, share in 0.01..0.99_f64
    ) {
        let b = a + extra;
        let norm = |c: f64| {
            let (near, far) = (Uniform::new(0.0, c * a).unwrap(), Uniform::new(c * a, c * b).unwrap());
            Mixture::new([(2.0 * a, near), (b - a, far)]).unwrap()
        };
        let radial = RadialMap::new(1, norm(1.0), norm(c)).unwrap();
        let h = CdfMap::new(Uniform::new(-a, b).unwrap(), Uniform::new(-c * a, c * b).unwrap());
        let y = -a + share * (a + b);
        for found in [radial.forward(&[y]).unwrap()[0], h.forward(&y).unwrap()] {
            prop_assert!((found - c * y).abs() <= 1e-13 * c * (a + b), "{found}, {}", c * y);
        }
    }

    /// For a uniform X on (−a, b) with a ≠ b they differ: Equation 4 has h(0) = 0 and is odd, while Theorem 2.1 carries the median
    /// of Y to that of X. Both give |h(Y)| the law of |X|, but only the latter gives h(Y) the law of X.
    #[test]
    fn equation_4_is_not_theorem_2_1_for_other_laws_of_one_dimension(
        (a, b) in (0.1..5.0_f64, 0.1..5.0_f64), z in 1e-3..6.0_f64
    ) {
        prop_assume!((a - b).abs() > 1e-2);
        let (least, most) = (a.min(b), a.max(b));
        // |X| has twice the density up to the shorter side.
        let norm_of_x = Mixture::new([
            (2.0 * least, Uniform::new(0.0, least).unwrap()),
            (most - least, Uniform::new(least, most).unwrap()),
        ]);
        let radial = RadialMap::new(1, Chi::new(1, 1.0).unwrap(), norm_of_x.unwrap()).unwrap();
        let h = CdfMap::new(Normal::standard(), Uniform::new(-a, b).unwrap());
        let at = |y: f64| radial.forward(&[y]).unwrap()[0];
        prop_assert_eq!(at(-z), -at(z));
        prop_assert_eq!(at(0.0), 0.0);
        prop_assert!((h.forward(&0.0).unwrap() - 0.5 * (b - a)).abs() <= 1e-14);
        let (left, right) = (h.forward(&-z).unwrap(), h.forward(&z).unwrap());
        prop_assert!((left + right - (b - a)).abs() <= 1e-14, "h is odd about the medians, not about 0");
        prop_assert!((at(z) - right).abs() > 1e-9 || (at(-z) - left).abs() > 1e-9);
    }
}

/// From N(0, I) in the plane to the uniform law in the disc: within r of the center should lie r², but the line-wise map puts
/// 1 − exp(−z²/2) there, where z is the quantile of |N(0, 1)| at r. Equation 4 with the law of the norm does it right.
#[test]
fn line_wise_h_does_not_carry_the_law_in_the_plane() {
    /// The norm of a uniform point of the disc: F(r) = r².
    #[derive(Debug)]
    struct DiscNorm;

    impl Distribution for DiscNorm {
        fn support(&self) -> gtn_math::OpenInterval {
            gtn_math::OpenInterval::new(0.0, 1.0).unwrap()
        }
        fn cdf(&self, x: f64) -> f64 {
            x.clamp(0.0, 1.0).powi(2)
        }
        fn sf(&self, x: f64) -> f64 {
            let x = x.clamp(0.0, 1.0);
            (1.0 - x) * (1.0 + x)
        }
        fn quantile(&self, p: f64) -> f64 {
            p.sqrt()
        }
        fn isf(&self, q: f64) -> f64 {
            (1.0 - q).sqrt()
        }
    }

    let disc = BallDensity::new(2, 1.0, 0.5, |_: &[f64]| 1.0).unwrap();
    let h = LineMap::new(normal(2, 1.0), disc).unwrap();
    let rayleigh = Chi::new(2, 1.0).unwrap();
    let radial = RadialMap::new(2, rayleigh, DiscNorm).unwrap();
    for r in [0.1, 0.3, 0.5, 0.7, 0.9] {
        let share = |inverse: Vec<f64>| rayleigh.cdf(norm(&inverse));
        let z = Chi::new(1, 1.0).unwrap().quantile(r);
        let line_wise = share(h.inverse(&[0.6 * r, -0.8 * r]).unwrap());
        assert!((line_wise + (-0.5 * z * z).exp_m1()).abs() < 1e-9);
        assert!((line_wise - r * r).abs() > 2e-3, "{r}: {line_wise}");
        assert!((share(radial.inverse(&[0.6 * r, -0.8 * r]).unwrap()) - r * r).abs() < 1e-14);
    }
}

#[test]
fn tails_along_a_line_are_integrated_on_their_own() {
    let h = LineMap::new(normal(2, 1.0), normal(2, 3.0)).unwrap();
    for y in [1e-100, 1e-9, 8.0, 15.0, 30.0] {
        let x = h.forward(&[0.0, y]).unwrap();
        assert!(x[0] == 0.0 && (x[1] / (3.0 * y) - 1.0).abs() < 1e-9, "{y}: {x:?}");
    }
    assert_eq!(h.forward(&[0.0, -0.0]), Ok(vec![0.0, 0.0]));
    // Beyond, the density itself underflows.
    assert!(h.forward(&[40.0, 0.0]).is_err());
}

#[test]
fn densities_and_vectors_that_cannot_be_mapped_are_errors() {
    let flat = |_: &[f64]| 1.0;
    assert!(matches!(BallDensity::new(0, 1.0, 1.0, flat), Err(LineError::NoDimension)));
    for (radius, scale) in [(0.0, 1.0), (f64::NAN, 1.0), (1.0, 0.0), (1.0, f64::INFINITY), (1.0, f64::NAN)] {
        assert!(matches!(BallDensity::new(1, radius, scale, flat), Err(LineError::Lengths { .. })));
    }
    let disc = BallDensity::new(2, 1.0, 1.0, flat).unwrap();
    assert!(matches!(LineMap::new(disc, normal(3, 1.0)), Err(LineError::Dimension { expected: 2, found: 3 })));
    let h = LineMap::new(disc, normal(2, 1.0)).unwrap();
    assert_eq!(h.forward(&[0.5]), Err(LineError::Dimension { expected: 2, found: 1 }));
    assert!(matches!(h.forward(&[0.5, f64::NAN]), Err(LineError::NotFinite { index: 1, .. })));
    assert_eq!(h.forward(&[1.0, 0.0]), Err(LineError::OutsideBall { norm: 1.0, radius: 1.0 }));
    for bad in [f64::NAN, -1.0, f64::INFINITY] {
        let wrong = BallDensity::new(2, 1.0, 1.0, move |_: &[f64]| bad).unwrap();
        let error = LineMap::new(disc, wrong).unwrap().forward(&[0.5, 0.0]).unwrap_err();
        assert!(matches!(error, LineError::Density { side: Side::X, .. }));
    }
    let none = BallDensity::new(2, 1.0, 1.0, |_: &[f64]| 0.0).unwrap();
    assert!(matches!(
        LineMap::new(disc, none).unwrap().forward(&[0.5, 0.0]),
        Err(LineError::Mass { side: Side::X, .. })
    ));
    // 1/r has no integral; noise has one that cannot be found.
    let steep = BallDensity::new(2, 1.0, 1.0, |v: &[f64]| 1.0 / v[0].hypot(v[1])).unwrap();
    assert!(matches!(
        LineMap::new(steep, disc).unwrap().forward(&[0.5, 0.0]),
        Err(LineError::Integral { side: Side::Y, .. })
    ));
    let noise =
        BallDensity::new(2, 1.0, 1.0, |v: &[f64]| if norm(v).to_bits().is_multiple_of(2) { 1.0 } else { 2.0 }).unwrap();
    let error = LineMap::new(noise, disc).unwrap().forward(&[0.5, 0.0]).unwrap_err();
    assert!(error.to_string().contains("density of Y from 0.0 to 0.5"));
}
