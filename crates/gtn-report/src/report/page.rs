//! The report as HTML: one file, no scripts, nothing fetched from elsewhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gtn_run::Config;
use gtn_run::config::{Normalize, Pairing};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Contents;
use super::section::{Figure, Image, Item, Section};
use super::tables;
use super::text::{self, count, summary};

const STYLE: &str = include_str!("style.css");

/// Figures wider than this, in pixels, are scrolled on narrow screens instead of shrunk until nothing can be read.
const PANORAMA: u32 = 600;

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
                    dl.chips { @for (name, value) in chips(config) { div { dt { (name) } dd { (value) } } } }
                    p.summary { (summary(&contents.record, &contents.log)) }
                }
                main {
                    @for part in &contents.sections { (section(part)) }
                    (tables::metrics(contents))
                    (tables::facts(contents))
                    (tables::times(contents))
                    (tables::configuration(contents))
                    (tables::reproduction(contents))
                }
            }
        }
    };
    page.into_string()
}

fn chips(config: &Config) -> Vec<(&'static str, String)> {
    let images = config.data.are_images();
    let dimension = if images { "latent dimension d" } else { "source dimension d" };
    let mut chips = vec![
        (dimension, config.dim.to_string()),
        ("protocol", config.protocol.to_string()),
        ("seed", config.seed.to_string()),
    ];
    if !images {
        let pairing = match config.label.pairing {
            Pairing::Greedy => "Algorithm 1",
            Pairing::Sorted => "sorted (Figure 2)",
        };
        let normalize = match config.label.normalize {
            Normalize::AsIs => "as they are",
            Normalize::Center => "centered",
            Normalize::Standardize => "standardized",
        };
        chips.extend([("labeling", pairing.to_owned()), ("data", normalize.to_owned())]);
    }
    if config.quick {
        chips.push(("quick", "yes".to_owned()));
    }
    if let Some(limit) = config.data.limit() {
        chips.push((if images { "image limit" } else { "point limit" }, count(limit)));
    }
    if let Some(budget) = config.time_budget {
        chips.push(("time budget", text::budget(budget)));
    }
    chips
}

fn section(section: &Section) -> Markup {
    html! {
        section {
            h2 { (section.heading) }
            div class=(if section.side_by_side { "pair" } else { "stack" }) {
                @for item in &section.items {
                    @match item {
                        Item::Figure(figure) => (self::figure(figure)),
                        Item::Text(text) => p.text { (text) },
                        Item::Missing(why) => p.missing { (why) },
                    }
                }
            }
        }
    }
}

fn figure(figure: &Figure) -> Markup {
    html! {
        figure {
            @match &figure.image {
                Image::Png { bytes, width, height } => {
                    img src={ "data:image/png;base64," (STANDARD.encode(bytes)) } width=(width) height=(height)
                        alt=(figure.name);
                }
                Image::Svg { text, width } => {
                    div.panorama[*width > PANORAMA] style={ "max-width:" (width) "px" } {
                        (PreEscaped(inline(text, &figure.name)))
                    }
                }
            }
            figcaption { b { (figure.lead) "." } " " (lowered(&figure.caption)) }
        }
    }
}

/// A text in which the letter after `_` stands lower.
fn lowered(text: &str) -> Markup {
    let mut parts = text.split('_');
    let first = parts.next().unwrap_or_default();
    html! {
        (first)
        @for part in parts {
            @let end = part.chars().next().map_or(0, char::len_utf8);
            sub { (&part[..end]) } (&part[end..])
        }
    }
}

/// The picture with a name for those who cannot see it.
fn inline(svg: &str, name: &str) -> String {
    let name = html! { title { (name) } }.into_string();
    let svg = svg.trim_end().replacen("<svg ", "<svg role=\"img\" ", 1);
    svg.replacen('>', &format!(">{name}"), 1)
}
