use std::fmt;

use crate::ball::scaled_norm;
use crate::interval::{Gap, IntervalError, OpenInterval};

/// Why a union of intervals, a distribution on it, or a map to it cannot be built.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnionError {
    /// There is no component.
    #[error("a union of intervals has no components; give at least one interval")]
    Empty,
    /// Two components overlap.
    #[error("the intervals {first} and {second} of a union overlap; merge or separate them")]
    Overlap {
        /// The interval with the smaller lower endpoint.
        first: OpenInterval,
        /// The interval with the larger lower endpoint.
        second: OpenInterval,
    },
    /// A weight is invalid.
    #[error("invalid weights of the components: {0}")]
    Weights(ParameterError),
    /// The piece of the support of Y that belongs to a component contains no `f64`.
    #[error(
        "the weight of the component {component} is too small: no f64 of the distribution of Y maps to it ({reason}); increase the weight or drop the component"
    )]
    PieceTooSmall {
        /// The component.
        component: OpenInterval,
        /// Why the piece is not an interval.
        reason: IntervalError,
    },
}

/// Why the parameters of a distribution are invalid.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// The parameter is NaN or infinite.
    #[error("the {parameter} of the {distribution} distribution is {value:?}; it must be finite")]
    NotFinite {
        /// The name of the distribution.
        distribution: &'static str,
        /// The name of the parameter.
        parameter: &'static str,
        /// The value given.
        value: f64,
    },
    /// The parameter is zero or negative.
    #[error("the {parameter} of the {distribution} distribution is {value:?}; it must be positive")]
    NotPositive {
        /// The name of the distribution.
        distribution: &'static str,
        /// The name of the parameter.
        parameter: &'static str,
        /// The value given.
        value: f64,
    },
    /// The endpoints of a uniform distribution do not form an interval.
    #[error("invalid support of the uniform distribution: {0}")]
    Endpoints(IntervalError),
    /// A uniform distribution is wider than the largest `f64`, so its width cannot be computed.
    #[error("the uniform distribution from {lower:?} to {upper:?} is wider than the largest f64; rescale the data")]
    TooWide {
        /// The lower endpoint given.
        lower: f64,
        /// The upper endpoint given.
        upper: f64,
    },
    /// A chi distribution has no degree of freedom, or too many to sum its distribution function in reasonable time.
    #[error("the chi distribution has {degrees_of_freedom} degrees of freedom; it must have between 1 and {max}")]
    DegreesOfFreedom {
        /// The number given.
        degrees_of_freedom: usize,
        /// The largest number accepted.
        max: usize,
    },
    /// A distribution that combines others has no components.
    #[error("the {distribution} distribution has no components; give at least one")]
    NoComponents {
        /// The name of the distribution.
        distribution: &'static str,
    },
    /// The supports of the components of a mixture leave a gap, on which its distribution function would be constant.
    #[error("the components of the mixture leave the gap {0}; use a union distribution instead")]
    Gap(Gap),
}

impl ParameterError {
    /// The value, if it is finite and positive.
    pub(crate) fn check_positive(distribution: &'static str, parameter: &'static str, value: f64) -> Result<f64, Self> {
        let value = Self::check_finite(distribution, parameter, value)?;
        if value > 0.0 { Ok(value) } else { Err(Self::NotPositive { distribution, parameter, value }) }
    }

    /// The value, if it is finite.
    pub(crate) fn check_finite(distribution: &'static str, parameter: &'static str, value: f64) -> Result<f64, Self> {
        if value.is_finite() { Ok(value) } else { Err(Self::NotFinite { distribution, parameter, value }) }
    }
}

