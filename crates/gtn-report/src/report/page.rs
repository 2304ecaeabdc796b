//! The report as HTML: one file, no scripts, nothing fetched from elsewhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gtn_run::config::{AutoencoderWeights, Training};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::facts::{STAGES, explain};
use super::text::{count, duration, number, summary};
use super::{Contents, Grid};

const STYLE: &str = include_str!("style.css");

pub(super) fn html(contents: &Contents) -> String {
    let config = &contents.record.config;
    let title = format!(
        "{}, d = {}, {} protocol, seed {}{}",
        config.experiment,
        config.dim,
        config.protocol,
        config.seed,
        if config.quick { ", quick" } else { "" }
    );
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "GTN run: " (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.kicker { "Generative Topological Network" }
                    h1 { (config.experiment) }
                    dl.chips {
                        (chip("latent dimension d", &config.dim.to_string()))
                        (chip("protocol", &config.protocol.to_string()))
                        (chip("seed", &config.seed.to_string()))
                        @if config.quick { (chip("quick", "yes")) }
                        @if let Some(limit) = config.data.limit { (chip("image limit", &count(limit))) }
                    }
                    p.summary { (summary(&contents.record, &contents.log)) }
                }
                main {
                    (images(contents))
                    (curves(contents))
                    (facts(contents))
                    (times(contents))
                    (configuration(contents))
                    (reproduction(contents))
                }
            }
        }
    };
    page.into_string()
}

fn chip(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

fn images(contents: &Contents) -> Markup {
    let generated = &contents.generated;
    let decoded = &contents.decoded;
    html! {
        section {
            h2 { "Samples" }
            div.pair {
                (grid(generated, "Generated", "images, decoded from what ĥ made of normal vectors.", "generated images"))
                (grid(decoded, "Decoded real latents", "images of the data set, encoded and decoded: the best that the \
                    decoder can show.", "real images after the autoencoder"))
            }
        }
    }
}

fn grid(grid: &Grid, name: &str, caption: &str, alt: &str) -> Markup {
    let images = count(grid.images);
    html! {
        figure {
            img src={ "data:image/png;base64," (STANDARD.encode(&grid.png)) } width=(grid.width) height=(grid.height)
                alt={ "A grid of " (images) " " (alt) } title={ (name) ": " (images) " images" };
            figcaption { b { (name) "." } " " (images) " " (caption) }
        }
    }
}

fn curves(contents: &Contents) -> Markup {
    let of = |svg: &Option<String>, name: &str, loss: &str| {
        html! {
            @match svg {
                Some(svg) => figure {
                    (PreEscaped(inline(svg, &format!("Training and validation loss of {name} against the epoch"))))
                    figcaption { "The loss of " (name) " is " (loss) ". The circle marks the lowest validation loss." }
                },
                None => p.missing { "No epochs of " (name) " are recorded." },
            }
        }
    };
    html! {
        section {
            h2 { "Losses" }
            div.pair {
                (of(&contents.autoencoder, "the autoencoder", "the mean squared error of the decoded images"))
                (of(&contents.h, "the network ĥ", "the mean squared error of its latents"))
            }
        }
    }
}

/// The picture with a name for those who cannot see it.
fn inline(svg: &str, name: &str) -> String {
    let name = html! { title { (name) } }.into_string();
    let svg = svg.trim_end().replacen("<svg ", "<svg role=\"img\" ", 1);
    svg.replacen('>', &format!(">{name}"), 1)
}

fn facts(contents: &Contents) -> Markup {
    let recorded = || STAGES.iter().filter_map(|(stage, does)| Some((contents.log.stage(*stage)?, does)));
    html! {
        section {
            h2 { "What was found" }
            @if recorded().all(|(record, _)| record.facts.is_empty()) {
                p.missing { "No facts are recorded." }
            } @else {
                div.wide { table.facts {
                    @for (record, does) in recorded().filter(|(record, _)| !record.facts.is_empty()) {
                        tbody {
                            tr { th colspan="3" scope="rowgroup" { (record.stage) span.does { " " (does) } } }
                            @for (name, value) in &record.facts {
                                @let known = explain(record.stage, name);
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

fn times(contents: &Contents) -> Markup {
    let total: f64 = STAGES.iter().filter_map(|(stage, _)| contents.log.stage(*stage)).map(|r| r.seconds).sum();
    html! {
        section {
            h2 { "Time" }
            div.wide { table {
                thead { tr { th { "Stage" } th { "What it does" } th.number { "Time" } th.number { "Seconds" } } }
                tbody {
                    @for (stage, does) in STAGES {
                        tr {
                            td { (stage) }
                            td { (does) }
                            @match contents.log.stage(stage) {
                                Some(record) => {
                                    td.number { (duration(record.seconds)) }
                                    td.number { (format!("{:.2}", record.seconds)) }
                                }
                                None => td.number.missing colspan="2" { "not recorded" },
                            }
                        }
                    }
                }
                tfoot { tr {
                    th colspan="2" { "Total" }
                    td.number { (duration(total)) }
                    td.number { (format!("{total:.2}")) }
                } }
            } }
        }
    }
}

type Setting = fn(&Training) -> String;

fn yes(flag: bool) -> &'static str {
    if flag { "yes" } else { "no" }
}

fn configuration(contents: &Contents) -> Markup {
    let config = &contents.record.config;
    let weights = match config.autoencoder.weights {
        AutoencoderWeights::Best => "those of its best epoch, encoder and decoder",
        AutoencoderWeights::LastEncoderBestDecoder => "the last epoch's encoder with the best epoch's decoder",
    };
    let (autoencoder, h) = (&config.autoencoder.training, &config.h.training);
    let rows: [(&str, Setting); 6] = [
        ("Most epochs", |t| count(t.epochs)),
        ("Patience, in epochs", |t| count(t.patience)),
        ("Batch", |t| count(t.batch)),
        ("Learning rate (Adam)", |t| t.learning_rate.to_string()),
        ("L2", |t| t.l2.to_string()),
        ("A smaller last batch is left out", |t| yes(t.drop_last).to_owned()),
    ];
    html! {
        section {
            h2 { "Configuration" }
            div.wide { table {
                thead { tr { th { "Training" } th.number { "autoencoder" } th.number { "ĥ" } } }
                tbody {
                    @for (name, value) in rows {
                        tr { td { (name) } td.number { (value(autoencoder)) } td.number { (value(h)) } }
                    }
                }
            } }
            ul {
                li { "ĥ has " (config.h.hidden_layers) " hidden layers of " (count(config.h.width)) " units, LeakyReLU with \
                    slope " (config.h.slope) ", and BatchNorm on the first " (config.h.batch_norm_layers) "." }
                li { "Weights of the autoencoder that are used: " (weights) "." }
                li { "The mean of the training latents is subtracted before Algorithm 1: " (yes(config.label.centre)) "." }
                li { "Share of the images that is trained on: " (config.data.train_share) "." }
            }
            details {
                summary { "The whole of " code { "config.toml" } }
                pre { code { (contents.toml) } }
            }
        }
    }
}

fn reproduction(contents: &Contents) -> Markup {
    let provenance = &contents.record.provenance;
    let rows = [
        ("Version", Some(&provenance.version).filter(|version| !version.is_empty())),
        ("Git revision", provenance.git_revision.as_ref()),
        ("SHA-256 of the data", provenance.data.as_ref()),
    ];
    html! {
        section {
            h2 { "How to reproduce it" }
            @match &provenance.command {
                Some(command) => {
                    p { "The same program with the same data makes this run by" }
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
