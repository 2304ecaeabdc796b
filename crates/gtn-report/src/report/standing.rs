//! The metric that a run is judged by first, and how its value compares with real data and with simpler generators.

use gtn_run::schema::{Baseline, Metric};
use gtn_run::{MetricRecord, MetricsLog};

use super::baselines;

/// Metrics that decide, in this order: on images the established one, if it was measured; otherwise one that compares all of two distributions, and
/// needs no parameter.
const DECIDING: [Metric; 2] = [Metric::Fid, Metric::SlicedWasserstein];

/// A value is as good as real data up to this many times the noise floor.
const LIKE_REAL: f64 = 1.15;
/// Values that differ by less than this factor are level: another seed would have another order.
const LEVEL: f64 = 1.05;

/// The metric that a run is judged by first.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// FID, if it was measured; otherwise the sliced Wasserstein distance.
    pub metric: Metric,
    /// Its value for the samples; the lower, the better.
    pub value: f64,
    /// The number of samples that were measured.
    pub samples: usize,
    /// The noise floor: its value for real data in place of the samples.
    pub floor: Option<f64>,
    /// The title of the best generator that the run compares with, and its value.
    pub best: Option<(String, f64)>,
    /// The titles of other metrics of the same features by which the samples are closer to real data than those of every simpler generator.
    pub ahead_by: Vec<&'static str>,
    /// The number of other metrics of the same features.
    pub others: usize,
}

/// How samples compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// With so many samples, hardly different from real data.
    LikeReal,
    /// Not worse than every simpler generator.
    AheadOfBaselines,
    /// About as good as the best simpler generator, though not better.
    LevelWithBaseline,
    /// Worse than a simpler generator.
    BehindBaseline,
    /// Different from real data, and there are no baselines.
    Different,
}

/// The metric that a run is judged by first; `None` if it measured none that decides.
#[must_use]
pub fn standing(log: &MetricsLog) -> Option<Standing> {
    let record = DECIDING
        .iter()
        .find_map(|metric| log.metrics().find(|record| record.metric == *metric && record.value.is_finite()))?;
    let mut standing = of_record(record, |baseline| baselines::title(baseline, log));
    let others = || log.metrics().filter(|other| beside(record.metric).contains(&other.metric));
    standing.ahead_by = others().filter(|other| is_ahead(other)).map(|other| other.metric.title()).collect();
    standing.others = others().count();
    Some(standing)
}

/// The metrics that say how close samples are to the same real data as the one that decides.
fn beside(deciding: Metric) -> &'static [Metric] {
    match deciding {
        Metric::Fid => &[Metric::KernelDistance],
        _ => &[
            Metric::FrechetDistance,
            Metric::EnergyDistance,
            Metric::Precision,
            Metric::Recall,
            Metric::Density,
            Metric::Coverage,
        ],
    }
}

/// Whether the samples have a better value than every simpler generator.
fn is_ahead(record: &MetricRecord) -> bool {
    let penalty = |value: f64| record.metric.direction().penalty(value);
    let generators =
        || record.baselines.iter().filter(|(baseline, _)| is_generator(**baseline)).map(|(_, value)| *value);
    let are_finite = record.value.is_finite() && generators().all(f64::is_finite);
    generators().count() > 0 && are_finite && generators().all(|value| penalty(record.value) < penalty(value))
}

fn is_generator(baseline: Baseline) -> bool {
    !matches!(baseline, Baseline::Decoded | Baseline::Flow)
}

/// Reconstructed images are not a baseline that generates, and the flow is what ĥ learned from.
fn of_record(record: &MetricRecord, title: impl Fn(Baseline) -> String) -> Standing {
    let MetricRecord { metric, value, floor, baselines, samples } = record;
    let penalty = |value: f64| metric.direction().penalty(value);
    let generators = baselines.iter().filter(|(baseline, value)| is_generator(**baseline) && value.is_finite());
    let best = generators.min_by(|a, b| penalty(*a.1).total_cmp(&penalty(*b.1)));
    Standing {
        metric: *metric,
        value: *value,
        samples: *samples,
        floor: floor.filter(|floor| floor.is_finite()),
        best: best.map(|(baseline, value)| (title(*baseline), *value)),
        ahead_by: Vec::new(),
        others: 0,
    }
}

impl Standing {
    /// Whether a simpler generator has a clearly better value.
    pub(super) fn is_behind(&self) -> bool {
        self.best.as_ref().is_some_and(|(_, best)| LEVEL * best < self.value)
    }

    /// How the samples compare. All metrics that decide are 0 for equal distributions.
    pub(super) fn rank(&self) -> Rank {
        match (self.floor, &self.best) {
            (Some(floor), _) if self.value <= LIKE_REAL * floor => Rank::LikeReal,
            (_, Some((_, best))) if self.value <= *best => Rank::AheadOfBaselines,
            (_, Some(_)) if !self.is_behind() => Rank::LevelWithBaseline,
            (_, Some(_)) => Rank::BehindBaseline,
            (_, None) => Rank::Different,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: f64, floor: Option<f64>, baselines: &[(Baseline, f64)]) -> Standing {
        let baselines = baselines.iter().copied().collect();
        let record = MetricRecord { metric: Metric::SlicedWasserstein, value, floor, baselines, samples: 100 };
        of_record(&record, |baseline| baseline.title().to_owned())
    }

    #[test]
    fn the_best_generator_is_found_and_compared() {
        let baselines = [
            (Baseline::Decoded, 0.001),
            (Baseline::Flow, 0.002),
            (Baseline::Gaussian, 0.056),
            (Baseline::Mixture, 0.0461),
            (Baseline::Vae, f64::NAN),
        ];
        let standing = of(0.044, Some(0.043), &baselines);
        assert_eq!(standing.best, Some(("Mixture of Gaussians".to_owned(), 0.0461)));
        assert_eq!(standing.rank(), Rank::LikeReal);
        assert_eq!(of(0.044, Some(0.01), &baselines).rank(), Rank::AheadOfBaselines);
        let record = |metric, value| {
            let baselines = [(Baseline::Gaussian, 0.4), (Baseline::Mixture, 0.6), (Baseline::Decoded, 0.9)];
            MetricRecord { metric, value, floor: None, baselines: baselines.into(), samples: 100 }
        };
        assert!(is_ahead(&record(Metric::Coverage, 0.7)) && !is_ahead(&record(Metric::Coverage, 0.5)));
        assert!(is_ahead(&record(Metric::EnergyDistance, 0.3)) && !is_ahead(&record(Metric::EnergyDistance, 0.5)));
        assert_eq!(of(0.0461, Some(0.01), &baselines).rank(), Rank::AheadOfBaselines);
        assert_eq!(of(0.0471, Some(0.01), &baselines).rank(), Rank::LevelWithBaseline);
        assert_eq!(of(0.183, Some(0.01), &baselines).rank(), Rank::BehindBaseline);
        assert_eq!(of(0.183, None, &[]).rank(), Rank::Different);
        assert_eq!(of(0.183, Some(f64::NAN), &[(Baseline::Decoded, 0.1)]).rank(), Rank::Different);
    }
}
