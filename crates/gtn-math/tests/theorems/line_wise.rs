//! Appendix E: the map along every line through the origin. It equals Equation 4 in one dimension and between centered
//! normal distributions. In higher dimensions it does not carry the distribution of Y to that of X.

use gtn_math::{
    BallDensity, CdfMap, Chi, Distribution, Exponential, Homeomorphism, LineError, LineMap, Mixture, Normal, RadialMap,
    Uniform, Variable, VectorError,
};
use proptest::prelude::*;

fn norm(v: &[f64]) -> f64 {
    v.iter().map(|c| c * c).sum::<f64>().sqrt()
}

/// The density of N(0, s²·I), without the normalizing constant.
fn normal(d: usize, s: f64) -> BallDensity<impl Fn(&[f64]) -> f64> {
    BallDensity::new(d, f64::INFINITY, s, move |v: &[f64]| (-0.5 * (norm(v) / s).powi(2)).exp()).unwrap()
}

/// Half a normal distribution on each side of 0, with different widths and weights, and the distribution of its
/// absolute value.
fn asymmetric_normal([s, t]: [f64; 2], right: f64) -> (BallDensity<impl Fn(&[f64]) -> f64>, Mixture<Chi>) {
    let density = move |v: &[f64]| {
        let (weight, s) = if v[0] > 0.0 { (right, s) } else { (1.0 - right, t) };
        weight / s * (-0.5 * (v[0] / s).powi(2)).exp()
    };
    let chi = |s| Chi::new(1, s).unwrap();
    let norm = Mixture::new([(right, chi(s)), (1.0 - right, chi(t))]).unwrap();
    (BallDensity::new(1, f64::INFINITY, s, density).unwrap(), norm)
}

/// An exponential distribution on each side of 0, with different rates and weights, and the distribution of its
/// absolute value.
fn asymmetric_exponential([r, t]: [f64; 2], right: f64) -> (BallDensity<impl Fn(&[f64]) -> f64>, Mixture<Exponential>) {
    let density = move |v: &[f64]| {
        let (weight, rate) = if v[0] > 0.0 { (right, r) } else { (1.0 - right, t) };
        weight * rate * (-rate * v[0].abs()).exp()
    };
    let exponential = |r| Exponential::new(r).unwrap();
    let norm = Mixture::new([(right, exponential(r)), (1.0 - right, exponential(t))]).unwrap();
    (BallDensity::new(1, f64::INFINITY, 1.0 / r, density).unwrap(), norm)
}

// The tolerance of the integrals, which the maps below amplify by less than 10 for tails above 1e-6.
const TOLERANCE: f64 = 1e-9;

