//! `gtn interpolate`: the way from one normal vector to another.

use gtn_models::{Path, Streams};
use gtn_run::RunFolder;
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};

use crate::args::Interpolate;
use crate::commands::sample::check_amount;
use crate::failure::Failure;
use crate::output::{self, Samples};
use crate::say;

pub(crate) fn run(args: &Interpolate) -> Result<(), Failure> {
    output::kind(&args.out, false, args.force)?;
    let run = RunFolder::at(&args.run);
    let generator = gtn_train::load_generator(&run)?;
    let kind = output::kind(&args.out, !generator.makes_images(), args.force)?;
    let (rows, steps) = (usize::from(args.rows), usize::from(args.steps));
    let columns = if args.real { steps + 2 } else { steps };
    check_amount(rows * columns, generator.sample_size(), kind)?;

    let streams = Streams::new(args.seed);
    let pairs = args.real.then(|| gtn_train::draw_pairs(&run, 2 * rows, &streams)).transpose()?;
    let ends = match &pairs {
        Some(pairs) => pairs.source.clone(),
        None => streams.normal("interpolate", 0, 2 * rows, generator.source_dim()),
    };
    let mut latents = Vec::new();
    for row in 0..rows {
        let (from, to) = (2 * row, 2 * row + 1);
        let way = Path::from(args.path).between(ends.row(from), ends.row(to), steps)?;
        let made = generator.map(way.view())?;
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
        Samples::Rows(generator.decode(latents.view())?, columns)
    } else {
        Samples::Vectors(latents)
    };
    output::write(&args.out, kind, &samples, args.force)?;
    say::result(&args.out.display().to_string());
    Ok(())
}

fn joined(parts: &[ArrayView2<'_, f32>]) -> Result<Array2<f32>, Failure> {
    concatenate(Axis(0), parts).map_err(|error| Failure::users(error.to_string()))
}
