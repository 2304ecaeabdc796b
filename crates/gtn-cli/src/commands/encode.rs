//! `gtn encode`: images to latents.

use gtn_data::pictures::read_pictures;
use gtn_models::{array2_of, tensor_of};
use gtn_run::RunFolder;
use ndarray::{Array2, Axis, concatenate};

use crate::args::Encode;
use crate::failure::Failure;
use crate::output::{self, Samples};
use crate::say;

/// Images of one forward pass.
const ROWS: usize = 256;

pub(crate) fn run(args: &Encode) -> Result<(), Failure> {
    let kind = output::kind(&args.out, true, args.force)?;
    let autoencoder = gtn_train::load_autoencoder(&RunFolder::at(&args.run), &args.on.open()?)?;
    let images = read_pictures(&args.images)?;
    let (shape, (_, channels, side, width)) = (autoencoder.decoder().shape(), images.dim());
    if (channels, side, width) != (shape.channels, shape.side, shape.side) {
        return Err(Failure::users(format!(
            "{}: images have {channels} channels and {side}×{width} pixels, and this autoencoder takes {} and {2}×{2}",
            args.images.display(),
            shape.channels,
            shape.side,
        )));
    }
    let device = autoencoder.parameters().device();
    let mut parts = vec![Array2::zeros((0, shape.dim))];
    for rows in images.axis_chunks_iter(Axis(0), ROWS) {
        parts.push(array2_of(&autoencoder.encoder().forward(&tensor_of(rows, device)?)?)?);
    }
    let views: Vec<_> = parts.iter().map(|part| part.view()).collect();
    let latents = concatenate(Axis(0), &views).map_err(|error| Failure::users(error.to_string()))?;
    output::write(&args.out, kind, &Samples::Vectors(latents), args.force)?;
    say::result(&args.out.display().to_string());
    Ok(())
}
