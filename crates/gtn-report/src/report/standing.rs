//! Where the samples of a run on latents stand against the best baseline and the noise floor, in one sentence.

use gtn_run::schema::{Baseline, Metric};
use gtn_run::{MetricRecord, MetricsLog};

use super::baselines;
use super::text::number;

/// The metric that decides: it compares distributions as a whole, has a unit of its own, and needs no parameter.
const METRIC: Metric = Metric::SlicedWasserstein;

/// The sentence; `None` if the run has no baselines or no noise floor, as runs on points.
pub(super) fn standing(log: &MetricsLog) -> Option<String> {
    of_record(log.metrics().find(|record| record.metric == METRIC)?, |baseline| baselines::title(baseline, log))
}

/// The rule: the baseline with the best value, and how the value compares with it and with the noise floor as they are shown.
/// Reconstructed images are not a baseline that generates.
fn of_record(
    MetricRecord { metric, value, floor, baselines, .. }: &MetricRecord,
    title: impl Fn(Baseline) -> String,
) -> Option<String> {
    let penalty = |value: f64| metric.direction().penalty(value);
    let generators = baselines.iter().filter(|(baseline, value)| **baseline != Baseline::Decoded && value.is_finite());
    let (best, of_best) = generators.min_by(|a, b| penalty(*a.1).total_cmp(&penalty(*b.1)))?;
    let floor = floor.filter(|floor| floor.is_finite())?;
    if !value.is_finite() {
        return None;
    }
    let compared = |other: f64| match (number(*value) == number(other), penalty(*value) < penalty(other)) {
        (true, _) => "equal to",
        (false, true) => "better than",
        (false, false) => "worse than",
    };
    let title = title(*best);
    let mut letters = title.chars();
    let title: String = letters.next().into_iter().flat_map(char::to_lowercase).chain(letters).collect();
    Some(format!(
        "{} of the generated latents is {}: {} that of the best baseline, {title} ({}), and {} the noise floor ({}).",
        metric.title(),
        number(*value),
        compared(*of_best),
        number(*of_best),
        compared(floor),
        number(floor),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(value: f64, floor: Option<f64>, baselines: &[(Baseline, f64)]) -> Option<String> {
        let baselines = baselines.iter().copied().collect();
        let record = MetricRecord { metric: METRIC, value, floor, baselines, samples: 100 };
        of_record(&record, |baseline| baseline.title().to_owned())
    }

    #[test]
    fn the_best_baseline_is_named_and_compared() {
        let baselines = [(Baseline::Decoded, 0.001), (Baseline::Gaussian, 0.056), (Baseline::Mixture, 0.0461)];
        assert_eq!(
            sentence(0.044, Some(0.049), &baselines).unwrap(),
            "Sliced Wasserstein-2 of the generated latents is 0.04400: better than that of the best baseline, mixture of \
             Gaussians (0.04610), and better than the noise floor (0.04900)."
        );
        let worse = sentence(0.183, Some(0.033), &baselines).unwrap();
        assert!(worse.contains("worse than that of the best baseline") && worse.contains("worse than the noise floor"));
        // What looks equal is called equal.
        let equal = sentence(0.046_100_01, Some(0.046_1), &baselines).unwrap();
        assert!(equal.contains("equal to that of the best baseline") && equal.contains("equal to the noise floor"));
        let vae = sentence(0.05, Some(0.04), &[(Baseline::Vae, 0.03), (Baseline::Gaussian, f64::NAN)]).unwrap();
        assert!(vae.contains("variational autoencoder (0.03000)"), "{vae}");
    }

    #[test]
    fn without_a_comparison_there_is_no_sentence() {
        let gaussian = [(Baseline::Gaussian, 0.05)];
        assert_eq!(sentence(0.04, Some(0.03), &[]), None);
        assert_eq!(sentence(0.04, Some(0.03), &[(Baseline::Decoded, 0.01)]), None);
        assert_eq!(sentence(0.04, None, &gaussian), None);
        assert_eq!(sentence(f64::NAN, Some(0.03), &gaussian), None);
    }
}
