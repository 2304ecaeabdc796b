//! The tables of metrics.

use std::collections::BTreeSet;

use gtn_run::schema::{Baseline, Direction, Statistic};
use gtn_run::{MetricRecord, MetricsLog, Stage};
use maud::{Markup, html};

use super::super::baselines;
use super::super::contents::Contents;
use super::super::text::{count, number};

/// The metrics, in tables with their headings; none if none were measured.
pub(in crate::report) fn metrics(contents: &Contents) -> Vec<(&'static str, Markup)> {
    let (of_inception, rest): (Vec<_>, Vec<_>) =
        contents.log.metrics().partition(|record| record.metric.is_of_inception());
    let (on_pixels, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(|record| record.metric.is_on_pixels());
    let notes_on_latents = [
        "Lower is better unless marked otherwise: ↑ higher is better, → closer to the given value is better.",
        " Noise floor: the score of real data against other real data, here as many training data against the held-out data that samples \
         are compared with. Samples that are smoother than real data can be below it.",
        " A single Gaussian and a mixture of Gaussians were fitted to the same training latents; apart from the autoencoder, \
         they need no network. The number of Gaussians is the best of several for a part of the training latents.",
    ];
    let notes_on_pixels = [
        "The same metrics on images instead of latents, pixel by pixel with values in [−1, 1].",
        " Noise floor: the score of other held-out real images.",
        " Reconstructed real images went through the autoencoder: their distance from the noise floor is caused by the \
         decoder, which also affects the samples.",
    ];
    let fid = contents.record.config.inception.as_ref().and_then(|settings| settings.fid.as_ref());
    let on_fid = fid.map(|fid| {
        format!(
            "FID compares {} features with those of as many training images, and depends on both numbers.",
            fid.dims
        )
    });
    let notes_on_inception = [
        on_fid.as_deref().unwrap_or_default(),
        " Noise floor: the value of other real images, training images for FID and held-out ones for the Inception Score.",
        " Reconstructed real images are those images after the autoencoder; generated images are hardly sharper.",
    ];
    let tables = [
        ("Metrics", others, notes_on_latents),
        ("Metrics of Inception networks", of_inception, notes_on_inception),
        ("Metrics on pixels", on_pixels, notes_on_pixels),
    ];
    let measured = tables.into_iter().filter(|(_, metrics, _)| !metrics.is_empty());
    let table = |(heading, metrics, [note, on_floors, on_baselines]): (_, Vec<&MetricRecord>, [&str; 3])| {
        let baselines = measured_baselines(&metrics);
        let body = html! {
            (metrics_table(&metrics, &contents.log))
            p.note {
                (note)
                @if metrics.iter().any(|record| record.floor.is_some()) { (on_floors) }
                @if !baselines.is_empty() { (on_baselines) }
                @if baselines.contains(&Baseline::Vae) { (ON_VAE) }
                @if baselines.contains(&Baseline::Flow) { (on_flow(contents)) }
            }
        };
        (heading, body)
    };
    measured.map(table).collect()
}

const ON_VAE: &str = " The variational autoencoder has the layers, the latent dimension and the training of the autoencoder, and \
                      decodes normal vectors; its images are compared as they are, and its latents are those of its images after \
                      the encoder of this run.";

/// What the flow is, and what its steps cost.
fn on_flow(contents: &Contents) -> String {
    let provenance = &contents.record.provenance;
    let milliseconds = |seconds: f64| format!("{} ms", number(1e3 * seconds));
    let steps = contents.log.stage(Stage::Label).and_then(|record| record.statistics.get(&Statistic::IntegrationSteps));
    let mut text =
        " The flow itself is what ĥ learned its pairs from, followed step by step from the same normal vectors."
            .to_owned();
    if let (Some(h), Some(flow), Some(steps)) = (provenance.h_sample_seconds, provenance.flow_sample_seconds, steps) {
        text.push_str(&format!(
            " A latent takes {} by one pass of ĥ, and {} by {} steps of the flow.",
            milliseconds(h),
            milliseconds(flow),
            count(*steps as usize)
        ));
    }
    text
}

/// The baselines that at least one metric has.
fn measured_baselines(metrics: &[&MetricRecord]) -> BTreeSet<Baseline> {
    metrics.iter().flat_map(|record| record.baselines.keys().copied()).collect()
}

/// The mark behind a metric's title.
pub(in crate::report) fn mark(direction: Direction) -> String {
    match direction {
        Direction::LowerIsBetter => String::new(),
        Direction::HigherIsBetter => " ↑".to_owned(),
        Direction::CloserTo(value) => format!(" → {value}"),
    }
}

fn metrics_table(metrics: &[&MetricRecord], log: &MetricsLog) -> Markup {
    let measured = measured_baselines(metrics);
    html! {
        div.wide { table.metrics.with-baselines[!measured.is_empty()] {
            thead { tr {
                th { "Metric" } th.number { "Value" } th.number { "Noise floor" }
                @for baseline in &measured { th.number { (baselines::title(*baseline, log)) } }
                th.number { "Samples" }
            } }
            tbody {
                @for record in metrics {
                    tr {
                        td.name {
                            (record.metric.title()) (mark(record.metric.direction()))
                            div.meaning { (record.metric.definition()) " Unit: " (record.metric.unit()) "." }
                        }
                        td.number data-label="Value" { (number(record.value)) }
                        (value_or_dash("Noise floor", record.floor))
                        @for baseline in &measured {
                            (value_or_dash(&baselines::title(*baseline, log), record.baselines.get(baseline).copied()))
                        }
                        td.number data-label="Samples" { (count(record.samples)) }
                    }
                }
            }
        } }
    }
}

/// A cell with the title of its column, which narrow screens show in it.
fn value_or_dash(column: &str, value: Option<f64>) -> Markup {
    html! { td.number data-label=(column) { @match value { Some(value) => (number(value)), None => span.missing { "–" } } } }
}
