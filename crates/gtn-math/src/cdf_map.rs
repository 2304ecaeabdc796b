use crate::distribution::Distribution;
use crate::error::MapError;
use crate::homeomorphism::Homeomorphism;
use crate::interval::OpenInterval;

/// The homeomorphism of Theorem 2.1, h = F_X⁻¹ ∘ F_Y, from the support of Y onto the support of X.
///
/// It is strictly increasing and carries the law of Y to the law of X; its inverse is F_Y⁻¹ ∘ F_X. Points above the
/// median go through the survival functions, so that both tails keep their digits.
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
    y: Y,
    x: X,
}

impl<Y: Distribution, X: Distribution> CdfMap<Y, X> {
    /// The map from the law of Y to the law of X.
    pub const fn new(y: Y, x: X) -> Self {
        Self { y, x }
    }

    /// The law that is mapped from.
    pub const fn law_of_y(&self) -> &Y {
        &self.y
    }

    /// The law that is mapped to.
    pub const fn law_of_x(&self) -> &X {
        &self.x
    }
}

impl<Y: Distribution, X: Distribution> Homeomorphism for CdfMap<Y, X> {
    type Point = f64;
    type Set = OpenInterval;
    type Error = MapError;

    /// The support of Y.
    fn domain(&self) -> OpenInterval {
        self.y.support()
    }

    /// The support of X.
    fn range(&self) -> OpenInterval {
        self.x.support()
    }

    /// h(y) = F_X⁻¹(F_Y(y)).
    ///
    /// # Errors
    ///
    /// `y` is not inside the support of Y, the probability beyond it underflows, or its image overflows.
    fn forward(&self, y: &f64) -> Result<f64, MapError> {
        transport(&self.y, &self.x, *y)
    }

    /// h⁻¹(x) = F_Y⁻¹(F_X(x)).
    ///
    /// # Errors
    ///
    /// `x` is not inside the support of X, the probability beyond it underflows, or its image overflows.
    fn inverse(&self, x: &f64) -> Result<f64, MapError> {
        transport(&self.x, &self.y, *x)
    }
}

/// The number of the same rank in the other law.
pub(crate) fn transport(from: &impl Distribution, to: &impl Distribution, value: f64) -> Result<f64, MapError> {
    let support = from.support();
    if !support.contains(value) {
        return Err(MapError::OutsideSupport { value, support });
    }
    let p = from.cdf(value);
    let upper_half = p > 0.5;
    let tail = if upper_half { from.sf(value) } else { p };
    // A subnormal probability has lost digits, and with them the place of the image; NaN fails here too.
    if !(f64::MIN_POSITIVE..=1.0).contains(&tail) {
        return Err(MapError::ProbabilityUnderflow { value, support });
    }
    let range = to.support();
    let image = range.pull_inside(if upper_half { to.isf(tail) } else { to.quantile(tail) });
    if range.contains(image) { Ok(image) } else { Err(MapError::ImageOutsideRange { value, image, range }) }
}
