//! The report as HTML: one file without scripts and without external resources.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gtn_run::config::Normalize;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::contents::Contents;
use super::section::{Figure, Image, Item, Section};
use super::standing::standing;
use super::summary::summary;
use super::tables;
use super::text::{self, count};
use crate::subscripts::with_subscripts;

const STYLE: &str = include_str!("style.css");

/// Figures wider than this, in pixels, scroll on narrow screens instead of shrinking until they are illegible.
const SCROLL_WIDTH: u32 = 600;

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
    let header = html! {
        p.kicker { "Generative Topological Network" }
        h1 { (config.experiment) }
        dl.chips { @for (name, value) in chips(contents) { div { dt { (name) } dd { (value) } } } }
        @if let Some(standing) = standing(&contents.log) { p.summary { b { (standing) } } }
        p.summary { (summary(contents)) }
    };
    let main = html! {
        @for section in &contents.sections { (self::section(section)) }
        (tables::metrics(contents))
        (tables::statistics(contents))
        (tables::times(contents))
        (tables::configuration(contents))
        (tables::reproduction(contents))
    };
    document(&format!("GTN run: {title}"), &header, &main)
}

/// The HTML file.
pub(super) fn document(title: &str, header: &Markup, main: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header { (header) }
                main { (main) }
            }
        }
    };
    page.into_string()
}

fn chips(Contents { record, data_set, .. }: &Contents) -> Vec<(&'static str, String)> {
    let config = &record.config;
    let mut chips = vec![
        (data_set.dimension, config.dim.to_string()),
        ("protocol", config.protocol.to_string()),
        ("seed", config.seed.to_string()),
    ];
    if data_set.points.is_some() {
        let pairing = config.pairing.method.title();
        let normalize = match config.pairing.normalize {
            Normalize::None => "not normalized",
            Normalize::Center => "centered",
            Normalize::Standardize => "standardized",
        };
        chips.extend([("pairing", pairing.to_owned()), ("data", normalize.to_owned())]);
    }
    if config.quick {
        chips.push(("quick", "yes".to_owned()));
    }
    if let Some(limit) = config.data.limit() {
        chips.push((data_set.limit, count(limit)));
    }
    if let Some(budget) = config.total_budget() {
        chips.push(("time budget", text::budget(budget)));
    }
    chips
}

pub(super) fn section(section: &Section) -> Markup {
    html! {
        section {
            h2 { (section.heading) }
            div class=(if section.side_by_side { "pair" } else { "stack" }) {
                @for item in &section.items {
                    @match item {
                        Item::Figure(figure) => (self::figure(figure)),
                        Item::Text(text) => p.text { (text) },
                        Item::Missing(reason) => p.missing { (reason) },
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
                        alt=(figure.alt);
                }
                Image::Svg { text, width } => {
                    div.wide-figure[*width > SCROLL_WIDTH] style={ "max-width:" (width) "px" } {
                        (PreEscaped(inline_svg(text, &figure.alt)))
                    }
                }
            }
            figcaption {
                b { (figure.title) "." } " "
                (with_subscripts(&figure.caption, |letter, rest| html! { sub { (letter) } (rest) }))
            }
        }
    }
}

/// The SVG image with an alternative text.
fn inline_svg(svg: &str, alt: &str) -> String {
    let title = html! { title { (alt) } }.into_string();
    let svg = svg.trim_end().replacen("<svg ", "<svg role=\"img\" ", 1);
    svg.replacen('>', &format!(">{title}"), 1)
}
