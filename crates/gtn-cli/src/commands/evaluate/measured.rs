//! The values of a metric, and how they are printed.

use std::collections::BTreeMap;
use std::fmt::Write;

use gtn_run::schema::{Baseline, Metric};
use serde_json::{Value, json};

use crate::console;

/// A metric of the generated samples, with what it is compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    pub(super) metric: Metric,
    pub(super) value: Estimate,
    /// Number of real and of generated samples. The Inception Score uses no real ones.
    pub(super) samples: [Option<usize>; 2],
    /// What is computed of fewer samples, if there are enough.
    pub(super) at_floor: Option<AtFloor>,
    /// What it is computed of: `values`, or an output of a network.
    pub(super) features: String,
}

/// Values of as many samples as the noise floor is computed of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct AtFloor {
    /// Number of samples on each side.
    pub(super) samples: usize,
    /// That of the generated samples.
    pub(super) value: Option<Estimate>,
    /// That of real samples in their place: the noise floor.
    pub(super) floor: Estimate,
    pub(super) baselines: BTreeMap<Baseline, Estimate>,
}

/// A value, with a standard deviation if it is a mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) value: f64,
    pub(super) std: Option<f64>,
}

impl From<f64> for Estimate {
    fn from(value: f64) -> Self {
        Self { value, std: None }
    }
}

impl Estimate {
    pub(super) fn mean(mean: f64, std: f64) -> Self {
        Self { value: mean, std: Some(std) }
    }
}

impl Measured {
    /// The metric as a line of JSON. `mixture_components` belongs to the baseline mixture.
    pub(super) fn to_json(&self, mixture_components: Option<usize>) -> Value {
        let value_of = |estimate: &Estimate| estimate.value;
        let at_floor = self.at_floor.as_ref();
        let mut line = json!({
            "metric": self.metric.name(),
            "features": self.features,
            "value": self.value.value,
            "samples": { "real": self.samples[0], "generated": self.samples[1] },
            "floor": at_floor.map(|at_floor| at_floor.floor.value),
            "floor_samples": at_floor.map(|at_floor| at_floor.samples),
            "value_at_floor_samples": at_floor.and_then(|at_floor| at_floor.value.as_ref()).map(value_of),
        });
        if let Some(std) = self.value.std {
            line["std"] = json!(std);
            line["floor_std"] = json!(at_floor.and_then(|at_floor| at_floor.floor.std));
        }
        let baselines = at_floor.map(|at_floor| &at_floor.baselines).filter(|baselines| !baselines.is_empty());
        if let Some(baselines) = baselines {
            let of_each =
                baselines.iter().map(|(baseline, estimate)| (baseline.name().to_owned(), json!(estimate.value)));
            line["baselines"] = Value::Object(of_each.collect());
            if let (true, Some(components)) = (baselines.contains_key(&Baseline::Mixture), mixture_components) {
                line["mixture_components"] = json!(components);
            }
        }
        line
    }

    /// Whether the value is that at the noise floor's number of samples.
    fn is_at_floor(&self) -> bool {
        self.at_floor.as_ref().is_some_and(|at_floor| at_floor.value == Some(self.value))
    }
}

/// Prints a table: one metric per row.
pub(super) fn print_table(measured: &[Measured]) {
    let sizes = |one: &Measured| one.at_floor.as_ref().map(|at_floor| at_floor.samples);
    let baselines: Vec<Baseline> = Baseline::ALL
        .iter()
        .copied()
        .filter(|baseline| {
            measured.iter().filter_map(|one| one.at_floor.as_ref()).any(|at| at.baselines.contains_key(baseline))
        })
        .collect();
    let mut titles = format!("{:>12}", "noise floor");
    for baseline in &baselines {
        let _ = write!(titles, " {:>12}", baseline.name());
    }
    let common = measured.first().and_then(sizes).filter(|first| measured.iter().all(|one| sizes(one) == Some(*first)));
    let of_floor = |one: &Measured| {
        let cell = |estimate: Option<&Estimate>| estimate.map_or_else(|| "-".to_owned(), number);
        let at_floor = one.at_floor.as_ref();
        let mut text = format!("{:>12}", cell(at_floor.map(|at_floor| &at_floor.floor)));
        for baseline in &baselines {
            let of_baseline = at_floor.and_then(|at_floor| at_floor.baselines.get(baseline));
            let _ = write!(text, " {:>12}", cell(of_baseline));
        }
        text
    };
    if let (Some(samples), true) = (common, measured.iter().all(Measured::is_at_floor)) {
        console::print(&format!("{:<20} {:>12} {titles}   ({samples} samples)", "metric", "value"));
        for one in measured {
            console::print(&format!("{:<20} {:>12} {}", one.metric.name(), number(&one.value), of_floor(one)));
        }
        return;
    }
    console::print(&format!(
        "{:<20} {:>12} {:>10} {:>13}   {:>12} {titles} {:>8}",
        "metric", "value", "±", "samples", "equal sizes", "samples"
    ));
    for one in measured {
        let std = one.value.std.map_or_else(String::new, |std| format!("{std:.6}"));
        let count = |samples: Option<usize>| samples.map_or_else(|| "-".to_owned(), |samples| samples.to_string());
        let samples = format!("{} / {}", count(one.samples[0]), count(one.samples[1]));
        let at_floor = one.at_floor.as_ref().and_then(|at_floor| at_floor.value.as_ref());
        console::print(&format!(
            "{:<20} {:>12} {std:>10} {samples:>13}   {:>12} {} {:>8}",
            one.metric.name(),
            number(&one.value),
            at_floor.map_or_else(|| "-".to_owned(), number),
            of_floor(one),
            count(sizes(one)),
        ));
    }
}

fn number(estimate: &Estimate) -> String {
    format!("{:.6}", estimate.value)
}
