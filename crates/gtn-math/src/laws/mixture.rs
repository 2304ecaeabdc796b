use super::weighted::normalized;
use crate::distribution::{Distribution, is_invertible};
use crate::error::ParameterError;
use crate::interval::OpenInterval;
use crate::interval_union::Gap;

/// A mixture of laws: a value is drawn from one of them, each chosen with its weight.
///
/// The laws may be of one type or boxed (`Box<dyn Distribution>`). Their supports must leave no gap between them, because
/// the distribution function of the mixture would not increase there; laws on separate intervals make a
/// [`UnionLaw`](crate::UnionLaw).
///
/// Distribution and survival function are sums of positive terms, so that they are as accurate as those of the components.
/// Quantiles are found by bisection on them, to the `f64` where the computed function reaches the probability: some 64 times as
/// dear as the functions themselves.
///
/// ```
/// use gtn_math::{Distribution, Mixture, Normal};
///
/// let law = Mixture::new([(1.0, Normal::new(-2.0, 0.5)?), (3.0, Normal::new(2.0, 0.5)?)])?;
/// assert!((law.cdf(0.0) - 0.25).abs() < 1e-4); // the weights are shares of their sum
/// let median = law.quantile(0.5);
/// assert!((law.cdf(median) - 0.5).abs() < 1e-15);
/// # Ok::<(), gtn_math::ParameterError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture<D> {
    weights: Vec<f64>,
    components: Vec<D>,
    support: OpenInterval,
}

impl<D: Distribution> Mixture<D> {
    /// The mixture of laws with the given weights, which are divided by their sum.
    ///
    /// # Errors
    ///
    /// There is no law, a weight is not finite and positive or vanishes beside the sum, or the supports leave a gap.
    pub fn new(components: impl IntoIterator<Item = (f64, D)>) -> Result<Self, ParameterError> {
        let (weights, components): (Vec<f64>, Vec<D>) = components.into_iter().unzip();
        let mut supports: Vec<OpenInterval> = components.iter().map(Distribution::support).collect();
        supports.sort_by(|a, b| a.lower().total_cmp(&b.lower()));
        let Some(&first) = supports.first() else {
            return Err(ParameterError::NoComponent { law: "mixture" });
        };
        let support = supports.iter().try_fold(first, |whole, &next| {
            // A single point between two supports has no probability, and the function increases across it.
            if whole.upper() < next.lower() {
                Err(ParameterError::Gap(Gap { lower: whole.upper(), upper: next.lower() }))
            } else {
                Ok(whole.hull(next))
            }
        })?;
        Ok(Self { weights: normalized("mixture", &weights)?, components, support })
    }

    /// The shares of the components, in the order given; their sum is 1 up to rounding.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The laws that are mixed, in the order given.
    pub fn components(&self) -> &[D] {
        &self.components
    }

    fn sum(&self, probability: impl Fn(&D) -> f64) -> f64 {
        let sum: f64 = self.weights.iter().zip(&self.components).map(|(w, law)| w * probability(law)).sum();
        // f64::min would drop a NaN.
        if sum > 1.0 { 1.0 } else { sum }
    }

    /// The least number between two points at which a condition that stays true once it holds is true; the upper point
    /// if it is true nowhere below.
    fn first_number(&self, point: impl Fn(&D) -> f64, holds: impl Fn(f64) -> bool) -> f64 {
        // Between its least and its largest component quantile lies that of the mixture.
        let points = || self.components.iter().map(&point);
        let mut low = number_to_place(points().fold(f64::INFINITY, f64::min));
        let mut high = number_to_place(points().fold(f64::NEG_INFINITY, f64::max));
        // Halves the count of numbers, not their distance: 64 rounds at most, in the deepest tail too.
        while low < high {
            let middle = low.saturating_add_unsigned(low.abs_diff(high) / 2);
            if holds(place_to_number(middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        place_to_number(low)
    }
}

impl<D: Distribution> Distribution for Mixture<D> {
    fn support(&self) -> OpenInterval {
        self.support
    }

    fn cdf(&self, x: f64) -> f64 {
        if x >= self.support.upper() { 1.0 } else { self.sum(|law| law.cdf(x)) }
    }

    fn sf(&self, x: f64) -> f64 {
        if x <= self.support.lower() { 1.0 } else { self.sum(|law| law.sf(x)) }
    }

    fn quantile(&self, p: f64) -> f64 {
        if !is_invertible(p) {
            f64::NAN
        } else if p > 0.5 {
            self.isf(1.0 - p)
        } else {
            self.first_number(|law| law.quantile(p), |x| self.cdf(x) >= p)
        }
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_invertible(q) {
            f64::NAN
        } else if q > 0.5 {
            self.quantile(1.0 - q)
        } else {
            self.first_number(|law| law.isf(q), |x| self.sf(x) <= q)
        }
    }
}

/// The place of a number that is not NaN in the ascending list of all of them; both zeros have one place.
fn number_to_place(number: f64) -> i64 {
    // The bits of positive numbers ascend with them.
    let magnitude = number.abs().to_bits().cast_signed();
    if number < 0.0 { -magnitude } else { magnitude }
}

/// The number at a place.
fn place_to_number(place: i64) -> f64 {
    let magnitude = f64::from_bits(place.unsigned_abs());
    if place < 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_ascend_with_their_numbers() {
        let numbers =
            [f64::NEG_INFINITY, f64::MIN, -1.0, -f64::from_bits(1), 0.0, f64::from_bits(1), 0.5, f64::INFINITY];
        for pair in numbers.windows(2) {
            assert!(number_to_place(pair[0]) < number_to_place(pair[1]), "{pair:?}");
        }
        for number in numbers {
            assert_eq!(place_to_number(number_to_place(number)), number);
        }
        assert_eq!(number_to_place(-0.0), number_to_place(0.0));
    }
}
