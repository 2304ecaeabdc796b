//! What a page is made of: sections of figures, each figure a file too.

use crate::canvas::{Canvas, LeftOut};
use crate::{Picture, Result};

use super::text::count;

/// Figures under one heading.
pub(super) struct Section {
    pub(super) heading: &'static str,
    /// Whether its figures stand side by side where there is room.
    pub(super) side_by_side: bool,
    pub(super) items: Vec<Item>,
}

/// A figure, or sentences on others, or on why there is none.
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

/// A picture with what is said about it.
pub(super) struct Figure {
    /// Its name in `figures/`.
    pub(super) file: &'static str,
    pub(super) image: Image,
    /// The first words of the caption.
    pub(super) lead: String,
    /// What it shows, and what to look for.
    pub(super) caption: String,
    /// What it is, for those who cannot see it.
    pub(super) name: String,
}

/// A picture in its file's format.
pub(super) enum Image {
    Svg { text: String, width: u32 },
    Png { bytes: Vec<u8>, width: usize, height: usize },
}

impl Figure {
    /// A drawn figure.
    pub(super) fn drawn(
        file: &'static str,
        canvas: Canvas,
        lead: &str,
        caption: String,
        name: impl Into<String>,
    ) -> Result<Self> {
        let width = canvas.width();
        let image = Image::Svg { text: canvas.finish()?, width };
        Ok(Self { file, image, lead: lead.to_owned(), caption, name: name.into() })
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
    pub(super) fn png(picture: &Picture) -> Result<Self> {
        Ok(Self::Png { bytes: picture.to_png()?, width: picture.width(), height: picture.height() })
    }
}

/// What a figure does not show, as sentences to go after its caption.
pub(super) fn left_out(left_out: LeftOut) -> String {
    let of = |number: usize, one: &str, many: &str| match number {
        0 => String::new(),
        1 => format!(" One point {one}."),
        _ => format!(" {} points {many}.", count(number)),
    };
    let not_finite = of(left_out.not_finite, "is not finite and is left out", "are not finite and are left out");
    let beyond = of(left_out.beyond, "lies beyond the frame", "lie beyond the frame");
    not_finite + &beyond
}
