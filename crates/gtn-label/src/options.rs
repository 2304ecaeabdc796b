//! The settings of a [`Matcher`](crate::Matcher) that a command line or a file can name.

use std::fmt;
use std::str::FromStr;

/// How the matching is computed. Every strategy returns the same matching.
///
/// ```
/// use gtn_label::Strategy;
///
/// assert_eq!("int8".parse(), Ok(Strategy::Int8));
/// assert_eq!(Strategy::Sorted.to_string(), "sorted");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Strategy {
    /// The fastest strategy for this number of rows and columns on this processor; see the
    /// [front page](crate#complexity-and-memory).
    #[default]
    Auto,
    /// Algorithm 1 as written, one score at a time: slow, and the baseline that the others are tested against.
    Reference,
    /// Scores every free target row in `f32` for a block of source rows to propose candidates, and decides in `f64`.
    Dense,
    /// Like [`Dense`](Self::Dense), with rows rounded to 8 bits and an error bound computed from what the rounding lost. Fast
    /// if the processor has AVX-512 VNNI. Supports up to 65,536 columns; beyond that, [`Dense`](Self::Dense) is used.
    Int8,
    /// Proposes candidates from a tree on the sphere, and decides in `f64`: for few columns.
    Tree,
    /// Sorts; for one column of `f32` only.
    Sorted,
    /// Sorts the target rows by angle and searches outward from the angle of each source row; for two columns of `f32` only.
    Angular,
    /// The [`Proposer`](crate::Proposer) given to [`Matcher::proposer`](crate::Matcher::proposer) proposes candidates, and
    /// `f64` decides.
    Proposed,
}

impl Strategy {
    /// All strategies.
    pub const ALL: &[Self] = &[
        Self::Auto,
        Self::Reference,
        Self::Dense,
        Self::Int8,
        Self::Tree,
        Self::Sorted,
        Self::Angular,
        Self::Proposed,
    ];

    /// The name that [`FromStr`] parses, as in `gtn label --strategy NAME`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Reference => "reference",
            Self::Dense => "dense",
            Self::Int8 => "int8",
            Self::Tree => "tree",
            Self::Sorted => "sorted",
            Self::Angular => "angular",
            Self::Proposed => "proposed",
        }
    }
}

/// The precision in which cosines are compared. It changes the matching; see the [front page](crate#precision).
///
/// ```
/// use gtn_label::Precision;
///
/// assert_eq!("single".parse(), Ok(Precision::Single));
/// assert_eq!(Precision::Double.to_string(), "double");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// Scores are compared as `f64`.
    #[default]
    Double,
    /// Cosines are rounded to `f32` before they are compared: nearly equal directions tie, and the norm decides.
    Single,
}

impl Precision {
    /// Both precisions.
    pub const ALL: &[Self] = &[Self::Double, Self::Single];

    /// The name that [`FromStr`] parses, as in `gtn label --precision NAME`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Double => "double",
            Self::Single => "single",
        }
    }
}

/// A text that is not the name of a [`Strategy`] or a [`Precision`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {option} '{value}'; use one of {names}")]
pub struct ParseOptionError {
    /// `strategy` or `precision`.
    option: &'static str,
    value: String,
    /// The valid names, separated by commas.
    names: String,
}

fn parse<T: Copy>(
    option: &'static str,
    value: &str,
    all: &[T],
    name: impl Fn(T) -> &'static str,
) -> Result<T, ParseOptionError> {
    all.iter().copied().find(|&candidate| name(candidate) == value).ok_or_else(|| ParseOptionError {
        option,
        value: value.to_owned(),
        names: all.iter().copied().map(name).collect::<Vec<_>>().join(", "),
    })
}

impl FromStr for Strategy {
    type Err = ParseOptionError;

    fn from_str(name: &str) -> Result<Self, ParseOptionError> {
        parse("strategy", name, Self::ALL, Self::name)
    }
}

impl FromStr for Precision {
    type Err = ParseOptionError;

    fn from_str(name: &str) -> Result<Self, ParseOptionError> {
        parse("precision", name, Self::ALL, Self::name)
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_parses_from_its_own_text() {
        for &strategy in Strategy::ALL {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
        }
        assert_eq!(format!("{:>6}", Strategy::Int8), "  int8");
    }

    #[test]
    fn every_precision_parses_from_its_own_text() {
        for &precision in Precision::ALL {
            assert_eq!(precision.to_string().parse(), Ok(precision));
        }
    }

    #[test]
    fn parse_errors_list_the_valid_names() {
        let error = "half".parse::<Precision>().unwrap_err();
        assert_eq!(error.to_string(), "unknown precision 'half'; use one of double, single");
        let error = "Dense".parse::<Strategy>().unwrap_err().to_string();
        assert!(error.starts_with("unknown strategy 'Dense'; use one of auto, reference, dense, int8,"), "{error}");
    }

    #[test]
    fn defaults_are_auto_and_double() {
        assert_eq!((Strategy::default(), Precision::default()), (Strategy::Auto, Precision::Double));
    }
}
