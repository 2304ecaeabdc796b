//! Samples of a run on images: grids of generated images, of decoded real images and of nearest training images; the latents in
//! two dimensions, and the similarity of the pairs that ĥ learned from.

mod latents;
mod similarity;

use gtn_run::config::Selection;
use gtn_run::schema::{Baseline, IMPROVEMENTS, TensorKey, image_samples as keys};
use gtn_run::{MetricsLog, Stage};
use ndarray::{ArrayView4, Axis, Ix4, Slice};

use super::baselines;
use super::section::{Embedded, Figure, Image, Item, Section, Thumbnails};
use super::tensors::Tensors;
use super::text::{count, duration, number};
use crate::{Raster, Result, grid};

/// Maximum number of images in a grid.
const MAX_IMAGES: usize = 200;
/// Number of columns of a grid.
const COLUMNS: usize = 10;
const GRID: (usize, usize) = (MAX_IMAGES, COLUMNS);
/// The same of an epoch: there are several of these, and the page stays small.
const GRID_OF_EPOCH: (usize, usize) = (50, COLUMNS);

/// The size of a grid on the first screen.
const THUMBNAILS: (usize, usize) = (20, 5);

/// Minimum width of an image in a grid, in pixels; smaller images are enlarged.
const MIN_WIDTH: usize = 84;

pub(super) fn sections(samples: &Tensors, selection: Selection, log: &MetricsLog) -> Result<Vec<Section>> {
    let generated = GridText {
        file: "generated.png",
        title: "Generated images",
        caption: "images, decoded from latents that ĥ generated from normal vectors.",
        alt: "generated images",
    };
    let decoded = GridText {
        file: "decoded.png",
        title: "Reconstructed images",
        caption: "held-out images after the autoencoder. Generated images are at best as sharp as these.",
        alt: "real images after the autoencoder",
    };
    let mut items = vec![
        grid_figure(samples, &keys::GENERATED, GRID, generated)?,
        grid_figure(samples, &keys::DECODED, GRID, decoded)?,
    ];
    if samples.contains(&keys::VAE) {
        let vae = GridText {
            file: "vae.png",
            title: "Images of the variational autoencoder",
            caption: "images that the baseline with the same layers and latent dimension decoded from normal vectors.",
            alt: "images of the variational autoencoder",
        };
        items.push(grid_figure(samples, &keys::VAE, GRID, vae)?);
    }
    let mut sections = vec![Section { heading: "Samples", side_by_side: true, items }];

    // Runs that improved in fewer epochs have fewer of these tensors.
    let epochs: Vec<usize> = samples.metadata(&keys::IMPROVEMENT_EPOCHS).unwrap_or_default();
    let improvements = IMPROVEMENTS.iter().zip(IMPROVEMENT_FILES).zip(&epochs).map(|((tensor, file), epoch)| {
        let mut title = match training_seconds(log, *epoch) {
            None => format!("Epoch {epoch}"),
            Some(seconds) => format!("Epoch {epoch}, after {} of training ĥ", duration(seconds)),
        };
        let of_epoch = log.epochs(Stage::Fit).find(|record| record.epoch == *epoch);
        if let Some(metric) = of_epoch.and_then(|record| record.sample_metric) {
            title.push_str(&format!(", {} {}", selection.title(), number(metric)));
        }
        let caption = "images that ĥ generated after this epoch, always from the same normal vectors.";
        grid_figure(samples, tensor, GRID_OF_EPOCH, GridText { file, title: &title, caption, alt: "generated images" })
    });
    let mut items = improvements.collect::<Result<Vec<_>>>()?;
    if !items.is_empty() {
        items.extend(all_improvements(selection, log).map(Item::Text));
        let heading = match selection {
            Selection::ValidationLoss => "Samples during training (the paper's Figure 5)",
            Selection::InceptionScore => "Samples during training (the paper's Figure 14)",
            _ => "Samples during training (as the paper's Figure 5)",
        };
        sections.push(Section { heading, side_by_side: true, items });
    }
    if let Some(steps) = samples.metadata(&keys::INTERPOLATION_STEPS).filter(|steps| *steps > 0) {
        let text = GridText {
            file: "interpolations.png",
            title: "The paper's Figure 6",
            caption: "images. Each row shows what ĥ generates along the straight line from one normal vector to another, of the same \
                      component of the source if it has several. If those in between are as good as the ends, ĥ has not just learned training images \
                      by heart.",
            alt: "images that interpolate between samples",
        };
        let items = vec![grid_figure(samples, &keys::INTERPOLATIONS, (MAX_IMAGES, steps), text)?];
        sections.push(Section { heading: "Interpolations between samples", side_by_side: false, items });
    }
    if let Some(columns) = samples.metadata(&keys::NEAREST_COLUMNS).filter(|columns| *columns > 0) {
        let text = GridText {
            file: "nearest.png",
            title: "Samples and their nearest training images",
            caption: "images. The first row shows samples. Below each sample are the training images with the nearest \
                      latents, nearest first, as they are in the data set. A sample is memorized if its nearest training \
                      image is the same image, except for the blur of the decoder. It is not memorized if the two are \
                      similar but differ in shape.",
            alt: "samples, each above its nearest training images",
        };
        let items = vec![grid_figure(samples, &keys::NEAREST, (MAX_IMAGES, columns), text)?];
        sections.push(Section { heading: "Nearest training images", side_by_side: false, items });
    }
    let figures = [latents::figure(samples, log)?, similarity::figure(samples)?];
    let items: Vec<_> = figures.into_iter().flatten().map(Item::Figure).collect();
    if !items.is_empty() {
        sections.push(Section { heading: "Latents and pairs", side_by_side: false, items });
    }
    Ok(sections)
}

