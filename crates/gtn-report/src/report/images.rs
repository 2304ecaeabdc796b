//! The samples of a run on images: grids of what was generated, and of real images after the autoencoder.

use ndarray::{ArrayView4, Axis, Ix4, Slice};

use super::section::{Figure, Image, Item, Section};
use super::tensors::Tensors;
use super::text::count;
use crate::{Picture, Result, grid};

/// Most images of a grid, and its columns.
const SHOWN: usize = 100;
const COLUMNS: usize = 10;

/// Width that an image of a grid has at least, in pixels: small digits are enlarged until they can be seen.
const LEAST_WIDTH: usize = 84;

pub(super) fn sections(samples: &Tensors) -> Result<Vec<Section>> {
    let generated = Words {
        file: "generated.png",
        lead: "Generated",
        caption: "images, decoded from what ĥ made of normal vectors.",
        name: "generated images",
    };
    let decoded = Words {
        file: "decoded.png",
        lead: "Decoded real latents",
        caption: "images of the data set, encoded and decoded: the best that the decoder can show.",
        name: "real images after the autoencoder",
    };
    let items = vec![figure(samples, "generated", &generated)?, figure(samples, "decoded", &decoded)?];
    Ok(vec![Section { heading: "Samples", side_by_side: true, items }])
}

struct Words {
    file: &'static str,
    lead: &'static str,
    caption: &'static str,
    name: &'static str,
}

fn figure(samples: &Tensors, tensor: &'static str, words: &Words) -> Result<Item> {
    let array = samples.of(tensor)?;
    let shape = array.shape().to_vec();
    let mut images: ArrayView4<'_, f32> = array
        .into_dimensionality::<Ix4>()
        .map_err(|_| samples.refuse(tensor, format!("has shape {shape:?}, and images have (n, C, H, W)")))?;
    images.slice_axis_inplace(Axis(0), Slice::from(..SHOWN.min(shape[0])));
    let factor = LEAST_WIDTH.checked_div(shape[3]).unwrap_or(1).clamp(1, LEAST_WIDTH);
    let picture: Result<Picture> = grid::grid(images, COLUMNS).and_then(|picture| picture.upscaled(factor));
    let picture = picture.map_err(|error| samples.refuse(tensor, format!("cannot be shown: {error}")))?;
    let images = count(images.len_of(Axis(0)));
    Ok(Item::Figure(Figure {
        file: words.file,
        image: Image::png(&picture)?,
        lead: words.lead.to_owned(),
        caption: format!("{images} {}", words.caption),
        name: format!("A grid of {images} {}", words.name),
    }))
}
