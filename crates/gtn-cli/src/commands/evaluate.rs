//! `gtn evaluate`: generated samples against real ones.

use std::path::Path;

use clap::ValueEnum;
use gtn_data::split::permutation;
use gtn_data::{arrays, pictures};
use gtn_metrics::{
    density_coverage, energy_distance, frechet_distance, precision_recall, sliced_wasserstein, variance_kept,
};
use gtn_models::Streams;
use gtn_run::RunFolder;
use ndarray::{Array2, ArrayView2, Axis, s};

use crate::args::{Evaluate, MetricName};
use crate::commands::sample::check_amount;
use crate::failure::Failure;
use crate::output::Kind;
use crate::say;

const PROJECTIONS: usize = 200;
/// The neighbors of precision and recall, and of density and coverage, as their sources have them.
const K_MANIFOLD: usize = 3;
const K_DENSITY: usize = 5;

pub(crate) fn run(args: &Evaluate) -> Result<(), Failure> {
    let real = read_rows(&args.real)?;
    let generated = match drawn_from(&args.generated, &real, args.seed)? {
        Some(generated) => generated,
        None => read_rows(&args.generated)?,
    };
    if real.ncols() != generated.ncols() {
        return Err(Failure::users(format!(
            "{} has {} numbers in a sample, and {} has {}; they must have as many",
            args.real.display(),
            real.ncols(),
            args.generated.display(),
            generated.ncols()
        )));
    }
    let rows = (real.nrows() / 2).min(generated.nrows());
    if rows <= K_DENSITY {
        return Err(Failure::users(format!(
            "{} real and {} generated samples are too few: give at least {} and {}",
            real.nrows(),
            generated.nrows(),
            2 * (K_DENSITY + 1),
            K_DENSITY + 1,
        )));
    }
    let streams = Streams::new(args.seed);
    let order = permutation(real.nrows(), streams.stream("evaluate/split", 0));
    let [first, second] = [&order[..rows], &order[rows..2 * rows]].map(|rows| real.select(Axis(0), rows));
    let drawn = permutation(generated.nrows(), streams.stream("evaluate/generated", 0));
    let generated = generated.select(Axis(0), &drawn[..rows]);

    let asked = if args.metrics.is_empty() { MetricName::value_variants() } else { &args.metrics };
    if !args.json {
        say::result(&format!("{:<20} {:>12} {:>12}   ({rows} rows)", "metric", "value", "floor"));
    }
    for &metric in asked {
        let value = measure(metric, first.view(), generated.view(), &streams)?;
        let floor = measure(metric, first.view(), second.view(), &streams)?;
        let name = metric.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
        if args.json {
            let line = serde_json::json!({ "metric": name, "value": value, "floor": floor, "samples": rows });
            say::result(&line.to_string());
        } else {
            say::result(&format!("{name:<20} {value:>12.6} {floor:>12.6}"));
        }
    }
    Ok(())
}

fn measure(
    metric: MetricName,
    real: ArrayView2<'_, f32>,
    other: ArrayView2<'_, f32>,
    streams: &Streams,
) -> Result<f64, Failure> {
    Ok(match metric {
        MetricName::FrechetDistance => frechet_distance(real, other)?,
        MetricName::EnergyDistance => energy_distance(real, other)?,
        // The same directions for a figure and its floor.
        MetricName::SlicedWasserstein => {
            sliced_wasserstein(real, other, PROJECTIONS, streams.stream("evaluate/directions", 0))?
        }
        MetricName::Precision => precision_recall(real, other, K_MANIFOLD)?.precision,
        MetricName::Recall => precision_recall(real, other, K_MANIFOLD)?.recall,
        MetricName::Density => density_coverage(real, other, K_DENSITY)?.density,
        MetricName::Coverage => density_coverage(real, other, K_DENSITY)?.coverage,
        MetricName::VarianceKept => variance_kept(real, other)?,
    })
}

/// As many samples as can be compared with `real`, if `path` is a run or a folder of weights: its images, or its latents if
/// these have as many numbers as a real sample.
fn drawn_from(path: &Path, real: &Array2<f32>, seed: u64) -> Result<Option<Array2<f32>>, Failure> {
    let run = RunFolder::at(path);
    if !run.config().is_file() {
        return Ok(None);
    }
    let generator = gtn_train::load_generator(&run, &gtn_models::Device::Cpu)?;
    let n = real.nrows() / 2;
    if n == 0 {
        return Err(Failure::users("a single real sample is too few to compare with"));
    }
    check_amount(n, generator.sample_size(), Kind::Npy)?;
    let latents = generator.sample_latents(n, &Streams::new(seed))?;
    if !generator.makes_images() || latents.ncols() == real.ncols() {
        return Ok(Some(latents));
    }
    let images = generator.decode(latents.view())?;
    let numbers = images.len() / n;
    Ok(images.into_shape_with_order((n, numbers)).ok())
}

/// Rows of an array, or the pixels of images.
fn read_rows(path: &Path) -> Result<Array2<f32>, Failure> {
    let is_png = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png"));
    let images = if path.is_dir() || is_png {
        pictures::read_pictures(path)?
    } else {
        let array = arrays::read_array(path)?;
        match array.ndim() {
            4 => pictures::read_pictures(path)?,
            _ => return Ok(arrays::read_matrix(path)?),
        }
    };
    let numbers = images.slice(s![0, .., .., ..]).len();
    let rows = images.len_of(Axis(0));
    Array2::from_shape_vec((rows, numbers), images.into_iter().collect())
        .map_err(|error| Failure::users(format!("{}: {error}", path.display())))
}
