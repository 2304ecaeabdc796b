//! Images of samples against real ones, pixel by pixel, beside what the decoder makes of real latents and of those of simpler
//! generators.

use std::panic::resume_unwind;
use std::thread;

use gtn_metrics::{
    Memorization, Nearest, NearestRows, density_coverage, energy_distance, memorization_between, precision_recall,
    sliced_wasserstein,
};
use gtn_models::{Generator, Streams};
use gtn_run::MetricRecord;
use ndarray::{Array2, Array4, ArrayView2, s};

use super::images::{K_DENSITY, K_MANIFOLD};
use super::{FLOOR, Figures, Found, GTN, PROJECTIONS, records, tell, unless_held_out_are_copies};
use crate::Result;
use crate::baselines::{GAUSSIAN, MIXTURE};
use crate::pipeline::{Context, Made};
use crate::stages::prepare::Pictures;

/// Images of each kind that are measured, if they have as many numbers as MNIST's. Work grows with the square of the images
/// and with their numbers: of larger ones so many fewer are taken that it stays the same.
const MEASURED: usize = 2_000;
const NUMBERS: usize = 784;
/// Training images that are turned into numbers at once.
const ROWS: usize = 256;

/// What the figures depend on.
pub(super) fn extent() -> String {
    format!("{MEASURED} images of {NUMBERS} numbers, copies among all")
}

/// What real images are compared with, and the baseline that it is in the records.
const DECODED: &str = "decoded";
const BASELINES: [&str; 3] = [DECODED, GAUSSIAN, MIXTURE];

/// Images that are measured, of so many numbers each.
fn measured(numbers: usize) -> usize {
    let share = NUMBERS as f64 / numbers.max(1) as f64;
    MEASURED.min((MEASURED as f64 * share.sqrt()) as usize)
}

/// One part of the held-out images is what is compared with. Another part stands for the floor, and its latents, decoded, for
/// what samples could reach through this decoder.
pub(super) fn measure(
    &Made { targets, baselines, .. }: &Made<'_>,
    pictures: &Pictures,
    generator: &Generator,
    context: &mut Context<'_>,
) -> Result<Vec<MetricRecord>> {
    let numbers = pictures.images.channels() * pictures.images.side().pow(2);
    let n = measured(numbers).min(targets.validation.nrows() / 2);
    if n <= K_DENSITY || !super::can_measure(targets) {
        return Ok(Vec::new());
    }
    let held_out = &pictures.split.validation;
    let decode = |latents: ArrayView2<'_, f32>| Ok::<_, crate::Error>(flat(generator.decode(latents)?));
    let simpler = baselines.drawn()?;
    let real = flat(pictures.images.batch(&held_out[..n]));
    let sets = [
        (GTN, decode(generator.sample_latents(n, &context.streams)?.view())?),
        (FLOOR, flat(pictures.images.batch(&held_out[n..2 * n]))),
        (DECODED, decode(targets.validation.slice(s![n..2 * n, ..]))?),
        (GAUSSIAN, decode(simpler.gaussian.slice(s![..n, ..]))?),
        (MIXTURE, decode(simpler.mixture.slice(s![..n, ..]))?),
    ];
    let usual = nearest(real.view(), pictures)?;

    let mut found: Found<7> = Found::new();
    let at_once = thread::available_parallelism().map_or(1, usize::from);
    for (round, part) in sets.chunks(at_once).enumerate() {
        tell(round * at_once, sets.len(), context)?;
        let measure = |set: &Array2<f32>| figures(real.view(), set.view(), &usual, pictures, context.streams);
        let of_part: Vec<Result<Figures<7>>> = thread::scope(|scope| {
            let threads: Vec<_> = part.iter().map(|(_, set)| scope.spawn(move || measure(set))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        });
        for ((name, _), figures) in part.iter().zip(of_part) {
            found.insert(name, figures?);
        }
    }
    Ok(records(&found, &BASELINES, n))
}

/// The figures of one set; `usual` are the training images nearest to the real ones.
fn figures(
    real: ArrayView2<'_, f32>,
    set: ArrayView2<'_, f32>,
    usual: &[Nearest],
    pictures: &Pictures,
    streams: Streams,
) -> Result<Figures<7>> {
    // The same directions for every set, so that only the sets differ.
    let directions = streams.stream("directions", 2);
    let near = precision_recall(real, set, K_MANIFOLD)?;
    let dense = density_coverage(real, set, K_DENSITY)?;
    let copied = memorization_between(usual.to_vec(), nearest(set, pictures)?);
    let copied: Option<Memorization> = unless_held_out_are_copies(copied)?;
    Ok([
        ("pixel_energy_distance", Some(energy_distance(real, set)?)),
        ("pixel_sliced_wasserstein", Some(sliced_wasserstein(real, set, PROJECTIONS, directions)?)),
        ("pixel_precision", Some(near.precision)),
        ("pixel_recall", Some(near.recall)),
        ("pixel_density", Some(dense.density)),
        ("pixel_coverage", Some(dense.coverage)),
        ("pixel_memorization", copied.map(|copied| copied.median_ratio)),
    ])
}

/// The training image nearest to each row.
fn nearest(rows: ArrayView2<'_, f32>, Pictures { images, split, .. }: &Pictures) -> Result<Vec<Nearest>> {
    let mut search = NearestRows::of(rows, 1)?;
    for indices in split.train.chunks(ROWS) {
        search.among(flat(images.batch(indices)).view())?;
    }
    Ok(search.finish().into_iter().flatten().collect())
}

/// Images as rows of numbers.
fn flat(images: Array4<f32>) -> Array2<f32> {
    let (rows, channels, height, width) = images.dim();
    let numbers = images.as_standard_layout().iter().copied().collect();
    Array2::from_shape_vec((rows, channels * height * width), numbers).expect("as many numbers as there were")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_bounded_whatever_the_size_of_an_image() {
        assert_eq!([1, 784, 3 * 64 * 64, 3 * 4096 * 4096].map(measured), [2000, 2000, 505, 7]);
        for numbers in [784, 3136, 12_288, 196_608] {
            assert!(measured(numbers).pow(2) * numbers <= MEASURED.pow(2) * NUMBERS);
        }
    }

    #[test]
    fn images_become_rows_in_the_order_of_their_numbers() {
        let images = Array4::from_shape_fn((2, 3, 2, 2), |(n, c, y, x)| (100 * n + 10 * c + 2 * y + x) as f32);
        let rows = flat(images);
        assert_eq!(rows.dim(), (2, 12));
        assert_eq!(rows.row(1).to_vec(), [100., 101., 102., 103., 110., 111., 112., 113., 120., 121., 122., 123.]);
    }
}
