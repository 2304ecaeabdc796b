use crate::distribution::Distribution;
use crate::error::MapError;
use crate::homeomorphism::Homeomorphism;
use crate::interval::OpenInterval;

/// The homeomorphism of Theorem 2.1, h = F_X⁻¹ ∘ F_Y, from the support of Y onto the support of X.
///
/// It is strictly increasing and carries the distribution of Y to the distribution of X. Its inverse is F_Y⁻¹ ∘ F_X.
/// Points above the median are mapped through the survival functions, so that both tails keep their digits.
///
/// ```
/// use gtn_math::{CdfMap, Exponential, Homeomorphism, Uniform};
///
/// let h = CdfMap::new(Uniform::new(0.0, 1.0)?, Exponential::new(1.0)?);
/// assert!((h.forward(&0.25)? + 0.75_f64.ln()).abs() < 1e-15); // -ln(1 - u)
/// assert!(h.forward(&1.0).is_err()); // the support is open
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CdfMap<Y, X> {
    source: Y,
    target: X,
}

impl<Y: Distribution, X: Distribution> CdfMap<Y, X> {
    /// The map from the distribution of Y, the source, to the distribution of X, the target.
    pub const fn new(source: Y, target: X) -> Self {
        Self { source, target }
    }

    /// The distribution of Y, which is mapped from.
    pub const fn source(&self) -> &Y {
        &self.source
    }

    /// The distribution of X, which is mapped to.
    pub const fn target(&self) -> &X {
        &self.target
    }
}

impl<Y: Distribution, X: Distribution> Homeomorphism for CdfMap<Y, X> {
    type Point = f64;
    type Set = OpenInterval;
    type Error = MapError;

    /// The support of Y.
    fn domain(&self) -> OpenInterval {
        self.source.support()
    }

    /// The support of X.
    fn range(&self) -> OpenInterval {
        self.target.support()
    }

    /// h(y) = F_X⁻¹(F_Y(y)).
    ///
    /// # Errors
    ///
    /// `y` is not inside the support of Y, the probability beyond it underflows, or its image overflows.
    fn forward(&self, y: &f64) -> Result<f64, MapError> {
        quantile_map(&self.source, &self.target, *y)
    }

    /// h⁻¹(x) = F_Y⁻¹(F_X(x)).
    ///
    /// # Errors
    ///
    /// `x` is not inside the support of X, the probability beyond it underflows, or its image overflows.
    fn inverse(&self, x: &f64) -> Result<f64, MapError> {
        quantile_map(&self.target, &self.source, *x)
    }
}

/// The value of `to` with the same rank as `value` has in `from`.
pub(crate) fn quantile_map(from: &impl Distribution, to: &impl Distribution, value: f64) -> Result<f64, MapError> {
    let support = from.support();
    if !support.contains(value) {
        return Err(MapError::OutsideSupport { value, support });
    }
    let p = from.cdf(value);
    let upper_half = p > 0.5;
    let tail = if upper_half { from.sf(value) } else { p };
    // A subnormal probability has lost digits, which would make the image inaccurate. This also rejects NaN.
    if !(f64::MIN_POSITIVE..=1.0).contains(&tail) {
        return Err(MapError::ProbabilityUnderflow { value, support });
    }
    image_inside(to.support(), value, if upper_half { to.isf(tail) } else { to.quantile(tail) })
}

/// The image of `value`, moved inside the range if rounding put it on an endpoint.
pub(crate) fn image_inside(range: OpenInterval, value: f64, image: f64) -> Result<f64, MapError> {
    let image = range.clamp_inside(image);
    if range.contains(image) { Ok(image) } else { Err(MapError::ImageOutsideRange { value, image, range }) }
}
