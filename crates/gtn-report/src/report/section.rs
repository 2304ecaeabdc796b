//! The parts of a page: sections, and figures with their captions. Each figure is also a file.

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
    Svg { text: String, width: u32 },
    Png { bytes: Vec<u8>, width: usize, height: usize },
}

impl Figure {
    /// A figure from a canvas.
    pub(super) fn svg(
        file: &'static str,
        canvas: Canvas,
        title: &str,
        caption: String,
        alt: impl Into<String>,
    ) -> Self {
        let width = canvas.width();
        let image = Image::Svg { text: canvas.finish(), width };
        Self { file, image, title: title.to_owned(), caption, alt: alt.into() }
    }

    /// The bytes of its file.
    pub(super) fn bytes(&self) -> &[u8] {
        match &self.image {
            Image::Svg { text, .. } => text.as_bytes(),
            Image::Png { bytes, .. } => bytes,
        }
    }
}

impl Image {
    pub(super) fn png(raster: &Raster) -> Result<Self> {
        Ok(Self::Png { bytes: raster.to_png()?, width: raster.width(), height: raster.height() })
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
