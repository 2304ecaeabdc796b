//! The settings of a [`Matcher`](crate::Matcher) that a command line or a file can name.

/// The names of an enum of settings: a list of its values, and a line for each with its name and a summary.
macro_rules! names {
    ($type:ident, $option:literal, $usage:literal, $all:literal, $($value:ident = $name:literal, $summary:literal;)+) => {
        impl $type {
            #[doc = $all]
            pub const ALL: &[Self] = &[$(Self::$value),+];

            #[doc = concat!("The name that [`FromStr`](std::str::FromStr) parses, as in `", $usage, "`.")]
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$value => $name),+
                }
            }

            /// A description in one line, for lists such as `gtn label --help`.
            #[must_use]
            pub fn summary(self) -> &'static str {
                match self {
                    $(Self::$value => $summary),+
                }
            }
        }

        impl std::str::FromStr for $type {
            type Err = $crate::ParseOptionError;

            fn from_str(name: &str) -> Result<Self, $crate::ParseOptionError> {
                Self::ALL.iter().copied().find(|value| value.name() == name).ok_or_else(|| $crate::ParseOptionError {
                    option: $option,
                    value: name.to_owned(),
                    names: [$($name),+].join(", "),
                })
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }
    };
}

pub(crate) use names;

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
    /// if the processor has AVX2. Supports up to 65,536 columns; beyond that, [`Dense`](Self::Dense) is used.
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

names!(Strategy, "strategy", "gtn label --strategy NAME", "All strategies.",
    Auto = "auto", "the fastest for the shape";
    Reference = "reference", "the algorithm as published, one score at a time";
    Dense = "dense", "scores every pair in f32 to find candidates, and decides in f64";
    Int8 = "int8", "the same with 8-bit scores; for many columns, fast with AVX2 or AVX-512 VNNI";
    Tree = "tree", "finds candidates with a tree on the sphere, and decides in f64; for few columns";
    Sorted = "sorted", "sorting, for one column";
    Angular = "angular", "sorting by angle, for two columns";
    Proposed = "proposed", "takes candidates from a proposer of the caller, and decides in f64";
);

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

names!(Precision, "precision", "gtn label --precision NAME", "Both precisions.",
    Double = "double", "f64: the algorithm as published";
    Single = "single", "f32: nearly equal directions tie, and the norm decides";
);

/// A text that is not the name of a [`Strategy`], a [`Precision`] or [`Instructions`](crate::Instructions).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {option} '{value}'; use one of {names}")]
pub struct ParseOptionError {
    /// `strategy`, `precision` or `instructions`.
    pub(crate) option: &'static str,
    pub(crate) value: String,
    /// The valid names, separated by commas.
    pub(crate) names: String,
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
