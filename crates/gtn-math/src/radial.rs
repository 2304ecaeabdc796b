use crate::ball::OpenBall;
use crate::cdf_map::quantile_map;
use crate::distribution::Distribution;
use crate::error::{RadialError, Variable, VectorError};
use crate::homeomorphism::Homeomorphism;

/// The radial homeomorphism of Equation 4 (Appendix D), h(y) = F_|X|⁻¹(F_|Y|(|y|)) · y/|y| with h(0) = 0.
///
/// It moves every vector along its own ray, so that the norm of Y gets the distribution of the norm of X and directions
/// stay the same. If the directions of both Y and X are uniform and independent of their norms, h carries the
/// distribution of Y to the distribution of X.
///
/// In one dimension h is odd, h(−y) = −h(y), so it equals the h of Theorem 2.1 if and only if the latter is odd. For a
/// Y that is symmetric about 0, such as N(0, 1), this means that X must be symmetric about 0.
///
/// ```
/// use gtn_math::{Chi, Homeomorphism, RadialMap, Uniform};
///
/// // From the normal distribution in the plane to the open unit disk.
/// let h = RadialMap::new(2, Chi::new(2, 1.0)?, Uniform::new(0.0, 1.0)?)?;
/// let x = h.forward(&[3.0, -4.0])?;
/// assert!(h.range().contains(&x));
/// assert!((x[1] / x[0] + 4.0 / 3.0).abs() < 1e-15);
/// assert_eq!(h.forward(&[0.0, 0.0])?, [0.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RadialMap<Y, X> {
    dimension: usize,
    source_norm: Y,
    target_norm: X,
}

impl<Y: Distribution, X: Distribution> RadialMap<Y, X> {
    /// The radial map of vectors with `dimension` coordinates, from the distribution of the norm of Y to that of the
    /// norm of X.
    ///
    /// The distributions do not depend on `dimension`: for a normal Y, pass [`Chi`](crate::Chi) with `dimension`
    /// degrees of freedom.
    ///
    /// # Errors
    ///
    /// `dimension` is 0, or the support of a distribution does not start at 0.
    pub fn new(dimension: usize, source_norm: Y, target_norm: X) -> Result<Self, RadialError> {
        if dimension == 0 {
            return Err(RadialError::ZeroDimensions);
        }
        for (variable, support) in [(Variable::Y, source_norm.support()), (Variable::X, target_norm.support())] {
            if support.lower() != 0.0 {
                return Err(RadialError::NormSupport { variable, support });
            }
        }
        Ok(Self { dimension, source_norm, target_norm })
    }

    /// The number of coordinates of the vectors that are mapped.
    pub const fn dimension(&self) -> usize {
        self.dimension
    }

    fn along_ray(
        &self,
        vector: &[f64],
        from: &impl Distribution,
        to: &impl Distribution,
    ) -> Result<Vec<f64>, RadialError> {
        let (largest, scaled) = VectorError::check(vector, self.dimension)?;
        if largest == 0.0 {
            return Ok(vec![0.0; self.dimension]);
        }
        let image = quantile_map(from, to, largest * scaled).map_err(RadialError::Norm)?;
        // In this order every quotient stays in [-1, 1], whatever the size of the vector or of its image.
        let image = vector.iter().map(|v| v / largest / scaled * image).collect();
        Ok(OpenBall::new(self.dimension, to.support().upper()).clamp_inside(image))
    }
}

impl<Y: Distribution, X: Distribution> Homeomorphism for RadialMap<Y, X> {
    type Point = [f64];
    type Set = OpenBall;
    type Error = RadialError;

    /// The vectors whose norm is below the upper endpoint of the support of |Y|.
    fn domain(&self) -> OpenBall {
        OpenBall::new(self.dimension, self.source_norm.support().upper())
    }

    /// The vectors whose norm is below the upper endpoint of the support of |X|.
    fn range(&self) -> OpenBall {
        OpenBall::new(self.dimension, self.target_norm.support().upper())
    }

    /// h(y), on the ray of y.
    ///
    /// # Errors
    ///
    /// The vector has the wrong length or a coordinate that is not finite, or its norm has no image
    /// ([`MapError`](crate::MapError)). Only the zero vector is mapped without evaluating the distributions.
    fn forward(&self, y: &[f64]) -> Result<Vec<f64>, RadialError> {
        self.along_ray(y, &self.source_norm, &self.target_norm)
    }

    /// h⁻¹(x), on the ray of x.
    ///
    /// # Errors
    ///
    /// See [`forward`](Self::forward).
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>, RadialError> {
        self.along_ray(x, &self.target_norm, &self.source_norm)
    }
}
