//! `gtn interpolate`: the way from one normal vector to another.

use gtn_metrics::{Steps, step_lengths};
use gtn_models::{Path, Streams};
use gtn_run::RunFolder;
use gtn_train::RealPairs;
use ndarray::{Array2, Array4, ArrayView2, Axis, concatenate, s};
use serde_json::{Value, json};

use crate::args::Interpolate;
use crate::commands::sample::check_amount;
use crate::failure::Failure;
use crate::output::{self, Samples, Ways};
use crate::progress::Progress;
use crate::{say, stop};

pub(crate) fn run(args: &Interpolate) -> Result<(), Failure> {
    output::kind_of_ways(&args.out, false, args.force)?;
    let run = RunFolder::at(&args.run);
    let generator = gtn_train::load_generator(&run, &args.on.open()?)?;
    let kind = output::kind_of_ways(&args.out, !generator.makes_images(), args.force)?;
    let (rows, steps) = (usize::from(args.rows), usize::from(args.steps));
    let columns = if args.real { steps + 2 } else { steps };
    check_amount(rows * columns, generator.sample_size(), kind)?;

    let streams = Streams::new(args.seed);
    let pairs = args.real.then(|| draw_pairs(args, &run, rows, &streams)).transpose()?;
    let ends = match &pairs {
        Some(pairs) => pairs.source.clone(),
        None => streams.normal("interpolate", 0, 2 * rows, generator.source_dim()),
    };
    let mut latents = Vec::new();
    let mut found = Vec::new();
    for row in 0..rows {
        if stop::requested() {
            return Err(Failure::Stopped("stopped; nothing was written".to_owned()));
        }
        let (from, to) = (2 * row, 2 * row + 1);
        let way = Path::from(args.path).between(ends.row(from), ends.row(to), steps)?;
        let made = generator.map(way.view())?;
        found.push(Measured { latents: step_lengths(made.view())?, pixels: None });
        match &pairs {
            Some(pairs) => {
                let real = |row: usize| pairs.target.slice(s![row..=row, ..]);
                latents.push(joined(&[real(from), made.view(), real(to)])?);
            }
            None => latents.push(made),
        }
    }
    let latents = joined(&latents.iter().map(|part| part.view()).collect::<Vec<_>>())?;
    let samples = if generator.makes_images() {
        let ways = Ways { images: generator.decode(latents.view())?, steps, real_ends: args.real };
        for (row, found) in found.iter_mut().enumerate() {
            let first = row * columns + usize::from(args.real);
            found.pixels = Some(pixel_steps(&ways.images, first, steps)?);
        }
        Samples::Ways(ways)
    } else {
        Samples::Vectors(latents)
    };
    output::write(&args.out, kind, &samples, args.force)?;
    tell(args, &found);
    Ok(())
}

/// The pairs at the ends of so many ways.
fn draw_pairs(args: &Interpolate, run: &RunFolder, rows: usize, streams: &Streams) -> Result<RealPairs, Failure> {
    if args.from.is_none() && args.to.is_none() {
        return Ok(gtn_train::draw_pairs(run, 2 * rows, streams)?);
    }
    stop::listen();
    let mut progress = Progress::new();
    let filters = [&args.from, &args.to].map(|filter| filter.as_deref().unwrap_or_default());
    let places = (args.data.data_dir.as_path(), &*args.cache.path());
    Ok(gtn_train::draw_pairs_between(run, rows, filters, places, streams, &mut progress)?)
}

/// The steps of one way.
struct Measured {
    /// Of what ĥ made.
    latents: Steps,
    /// Of the images, if there are any.
    pixels: Option<Steps>,
}

fn pixel_steps(images: &Array4<f32>, first: usize, steps: usize) -> Result<Steps, Failure> {
    let way = images.slice(s![first..first + steps, .., .., ..]);
    let numbers = way.len() / steps;
    let rows = way.to_shape((steps, numbers)).map_err(|error| Failure::users(error.to_string()))?;
    Ok(step_lengths(rows.view())?)
}

fn tell(args: &Interpolate, found: &[Measured]) {
    // What is no image has no latents either: ĥ makes the samples themselves.
    let are_images = found.iter().any(|found| found.pixels.is_some());
    let made = if are_images { "latents" } else { "samples" };
    if args.json {
        let steps =
            |steps: &Steps| json!({ "largest_step": steps.largest, "mean_step": steps.mean, "ratio": steps.ratio() });
        for (way, found) in found.iter().enumerate() {
            let mut line = json!({ "way": way + 1, "steps": args.steps - 1 });
            line[made] = steps(&found.latents);
            line["pixels"] = found.pixels.as_ref().map_or(Value::Null, steps);
            say::result(&line.to_string());
        }
        return;
    }
    say::result(&args.out.display().to_string());
    let pixels = if are_images { "   pixels" } else { "" };
    say::result(&format!("largest step / mean step   {made}{pixels}"));
    for (way, found) in found.iter().enumerate() {
        let pixels = found.pixels.map_or(String::new(), |pixels| format!("{:>9.2}", pixels.ratio()));
        say::result(&format!("{:<24} {:>9.2}{pixels}", format!("way {}", way + 1), found.latents.ratio()));
    }
}

fn joined(parts: &[ArrayView2<'_, f32>]) -> Result<Array2<f32>, Failure> {
    concatenate(Axis(0), parts).map_err(|error| Failure::users(error.to_string()))
}
