//! `gtn encode`: images to latents.

use gtn_data::image_files::read_images;
use gtn_models::{Autoencoder, Error};

use crate::args::Encode;
use crate::console;
use crate::failure::Failure;
use crate::output::{self, Content};

pub(crate) fn run(args: &Encode) -> Result<(), Failure> {
    let format = output::format(&args.out, true, args.force, false)?;
    let autoencoder = Autoencoder::load(&args.run, &args.on.open()?)?;
    let latents = autoencoder.encode(read_images(&args.images)?.view()).map_err(|error| match error {
        Error::ImageShape { .. } => Failure::users(format!("{}: {error}", args.images.display())),
        error => error.into(),
    })?;
    output::write(&args.out, format, &Content::Vectors(latents), args.force)?;
    console::print(&args.out.display().to_string());
    Ok(())
}
