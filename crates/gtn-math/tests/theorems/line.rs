//! Theorem 2.1: h = F_X⁻¹ ∘ F_Y is a homeomorphism from the support of Y onto that of X, and h(Y) has the distribution
//! of X.

use gtn_math::{CdfMap, Chi, Exponential, Homeomorphism, Normal, Uniform};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::common::{
    AnyDistribution, Rank, any_distribution, assert_has_distribution, distribution_with_exact_tails, normal_pair, rank,
};

fn inverse_undoes_h(
    y_distribution: AnyDistribution,
    x_distribution: AnyDistribution,
    rank: Rank,
) -> Result<(), TestCaseError> {
    let h = CdfMap::new(y_distribution, x_distribution);
    let y = rank.point(&y_distribution);
    let x = h.forward(&y).unwrap();
    let back = h.inverse(&x).unwrap();
    let allowed = y_distribution.rounding(y, &x_distribution, x) + y_distribution.rounding(y, &y_distribution, y);
    prop_assert!((back - y).abs() <= allowed, "{y} -> {x} -> {back}, allowed {allowed:e}");
    Ok(())
}

fn h_undoes_inverse(
    y_distribution: AnyDistribution,
    x_distribution: AnyDistribution,
    rank: Rank,
) -> Result<(), TestCaseError> {
    // The inverse of the map from Y to X is the map from X to Y.
    let h = CdfMap::new(y_distribution, x_distribution);
    let x = rank.point(&x_distribution);
    let y = h.inverse(&x).unwrap();
    let back = h.forward(&y).unwrap();
    let allowed = x_distribution.rounding(x, &y_distribution, y) + x_distribution.rounding(x, &x_distribution, x);
    prop_assert!((back - x).abs() <= allowed, "{x} -> {y} -> {back}, allowed {allowed:e}");
    Ok(())
}

fn h_increases(
    y_distribution: AnyDistribution,
    x_distribution: AnyDistribution,
    rank: Rank,
    gap: f64,
) -> Result<(), TestCaseError> {
    let h = CdfMap::new(y_distribution, x_distribution);
    let nearer = Rank { tail: rank.tail * (1.0 - gap), ..rank };
    let (mut low, mut high) = (nearer.point(&y_distribution), rank.point(&y_distribution));
    if rank.upper {
        (low, high) = (high, low);
    }
    prop_assert!(low < high);
    let images = (h.forward(&low).unwrap(), h.forward(&high).unwrap());
    prop_assert!(images.0 < images.1, "{low} -> {}, {high} -> {}", images.0, images.1);
    Ok(())
}

