//! Types for the names that cross crates as text: keys of artifacts, metrics, baselines, statistics of stages.
//!
//! Training writes through these types and reports read through them. A misspelled key does not compile, and a test of the
//! workspace (`tests/tests/schema.rs`) runs experiments and fails if a key is written and never read, or read and never
//! written.
//!
//! ```
//! use gtn_run::schema::{Direction, Metric};
//!
//! let metric: Metric = "precision".parse()?;
//! assert_eq!(metric, Metric::Precision);
//! assert_eq!(metric.direction(), Direction::HigherIsBetter);
//! assert_eq!(metric.unit(), "fraction");
//! # Ok::<(), gtn_run::schema::UnknownName>(())
//! ```

mod keys;
mod metric;
mod statistic;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use keys::{
    ArtifactKind, IMPROVEMENTS, KeyInfo, MetadataKey, PairKeys, TensorElement, TensorGroup, TensorKey, checkpoint,
    evaluation, image_samples, latents, pairs, point_samples, snapshot, stage, test_latents, test_pairs,
};
pub use metric::{Baseline, Direction, Metric};
pub use statistic::Statistic;

pub(crate) use keys::{Tensor, log_access};

/// A part of a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Trains the networks.
    Train,
    /// Used to select the best epoch, and as the reference for the metrics.
    Validation,
    /// The official test set, which is used for neither training nor selection.
    Test,
}

impl Split {
    /// The name in artifact keys and in the purposes of random streams, where it is frozen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not in the schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`; expected one of `{}`", known.join("`, `"))]
pub struct UnknownName {
    /// What the name should have been.
    pub what: &'static str,
    /// The name.
    pub name: String,
    /// The known names.
    pub known: Vec<&'static str>,
}

/// Implements `ALL`, `name`, `Display`, `FromStr`, `Serialize` and `Deserialize` for an enum of names.
macro_rules! names {
    ($type:ident, $what:literal, $($variant:ident => $name:literal),+ $(,)?) => {
        impl $type {
            /// All of them, in the order in which reports show them.
            pub const ALL: &'static [$type] = &[$($type::$variant),+];

            /// The name in files and on the command line.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $($type::$variant => $name),+
                }
            }
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.name())
            }
        }

        impl std::str::FromStr for $type {
            type Err = crate::schema::UnknownName;

            fn from_str(name: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|known| known.name() == name).ok_or_else(|| {
                    crate::schema::UnknownName {
                        what: $what,
                        name: name.to_owned(),
                        known: Self::ALL.iter().map(|known| known.name()).collect(),
                    }
                })
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use names;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for metric in Metric::ALL {
            assert_eq!(metric.name().parse(), Ok(*metric));
            let json = serde_json::to_string(metric).unwrap();
            assert_eq!(serde_json::from_str::<Metric>(&json).unwrap(), *metric);
        }
        for statistic in Statistic::ALL {
            assert_eq!(statistic.name().parse(), Ok(*statistic));
        }
        for baseline in Baseline::ALL {
            assert_eq!(baseline.name().parse(), Ok(*baseline));
        }
        let unknown = "precison".parse::<Metric>().unwrap_err().to_string();
        assert!(unknown.starts_with("unknown metric `precison`; expected one of `ks_angle`,"), "{unknown}");
    }
}