/// Samples beside real images and those of the mixture of Gaussians, in equal grids. Runs of earlier versions have fewer of them.
pub(super) fn thumbnails(samples: &Tensors, log: &MetricsLog) -> Result<Vec<Thumbnails>> {
    let mixture = baselines::title(Baseline::Mixture, log);
    let sets = [
        (&keys::GENERATED, "Generated".to_owned(), "new images, by ĥ from random vectors"),
        (&keys::DECODED, "Reconstructed".to_owned(), "real images after the autoencoder"),
        (&keys::ORIGINAL, "Original".to_owned(), "the same images as they are"),
        (&keys::MIXTURE, mixture, "the same decoder with latents of a baseline"),
    ];
    let of_set = |(tensor, title, note)| {
        let (raster, factor, _) = grid_of(samples, tensor, THUMBNAILS)?;
        Ok(Thumbnails { title, note, image: Embedded::new(&raster, factor)? })
    };
    sets.into_iter().filter(|(tensor, ..)| samples.contains(tensor)).map(of_set).collect()
}

/// The section on vectors that are not decoded.
pub(super) fn vector_sections(samples: &Tensors, log: &MetricsLog) -> Result<Vec<Section>> {
    let items: Vec<_> = vector_figure(samples, log)?.into_iter().map(Item::Figure).collect();
    Ok(if items.is_empty() { Vec::new() } else { vec![Section { heading: "Samples", side_by_side: false, items }] })
}

/// Real and generated vectors in the plane; `None` for numbers, which have no plane.
pub(super) fn vector_figure(samples: &Tensors, log: &MetricsLog) -> Result<Option<Figure>> {
    latents::figure(samples, log)
}

/// Seconds of ĥ's training up to the end of an epoch, if all epochs up to it are recorded.
fn training_seconds(log: &MetricsLog, epoch: usize) -> Option<f64> {
    let epochs: Vec<_> = log.epochs(Stage::Fit).filter(|record| record.epoch <= epoch).collect();
    (epochs.len() == epoch).then(|| epochs.iter().map(|record| record.seconds).sum())
}

/// All epochs that were the best so far, as a paragraph; `None` if there are fewer than two.
fn all_improvements(selection: Selection, log: &MetricsLog) -> Option<String> {
    let epochs = || log.epochs(Stage::Fit);
    let improved: Vec<usize> = epochs().filter(|record| record.improved).map(|record| record.epoch).collect();
    let (first, last) = improved.first().zip(improved.last()).filter(|(first, last)| first != last)?;
    let which = match improved.len() == epochs().count() {
        true => format!("every epoch ({first} to {last})"),
        false => {
            let listed = improved.iter().map(|epoch| {
                let time = training_seconds(log, *epoch).map(|seconds| format!(" ({})", duration(seconds)));
                format!("{epoch}{}", time.unwrap_or_default())
            });
            format!("epochs {} (in parentheses: the training time up to then)", listed.collect::<Vec<_>>().join(", "))
        }
    };
    Some(format!(
        "The {} of ĥ improved in {which}. The files figures/epochs/h-EPOCH.png show images generated after each of these epochs.",
        selection.title()
    ))
}

/// The files of Figure 5.
pub(super) const IMPROVEMENT_FILES: [&str; 4] =
    ["figure-5-1.png", "figure-5-2.png", "figure-5-3.png", "figure-5-4.png"];

/// The texts of a grid; `caption` and `alt` follow the number of images.
pub(super) struct GridText<'a> {
    pub(super) file: &'static str,
    pub(super) title: &'a str,
    pub(super) caption: &'a str,
    pub(super) alt: &'a str,
}

/// A grid of at most `max` images, in rows of `columns`.
pub(super) fn grid_figure(
    samples: &Tensors,
    tensor: &TensorKey<f32>,
    (max, columns): (usize, usize),
    text: GridText<'_>,
) -> Result<Item> {
    let (raster, factor, images) = grid_of(samples, tensor, (max, columns))?;
    let images = count(images);
    Ok(Item::Figure(Figure {
        file: text.file,
        image: Image::raster(&raster, factor)?,
        title: text.title.to_owned(),
        caption: format!("{images} {}", text.caption),
        alt: format!("A grid of {images} {}", text.alt),
    }))
}

/// A grid of at most `max` images, in rows of `columns`; how many times as large it is shown; and the number of images.
fn grid_of(
    samples: &Tensors,
    tensor: &TensorKey<f32>,
    (max, columns): (usize, usize),
) -> Result<(Raster, usize, usize)> {
    let array = samples.tensor(tensor)?;
    let shape = array.shape().to_vec();
    let mut images: ArrayView4<'_, f32> = array
        .into_dimensionality::<Ix4>()
        .map_err(|_| samples.invalid(tensor, format!("has shape {shape:?}, expected (n, C, H, W)")))?;
    images.slice_axis_inplace(Axis(0), Slice::from(..max.min(shape[0])));
    let factor = MIN_WIDTH.checked_div(shape[3]).unwrap_or(1).clamp(1, MIN_WIDTH);
    let raster = grid::grid(images, columns);
    let raster = raster.map_err(|error| samples.invalid(tensor, format!("cannot be shown: {error}")))?;
    Ok((raster, factor, images.len_of(Axis(0))))
}
