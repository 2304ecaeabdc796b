//! Which metrics are wanted, and which cannot be computed.

use gtn_run::schema::Metric;

use crate::args::{Choice, METRICS, OF_TRAINING};
use crate::failure::Failure;

/// The metrics of the command line, and why some of them are missing.
pub(super) struct Request {
    named: Vec<Metric>,
    wants_all: bool,
    /// The reasons, with the names of their metrics.
    refused: Vec<(String, String)>,
}

impl Request {
    pub(super) fn new(choices: &[Choice]) -> Self {
        let wants_all = choices.is_empty() || choices.contains(&Choice::All);
        let mut named = Vec::new();
        for choice in choices {
            if let Choice::One(metric) = choice {
                named.push(*metric);
            }
        }
        Self { named, wants_all, refused: Vec::new() }
    }

    /// Whether a metric is wanted, by its name or as one of all.
    pub(super) fn wants(&self, metric: Metric) -> bool {
        self.wants_all || self.is_named(metric)
    }

    pub(super) fn is_named(&self, metric: Metric) -> bool {
        self.named.contains(&metric)
    }

    /// The wanted metrics in the order in which they are printed.
    pub(super) fn in_order(&self) -> Vec<Metric> {
        let mut metrics = self.named.clone();
        if self.wants_all {
            let all = METRICS.into_iter().chain(OF_TRAINING);
            metrics.extend(all.filter(|&metric| !self.is_named(metric)));
        }
        metrics
    }

    /// Records why these metrics cannot be computed. It is an error if one of them was asked for by its name.
    pub(super) fn refuse(&mut self, metrics: &[Metric], reason: &str) -> Result<(), Failure> {
        let is_refused = |metric: &&Metric| self.wants(**metric);
        let names: Vec<&str> = metrics.iter().filter(is_refused).map(|metric| metric.name()).collect();
        if names.is_empty() {
            return Ok(());
        }
        if metrics.iter().any(|&metric| self.is_named(metric)) {
            return Err(Failure::users(reason));
        }
        self.refused.push((names.join(", "), reason.to_owned()));
        Ok(())
    }

    /// One note for each reason.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        self.refused.iter().map(|(names, reason)| format!("note: without {names}: {reason}"))
    }

    /// Why nothing could be computed.
    pub(super) fn last_reason(&self) -> String {
        self.refused.last().map_or_else(|| "no metric was asked for".to_owned(), |(_, reason)| reason.clone())
    }
}
