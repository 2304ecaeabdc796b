//! `gtn sample`: samples of a trained run.

use std::path::Path;

use gtn_models::{Generator, Streams, purpose};
use gtn_run::RunFolder;
use ndarray::Array2;

use crate::args::Sample;
use crate::console;
use crate::failure::Failure;
use crate::output::{self, Content, Format};

/// Maximum number of values that are computed at a time: 4 GiB of f32.
const MAX_VALUES: usize = 1 << 30;
/// Maximum number of samples in one image.
const MAX_IN_IMAGE: usize = 10_000;

pub(crate) fn run(args: &Sample) -> Result<(), Failure> {
    if args.n == 0 {
        return Err(Failure::users("-n 0: nothing to draw; pass at least 1"));
    }
    // The name is checked before the run is read.
    output::format(&args.out, args.latent, args.force, false)?;
    let generator = Generator::load_on(&args.run, &args.on.open()?)?;
    let vectors = args.latent || !generator.generates_images();
    let format = output::format(&args.out, vectors, args.force, false)?;
    let run = RunFolder::at(&args.run);
    if run.config().is_file() && run.record()?.provenance.h_epochs.is_none() {
        console::status("note: the training of ĥ is not finished; these samples use its best weights so far");
    }
    let source = args.source.as_deref().map(|path| read_rows(path, generator.source_dim())).transpose()?;
    let n = source.as_ref().map_or(args.n, Array2::nrows);
    let size = if vectors { generator.source_dim() } else { generator.values_per_sample() };
    check_amount(n, size, format)?;
    let latents = match source {
        None => generator.sample_latents(n, &mut Streams::new(args.seed).stream(purpose::SAMPLE, 0))?,
        Some(source) => generator.map(source.view())?,
    };
    let samples = if vectors { Content::Vectors(latents) } else { Content::Images(generator.decode(latents.view())?) };
    output::write(&args.out, format, &samples, args.force)?;
    console::print(&args.out.display().to_string());
    Ok(())
}

/// Reads vectors of dimension `dim`.
pub(crate) fn read_rows(path: &Path, dim: usize) -> Result<Array2<f32>, Failure> {
    let source = gtn_io::arrays::read_matrix(path)?;
    let columns = source.ncols();
    if columns != dim {
        let path = path.display();
        return Err(Failure::users(format!(
            "{path}: expected an array (n, {dim}), got shape ({}, {columns}); pass vectors with the dimension of the run",
            source.nrows()
        )));
    }
    if !source.iter().all(|value| value.is_finite()) {
        return Err(Failure::users(format!("{} contains NaN or infinite values; remove them first", path.display())));
    }
    Ok(source)
}

/// Refuses more samples, of `size` values each, than fit into memory or into one image, before any is drawn.
pub(crate) fn check_amount(n: usize, size: usize, format: Format) -> Result<(), Failure> {
    if matches!(format, Format::Png | Format::Gif) && n > MAX_IN_IMAGE {
        return Err(Failure::users(format!(
            "{n} samples do not fit into one image, which holds {MAX_IN_IMAGE}; write them to a .npy file or a folder"
        )));
    }
    if n.checked_mul(size).is_none_or(|values| values > MAX_VALUES) {
        let max = MAX_VALUES / size;
        return Err(Failure::users(format!(
            "{n} samples do not fit into memory; draw at most {max} at a time, with a different --seed or --source each time"
        )));
    }
    Ok(())
}
