//! `gtn decode`: latents to images.

use gtn_models::Autoencoder;

use crate::args::Decode;
use crate::commands::sample::{check_amount, read_rows};
use crate::console;
use crate::failure::Failure;
use crate::output::{self, Content};

pub(crate) fn run(args: &Decode) -> Result<(), Failure> {
    let format = output::format(&args.out, false, args.force, false)?;
    let autoencoder = Autoencoder::load_best(&args.run, &args.on.open()?)?;
    let latents = read_rows(&args.latents, autoencoder.shape().dim)?;
    check_amount(latents.nrows(), autoencoder.shape().values_per_image(), format)?;
    output::write(&args.out, format, &Content::Images(autoencoder.decode(latents.view())?), args.force)?;
    console::print(&args.out.display().to_string());
    Ok(())
}
