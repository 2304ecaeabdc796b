use crate::ball::{OpenBall, scaled_norm};
use crate::cdf_map::transport;
use crate::distribution::Distribution;
use crate::error::{RadialError, Side};
use crate::homeomorphism::Homeomorphism;

/// The radial homeomorphism of Equation 4 (Appendix D), h(y) = F_|X|⁻¹(F_|Y|(|y|)) · y/|y| with h(0) = 0.
///
/// It moves every vector along its own ray, so that the law of the norm of Y becomes that of X while directions stay. If
/// both directions are uniform and independent of the norms, it carries the law of Y to the law of X.
///
/// In one dimension it is odd, h(−y) = −h(y), so that it is the h of Theorem 2.1 exactly if that is odd too. For a Y that is
/// symmetric about 0, as N(0, 1) is, this means an X that is symmetric about 0.
///
/// ```
/// use gtn_math::{Chi, Homeomorphism, RadialMap, Uniform};
///
/// // From the normal law in the plane to the open unit disc.
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
    norm_of_y: Y,
    norm_of_x: X,
}

impl<Y: Distribution, X: Distribution> RadialMap<Y, X> {
    /// The radial map of vectors of `dimension` coordinates, from the law of the norm of Y to that of X.
    ///
    /// The laws know nothing of the dimension; for a normal Y pass [`Chi`](crate::Chi) with as many degrees of freedom.
    ///
    /// # Errors
    ///
    /// `dimension` is 0, or the support of a law of the norm does not start at 0.
    pub fn new(dimension: usize, norm_of_y: Y, norm_of_x: X) -> Result<Self, RadialError> {
        if dimension == 0 {
            return Err(RadialError::NoDimension);
        }
        for (side, support) in [(Side::Y, norm_of_y.support()), (Side::X, norm_of_x.support())] {
            if support.lower() != 0.0 {
                return Err(RadialError::NormSupport { side, support });
            }
        }
        Ok(Self { dimension, norm_of_y, norm_of_x })
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
        if vector.len() != self.dimension {
            return Err(RadialError::Dimension { expected: self.dimension, found: vector.len() });
        }
        if let Some((index, &value)) = vector.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            return Err(RadialError::NotFinite { index, value });
        }
        let (largest, scaled) = scaled_norm(vector);
        if largest == 0.0 {
            return Ok(vec![0.0; self.dimension]);
        }
        let image = transport(from, to, largest * scaled).map_err(RadialError::Norm)?;
        // In this order no quotient leaves [-1, 1], whatever the size of the vector or of its image.
        let image = vector.iter().map(|v| v / largest / scaled * image).collect();
        Ok(OpenBall::new(self.dimension, to.support().upper()).pull_inside(image))
    }
}

impl<Y: Distribution, X: Distribution> Homeomorphism for RadialMap<Y, X> {
    type Point = [f64];
    type Set = OpenBall;
    type Error = RadialError;

    /// The vectors whose norm is below the upper end of the support of |Y|.
    fn domain(&self) -> OpenBall {
        OpenBall::new(self.dimension, self.norm_of_y.support().upper())
    }

    /// The vectors whose norm is below the upper end of the support of |X|.
    fn range(&self) -> OpenBall {
        OpenBall::new(self.dimension, self.norm_of_x.support().upper())
    }

    /// h(y), on the ray of y.
    ///
    /// # Errors
    ///
    /// The vector has the wrong length or a coordinate that is not finite, or its norm has no image
    /// ([`MapError`](crate::MapError)). Only the zero vector itself is mapped to zero without asking the laws.
    fn forward(&self, y: &[f64]) -> Result<Vec<f64>, RadialError> {
        self.along_ray(y, &self.norm_of_y, &self.norm_of_x)
    }

    /// h⁻¹(x), on the ray of x.
    ///
    /// # Errors
    ///
    /// As for [`forward`](Self::forward).
    fn inverse(&self, x: &[f64]) -> Result<Vec<f64>, RadialError> {
        self.along_ray(x, &self.norm_of_x, &self.norm_of_y)
    }
}
