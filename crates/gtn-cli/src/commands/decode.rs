//! `gtn decode`: latents to images.

use gtn_models::Autoencoder;
use ndarray::s;

use crate::args::Decode;
use crate::commands::sample::{check_amount, read_rows};
use crate::console;
use crate::failure::Failure;
use crate::output::{self, Content};
use crate::processes::{self, rows};

pub(crate) fn run(args: &Decode) -> Result<(), Failure> {
    let format = output::format(&args.out, false, args.force, false)?;
    let autoencoder = Autoencoder::load_best(&args.run, &args.on.open()?)?;
    let latents = read_rows(&args.latents, autoencoder.shape().dim)?;
    check_amount(latents.nrows(), autoencoder.shape().values_per_image(), format)?;
    let rows = (latents.nrows(), Autoencoder::DECODER_BATCH_SIZE);
    let images = rows::computed(processes::all(), "decoded images", rows, |rows| {
        Ok(autoencoder.decode(latents.slice(s![rows, ..]))?)
    })?;
    let Some(images) = images else { return Ok(()) };
    output::write(&args.out, format, &Content::Images(images), args.force)?;
    console::print(&args.out.display().to_string());
    Ok(())
}