/// Why a point of the real line has no image.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The point is not inside the open support, which excludes its endpoints, NaN and the infinities.
    #[error(
        "{value:?} is not inside the open support {support}; drop the point or choose a distribution whose support contains it"
    )]
    OutsideSupport {
        /// The point given.
        value: f64,
        /// The support of the distribution that is mapped from.
        support: OpenInterval,
    },
    /// The probability beyond the point is below the smallest normal `f64`, so its image would be inaccurate.
    #[error(
        "the tail probability beyond {value:?} of the distribution on {support} is below 2.3e-308, which f64 cannot represent; drop the point or move it inward"
    )]
    ProbabilityUnderflow {
        /// The point given.
        value: f64,
        /// The support of the distribution that is mapped from.
        support: OpenInterval,
    },
    /// The image exceeds the largest `f64`, or the implementation of the target distribution is faulty.
    #[error("the image {image:?} of {value:?} is not a number inside {range}; rescale the distribution on {range}")]
    ImageOutsideRange {
        /// The point given.
        value: f64,
        /// The result of the quantile function.
        image: f64,
        /// The support of the distribution that is mapped to.
        range: OpenInterval,
    },
    /// The map to a distribution on several intervals is undefined where it jumps from one interval to the next.
    #[error("h is undefined at {value:?}, where it jumps across the gap {gap}; drop the point")]
    AtDiscontinuity {
        /// The point given.
        value: f64,
        /// The gap between the components on both sides.
        gap: Gap,
    },
    /// The point lies in the gap between two components, which contains no images.
    #[error("{value:?} is in the gap {gap} between two components and is not an image under h; drop the point")]
    InGap {
        /// The point given.
        value: f64,
        /// The gap that contains it.
        gap: Gap,
    },
    /// An empirical map is defined only on the points of its sample.
    #[error("{value:?} is not a point of the sample of Y; the empirical map is defined only on that sample")]
    NotInSample {
        /// The point given.
        value: f64,
    },
}

/// The random variable of the paper that an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variable {
    /// The source, which is mapped from.
    Y,
    /// The target, which is mapped to.
    X,
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Why a vector is not a point of the space that is mapped.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// The vector has the wrong number of coordinates.
    #[error("the vector has {found} coordinates, but the map has {expected} dimensions")]
    DimensionMismatch {
        /// The number of dimensions of the map.
        expected: usize,
        /// The number of coordinates of the vector.
        found: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("coordinate {index} of the vector is {value:?}; it must be finite")]
    NotFinite {
        /// The index of the coordinate, from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
}

impl VectorError {
    /// The largest absolute coordinate of a vector of `expected` finite coordinates, and its norm divided by that; see
    /// [`scaled_norm`].
    pub(crate) fn check(vector: &[f64], expected: usize) -> Result<(f64, f64), Self> {
        if vector.len() != expected {
            return Err(Self::DimensionMismatch { expected, found: vector.len() });
        }
        match vector.iter().enumerate().find(|(_, v)| !v.is_finite()) {
            Some((index, &value)) => Err(Self::NotFinite { index, value }),
            None => Ok(scaled_norm(vector)),
        }
    }
}

/// Why a radial map cannot be built, or a vector has no image under it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RadialError {
    /// Vectors without coordinates have no direction.
    #[error("the radial map has 0 dimensions; it needs at least one")]
    ZeroDimensions,
    /// The support does not start at 0. Equation 4 is continuous and onto at the origin only if norms come arbitrarily
    /// close to 0.
    #[error("the distribution of the norm of {variable} has the support {support}; it must start at 0")]
    NormSupport {
        /// The variable whose norm has this support.
        variable: Variable,
        /// Its support.
        support: OpenInterval,
    },
    /// The vector has the wrong length, or a coordinate that is not finite.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// The norm has no image.
    #[error("cannot map the norm of the vector: {0}")]
    Norm(MapError),
}

/// Why two samples cannot be paired by rank.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelingError {
    /// The samples differ in size.
    #[error("the sample of Y has {y} points and the sample of X has {x}; pairing by rank needs equal sizes")]
    LengthMismatch {
        /// The number of points in the sample of Y.
        y: usize,
        /// The number of points in the sample of X.
        x: usize,
    },
    /// A point is NaN or infinite.
    #[error("point {index} of the sample of {variable} is {value:?}; it must be finite")]
    NotFinite {
        /// The variable whose sample contains the point.
        variable: Variable,
        /// The index of the point, from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// Two points of Y are equal, so a map would need two images for one point.
    #[error(
        "points {first} and {second} of the sample of Y are both {value:?}; a map needs distinct points, so drop one"
    )]
    EqualPoints {
        /// The index of one point, from 0.
        first: usize,
        /// The index of the other point.
        second: usize,
        /// Their common value.
        value: f64,
    },
}

