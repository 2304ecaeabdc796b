//! What baselines are called in a report.

use gtn_run::schema::{Baseline, Statistic};
use gtn_run::{MetricsLog, Stage};

use super::text::count;

/// The title of a baseline. That of the mixture has the number of components that the run chose.
pub(super) fn title(baseline: Baseline, log: &MetricsLog) -> String {
    match baseline {
        Baseline::Mixture => format!("Mixture of {}", gaussians(log)),
        _ => baseline.title().to_owned(),
    }
}

/// The components of the mixture, such as "30 Gaussians". Runs of earlier versions did not record their number.
pub(super) fn gaussians(log: &MetricsLog) -> String {
    let evaluate = log.stage(Stage::Evaluate);
    match evaluate.and_then(|record| record.statistics.get(&Statistic::MixtureComponents)) {
        None => "Gaussians".to_owned(),
        Some(1.0) => "one Gaussian".to_owned(),
        Some(components) => format!("{} Gaussians", count(*components as usize)),
    }
}