proptest! {
    #[test]
    fn h_increases_strictly(y in any_distribution(), x in any_distribution(), rank in rank(6.0), gap in -6.0..-0.1) {
        h_increases(y, x, rank, 10f64.powf(gap))?;
    }

    #[test]
    fn h_increases_strictly_in_the_tails(
        y in distribution_with_exact_tails(), x in distribution_with_exact_tails(), rank in rank(300.0),
        gap in -9.0..-0.1
    ) {
        h_increases(y, x, rank, 10f64.powf(gap))?;
    }

    #[test]
    fn h_increases_across_the_median(
        y in any_distribution(), x in any_distribution(), below in 1e-9..0.5, above in 1e-9..0.5
    ) {
        let h = CdfMap::new(y, x);
        let low = Rank { tail: 0.5 - 0.99 * below, upper: false }.point(&y);
        let high = Rank { tail: 0.5 - 0.99 * above, upper: true }.point(&y);
        prop_assert!(h.forward(&low).unwrap() < h.forward(&high).unwrap());
    }

    #[test]
    fn inverse_is_a_left_inverse(y in any_distribution(), x in any_distribution(), rank in rank(6.0)) {
        inverse_undoes_h(y, x, rank)?;
    }

    #[test]
    fn inverse_is_a_right_inverse(y in any_distribution(), x in any_distribution(), rank in rank(6.0)) {
        h_undoes_inverse(y, x, rank)?;
    }

    #[test]
    fn inverse_is_a_left_inverse_in_the_tails(
        y in distribution_with_exact_tails(), x in distribution_with_exact_tails(), rank in rank(300.0)
    ) {
        inverse_undoes_h(y, x, rank)?;
    }

    #[test]
    fn inverse_is_a_right_inverse_in_the_tails(
        y in distribution_with_exact_tails(), x in distribution_with_exact_tails(), rank in rank(300.0)
    ) {
        h_undoes_inverse(y, x, rank)?;
    }

    // Onto: every x of the support, down to ranks of 1e-300, is the image of a y of the support (h_undoes_inverse
    // checks this), and no image is outside, even where rounding reaches an endpoint.
    #[test]
    fn h_is_onto_the_support(y in distribution_with_exact_tails(), x in any_distribution(), rank in rank(300.0)) {
        let h = CdfMap::new(y, x);
        prop_assert!(h.range().contains(h.forward(&rank.point(&y)).unwrap()));
        let target = rank.point(&x);
        if h.range().contains(target) {
            prop_assert!(h.domain().contains(h.inverse(&target).unwrap()));
        }
    }

    // By the mean value theorem |Δh| ≤ |Δy| · max f_Y / min f_X between the points.
    #[test]
    fn h_is_continuous(y in any_distribution(), x in any_distribution(), rank in rank(4.0), gap in -12.0..-0.1) {
        let h = CdfMap::new(y, x);
        let nearer = Rank { tail: rank.tail * (1.0 - 10f64.powf(gap)), ..rank };
        let (a, b) = (nearer.point(&y), rank.point(&y));
        let (low, high) = (a.min(b), a.max(b));
        let (h_low, h_high) = (h.forward(&low).unwrap(), h.forward(&high).unwrap());
        let steepest = y.max_density(low, high) / x.min_density(h_low.min(h_high), h_high.max(h_low));
        let rounding = x.rounding(h_low, &y, low) + x.rounding(h_high, &y, high);
        prop_assert!((h_high - h_low).abs() <= (high - low) * steepest * (1.0 + 1e-12) + rounding);
    }

    #[test]
    fn normal_to_normal_is_affine(
        (m_y, s_y) in (-5.0..5.0, 0.1..10.0), (m_x, s_x) in (-5.0..5.0, 0.1..10.0), z in -36.0..36.0_f64
    ) {
        let h = CdfMap::new(Normal::new(m_y, s_y).unwrap(), Normal::new(m_x, s_x).unwrap());
        let y: f64 = m_y + s_y * z;
        let x = m_x + s_x * ((y - m_y) / s_y);
        // Both distributions are shifted by their mean, so the size of the mean determines the rounding of a small
        // result.
        let allowed = 1e-14 * (x.abs() + m_x.abs() + s_x * (1.0 + z.abs()));
        prop_assert!((h.forward(&y).unwrap() - x).abs() <= allowed);
    }

    #[test]
    fn uniform_to_exponential_is_minus_ln_of_one_minus_u(u in 1e-12..1.0_f64) {
        let h = CdfMap::new(Uniform::standard(), Exponential::new(1.0).unwrap());
        let x = -(-u).ln_1p();
        prop_assert!((h.forward(&u).unwrap() - x).abs() <= 4.0 * f64::EPSILON * x);
        prop_assert!((h.inverse(&x).unwrap() + (-x).exp_m1()).abs() <= 4.0 * f64::EPSILON * u);
    }

    // The square root of twice an exponential has the Rayleigh distribution.
    #[test]
    fn exponential_to_chi_of_two_degrees_is_a_square_root(exponent in -250.0..2.8) {
        let h = CdfMap::new(Exponential::new(1.0).unwrap(), Chi::new(2, 1.0).unwrap());
        let e = 10f64.powf(exponent);
        let x = (2.0 * e).sqrt();
        prop_assert!((h.forward(&e).unwrap() - x).abs() <= 1e-12 * x);
    }
}

/// h(Y) has the distribution of X, for samples of 20,000. Samples and distribution functions are computed without this
/// crate. With another seed each of the five comparisons would fail with a probability below 1e-6.
#[test]
fn pushforward_of_y_has_the_distribution_of_x() {
    const N: usize = 20_000;
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    let normal: Vec<f64> = (0..N / 2).flat_map(|_| normal_pair(&mut rng)).collect();
    let uniform: Vec<f64> = (0..N).map(|_| rng.random()).collect();
    let rayleigh: Vec<f64> = (0..N).map(|_| normal_pair(&mut rng)).map(|[a, b]| a.hypot(b)).collect();
    let image = |h: &dyn Homeomorphism<Point = f64, Set = _, Error = _>, sample: &[f64]| {
        sample.iter().map(|y| h.forward(y)).collect::<Result<Vec<f64>, gtn_math::MapError>>().unwrap()
    };

    let standard = Normal::standard();
    let h = CdfMap::new(standard, Exponential::new(0.5).unwrap());
    assert_has_distribution(image(&h, &normal), |x| 1.0 - (-0.5 * x).exp(), "normal to exponential");

    let h = CdfMap::new(standard, Uniform::new(-2.0, 5.0).unwrap());
    assert_has_distribution(image(&h, &normal), |x| (x + 2.0) / 7.0, "normal to uniform");

    // With four degrees of freedom z²/2 is the sum of two exponentials.
    let h = CdfMap::new(Uniform::standard(), Chi::new(4, 3.0).unwrap());
    let chi4 = |x: f64| {
        let t = x * x / 18.0;
        1.0 - (1.0 + t) * (-t).exp()
    };
    assert_has_distribution(image(&h, &uniform), chi4, "uniform to chi(4)");

    let h = CdfMap::new(Chi::new(2, 1.0).unwrap(), Uniform::standard());
    assert_has_distribution(image(&h, &rayleigh), |x| x, "chi(2) to uniform");

    // The inverse carries the distribution of X to that of Y.
    let h = CdfMap::new(Exponential::new(2.0).unwrap(), Uniform::standard());
    let back: Vec<f64> = uniform.iter().map(|x| h.inverse(x).unwrap()).collect();
    assert_has_distribution(back, |y| 1.0 - (-2.0 * y).exp(), "uniform to exponential, by the inverse");
}
