use std::fmt;

use crate::interval::OpenInterval;

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
pub enum LabellingError {
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
}
