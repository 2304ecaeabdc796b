use std::fmt;

use crate::interval::OpenInterval;
use crate::interval_union::Gap;

/// Why two numbers are not the ends of an open interval.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IntervalError {
    /// An end is NaN.
    #[error("the ends {lower:?} and {upper:?} of an interval must be numbers; use an infinity for an open-ended side")]
    NotANumber {
        /// The lower end asked for.
        lower: f64,
        /// The upper end asked for.
        upper: f64,
    },
    /// No `f64` lies strictly between the ends.
    #[error(
        "no f64 lies between the ends {lower:?} and {upper:?} of an interval; give a lower end well below the upper"
    )]
    Empty {
        /// The lower end asked for.
        lower: f64,
        /// The upper end asked for.
        upper: f64,
    },
}

/// Why intervals or laws make no union, or no map leads to one.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum UnionError {
    /// There is no component.
    #[error("a union of intervals needs at least one")]
    Empty,
    /// Components must be disjoint.
    #[error("the intervals {first} and {second} overlap; join them or separate them")]
    Overlap {
        /// The interval with the smaller lower end.
        first: OpenInterval,
        /// The interval with the larger.
        second: OpenInterval,
    },
    /// The masses are no weights.
    #[error("the masses of the components cannot be used: {0}")]
    Mass(ParameterError),
    /// The piece of the support of Y with the mass of a component holds no number.
    #[error("the mass of the component {component} is too small for the numbers of the law of Y: {piece}")]
    Piece {
        /// The component.
        component: OpenInterval,
        /// What is wrong with the piece.
        piece: IntervalError,
    },
}

/// Why numbers are not the parameters of a law.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParameterError {
    /// The parameter is NaN or infinite.
    #[error("the {parameter} of the {law} law is {value:?}; it must be finite")]
    NotFinite {
        /// Name of the law.
        law: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
        /// The value given.
        value: f64,
    },
    /// The parameter is zero or negative.
    #[error("the {parameter} of the {law} law is {value:?}; it must be positive")]
    NotPositive {
        /// Name of the law.
        law: &'static str,
        /// Name of the parameter.
        parameter: &'static str,
        /// The value given.
        value: f64,
    },
    /// The ends of a uniform law bound no interval.
    #[error("the ends of the uniform law bound no interval: {0}")]
    Ends(IntervalError),
    /// A uniform law is wider than the largest `f64`, so that a share of its width cannot be computed.
    #[error("the uniform law from {lower:?} to {upper:?} is wider than the largest f64; rescale the data")]
    TooWide {
        /// The lower end given.
        lower: f64,
        /// The upper end given.
        upper: f64,
    },
    /// A chi law has no degree of freedom, or too many for its distribution function to be summed in reasonable time.
    #[error("the chi law has {found} degrees of freedom; it must have between 1 and {max}")]
    DegreesOfFreedom {
        /// The number given.
        found: usize,
        /// The largest number accepted.
        max: usize,
    },
    /// A law that is made of others is given none.
    #[error("the {law} law has no component; it needs at least one")]
    NoComponent {
        /// Name of the law.
        law: &'static str,
    },
    /// The supports of the components of a mixture leave a gap, on which its distribution function would be constant.
    #[error("the components of the mixture leave the gap {0}; use a law on a union of intervals")]
    Gap(Gap),
}

impl ParameterError {
    /// The value, if it is finite and positive.
    pub(crate) fn check_positive(law: &'static str, parameter: &'static str, value: f64) -> Result<f64, Self> {
        let value = Self::check_finite(law, parameter, value)?;
        if value > 0.0 { Ok(value) } else { Err(Self::NotPositive { law, parameter, value }) }
    }

    /// The value, if it is finite.
    pub(crate) fn check_finite(law: &'static str, parameter: &'static str, value: f64) -> Result<f64, Self> {
        if value.is_finite() { Ok(value) } else { Err(Self::NotFinite { law, parameter, value }) }
    }
}

/// Why a point of the line has no image.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// Theorem 2.1 maps the open support only: not its ends, not NaN, not the infinities.
    #[error(
        "{value:?} is not inside the open support {support} that is mapped; leave the point out or choose a law that has it"
    )]
    OutsideSupport {
        /// The point given.
        value: f64,
        /// The support of the law it is mapped from.
        support: OpenInterval,
    },
    /// The probability beyond the point is below the smallest normal `f64`, so that its image would be a guess.
    #[error(
        "the tail of the law on {support} beyond {value:?} has a probability below 2.3e-308, which f64 cannot hold; leave the point out or move it inwards"
    )]
    ProbabilityUnderflow {
        /// The point given.
        value: f64,
        /// The support of the law it is mapped from.
        support: OpenInterval,
    },
    /// The law that is mapped to has no number for this image: it exceeds the largest `f64`, or the law is faulty.
    #[error("the image {image:?} of {value:?} is not a number inside {range}; rescale the law that is mapped to")]
    ImageOutsideRange {
        /// The point given.
        value: f64,
        /// What the quantile function returned.
        image: f64,
        /// The support of the law it is mapped to.
        range: OpenInterval,
    },
    /// The map to a law on several intervals has no value where it jumps from one to the next.
    #[error("h is undefined at {value:?}, where it jumps across the gap {gap}; leave the point out")]
    AtBreak {
        /// The point given.
        value: f64,
        /// The gap between the components on both sides.
        gap: Gap,
    },
    /// No point is mapped into the gap between two components.
    #[error("{value:?} is in the gap {gap} between two components and is no image under h; leave the point out")]
    InGap {
        /// The point given.
        value: f64,
        /// The gap that holds it.
        gap: Gap,
    },
    /// An empirical map knows the points of its sample only.
    #[error("{value:?} is not a point of the sample of Y, and the empirical map has no image for other points")]
    NotInSample {
        /// The point given.
        value: f64,
    },
}

