//! Laws to draw from, their densities, and the yardsticks of the properties.

use gtn_math::{Chi, Distribution, Exponential, Normal, OpenInterval, Uniform};
use proptest::prelude::*;
use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A law of this crate together with what a test needs to know of it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Law {
    Normal(Normal),
    Uniform(Uniform),
    Exponential(Exponential),
    Chi(Chi),
}

impl Law {
    fn inner(&self) -> &dyn Distribution {
        match self {
            Law::Normal(law) => law,
            Law::Uniform(law) => law,
            Law::Exponential(law) => law,
            Law::Chi(law) => law,
        }
    }

    /// The density at a point of the support.
    pub(crate) fn density(&self, x: f64) -> f64 {
        use std::f64::consts::{LN_2, TAU};
        match self {
            Law::Normal(law) => {
                let z = (x - law.mean()) / law.standard_deviation();
                (-0.5 * z * z).exp() / (TAU.sqrt() * law.standard_deviation())
            }
            Law::Uniform(law) => 1.0 / (law.support().upper() - law.support().lower()),
            Law::Exponential(law) => law.rate() * (-law.rate() * x).exp(),
            Law::Chi(law) => {
                let (a, z) = (0.5 * law.degrees_of_freedom() as f64, x / law.scale());
                let ln_constant = (1.0 - a) * LN_2 - statrs::function::gamma::ln_gamma(a);
                ((2.0 * a - 1.0) * z.ln() - 0.5 * z * z + ln_constant).exp() / law.scale()
            }
        }
    }

    /// Where the density, which has one peak, is largest.
    fn mode(&self) -> f64 {
        match self {
            Law::Normal(law) => law.mean(),
            Law::Uniform(law) => law.support().lower(),
            Law::Exponential(_) => 0.0,
            Law::Chi(law) => law.scale() * (law.degrees_of_freedom() as f64 - 1.0).sqrt(),
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

    /// By how much, at most, a point of `self` that is found through the same rank of `other` is off in `f64`.
    ///
    /// Rounding the point of `other` (at `there`) moves the tail by its condition number, the logarithm of the tail says
    /// how exactly the tail itself is computed, and tail/density turns a relative error of the tail into one of `here`.
    pub(crate) fn rounding(&self, here: f64, other: &Law, there: f64) -> f64 {
        let tail = other.tail(there);
        let condition = there.abs() * other.density(there) / tail;
        let width = self.tail(here) / self.density(here);
        8.0 * f64::EPSILON * (here.abs() + width * (1.0 + tail.ln().abs() + condition))
    }
}

impl Distribution for Law {
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

/// The place of a point in a law: the probability beyond it, and on which side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rank {
    pub(crate) tail: f64,
    pub(crate) upper: bool,
}

impl Rank {
    pub(crate) fn point(self, law: &impl Distribution) -> f64 {
        if self.upper { law.isf(self.tail) } else { law.quantile(self.tail) }
    }
}

/// Ranks whose tail probability lies between 10^-depth and 1/2, uniformly on the logarithmic scale.
pub(crate) fn rank(depth: f64) -> impl Strategy<Value = Rank> {
    (-depth..-0.302, any::<bool>()).prop_map(|(exponent, upper)| Rank { tail: 10f64.powf(exponent), upper })
}

/// Any of the laws.
pub(crate) fn law() -> impl Strategy<Value = Law> {
    prop_oneof![
        (-5.0..5.0, 0.1..10.0).prop_map(|(m, s)| Law::Normal(Normal::new(m, s).unwrap())),
        (-5.0..5.0, 0.1..10.0).prop_map(|(a, w)| Law::Uniform(Uniform::new(a, a + w).unwrap())),
        law_with_exact_tails(),
    ]
}

/// Laws whose far tails `f64` resolves: no end of their support is a number other than 0, nor is their center.
pub(crate) fn law_with_exact_tails() -> impl Strategy<Value = Law> {
    prop_oneof![
        (0.1..10.0).prop_map(|s| Law::Normal(Normal::new(0.0, s).unwrap())),
        (0.1..10.0).prop_map(|r| Law::Exponential(Exponential::new(r).unwrap())),
        (1..=100_usize, 0.1..10.0).prop_map(|(d, s)| Law::Chi(Chi::new(d, s).unwrap())),
    ]
}

/// Two independent standard normal numbers, by Box and Muller's formula: no quantile function takes part.
pub(crate) fn normal_pair(rng: &mut ChaCha8Rng) -> [f64; 2] {
    // 1 - u is never 0.
    let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt();
    let (sine, cosine) = (std::f64::consts::TAU * rng.random::<f64>()).sin_cos();
    [radius * cosine, radius * sine]
}

/// Fails if the Kolmogorov-Smirnov distance of the sample from the exact distribution function is one that a correct sample
/// reaches with a probability below 1e-6 (2·exp(−2·2.7²) = 9.3e-7).
pub(crate) fn assert_has_law(mut sample: Vec<f64>, cdf: impl Fn(f64) -> f64, what: &str) {
    sample.sort_by(f64::total_cmp);
    let n = sample.len() as f64;
    let distance = sample.iter().enumerate().fold(0.0_f64, |distance, (i, &x)| {
        let (p, below) = (cdf(x), i as f64 / n);
        distance.max(p - below).max(below + 1.0 / n - p)
    });
    assert!(distance * n.sqrt() < 2.7, "{what}: the KS distance is {distance}");
}
