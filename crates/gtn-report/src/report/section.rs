//! The parts of a page: sections, and figures with their captions. Each figure is also a file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};

use crate::canvas::{Canvas, Omitted};
use crate::{Raster, Result};

use super::text::count;

/// Items with a common heading.
pub(super) struct Section {
    pub(super) heading: &'static str,
    /// Whether figures are next to each other where there is room.
    pub(super) side_by_side: bool,
    pub(super) items: Vec<Item>,
}

/// A figure, a paragraph, or the reason why there is no figure.
pub(super) enum Item {
    Figure(Figure),
    Text(String),
    Missing(String),
}

impl Item {
    pub(super) fn figure(&self) -> Option<&Figure> {
        match self {
            Item::Figure(figure) => Some(figure),
            Item::Text(_) | Item::Missing(_) => None,
        }
    }
}

/// An image with its caption.
pub(super) struct Figure {
    /// The file name in `figures/`.
    pub(super) file: &'static str,
    pub(super) image: Image,
    /// The title, which begins the caption.
    pub(super) title: String,
    /// What the figure shows, and what to look for.
    pub(super) caption: String,
    /// The alternative text for screen readers.
    pub(super) alt: String,
}

/// An image in the format of its file.
pub(super) enum Image {
    Svg { text: String, width: u32, height: u32, halves: Option<[(i32, i32); 2]> },
    Raster { png: Vec<u8>, embedded: Embedded },
}

/// An image as the page contains it.
pub(super) struct Embedded {
    /// As in `image/png`.
    pub(super) kind: &'static str,
    pub(super) bytes: Vec<u8>,
    /// Size on the page, in pixels.
    pub(super) width: usize,
    pub(super) height: usize,
    /// How many times as large as the file it is shown.
    pub(super) factor: usize,
}

/// A small grid of images under its caption.
pub(super) struct Thumbnails {
    pub(super) title: String,
    pub(super) note: &'static str,
    pub(super) image: Embedded,
}

/// A larger PNG file is not embedded, but a JPEG file of the same image, if that is smaller.
const MAX_EMBEDDED_PNG: usize = 128 << 10;
/// A JPEG file that would be larger has less quality, so that a report of 200 images stays below 3 MB.
const MAX_EMBEDDED_JPEG: usize = 384 << 10;

impl Figure {
    /// A figure from a canvas.
    pub(super) fn svg(
        file: &'static str,
        canvas: Canvas,
        title: &str,
        caption: String,
        alt: impl Into<String>,
    ) -> Self {
        let (width, height, halves) = (canvas.width(), canvas.height(), canvas.halves());
        let image = Image::Svg { text: canvas.finish(), width, height, halves };
        Self { file, image, title: title.to_owned(), caption, alt: alt.into() }
    }

    /// The bytes of its file.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.image {
            Image::Svg { text, .. } => text.as_bytes(),
            Image::Raster { png, .. } => png,
        }
    }
}

impl Image {
    /// An image that is shown `factor` times as large. Its file has that size.
    pub(super) fn raster(raster: &Raster, factor: usize) -> Result<Self> {
        Ok(Self::Raster { png: raster.upscaled(factor)?.to_png()?, embedded: Embedded::new(raster, factor)? })
    }
}

impl Embedded {
    /// An image that is shown `factor` times as large.
    pub(super) fn new(raster: &Raster, factor: usize) -> Result<Self> {
        let png = raster.to_png()?;
        let jpeg = if png.len() > MAX_EMBEDDED_PNG { Some(raster.to_jpeg(MAX_EMBEDDED_JPEG)?) } else { None };
        let (kind, bytes) = match jpeg.filter(|jpeg| jpeg.len() < png.len()) {
            Some(jpeg) => ("image/jpeg", jpeg),
            None => ("image/png", png),
        };
        Ok(Self { kind, bytes, width: factor * raster.width(), height: factor * raster.height(), factor })
    }

    /// The image with an alternative text.
    pub(super) fn markup(&self, alt: &str) -> Markup {
        html! {
            img.enlarged[self.factor > 1] src={ "data:" (self.kind) ";base64," (STANDARD.encode(&self.bytes)) } width=(self.width)
                height=(self.height) alt=(alt);
        }
    }
}

/// The points that a figure does not show, as a sentence to append to its caption; empty if it shows all.
pub(super) fn omissions(omitted: Omitted) -> String {
    omissions_in("", omitted)
}

/// The same for a figure of several panels that show the same samples.
pub(super) fn omissions_of_all_panels(omitted: Omitted) -> String {
    omissions_in(" (total over all panels)", omitted)
}

fn omissions_in(place: &str, omitted: Omitted) -> String {
    let counts = [(omitted.not_finite, "not finite"), (omitted.outside, "outside the frame")];
    let points = |(number, property)| match number {
        1 => format!("1 point that is {property}"),
        number => format!("{} points that are {property}", count(number)),
    };
    let parts: Vec<String> = counts.into_iter().filter(|(number, _)| *number > 0).map(points).collect();
    if parts.is_empty() { String::new() } else { format!(" Not shown{place}: {}.", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn omitted_points_are_counted_in_a_sentence() {
        let omitted = |not_finite, outside| Omitted { not_finite, outside };
        assert_eq!(omissions(omitted(0, 0)), "");
        assert_eq!(omissions(omitted(5000, 0)), " Not shown: 5,000 points that are not finite.");
        assert_eq!(
            omissions_of_all_panels(omitted(1, 2)),
            " Not shown (total over all panels): 1 point that is not finite, 2 points that are outside the frame."
        );
    }
}
