//! Random distributions, their densities, and the tolerances of the properties.

use gtn_math::{Chi, Distribution, Exponential, Normal, OpenInterval, Uniform};
use proptest::prelude::*;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A built-in distribution, with its density and tolerances.
#[derive(Debug, Clone, Copy)]
pub(crate) enum AnyDistribution {
    Normal(Normal),
    Uniform(Uniform),
    Exponential(Exponential),
    Chi(Chi),
}

impl AnyDistribution {
    fn inner(&self) -> &dyn Distribution {
        match self {
            AnyDistribution::Normal(distribution) => distribution,
            AnyDistribution::Uniform(distribution) => distribution,
            AnyDistribution::Exponential(distribution) => distribution,
            AnyDistribution::Chi(distribution) => distribution,
        }
    }

    /// The density at a point of the support.
    pub(crate) fn density(&self, x: f64) -> f64 {
        use std::f64::consts::{LN_2, TAU};
        match self {
            AnyDistribution::Normal(distribution) => {
                let z = (x - distribution.mean()) / distribution.std();
                (-0.5 * z * z).exp() / (TAU.sqrt() * distribution.std())
            }
            AnyDistribution::Uniform(distribution) => {
                1.0 / (distribution.support().upper() - distribution.support().lower())
            }
            AnyDistribution::Exponential(distribution) => distribution.rate() * (-distribution.rate() * x).exp(),
            AnyDistribution::Chi(distribution) => {
                let (a, z) = (0.5 * distribution.degrees_of_freedom() as f64, x / distribution.scale());
                let ln_constant = (1.0 - a) * LN_2 - statrs::function::gamma::ln_gamma(a);
                ((2.0 * a - 1.0) * z.ln() - 0.5 * z * z + ln_constant).exp() / distribution.scale()
            }
        }
    }

    /// The point of the largest density. All these densities are unimodal.
    fn mode(&self) -> f64 {
        match self {
            AnyDistribution::Normal(distribution) => distribution.mean(),
            AnyDistribution::Uniform(distribution) => distribution.support().lower(),
            AnyDistribution::Exponential(_) => 0.0,
            AnyDistribution::Chi(distribution) => {
                distribution.scale() * (distribution.degrees_of_freedom() as f64 - 1.0).sqrt()
            }
        }
    }

    /// The largest density between two points.
    pub(crate) fn max_density(&self, from: f64, to: f64) -> f64 {
        self.density(self.mode().clamp(from, to))
    }

    /// The smallest density between two points.
    pub(crate) fn min_density(&self, from: f64, to: f64) -> f64 {
        self.density(from).min(self.density(to))
    }

    /// The smaller of the probabilities below and above a point.
    fn tail(&self, x: f64) -> f64 {
        self.cdf(x).min(self.sf(x))
    }

    /// The largest error of the point `x` of `self` if it is computed from the point `other_x` of `other` with the same
    /// rank.
    ///
    /// Rounding `other_x` changes the tail by its condition number, the logarithm of the tail bounds the error of the
    /// tail itself, and tail/density turns a relative error of the tail into an absolute error of `x`.
    pub(crate) fn rounding(&self, x: f64, other: &AnyDistribution, other_x: f64) -> f64 {
        let tail = other.tail(other_x);
        let condition = other_x.abs() * other.density(other_x) / tail;
        let width = self.tail(x) / self.density(x);
        8.0 * f64::EPSILON * (x.abs() + width * (1.0 + tail.ln().abs() + condition))
    }
}

impl Distribution for AnyDistribution {
    fn support(&self) -> OpenInterval {
        self.inner().support()
    }

    fn cdf(&self, x: f64) -> f64 {
        self.inner().cdf(x)
    }

    fn sf(&self, x: f64) -> f64 {
        self.inner().sf(x)
    }

    fn quantile(&self, p: f64) -> f64 {
        self.inner().quantile(p)
    }

    fn isf(&self, q: f64) -> f64 {
        self.inner().isf(q)
    }
}

/// The rank of a point in a distribution: the probability beyond it, in the lower or the upper tail.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rank {
    pub(crate) tail: f64,
    pub(crate) upper: bool,
}

impl Rank {
    pub(crate) fn point(self, distribution: &impl Distribution) -> f64 {
        if self.upper { distribution.isf(self.tail) } else { distribution.quantile(self.tail) }
    }
}

/// Ranks with a tail probability between 10^-depth and 1/2, uniform on the logarithmic scale.
pub(crate) fn rank(depth: f64) -> impl Strategy<Value = Rank> {
    (-depth..-0.302, any::<bool>()).prop_map(|(exponent, upper)| Rank { tail: 10f64.powf(exponent), upper })
}

/// Any of the built-in distributions.
pub(crate) fn any_distribution() -> impl Strategy<Value = AnyDistribution> {
    prop_oneof![
        (-5.0..5.0, 0.1..10.0).prop_map(|(m, s)| AnyDistribution::Normal(Normal::new(m, s).unwrap())),
        (-5.0..5.0, 0.1..10.0).prop_map(|(a, w)| AnyDistribution::Uniform(Uniform::new(a, a + w).unwrap())),
        distribution_with_exact_tails(),
    ]
}

/// Distributions whose far tails `f64` can resolve: their center, or the finite endpoint of their support, is 0.
pub(crate) fn distribution_with_exact_tails() -> impl Strategy<Value = AnyDistribution> {
    prop_oneof![
        (0.1..10.0).prop_map(|s| AnyDistribution::Normal(Normal::new(0.0, s).unwrap())),
        (0.1..10.0).prop_map(|r| AnyDistribution::Exponential(Exponential::new(r).unwrap())),
        (1..=100_usize, 0.1..10.0).prop_map(|(d, s)| AnyDistribution::Chi(Chi::new(d, s).unwrap())),
    ]
}

/// Two independent standard normal random numbers by the Box-Muller transform, without any quantile function.
pub(crate) fn normal_pair(rng: &mut ChaCha8Rng) -> [f64; 2] {
    // 1 - u is never 0.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    let (sine, cosine) = (std::f64::consts::TAU * rng.random::<f64>()).sin_cos();
    [radius * cosine, radius * sine]
}

/// A Kolmogorov-Smirnov test of a sample against the exact distribution function. A correct sample fails it with a
/// probability below 1e-6 (2·exp(−2·2.7²) = 9.3e-7).
pub(crate) fn assert_has_distribution(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64, what: &str) {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let distance = sample.iter().enumerate().fold(0.0_f64, |distance, (i, &x)| {
        let (p, below) = (cdf(x), i as f64 / n);
        distance.max(p - below).max(below + 1.0 / n - p)
    });
    assert!(distance * n.sqrt() < 2.7, "{what}: the KS distance is {distance}");
}
