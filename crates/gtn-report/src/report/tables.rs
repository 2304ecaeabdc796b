//! The tables of the page: figures of merit, facts, times, settings, origin.

use std::collections::BTreeSet;

use gtn_run::config::{AutoencoderWeights, Data, Normalize, Pairing, Precision, Training};
use gtn_run::{Config, EpochRecord, MetricRecord, Stage};
use maud::{Markup, html};

use super::Contents;
use super::facts::{does, explain, explain_metric};
use super::text::{self, count, duration, number};

/// What the names of figures start with that compare images, and not latents or points.
const ON_PIXELS: &str = "pixel_";

/// The figures of merit; nothing if none was measured.
pub(super) fn metrics(contents: &Contents) -> Markup {
    let (on_pixels, others): (Vec<_>, Vec<_>) =
        contents.log.metrics().partition(|metric| metric.metric.starts_with(ON_PIXELS));
    html! {
        @if !others.is_empty() {
            section {
                h2 { "Metrics" }
                (table_of(&others))
                p.note {
                    "0 is best where nothing else is said."
                    @if has_floors(&others) { " The floor is what fresh real data reach in place of the generated ones, real \
                        against real: up to chance, as good as it gets." }
                    @if !baselines(&others).is_empty() { " One Gaussian, and a mixture of ten, were fitted to the same training \
                        latents and measured in the same way: what they reach needs no network but the autoencoder." }
                }
            }
        }
        @if !on_pixels.is_empty() {
            section {
                h2 { "Metrics on pixels" }
                (table_of(&on_pixels))
                p.note {
                    "The same figures of images instead of latents, pixel by pixel with values in [−1, 1]; 0 is best where \
                     nothing else is said."
                    @if has_floors(&on_pixels) { " The floor is what other held-out real images reach, as they are." }
                    @if !baselines(&on_pixels).is_empty() { " Decoded real latents are the same images after the autoencoder: \
                        what separates them from the floor is the decoder's doing, in samples, too." }
                }
            }
        }
    }
}

fn has_floors(metrics: &[&MetricRecord]) -> bool {
    metrics.iter().any(|metric| metric.floor.is_some())
}

/// The names of what stands beside the samples.
fn baselines<'a>(metrics: &[&'a MetricRecord]) -> BTreeSet<&'a String> {
    metrics.iter().flat_map(|metric| metric.baselines.keys()).collect()
}

fn table_of(metrics: &[&MetricRecord]) -> Markup {
    let baselines = baselines(metrics);
    html! {
        div.wide { table.metrics.beside[!baselines.is_empty()] {
            thead { tr {
                th { "Metric" } th.number { "Value" } th.number { "Floor" }
                @for baseline in &baselines { th.number { (named(baseline)) } }
                th.number { "Samples" }
                th.meaning { "What it is" }
            } }
            tbody {
                @for metric in metrics {
                    @let known = explain_metric(&metric.metric);
                    tr {
                        td.name { @match known { Some((human, _)) => (human), None => code { (metric.metric) } } }
                        td.number { (number(metric.value)) }
                        td.number {
                            @match metric.floor { Some(floor) => (number(floor)), None => span.missing { "–" } }
                        }
                        @for baseline in &baselines {
                            td.number {
                                @match metric.baselines.get(*baseline) {
                                    Some(value) => (number(*value)),
                                    None => span.missing { "–" },
                                }
                            }
                        }
                        td.number { (count(metric.samples)) }
                        td.meaning { @if let Some((_, meaning)) = known { (meaning) } }
                    }
                }
            }
        } }
    }
}

/// The name of a baseline for people.
fn named(baseline: &str) -> &str {
    match baseline {
        "decoded" => "Decoded real ones",
        "gaussian" => "One Gaussian",
        "mixture" => "Mixture of ten",
        other => other,
    }
}

/// What the stages found.
pub(super) fn facts(contents: &Contents) -> Markup {
    let config = &contents.record.config;
    let recorded = || Stage::ALL.iter().filter_map(|stage| contents.log.stage(*stage));
    html! {
        section {
            h2 { "What was found" }
            @if recorded().all(|record| record.facts.is_empty()) {
                p.missing { "No facts are recorded." }
            } @else {
                div.wide { table.facts {
                    @for record in recorded().filter(|record| !record.facts.is_empty()) {
                        tbody {
                            tr {
                                th colspan="3" scope="rowgroup" {
                                    (record.stage) span.does { " " (does(record.stage, config)) }
                                }
                            }
                            @for (name, value) in &record.facts {
                                @let known = explain(record.stage, name, config);
                                tr {
                                    td.name { @match known { Some((human, _)) => (human), None => code { (name) } } }
                                    td.number { (number(*value)) }
                                    td.meaning { @if let Some((_, meaning)) = known { (meaning) } }
                                }
                            }
                        }
                    }
                } }
            }
        }
    }
}

pub(super) fn times(contents: &Contents) -> Markup {
    let config = &contents.record.config;
    let stages = || config.stages().into_iter().map(|stage| (stage, contents.log.stage(stage)));
    let total: f64 = stages().filter_map(|(_, record)| record).map(|record| record.seconds).sum();
    html! {
        section {
            h2 { "Time" }
            div.wide { table {
                thead { tr { th { "Stage" } th { "What it does" } th.number { "Time" } th.number { "Seconds" }
                    th.number { "Waiting for data" } } }
                tbody {
                    @for (stage, record) in stages() {
                        tr {
                            td { (stage) }
                            td { (does(stage, config)) }
                            @match record {
                                Some(record) => {
                                    td.number { (duration(record.seconds)) }
                                    td.number { (format!("{:.2}", record.seconds)) }
                                    td.number { (waiting(contents, stage)) }
                                }
                                None => td.number.missing colspan="3" { "not recorded" },
                            }
                        }
                    }
                }
                tfoot { tr {
                    th colspan="2" { "Total" }
                    td.number { (duration(total)) }
                    td.number { (format!("{total:.2}")) }
                    td {}
                } }
            } }
        }
    }
}

