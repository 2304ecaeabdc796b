use super::weights::normalized;
use crate::distribution::{Distribution, is_invertible};
use crate::error::ParameterError;
use crate::interval::{Gap, OpenInterval};

/// A mixture of distributions: a component is drawn with the probability given by its weight, and then a value from it.
///
/// The components have one type, which may be `Box<dyn Distribution>`. Their supports must leave no gap, because the
/// distribution function of the mixture would be constant there; for components on separate intervals use
/// [`UnionDistribution`](crate::UnionDistribution).
///
/// The distribution and survival functions are sums of positive terms, so they are as accurate as those of the
/// components. A quantile is found by bisection: it is the `f64` at which the computed function reaches the
/// probability. It takes up to 64 evaluations of that function.
///
/// ```
/// use gtn_math::{Distribution, Mixture, Normal};
///
/// let distribution = Mixture::new([(1.0, Normal::new(-2.0, 0.5)?), (3.0, Normal::new(2.0, 0.5)?)])?;
/// assert!((distribution.cdf(0.0) - 0.25).abs() < 1e-4); // the weights are divided by their sum
/// let median = distribution.quantile(0.5);
/// assert!((distribution.cdf(median) - 0.5).abs() < 1e-15);
/// # Ok::<(), gtn_math::ParameterError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Mixture<D> {
    weights: Vec<f64>,
    components: Vec<D>,
    support: OpenInterval,
}

impl<D: Distribution> Mixture<D> {
    /// The mixture of the given weights and distributions. The weights are divided by their sum.
    ///
    /// # Errors
    ///
    /// There are no components, a weight is not finite and positive, a weight underflows when it is divided by the sum,
    /// or the supports leave a gap.
    pub fn new(components: impl IntoIterator<Item = (f64, D)>) -> Result<Self, ParameterError> {
        let (weights, components): (Vec<f64>, Vec<D>) = components.into_iter().unzip();
        let mut supports: Vec<OpenInterval> = components.iter().map(Distribution::support).collect();
        supports.sort_by(|a, b| a.lower().total_cmp(&b.lower()));
        let Some(&first) = supports.first() else {
            return Err(ParameterError::NoComponents { distribution: "mixture" });
        };
        let support = supports.iter().try_fold(first, |hull, &next| {
            // Supports may touch: a single point has probability 0, and the distribution function increases across it.
            if hull.upper() < next.lower() {
                Err(ParameterError::Gap(Gap { lower: hull.upper(), upper: next.lower() }))
            } else {
                Ok(hull.hull(next))
            }
        })?;
        Ok(Self { weights: normalized("mixture", &weights)?, components, support })
    }

    /// The normalized weights of the components, in the order given. Their sum is 1 up to rounding.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The component distributions, in the order given.
    pub fn components(&self) -> &[D] {
        &self.components
    }

    fn weighted_sum(&self, probability: impl Fn(&D) -> f64) -> f64 {
        let sum: f64 = self.weights.iter().zip(&self.components).map(|(w, component)| w * probability(component)).sum();
        // f64::min would ignore a NaN.
        if sum > 1.0 { 1.0 } else { sum }
    }

    /// The smallest `f64` for which `reached` is true. `reached` must be monotone: once true, it stays true for larger
    /// values.
    ///
    /// The search is limited to the range of `component_quantile`, because the quantile of a mixture lies between the
    /// smallest and the largest quantile of its components. If `reached` is false below the largest, that one is
    /// returned.
    fn smallest_reaching(&self, component_quantile: impl Fn(&D) -> f64, reached: impl Fn(f64) -> bool) -> f64 {
        let quantiles = || self.components.iter().map(&component_quantile);
        let mut low = to_ordered_index(quantiles().fold(f64::INFINITY, f64::min));
        let mut high = to_ordered_index(quantiles().fold(f64::NEG_INFINITY, f64::max));
        // Each step halves the count of f64 values between the bounds, so at most 64 steps are needed, even in the far
        // tails.
        while low < high {
            let middle = low.saturating_add_unsigned(low.abs_diff(high) / 2);
            if reached(from_ordered_index(middle)) {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        from_ordered_index(low)
    }
}

impl<D: Distribution> Distribution for Mixture<D> {
    fn support(&self) -> OpenInterval {
        self.support
    }

    fn cdf(&self, x: f64) -> f64 {
        if x >= self.support.upper() { 1.0 } else { self.weighted_sum(|component| component.cdf(x)) }
    }

    fn sf(&self, x: f64) -> f64 {
        if x <= self.support.lower() { 1.0 } else { self.weighted_sum(|component| component.sf(x)) }
    }

    fn quantile(&self, p: f64) -> f64 {
        if !is_invertible(p) {
            f64::NAN
        } else if p > 0.5 {
            self.isf(1.0 - p)
        } else {
            self.smallest_reaching(|component| component.quantile(p), |x| self.cdf(x) >= p)
        }
    }

    fn isf(&self, q: f64) -> f64 {
        if !is_invertible(q) {
            f64::NAN
        } else if q > 0.5 {
            self.quantile(1.0 - q)
        } else {
            self.smallest_reaching(|component| component.isf(q), |x| self.sf(x) <= q)
        }
    }
}

/// The index of a value in the ascending list of all `f64` values except NaN. Both zeros have the index 0.
fn to_ordered_index(value: f64) -> i64 {
    // The bit patterns of non-negative values are in the same order as the values.
    let magnitude = value.abs().to_bits().cast_signed();
    if value < 0.0 { -magnitude } else { magnitude }
}

/// The value at an index.
fn from_ordered_index(index: i64) -> f64 {
    let magnitude = f64::from_bits(index.unsigned_abs());
    if index < 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordered_indices_ascend_with_their_values() {
        let values =
            [f64::NEG_INFINITY, f64::MIN, -1.0, -f64::from_bits(1), 0.0, f64::from_bits(1), 0.5, f64::INFINITY];
        for pair in values.windows(2) {
            assert!(to_ordered_index(pair[0]) < to_ordered_index(pair[1]), "{pair:?}");
        }
        for value in values {
            assert_eq!(from_ordered_index(to_ordered_index(value)), value);
        }
        assert_eq!(to_ordered_index(-0.0), to_ordered_index(0.0));
    }
}
