//! Metrics of generated images against real ones, pixel by pixel, with decoded real latents and decoded baselines.

use gtn_metrics::{
    Memorization, NearestNeighbors, Neighbor, density_coverage, energy_distance, memorization_from_neighbors,
    precision_recall, sliced_wasserstein,
};
use gtn_models::{Streams, purpose};
use gtn_run::schema::{Baseline, Metric};
use gtn_run::{MetricRecord, Stage};
use ndarray::{Array2, Array4, ArrayView2, s};
use rayon::prelude::*;

use super::images::sample_by_flow;
use super::values::{
    K_MANIFOLD, PROJECTIONS, SampleSet, Values, ValuesBySet, records, report_progress, unless_held_out_are_copies,
};
use crate::Result;
use crate::context::Context;
use crate::datasets::ImageData;
use crate::results::Results;
use gtn_run::metric_constants::K_DENSITY;

/// Maximum number of images of each set, for images of MNIST's size. The cost grows with the square of the number of images and
/// with their pixels: for larger images the number is smaller, so that the cost stays the same.
const MAX_IMAGES: usize = 2_000;
const MNIST_PIXELS: usize = 784;
/// Training images that are converted to f32 at a time.
const BATCH_SIZE: usize = 256;

/// What the metrics depend on.
pub(super) fn settings() -> String {
    format!("{MAX_IMAGES} images of {MNIST_PIXELS} pixels, copies among all")
}

/// Maximum number of images with `pixels` values each.
fn max_images(pixels: usize) -> usize {
    let ratio = MNIST_PIXELS as f64 / pixels.max(1) as f64;
    MAX_IMAGES.min((MAX_IMAGES as f64 * ratio.sqrt()) as usize)
}

/// Compares with a part of the held-out images. Another part gives the noise floor, and its latents, decoded, what samples could
/// reach with this decoder.
pub(super) fn measure(
    Results { targets, trained, baselines, vae, .. }: Results<'_>,
    images: &ImageData,
    context: &mut Context<'_>,
) -> Result<Vec<MetricRecord>> {
    let pixels = images.images.channels() * images.images.side().pow(2);
    let n = max_images(pixels).min(targets.validation.nrows() / 2);
    if n <= K_DENSITY {
        return Ok(Vec::new());
    }
    let Some(baselines) = baselines.samples(Stage::Evaluate, context)? else { return Ok(Vec::new()) };
    let (held_out, generator) = (&images.split.validation, trained.generator()?);
    let decode = |latents: ArrayView2<'_, f32>| Ok::<_, crate::Error>(flatten(generator.decode(latents)?));
    let real = flatten(images.images.batch(&held_out[..n]));
    let baseline = SampleSet::Baseline;
    let mut sets = vec![
        (
            SampleSet::Generated,
            decode(generator.sample_latents(n, &mut context.streams.stream(purpose::SAMPLE, 0))?.view())?,
        ),
        (SampleSet::NoiseFloor, flatten(images.images.batch(&held_out[n..2 * n]))),
        (baseline(Baseline::Decoded), decode(targets.validation.slice(s![n..2 * n, ..]))?),
        (baseline(Baseline::Gaussian), decode(baselines.gaussian.slice(s![..n, ..]))?),
        (baseline(Baseline::Mixture), decode(baselines.mixture.slice(s![..n, ..]))?),
    ];
    if let Some(by_flow) = sample_by_flow(generator, n, context)? {
        sets.push((baseline(Baseline::Flow), decode(by_flow.view())?));
    }
    if let Some(vae) = vae {
        sets.push((baseline(Baseline::Vae), flatten(vae.images(n, &context.streams)?)));
    }
    let nearest_to_real = nearest_training_images(real.view(), images)?;

    let mut values: ValuesBySet<7> = ValuesBySet::new();
    let threads = rayon::current_num_threads();
    for (round, chunk) in sets.chunks(threads).enumerate() {
        report_progress(round * threads, sets.len(), context)?;
        let measure =
            |set: &Array2<f32>| measure_set(real.view(), set.view(), &nearest_to_real, images, context.streams);
        let of_chunk: Vec<Result<Values<7>>> = chunk.par_iter().map(|(_, set)| measure(set)).collect();
        for ((name, _), of_set) in chunk.iter().zip(of_chunk) {
            values.insert(*name, of_set?);
        }
    }
    Ok(records(&values, n))
}

/// The metrics of one set. `nearest_to_real` are the training images nearest to the real ones.
fn measure_set(
    real: ArrayView2<'_, f32>,
    set: ArrayView2<'_, f32>,
    nearest_to_real: &[Neighbor],
    images: &ImageData,
    streams: Streams,
) -> Result<Values<7>> {
    // The same directions for every set, so that only the sets differ.
    let mut directions = streams.stream(purpose::DIRECTIONS, 2);
    let manifold = precision_recall(real, set, K_MANIFOLD)?;
    let density = density_coverage(real, set, K_DENSITY)?;
    let copies = memorization_from_neighbors(nearest_to_real.to_vec(), nearest_training_images(set, images)?);
    let copies: Option<Memorization> = unless_held_out_are_copies(copies)?;
    Ok([
        (Metric::PixelEnergyDistance, Some(energy_distance(real, set)?)),
        (Metric::PixelSlicedWasserstein, Some(sliced_wasserstein(real, set, PROJECTIONS, &mut directions)?)),
        (Metric::PixelPrecision, Some(manifold.precision)),
        (Metric::PixelRecall, Some(manifold.recall)),
        (Metric::PixelDensity, Some(density.density)),
        (Metric::PixelCoverage, Some(density.coverage)),
        (Metric::PixelNnDistanceRatio, copies.map(|copies| copies.median_distance_ratio)),
    ])
}

/// The training image nearest to each row.
fn nearest_training_images(
    rows: ArrayView2<'_, f32>,
    ImageData { images, split, .. }: &ImageData,
) -> Result<Vec<Neighbor>> {
    let mut search = NearestNeighbors::new(rows, 1)?;
    for indices in split.train.chunks(BATCH_SIZE) {
        search.partial_fit(flatten(images.batch(indices)).view())?;
    }
    Ok(search.into_neighbors().into_iter().flatten().collect())
}

/// Images as rows of pixel values.
fn flatten(images: Array4<f32>) -> Array2<f32> {
    let (rows, channels, height, width) = images.dim();
    let values = images.as_standard_layout().iter().copied().collect();
    Array2::from_shape_vec((rows, channels * height * width), values).expect("the number of values is unchanged")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cost_is_bounded_for_every_image_size() {
        assert_eq!([1, 784, 3 * 64 * 64, 3 * 4096 * 4096].map(max_images), [2000, 2000, 505, 7]);
        for pixels in [784, 3136, 12_288, 196_608] {
            assert!(max_images(pixels).pow(2) * pixels <= MAX_IMAGES.pow(2) * MNIST_PIXELS);
        }
    }

    #[test]
    fn images_become_rows_in_the_order_of_their_values() {
        let images = Array4::from_shape_fn((2, 3, 2, 2), |(n, c, y, x)| (100 * n + 10 * c + 2 * y + x) as f32);
        let rows = flatten(images);
        assert_eq!(rows.dim(), (2, 12));
        assert_eq!(rows.row(1).to_vec(), [100., 101., 102., 103., 110., 111., 112., 113., 120., 121., 122., 123.]);
    }
}