/// Which of the two samples or laws an error speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The side that is mapped from: Y in the paper.
    Y,
    /// The side that is mapped to: X in the paper.
    X,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Y => "Y",
            Side::X => "X",
        })
    }
}

/// Why a radial map cannot be built, or a vector has no image under it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RadialError {
    /// Vectors without coordinates have no direction.
    #[error("a radial map needs at least one dimension")]
    NoDimension,
    /// Only norms that come arbitrarily close to 0 make Equation 4 continuous and onto at the origin.
    #[error("the law of the norm of {side} has the support {support}; it must start at 0")]
    NormSupport {
        /// The side whose law was refused.
        side: Side,
        /// Its support.
        support: OpenInterval,
    },
    /// The vector lives in another space.
    #[error("the vector has {found} coordinates, but the radial map is one of {expected} dimensions")]
    Dimension {
        /// Dimensions of the map.
        expected: usize,
        /// Coordinates of the vector.
        found: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("coordinate {index} of the vector is {value:?}; it must be finite")]
    NotFinite {
        /// Place of the coordinate, from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// The norm has no image.
    #[error("the norm of the vector cannot be mapped: {0}")]
    Norm(MapError),
}

/// Why two samples cannot be paired by rank.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelingError {
    /// Ranks pair samples of one size only.
    #[error("the sample of Y has {y} points and that of X has {x}; pairing by rank needs as many of each")]
    Lengths {
        /// Points in the sample of Y.
        y: usize,
        /// Points in the sample of X.
        x: usize,
    },
    /// A point is NaN or infinite.
    #[error("point {index} of the sample of {side} is {value:?}; it must be finite")]
    NotFinite {
        /// The sample it is in.
        side: Side,
        /// Place of the point, from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// Two points of Y are equal, so that a map would need two images for one point.
    #[error(
        "points {first} and {second} of the sample of Y are both {value:?}; a map needs distinct points, so drop one"
    )]
    EqualPoints {
        /// Place of the one point, from 0.
        first: usize,
        /// Place of the other, after it.
        second: usize,
        /// Their common value.
        value: f64,
    },
}

/// Why a sample has no empirical law.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EmpiricalError {
    /// Shares of an empty sample are 0/0.
    #[error("the sample is empty; an empirical law needs at least one point")]
    Empty,
    /// A point is NaN or infinite.
    #[error("point {index} of the sample is {value:?}; it must be finite")]
    NotFinite {
        /// Place of the point, from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
}

/// Why a swiss roll cannot be built, or a point has no nearest place on it.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SwissRollError {
    /// Closer to the center than 2 a turn may come nearest to a point at several places; without an end there is no last one.
    #[error("the angles {angles} of a swiss roll must start at 2 or above and end at a finite number")]
    Angles {
        /// The interval given.
        angles: OpenInterval,
    },
    /// A coordinate is NaN or infinite.
    #[error("coordinate {index} of the point is {value:?}; it must be finite")]
    NotFinite {
        /// Place of the coordinate, 0 or 1.
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
    #[error("a line-wise map needs at least one dimension")]
    NoDimension,
    /// The radius of the ball or the typical length of the law is unusable.
    #[error(
        "the ball has the radius {radius:?} and the law the scale {scale:?}; both must be positive and the scale finite"
    )]
    Lengths {
        /// The radius given.
        radius: f64,
        /// The scale given.
        scale: f64,
    },
    /// The vector or the other density lives in another space.
    #[error("found {found} dimensions where the line-wise map has {expected}")]
    Dimension {
        /// Dimensions of the map.
        expected: usize,
        /// Dimensions of what was given.
        found: usize,
    },
    /// A coordinate is NaN or infinite.
    #[error("coordinate {index} of the vector is {value:?}; it must be finite")]
    NotFinite {
        /// Place of the coordinate, from 0.
        index: usize,
        /// Its value.
        value: f64,
    },
    /// The vector is not inside the open ball that is mapped.
    #[error("the vector has the norm {norm:?}, outside the open ball of radius {radius:?} that is mapped")]
    OutsideBall {
        /// Norm of the vector.
        norm: f64,
        /// Radius of the ball.
        radius: f64,
    },
    /// A density is negative, infinite or NaN.
    #[error(
        "the density of {side} at the distance {distance:?} from the origin is {density:?}; it must be a positive number"
    )]
    Density {
        /// The side whose density it is.
        side: Side,
        /// The distance, negative on the ray opposite to the vector.
        distance: f64,
        /// The value returned.
        density: f64,
    },
    /// The two rules that integrate a density do not agree.
    #[error(
        "the integral of the density of {side} from {from:?} to {to:?} along the line is {integral:?} ± {error:?}, which is too uncertain; the density may be rough, or the scale far from its own"
    )]
    Integral {
        /// The side whose density it is.
        side: Side,
        /// The lower end of the distances.
        from: f64,
        /// The upper end.
        to: f64,
        /// The value found.
        integral: f64,
        /// Its estimated error.
        error: f64,
    },
    /// Newton's method does not settle on a distance, because the density jumps or is rough.
    #[error(
        "the image of the vector on the line of {side} is only known to have a distance between {low:?} and {high:?}"
    )]
    Distance {
        /// The side whose density it is.
        side: Side,
        /// The lower bound found.
        low: f64,
        /// The upper bound found.
        high: f64,
    },
    /// The share of the density beyond a distance is zero or too small.
    #[error("the density of {side} leaves a share of the line beyond the distance {distance:?} that f64 cannot hold")]
    Mass {
        /// The side whose density it is.
        side: Side,
        /// The distance.
        distance: f64,
    },
}
