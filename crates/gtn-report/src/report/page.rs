//! The report as HTML: one file without scripts and without external resources.

use gtn_run::config::Normalize;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::contents::Contents;
use super::first_screen::first_screen;
use super::section::{Figure, Image, Item, Section};
use super::summary::summary;
use super::tables;
use super::text::{self, count};
use crate::canvas::FONT_SIZE;
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
    let parts = parts(contents);
    let header = html! {
        p.kicker { "Generative Topological Network" }
        h1 { (config.experiment) }
        (first_screen(contents))
        nav aria-label="Contents" { @for (heading, _) in &parts { a href={ "#" (anchor(heading)) } { (heading) } } }
    };
    let main = html! {
        @for (heading, body) in &parts {
            section id=(anchor(heading)) {
                h2 { a href={ "#" (anchor(heading)) } { (heading) } }
                (body)
            }
        }
    };
    document(&format!("GTN run: {title}"), &header, &main)
}

/// The parts of the report with their headings.
fn parts(contents: &Contents) -> Vec<(&'static str, Markup)> {
    let run = html! {
        dl.chips { @for (name, value) in chips(contents) { div { dt { (name) } dd { (value) } } } }
        p.summary { (summary(contents)) }
    };
    let sections = contents.sections.iter().map(|section| (section.heading, items(section)));
    let mut parts = vec![("The run", run)];
    parts.extend(sections);
    parts.extend(tables::metrics(contents));
    parts.extend(contents.since_previous.clone().map(|difference| ("Since the previous run", difference)));
    parts.extend([
        ("Statistics", tables::statistics(contents)),
        ("Time", tables::times(contents)),
        ("Configuration", tables::configuration(contents)),
        ("Reproduction", tables::reproduction(contents)),
    ]);
    parts
}

/// What a heading is called in links.
fn anchor(heading: &str) -> String {
    let words = heading.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect::<Vec<_>>().join("-")
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

/// A section of another page.
pub(super) fn section(section: &Section) -> Markup {
    html! { section { h2 { (section.heading) } (items(section)) } }
}

fn items(section: &Section) -> Markup {
    html! {
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

fn figure(figure: &Figure) -> Markup {
    html! {
        figure {
            @match &figure.image {
                Image::Raster { embedded: image, .. } => (image.markup(&figure.alt)),
                Image::Svg { text, width, height, halves } => {
                    @match halves.filter(|_| *width > SCROLL_WIDTH) {
                        None => {
                            div.wide-figure[*width > SCROLL_WIDTH] style={ "max-width:" (width) "px" } {
                                (PreEscaped(inline_svg(text, &figure.alt, None)))
                            }
                        }
                        Some(halves) => {
                            @let id = anchor(figure.file);
                            div.whole style={ "max-width:" (width) "px" } { (PreEscaped(inline_svg(text, &figure.alt, Some(&id)))) }
                            div.halves aria-hidden="true" {
                                @for (left, width) in halves {
                                    svg viewBox=(format!("{left} 0 {width} {height}")) font-family="sans-serif" font-size=(FONT_SIZE) { use href={ "#" (id) } {} }
                                }
                            }
                        }
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

/// The SVG image with an alternative text. With an ID, its contents can be shown in parts.
fn inline_svg(svg: &str, alt: &str, id: Option<&str>) -> String {
    let title = html! { title { (alt) } }.into_string();
    let svg = svg.trim_end().replacen("<svg ", "<svg role=\"img\" ", 1);
    match (id, svg.strip_suffix("</svg>")) {
        (Some(id), Some(open)) => {
            format!("{}</g></svg>", open.replacen('>', &format!(">{title}<g id=\"{id}\">"), 1))
        }
        _ => svg.replacen('>', &format!(">{title}"), 1),
    }
}
