//! `gtn sample`: samples of a trained run.

use std::path::Path;

use gtn_models::Streams;
use gtn_run::RunFolder;
use gtn_train::load_generator;
use ndarray::Array2;

use crate::args::Sample;
use crate::failure::Failure;
use crate::output::{self, Kind, Samples};
use crate::say;

/// Numbers that are made at a time: 4 GiB of f32.
const MOST_NUMBERS: usize = 1 << 30;
/// Samples that a single picture can still show.
const MOST_IN_A_PICTURE: usize = 10_000;

pub(crate) fn run(args: &Sample) -> Result<(), Failure> {
    if args.n == 0 {
        return Err(Failure::users("-n 0: there is nothing to draw; ask for at least one sample"));
    }
    // What is wrong with the name alone comes first, before the run is read.
    output::kind(&args.out, args.latent, args.force)?;
    let run = RunFolder::at(&args.run);
    let generator = load_generator(&run, &args.on.open()?)?;
    let vectors = args.latent || !generator.makes_images();
    let kind = output::kind(&args.out, vectors, args.force)?;
    if run.record()?.provenance.h_epochs.is_none() {
        say::tell("note: the training of ĥ is not over; these samples are by its best weights so far");
    }
    let source = args.source.as_deref().map(|path| read_rows(path, generator.source_dim())).transpose()?;
    let n = source.as_ref().map_or(args.n, Array2::nrows);
    let size = if vectors { generator.source_dim() } else { generator.sample_size() };
    check_amount(n, size, kind)?;
    let latents = match source {
        None => generator.sample_latents(n, &Streams::new(args.seed))?,
        Some(source) => generator.map(source.view())?,
    };
    let samples = if vectors { Samples::Vectors(latents) } else { Samples::Images(generator.decode(latents.view())?) };
    output::write(&args.out, kind, &samples, args.force)?;
    say::result(&args.out.display().to_string());
    Ok(())
}

/// Reads vectors of `dim` entries, and refuses others.
pub(crate) fn read_rows(path: &Path, dim: usize) -> Result<Array2<f32>, Failure> {
    let source = gtn_data::arrays::read_matrix(path)?;
    let columns = source.ncols();
    if columns != dim {
        let path = path.display();
        return Err(Failure::users(format!("{path}: rows have {columns} columns, and this run takes {dim}")));
    }
    if !source.iter().all(|value| value.is_finite()) {
        return Err(Failure::users(format!("{}: holds NaN or an infinity", path.display())));
    }
    Ok(source)
}

/// Refuses more samples, of `size` numbers each, than memory or a picture holds, before any is drawn.
pub(crate) fn check_amount(n: usize, size: usize, kind: Kind) -> Result<(), Failure> {
    if matches!(kind, Kind::Png | Kind::Gif) && n > MOST_IN_A_PICTURE {
        return Err(Failure::users(format!(
            "{n} samples are too many for one picture, which holds {MOST_IN_A_PICTURE}; write them to a .npy file or a folder"
        )));
    }
    if n.checked_mul(size).is_none_or(|numbers| numbers > MOST_NUMBERS) {
        let most = MOST_NUMBERS / size;
        return Err(Failure::users(format!(
            "{n} samples do not fit into memory; make at most {most} at a time, with another --seed or --source each time"
        )));
    }
    Ok(())
}
