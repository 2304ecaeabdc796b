//! `gtn encode`: images to latents.

use gtn_data::image_files::read_images;
use gtn_models::{to_array2, to_tensor};
use gtn_run::RunFolder;
use ndarray::{Array2, Axis, concatenate};

use crate::args::Encode;
use crate::console;
use crate::failure::Failure;
use crate::output::{self, Samples};

/// Images in one forward pass.
const BATCH_SIZE: usize = 256;

pub(crate) fn run(args: &Encode) -> Result<(), Failure> {
    let format = output::format(&args.out, true, args.force)?;
    let autoencoder = gtn_train::load_autoencoder(&RunFolder::at(&args.run), &args.on.open()?)?;
    let images = read_images(&args.images)?;
    let (shape, (_, channels, side, width)) = (autoencoder.decoder().shape(), images.dim());
    if (channels, side, width) != (shape.channels, shape.side, shape.side) {
        return Err(Failure::users(format!(
            "{}: expected images of shape ({1}, {2}, {2}), got ({channels}, {side}, {width}); pass images of the size of the run",
            args.images.display(),
            shape.channels,
            shape.side,
        )));
    }
    let device = autoencoder.parameters().device();
    let mut parts = vec![Array2::zeros((0, shape.dim))];
    for rows in images.axis_chunks_iter(Axis(0), BATCH_SIZE) {
        parts.push(to_array2(&autoencoder.encoder().forward(&to_tensor(rows, device)?)?)?);
    }
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    let samples = Samples::Vectors(concatenate(Axis(0), &views)?);
    output::write(&args.out, format, &samples, args.force)?;
    console::print(&args.out.display().to_string());
    Ok(())
}
