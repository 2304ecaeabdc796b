//! `gtn interpolate`: interpolations between normal vectors.

use std::path::{Path, PathBuf};

use gtn_metrics::{StepLengths, step_lengths};
use gtn_models::{Generator, SourceRows, Streams};
use gtn_run::RunFolder;
use gtn_train::RealPairs;
use ndarray::{Array4, Axis, concatenate, s};
use serde_json::{Value, json};

use crate::args::Interpolate;
use crate::commands::encode::{encode, generator_with_flow};
use crate::commands::sample::check_amount;
use crate::failure::Failure;
use crate::output::{self, Content, Interpolations};
use crate::progress::Progress;
use crate::{console, stop};

pub(crate) fn run(args: &Interpolate) -> Result<(), Failure> {
    output::format(&args.out, false, args.force, true)?;
    let run = RunFolder::at(&args.run);
    let device = args.on.open()?;
    let generator = if args.images.is_empty() {
        Generator::load_on(&args.run, &device)?
    } else {
        generator_with_flow(&args.run, &device)?
    };
    let format = output::format(&args.out, !generator.generates_images(), args.force, true)?;
    let rows = if args.images.is_empty() { usize::from(args.rows) } else { 1 };
    let steps = usize::from(args.steps);
    let has_real_ends = args.real || !args.images.is_empty();
    let columns = if has_real_ends { steps + 2 } else { steps };
    check_amount(rows * columns, generator.values_per_sample(), format)?;

    let streams = Streams::new(args.seed);
    let pairs = match args.images.as_slice() {
        [from, to] => Some(pairs_of(&args.run, [from, to], &generator)?),
        _ => args.real.then(|| draw_pairs(args, &run, rows, &streams)).transpose()?,
    };
    let endpoints = match &pairs {
        Some(pairs) => SourceRows { source: pairs.source.clone(), components: pairs.components.clone() },
        None => generator.draw_endpoints(rows, &streams),
    };
    let mut latents = Vec::new();
    let mut step_lengths_of_rows = Vec::new();
    for row in 0..rows {
        if stop::requested() {
            return Err(Failure::Stopped("stopped; nothing was written".to_owned()));
        }
        let (from, to) = (2 * row, 2 * row + 1);
        let generated = generator.interpolate(&endpoints, row, args.interpolation, steps)?;
        step_lengths_of_rows.push(RowSteps { latents: step_lengths(generated.view())?, pixels: None });
        match &pairs {
            Some(pairs) => {
                let real = |row: usize| pairs.target.slice(s![row..=row, ..]);
                latents.push(concatenate(Axis(0), &[real(from), generated.view(), real(to)])?);
            }
            None => latents.push(generated),
        }
    }
    let latents = concatenate(Axis(0), &latents.iter().map(|part| part.view()).collect::<Vec<_>>())?;
    let samples = if generator.generates_images() {
        let interpolations =
            Interpolations { images: generator.decode(latents.view())?, steps, real_ends: has_real_ends };
        for (row, lengths) in step_lengths_of_rows.iter_mut().enumerate() {
            let first = row * columns + usize::from(has_real_ends);
            lengths.pixels = Some(pixel_step_lengths(&interpolations.images, first, steps)?);
        }
        Content::Interpolations(interpolations)
    } else {
        Content::Vectors(latents)
    };
    output::write(&args.out, format, &samples, args.force)?;
    print(args, &step_lengths_of_rows);
    Ok(())
}

/// The normal vectors and the latents of two images.
fn pairs_of(run: &Path, images: [&PathBuf; 2], generator: &Generator) -> Result<RealPairs, Failure> {
    let latents = images.map(|path| {
        let latents = encode((run, path), |images| generator.encode(images))?;
        match latents.nrows() {
            1 => Ok(latents),
            n => Err(Failure::users(format!("{}: expected one image, got {n}; pass one file", path.display()))),
        }
    });
    let [from, to] = latents;
    let target = concatenate(Axis(0), &[from?.view(), to?.view()])?;
    let SourceRows { source, components } = generator.source_of(target.view())?;
    Ok(RealPairs { source, components, target })
}

/// Training pairs as endpoints of the interpolations.
fn draw_pairs(args: &Interpolate, run: &RunFolder, rows: usize, streams: &Streams) -> Result<RealPairs, Failure> {
    if args.from.is_none() && args.to.is_none() {
        return Ok(gtn_train::draw_pairs(run, 2 * rows, streams)?);
    }
    stop::listen();
    let mut progress = Progress::new();
    let filters = [&args.from, &args.to].map(|filter| filter.as_deref().unwrap_or_default());
    let folders = (args.data.data_dir.as_path(), &*args.cache.path());
    Ok(gtn_train::draw_pairs_between(run, rows, filters, folders, streams, &mut progress)?)
}

/// Distances between neighboring samples of one interpolation.
struct RowSteps {
    /// Of the outputs of ĥ.
    latents: StepLengths,
    /// Of the images, if there are any.
    pixels: Option<StepLengths>,
}

fn pixel_step_lengths(images: &Array4<f32>, first: usize, steps: usize) -> Result<StepLengths, Failure> {
    let images = images.slice(s![first..first + steps, .., .., ..]);
    let pixels = images.len() / steps;
    Ok(step_lengths(images.to_shape((steps, pixels))?.view())?)
}

fn print(args: &Interpolate, rows: &[RowSteps]) {
    // Points have no latents: ĥ generates the samples themselves.
    let are_images = rows.iter().any(|row| row.pixels.is_some());
    let kind = if are_images { "latents" } else { "samples" };
    if args.json {
        let lengths = |steps: &StepLengths| json!({ "largest_step": steps.max, "mean_step": steps.mean, "ratio": steps.max_to_mean_ratio() });
        for (index, row) in rows.iter().enumerate() {
            let mut line = json!({ "interpolation": index + 1, "steps": args.steps - 1 });
            line[kind] = lengths(&row.latents);
            line["pixels"] = row.pixels.as_ref().map_or(Value::Null, lengths);
            console::print(&line.to_string());
        }
        return;
    }
    console::print(&args.out.display().to_string());
    let pixels = if are_images { "   pixels" } else { "" };
    console::print(&format!("largest step / mean step   {kind}{pixels}"));
    for (index, row) in rows.iter().enumerate() {
        let pixels = row.pixels.map_or(String::new(), |pixels| format!("{:>9.2}", pixels.max_to_mean_ratio()));
        let name = format!("interpolation {}", index + 1);
        console::print(&format!("{name:<24} {:>9.2}{pixels}", row.latents.max_to_mean_ratio()));
    }
}
