//! The samples of a run on images: grids of what was generated, of real images after the autoencoder and of the training images
//! nearest to samples; the latents in the plane, and the pairs that ĥ learned from.

mod latents;
mod similarity;

use gtn_run::{MetricsLog, Stage};
use ndarray::{ArrayView4, Axis, Ix4, Slice};

use super::section::{Figure, Image, Item, Section};
use super::tensors::Tensors;
use super::text::{count, duration};
use crate::{Picture, Result, grid};

/// Most images of a grid, and its columns.
const SHOWN: usize = 200;
const COLUMNS: usize = 10;

/// Width that an image of a grid has at least, in pixels: small digits are enlarged until they can be seen.
const LEAST_WIDTH: usize = 84;

pub(super) fn sections(samples: &Tensors, log: &MetricsLog) -> Result<Vec<Section>> {
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
    let items =
        vec![picture(samples, "generated", COLUMNS, generated)?, picture(samples, "decoded", COLUMNS, decoded)?];
    let mut sections = vec![Section { heading: "Samples", side_by_side: true, items }];

    // Runs of earlier versions, and those stopped early, have fewer of these or none.
    let epochs: Vec<usize> = samples.note("improvements").unwrap_or_default();
    let improvements = IMPROVEMENTS.iter().zip(&epochs).map(|((tensor, file), epoch)| {
        let lead = match seconds_until(log, *epoch) {
            None => format!("Epoch {epoch}"),
            Some(seconds) => format!("Epoch {epoch}, after {} of ĥ's training", duration(seconds)),
        };
        let caption = "images, by ĥ as it was after this epoch, from the same vectors.";
        picture(samples, tensor, COLUMNS, Words { file, lead: &lead, caption, name: "generated images" })
    });
    let mut items = improvements.collect::<Result<Vec<_>>>()?;
    if !items.is_empty() {
        items.extend(all_improvements(log).map(Item::Text));
        sections.push(Section { heading: "Figure 5: improvements of the validation loss", side_by_side: true, items });
    }
    if let Some(steps) = samples.note::<usize>("ways_steps").filter(|steps| *steps > 0) {
        let words = Words {
            file: "interpolations.png",
            lead: "Interpolations",
            caption: "images; each row is what ĥ makes of the straight way from one normal vector to another.",
            name: "images between pairs of samples",
        };
        let items = vec![picture(samples, "ways", steps, words)?];
        sections.push(Section { heading: "From one sample to another", side_by_side: false, items });
    }
    if let Some(columns) = samples.note::<usize>("nearest_columns").filter(|columns| *columns > 0) {
        let words = Words {
            file: "nearest.png",
            lead: "Samples and the training images nearest to them",
            caption: "images: in the first row samples, below each the training images, as they are in the data set, whose \
                      latents are nearest to its own, the nearest first. A column whose second image is the first, but for the \
                      blur of the decoder, shows a sample that was memorized; images of the same kind that differ in their \
                      shape show one that was not.",
            name: "samples, each above the training images nearest to it",
        };
        let items = vec![picture(samples, "nearest", columns, words)?];
        sections.push(Section { heading: "Nearest training images", side_by_side: false, items });
    }
    let drawn = [latents::figure(samples)?, similarity::figure(samples)?];
    let items: Vec<_> = drawn.into_iter().flatten().map(Item::Figure).collect();
    if !items.is_empty() {
        sections.push(Section { heading: "Latents and pairs", side_by_side: false, items });
    }
    Ok(sections)
}

/// Seconds that ĥ was trained for until the end of an epoch, if all epochs until then are on record.
fn seconds_until(log: &MetricsLog, epoch: usize) -> Option<f64> {
    let epochs: Vec<_> = log.epochs(Stage::Fit).filter(|record| record.epoch <= epoch).collect();
    (epochs.len() == epoch).then(|| epochs.iter().map(|record| record.seconds).sum())
}

/// When ĥ improved, in a sentence.
fn all_improvements(log: &MetricsLog) -> Option<String> {
    let improved = log.epochs(Stage::Fit).filter(|record| record.improved);
    let when = improved.map(|record| {
        let after =
            seconds_until(log, record.epoch).map_or(String::new(), |seconds| format!(" ({})", duration(seconds)));
        format!("{}{after}", record.epoch)
    });
    let when: Vec<String> = when.collect();
    (when.len() > 1).then(|| {
        format!(
            "ĥ improved in epochs {}, in brackets the time that it had been trained for; figures/epochs/h-EPOCH.png shows what \
             it made of the same vectors after each.",
            when.join(", ")
        )
    })
}

/// The tensors of Figure 5, and the files that they become.
const IMPROVEMENTS: [(&str, &str); 4] = [
    ("improvement.1", "figure-5-1.png"),
    ("improvement.2", "figure-5-2.png"),
    ("improvement.3", "figure-5-3.png"),
    ("improvement.4", "figure-5-4.png"),
];

struct Words<'a> {
    file: &'static str,
    lead: &'a str,
    caption: &'a str,
    name: &'a str,
}

/// A grid of images, in rows of `columns`.
fn picture(samples: &Tensors, tensor: &'static str, columns: usize, words: Words<'_>) -> Result<Item> {
    let array = samples.of(tensor)?;
    let shape = array.shape().to_vec();
    let mut images: ArrayView4<'_, f32> = array
        .into_dimensionality::<Ix4>()
        .map_err(|_| samples.refuse(tensor, format!("has shape {shape:?}, and images have (n, C, H, W)")))?;
    images.slice_axis_inplace(Axis(0), Slice::from(..SHOWN.min(shape[0])));
    let factor = LEAST_WIDTH.checked_div(shape[3]).unwrap_or(1).clamp(1, LEAST_WIDTH);
    let picture: Result<Picture> = grid::grid(images, columns).and_then(|picture| picture.upscaled(factor));
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