/// The share of a stage's time in which steps waited for their data; nothing for stages without epochs.
fn waiting(contents: &Contents, stage: Stage) -> String {
    let sum = |of: fn(&EpochRecord) -> f64| contents.log.epochs(stage).map(of).sum::<f64>();
    let seconds = sum(|epoch| epoch.seconds);
    if seconds > 0.0 { format!("{:.1}%", 100.0 * sum(|epoch| epoch.waited) / seconds) } else { String::new() }
}

type Setting = fn(&Training) -> String;

fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

pub(super) fn configuration(contents: &Contents) -> Markup {
    let config = &contents.record.config;
    let rows: [(&str, Setting); 6] = [
        ("Most epochs", |t| count(t.epochs)),
        ("Patience, in epochs", |t| count(t.patience)),
        ("Batch", |t| count(t.batch)),
        ("Learning rate (Adam)", |t| t.learning_rate.to_string()),
        ("L2", |t| t.l2.to_string()),
        ("A smaller last batch is left out", |t| yes(t.drop_last).to_owned()),
    ];
    let autoencoder = config.autoencoder.iter().map(|autoencoder| ("autoencoder", &autoencoder.training));
    let networks: Vec<(&str, &Training)> = autoencoder.chain([("ĥ", &config.h.training)]).collect();
    html! {
        section {
            h2 { "Configuration" }
            div.wide { table {
                thead { tr { th { "Training" } @for (name, _) in &networks { th.number { (name) } } } }
                tbody {
                    @for (name, value) in rows {
                        tr { td { (name) } @for (_, training) in &networks { td.number { (value(training)) } } }
                    }
                }
            } }
            ul { @for sentence in settings(config) { li { (sentence) } } }
            details {
                summary { "The whole of " code { "config.toml" } }
                pre { code { (contents.toml) } }
            }
        }
    }
}

/// The settings that are no numbers of a training.
fn settings(config: &Config) -> Vec<String> {
    let h = &config.h;
    let mut settings = vec![format!(
        "ĥ has {} hidden layers of {} units, LeakyReLU with slope {}, and {}.",
        h.hidden_layers,
        count(h.width),
        h.slope,
        match h.batch_norm_layers {
            0 => "no BatchNorm".to_owned(),
            layers => format!("BatchNorm on the first {layers}"),
        }
    )];
    if let Some(autoencoder) = &config.autoencoder {
        let weights = match autoencoder.weights {
            AutoencoderWeights::Best => "those of its best epoch, encoder and decoder",
            AutoencoderWeights::LastEncoderBestDecoder => "the last epoch's encoder with the best epoch's decoder",
        };
        settings.push(format!("Weights of the autoencoder that are used: {weights}."));
    }
    let data = if config.data.are_images() { "latents" } else { "data" };
    settings.push(match config.label.normalize {
        Normalize::AsIs => format!("The {data} are paired as they are."),
        Normalize::Center => format!("The mean of the training {data} is subtracted before they are paired."),
        Normalize::Standardize => format!(
            "Before they are paired, the {data} are standardized by their training part: the mean is subtracted, and each \
             coordinate divided by its standard deviation."
        ),
    });
    let pairing = match (config.label.pairing, config.label.precision) {
        (Pairing::Greedy, Precision::Double) => "Algorithm 1",
        (Pairing::Greedy, Precision::Single) => "Algorithm 1, which compares cosines in single precision",
        (Pairing::Sorted, _) => "the sorted labeling (Figure 2)",
    };
    settings.push(format!("Pairs are made by {pairing}."));
    settings.push(match &config.data {
        Data::Mnist(images) => format!("Share of the images that is trained on: {}.", images.train_share),
        Data::Celeba(photos) | Data::Hap(photos) => match &photos.filter {
            None => "The images are split as their publishers did.".to_owned(),
            Some(filter) => format!("The images are split as their publishers did, and only those of {filter} taken."),
        },
        Data::SwissRoll(drawn) | Data::Uniform(drawn) => {
            let (train, validation) = drawn.sizes();
            format!("Points drawn: {} to train on, {} to validate on.", count(train), count(validation))
        }
    });
    if matches!(config.data, Data::Celeba(_) | Data::Hap(_)) {
        let rule =
            "The paper ends the training of ĥ by the Inception score of its samples; here the validation loss decides.";
        settings.push(rule.to_owned());
    }
    if let Some(budget) = config.time_budget {
        settings.push(format!("Time budget: {}, after which training ends.", text::budget(budget)));
    }
    settings
}

pub(super) fn reproduction(contents: &Contents) -> Markup {
    let provenance = &contents.record.provenance;
    let rows = [
        ("Version", Some(&provenance.version).filter(|version| !version.is_empty())),
        ("Git revision", provenance.git_revision.as_ref()),
        ("Device", provenance.device.as_ref()),
        ("SHA-256 of the data", provenance.data.as_ref()),
    ];
    let data = if contents.record.config.data.are_images() { " with the same data" } else { "" };
    html! {
        section {
            h2 { "How to reproduce it" }
            @match &provenance.command {
                Some(command) => {
                    p { "The same program" (data) " makes this run by" }
                    pre { code { (command) } }
                }
                None => p.missing { "The command is not recorded." },
            }
            dl.origin {
                @for (name, value) in rows {
                    dt { (name) }
                    dd { @match value { Some(value) => code { (value) }, None => span.missing { "not recorded" } } }
                }
            }
        }
    }
}
