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
//! # Ok::<(), gtn_io::UnknownName>(())
//! ```

mod keys;
mod metric;
mod split;
mod statistic;

pub use keys::{
    ArtifactKind, IMPROVEMENTS, KeyInfo, MetadataKey, PairKeys, TensorGroup, TensorKey, checkpoint, coordinates,
    evaluation, image_samples, latents, model, pairs, point_samples, snapshot, stage, test_latents, test_pairs,
};
pub use metric::{Baseline, Direction, Metric};
pub use split::Split;
pub use statistic::Statistic;

pub(crate) use keys::log_access;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Network, Stage};

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
        for split in Split::ALL {
            assert_eq!(split.name().parse(), Ok(*split));
        }
        for stage in Stage::ALL {
            assert_eq!(stage.name().parse(), Ok(*stage));
        }
        for network in Network::ALL {
            assert_eq!(network.name().parse(), Ok(*network));
        }
        let unknown = "precison".parse::<Metric>().unwrap_err().to_string();
        let expected = "unknown metric `precison` (did you mean `precision`?); expected one of `ks_angle`,";
        assert!(unknown.starts_with(expected), "{unknown}");
    }
}
