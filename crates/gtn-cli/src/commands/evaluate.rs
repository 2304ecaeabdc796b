//! `gtn evaluate`: generated samples against real ones.

use std::path::Path;

use gtn_data::image_files;
use gtn_data::split::permutation;
use gtn_io::arrays;
use gtn_metrics::{
    density_coverage, energy_distance, frechet_distance, precision_recall, sliced_wasserstein, variance_kept,
};
use gtn_models::{Generator, Model, Streams, purpose};
use gtn_run::schema::Metric;
use ndarray::{Array2, ArrayView2, Axis, s};

use crate::args::{Evaluate, METRICS};
use crate::commands::sample::check_amount;
use crate::console;
use crate::failure::Failure;
use crate::output::Format;

const PROJECTIONS: usize = 200;
/// Nearest neighbors of precision and recall, and of density and coverage, as in their papers.
const K_MANIFOLD: usize = 3;
const K_DENSITY: usize = 5;

pub(crate) fn run(args: &Evaluate) -> Result<(), Failure> {
    let real = read_rows(&args.real)?;
    let generated = match draw_from_run(&args.generated, &real, args.seed)? {
        Some(generated) => generated,
        None => read_rows(&args.generated)?,
    };
    if real.ncols() != generated.ncols() {
        return Err(Failure::users(format!(
            "samples differ in size: {} has {} values per sample, {} has {}; compare samples of the same kind",
            args.real.display(),
            real.ncols(),
            args.generated.display(),
            generated.ncols()
        )));
    }
    let rows = (real.nrows() / 2).min(generated.nrows());
    if rows <= K_DENSITY {
        return Err(Failure::users(format!(
            "{} real and {} generated samples are too few; pass at least {} and {}",
            real.nrows(),
            generated.nrows(),
            2 * (K_DENSITY + 1),
            K_DENSITY + 1,
        )));
    }
    let streams = Streams::new(args.seed);
    let order = permutation(real.nrows(), streams.stream(purpose::EVALUATE_SPLIT, 0));
    let [first, second] = [&order[..rows], &order[rows..2 * rows]].map(|rows| real.select(Axis(0), rows));
    let drawn = permutation(generated.nrows(), streams.stream(purpose::EVALUATE_GENERATED, 0));
    let generated = generated.select(Axis(0), &drawn[..rows]);

    let metrics = if args.metrics.is_empty() { &METRICS[..] } else { &args.metrics };
    if !args.json {
        console::print(&format!("{:<20} {:>12} {:>12}   ({rows} samples)", "metric", "value", "noise floor"));
    }
    for &metric in metrics {
        let value = measure(metric, first.view(), generated.view(), &streams)?;
        let floor = measure(metric, first.view(), second.view(), &streams)?;
        let name = metric.name();
        if args.json {
            let line = serde_json::json!({ "metric": name, "value": value, "floor": floor, "samples": rows });
            console::print(&line.to_string());
        } else {
            console::print(&format!("{name:<20} {value:>12.6} {floor:>12.6}"));
        }
    }
    Ok(())
}

fn measure(
    metric: Metric,
    real: ArrayView2<'_, f32>,
    other: ArrayView2<'_, f32>,
    streams: &Streams,
) -> Result<f64, Failure> {
    Ok(match metric {
        Metric::FrechetDistance => frechet_distance(real, other)?,
        Metric::EnergyDistance => energy_distance(real, other)?,
        // The same directions for a value and its noise floor.
        Metric::SlicedWasserstein => {
            sliced_wasserstein(real, other, PROJECTIONS, &mut streams.stream(purpose::EVALUATE_DIRECTIONS, 0))?
        }
        Metric::Precision => precision_recall(real, other, K_MANIFOLD)?.precision,
        Metric::Recall => precision_recall(real, other, K_MANIFOLD)?.recall,
        Metric::Density => density_coverage(real, other, K_DENSITY)?.density,
        Metric::Coverage => density_coverage(real, other, K_DENSITY)?.coverage,
        Metric::VarianceKept => variance_kept(real, other)?,
        _ => unreachable!("the command line accepts only the metrics above"),
    })
}

/// As many samples as can be compared with `real`, if `path` is a run, weights or a model file: latents if they have the size of a real
/// sample, otherwise images.
fn draw_from_run(path: &Path, real: &Array2<f32>, seed: u64) -> Result<Option<Array2<f32>>, Failure> {
    if !Model::is_at(path) {
        return Ok(None);
    }
    let generator = Generator::load(path)?;
    let n = real.nrows() / 2;
    if n == 0 {
        return Err(Failure::users("one real sample is not enough; pass at least 12"));
    }
    check_amount(n, generator.values_per_sample(), Format::Npy)?;
    let latents = generator.sample_latents(n, &mut Streams::new(seed).stream(purpose::SAMPLE, 0))?;
    if !generator.generates_images() || latents.ncols() == real.ncols() {
        return Ok(Some(latents));
    }
    let images = generator.decode(latents.view())?;
    let pixels = images.len() / n;
    Ok(images.into_shape_with_order((n, pixels)).ok())
}

/// Rows of an array, or the pixels of images.
fn read_rows(path: &Path) -> Result<Array2<f32>, Failure> {
    let is_png = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    if !path.is_dir() && !is_png && arrays::read_array(path)?.ndim() != 4 {
        return Ok(arrays::read_matrix(path)?);
    }
    let images = image_files::read_images(path)?;
    let pixels = images.slice(s![0, .., .., ..]).len();
    let rows = images.len_of(Axis(0));
    Array2::from_shape_vec((rows, pixels), images.into_iter().collect())
        .map_err(|error| Failure::users(format!("{}: {error}", path.display())))
}