/// Why a sample has no empirical distribution.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EmpiricalError {
    /// The sample is empty, so its fractions would be 0/0.
    #[error("the sample is empty; an empirical distribution needs at least one point")]
    Empty,
    /// A point is NaN or infinite.
    #[error("point {index} of the sample is {value:?}; it must be finite")]
    NotFinite {
        /// The index of the point, from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
}

/// Why a swiss roll cannot be built, or has no nearest point.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SwissRollError {
    /// The angles start below 2, where a turn may have several local minima of the distance, or have no finite end.
    #[error("the swiss roll has the angles {angles}; they must start at 2 or above and end at a finite number")]
    InvalidAngles {
        /// The interval given.
        angles: OpenInterval,
    },
    /// A coordinate is NaN or infinite.
    #[error("coordinate {index} of the point is {value:?}; it must be finite")]
    NotFinite {
        /// The index of the coordinate, 0 or 1.
        index: usize,
        /// Its value.
        value: f64,
    },
}

/// Why a line-wise map cannot be built, or a vector has no image under it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LineError {
    /// Vectors without coordinates have no direction.
    #[error("the line-wise map has 0 dimensions; it needs at least one")]
    ZeroDimensions,
    /// The radius or the scale is invalid.
    #[error(
        "the density has the radius {radius:?} and the scale {scale:?}; both must be positive, and the scale finite"
    )]
    InvalidLengths {
        /// The radius given.
        radius: f64,
        /// The scale given.
        scale: f64,
    },
    /// The two densities have different numbers of dimensions.
    #[error("the density of Y has {y} dimensions and that of X has {x}; a line-wise map needs equal numbers")]
    DimensionMismatch {
        /// The number of dimensions of the density of Y.
        y: usize,
        /// The number of dimensions of the density of X.
        x: usize,
    },
    /// The vector has the wrong length, or a coordinate that is not finite.
    #[error(transparent)]
    Vector(#[from] VectorError),
    /// The vector is not inside the open ball that is mapped.
    #[error("the vector has the norm {norm:?}; it must lie inside the open ball of radius {radius:?}")]
    OutsideBall {
        /// The norm of the vector.
        norm: f64,
        /// The radius of the ball.
        radius: f64,
    },
    /// A density is negative, infinite or NaN.
    #[error(
        "the density of {variable} at the distance {distance:?} from the origin is {density:?}; it must be a positive number"
    )]
    InvalidDensity {
        /// The variable whose density it is.
        variable: Variable,
        /// The distance; negative on the ray opposite to the vector.
        distance: f64,
        /// The value returned.
        density: f64,
    },
    /// The two quadrature rules for an integral of a density disagree.
    #[error(
        "the integral of the density of {variable} from {from:?} to {to:?} along the line is {integral:?} ± {error:?}, which is too uncertain; smooth the density or choose a scale closer to its width"
    )]
    InaccurateIntegral {
        /// The variable whose density it is.
        variable: Variable,
        /// The smaller distance.
        from: f64,
        /// The larger distance.
        to: f64,
        /// The computed value.
        integral: f64,
        /// Its estimated error.
        error: f64,
    },
    /// Newton's method does not converge, because the density jumps or is rough.
    #[error(
        "cannot find the image of the vector on the line of {variable}: its distance is only known to lie between {low:?} and {high:?}; smooth the density"
    )]
    NoConvergence {
        /// The variable whose density it is.
        variable: Variable,
        /// The lower bound of the distance.
        low: f64,
        /// The upper bound of the distance.
        high: f64,
    },
    /// The fraction of the density beyond a distance is zero or underflows.
    #[error(
        "the tail of the density of {variable} beyond the distance {distance:?} is too small for f64; drop the point or check the density"
    )]
    TailUnderflow {
        /// The variable whose density it is.
        variable: Variable,
        /// The distance.
        distance: f64,
    },
}