proptest! {
    #[test]
    fn line_wise_h_of_one_dimension_is_equation_4(
        widths in prop::array::uniform2(0.1..10.0), rates in prop::array::uniform2(0.1..10.0),
        (right_y, right_x) in (0.01..0.99, 0.01..0.99), p in 1e-6..0.999_999, negative: bool
    ) {
        let (y, source_norm) = asymmetric_normal(widths, right_y);
        let (x, target_norm) = asymmetric_exponential(rates, right_x);
        let h = LineMap::new(y, x).unwrap();
        let magnitude = source_norm.quantile(p);
        let radial = RadialMap::new(1, source_norm, target_norm).unwrap();
        let y = if negative { -magnitude } else { magnitude };
        let (actual, exact) = (h.forward(&[y]).unwrap()[0], radial.forward(&[y]).unwrap()[0]);
        prop_assert!((actual / exact - 1.0).abs() <= TOLERANCE, "{actual}, {exact}");
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
        for ((actual, exact), y) in image.iter().zip(equation_4).zip(&y) {
            prop_assert!((actual - exact).abs() <= TOLERANCE * s_x * norm(&source) / s_y);
            prop_assert!((actual - y * s_x).abs() <= TOLERANCE * s_x * norm(&source) / s_y);
        }
    }

    // A map from N(0, I) to a density that depends on the direction.
    #[test]
    fn line_wise_h_keeps_rays_and_is_invertible(
        d in 2..5_usize, y in prop::collection::vec(-2.0..2.0, 5), shrink in 0.1..0.999
    ) {
        prop_assume!(norm(&y[..d]) > 1e-2);
        let y = &y[..d];
        let anisotropic = BallDensity::new(d, f64::INFINITY, 1.0, |v: &[f64]| {
            (-v[0].abs() - 0.1 * norm(&v[1..]).powi(2)).exp() * (2.0 + v[1].tanh())
        });
        let h = LineMap::new(normal(d, 1.0), anisotropic.unwrap()).unwrap();
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

    /// Equation 4 is odd for d = 1. If X and Y are symmetric about 0, the h of Theorem 2.1 is odd too, and the two are
    /// equal.
    #[test]
    fn equation_4_is_theorem_2_1_for_symmetric_distributions_of_one_dimension(
        s in 0.1..10.0, width in 0.1..10.0, z in -8.0..8.0
    ) {
        prop_assume!(z != 0.0);
        let radial = RadialMap::new(1, Chi::new(1, s).unwrap(), Uniform::new(0.0, width).unwrap()).unwrap();
        let h = CdfMap::new(Normal::new(0.0, s).unwrap(), Uniform::new(-width, width).unwrap());
        let y: f64 = s * z;
        let (radial, exact) = (radial.forward(&[y]).unwrap()[0], h.forward(&y).unwrap());
        prop_assert!((radial - exact).abs() <= 4.0 * f64::EPSILON * width, "{radial}, {exact}");
    }

    /// Symmetry is not needed if Y and X are asymmetric in the same way: from Y to c·Y both maps are scaling by c.
    #[test]
    fn equation_4_is_theorem_2_1_between_multiples_of_one_distribution(
        (a, extra) in (0.1..5.0_f64, 0.1..5.0_f64), c in 0.1..10.0_f64, fraction in 0.01..0.99_f64
    ) {
        let b = a + extra;
        let norm = |c: f64| {
            let (inner, outer) = (Uniform::new(0.0, c * a).unwrap(), Uniform::new(c * a, c * b).unwrap());
            Mixture::new([(2.0 * a, inner), (b - a, outer)]).unwrap()
        };
        let radial = RadialMap::new(1, norm(1.0), norm(c)).unwrap();
        let h = CdfMap::new(Uniform::new(-a, b).unwrap(), Uniform::new(-c * a, c * b).unwrap());
        let y = -a + fraction * (a + b);
        for image in [radial.forward(&[y]).unwrap()[0], h.forward(&y).unwrap()] {
            prop_assert!((image - c * y).abs() <= 1e-13 * c * (a + b), "{image}, {}", c * y);
        }
    }

    /// For a uniform X on (−a, b) with a ≠ b the two differ: Equation 4 has h(0) = 0 and is odd, while Theorem 2.1 maps
    /// the median of Y to that of X. Both give |h(Y)| the distribution of |X|, but only Theorem 2.1 gives h(Y) the
    /// distribution of X.
    #[test]
    fn equation_4_is_not_theorem_2_1_for_other_distributions_of_one_dimension(
        (a, b) in (0.1..5.0_f64, 0.1..5.0_f64), z in 1e-3..6.0_f64
    ) {
        prop_assume!((a - b).abs() > 1e-2);
        let (shorter, longer) = (a.min(b), a.max(b));
        // Up to the shorter of the two distances |X| has twice the density.
        let target_norm = Mixture::new([
            (2.0 * shorter, Uniform::new(0.0, shorter).unwrap()),
            (longer - shorter, Uniform::new(shorter, longer).unwrap()),
        ]);
        let radial = RadialMap::new(1, Chi::new(1, 1.0).unwrap(), target_norm.unwrap()).unwrap();
        let h = CdfMap::new(Normal::standard(), Uniform::new(-a, b).unwrap());
        let equation_4 = |y: f64| radial.forward(&[y]).unwrap()[0];
        prop_assert_eq!(equation_4(-z), -equation_4(z));
        prop_assert_eq!(equation_4(0.0), 0.0);
        prop_assert!((h.forward(&0.0).unwrap() - 0.5 * (b - a)).abs() <= 1e-14);
        let (left, right) = (h.forward(&-z).unwrap(), h.forward(&z).unwrap());
        prop_assert!((left + right - (b - a)).abs() <= 1e-14, "h is odd about the medians, not about 0");
        prop_assert!((equation_4(z) - right).abs() > 1e-9 || (equation_4(-z) - left).abs() > 1e-9);
    }
}

/// From N(0, I) in the plane to the uniform distribution in the disk: a fraction r² of all points should be within r of
/// the center, but the line-wise map puts 1 − exp(−z²/2) there, where z is the quantile of |N(0, 1)| at r. Equation 4
/// with the distribution of the norm is correct.
#[test]
fn line_wise_h_does_not_carry_the_distribution_in_the_plane() {
    /// The norm of a uniform point of the disk: F(r) = r².
    #[derive(Debug)]
    struct DiskNorm;

    impl Distribution for DiskNorm {
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

    let disk = BallDensity::new(2, 1.0, 0.5, |_: &[f64]| 1.0).unwrap();
    let h = LineMap::new(normal(2, 1.0), disk).unwrap();
    let rayleigh = Chi::new(2, 1.0).unwrap();
    let radial = RadialMap::new(2, rayleigh, DiskNorm).unwrap();
    for r in [0.1, 0.3, 0.5, 0.7, 0.9] {
        let fraction_inside = |inverse: Vec<f64>| rayleigh.cdf(norm(&inverse));
        let z = Chi::new(1, 1.0).unwrap().quantile(r);
        let line_wise = fraction_inside(h.inverse(&[0.6 * r, -0.8 * r]).unwrap());
        assert!((line_wise + (-0.5 * z * z).exp_m1()).abs() < 1e-9);
        assert!((line_wise - r * r).abs() > 2e-3, "{r}: {line_wise}");
        assert!((fraction_inside(radial.inverse(&[0.6 * r, -0.8 * r]).unwrap()) - r * r).abs() < 1e-14);
    }
}

#[test]
fn each_tail_along_a_line_is_integrated_directly() {
    let h = LineMap::new(normal(2, 1.0), normal(2, 3.0)).unwrap();
    for y in [1e-100, 1e-9, 8.0, 15.0, 30.0] {
        let x = h.forward(&[0.0, y]).unwrap();
        assert!(x[0] == 0.0 && (x[1] / (3.0 * y) - 1.0).abs() < 1e-9, "{y}: {x:?}");
    }
    assert_eq!(h.forward(&[0.0, -0.0]), Ok(vec![0.0, 0.0]));
    // Farther out the density itself underflows.
    assert!(h.forward(&[40.0, 0.0]).is_err());
}

#[test]
fn densities_and_vectors_that_cannot_be_mapped_are_errors() {
    let flat = |_: &[f64]| 1.0;
    assert!(matches!(BallDensity::new(0, 1.0, 1.0, flat), Err(LineError::ZeroDimensions)));
    for (radius, scale) in [(0.0, 1.0), (f64::NAN, 1.0), (1.0, 0.0), (1.0, f64::INFINITY), (1.0, f64::NAN)] {
        assert!(matches!(BallDensity::new(1, radius, scale, flat), Err(LineError::InvalidLengths { .. })));
    }
    let disk = BallDensity::new(2, 1.0, 1.0, flat).unwrap();
    assert!(matches!(LineMap::new(disk, normal(3, 1.0)), Err(LineError::DimensionMismatch { y: 2, x: 3 })));
    let h = LineMap::new(disk, normal(2, 1.0)).unwrap();
    assert_eq!(h.forward(&[0.5]), Err(VectorError::DimensionMismatch { expected: 2, found: 1 }.into()));
    assert!(matches!(h.forward(&[0.5, f64::NAN]), Err(LineError::Vector(VectorError::NotFinite { index: 1, .. }))));
    assert_eq!(h.forward(&[1.0, 0.0]), Err(LineError::OutsideBall { norm: 1.0, radius: 1.0 }));
    for bad in [f64::NAN, -1.0, f64::INFINITY] {
        let invalid = BallDensity::new(2, 1.0, 1.0, move |_: &[f64]| bad).unwrap();
        let error = LineMap::new(disk, invalid).unwrap().forward(&[0.5, 0.0]).unwrap_err();
        assert!(matches!(error, LineError::InvalidDensity { variable: Variable::X, .. }));
    }
    let zero = BallDensity::new(2, 1.0, 1.0, |_: &[f64]| 0.0).unwrap();
    assert!(matches!(
        LineMap::new(disk, zero).unwrap().forward(&[0.5, 0.0]),
        Err(LineError::TailUnderflow { variable: Variable::X, .. })
    ));
    // 1/r is not integrable; the integral of noise cannot be computed.
    let steep = BallDensity::new(2, 1.0, 1.0, |v: &[f64]| 1.0 / v[0].hypot(v[1])).unwrap();
    assert!(matches!(
        LineMap::new(steep, disk).unwrap().forward(&[0.5, 0.0]),
        Err(LineError::InaccurateIntegral { variable: Variable::Y, .. })
    ));
    let noise =
        BallDensity::new(2, 1.0, 1.0, |v: &[f64]| if norm(v).to_bits().is_multiple_of(2) { 1.0 } else { 2.0 }).unwrap();
    let error = LineMap::new(noise, disk).unwrap().forward(&[0.5, 0.0]).unwrap_err();
    assert!(error.to_string().contains("density of Y from 0.0 to 0.5"));
}
