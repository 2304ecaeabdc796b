//! `gtn decode`: latents to images.

use gtn_run::RunFolder;

use crate::args::Decode;
use crate::commands::sample::{check_amount, read_rows};
use crate::console;
use crate::failure::Failure;
use crate::output::{self, Samples};

pub(crate) fn run(args: &Decode) -> Result<(), Failure> {
    let format = output::format(&args.out, false, args.force)?;
    let run = RunFolder::at(&args.run);
    // Refuses a run on points.
    let device = args.on.open()?;
    gtn_train::load_autoencoder(&run, &device)?;
    let generator = gtn_train::load_generator(&run, &device)?;
    let latents = read_rows(&args.latents, generator.source_dim())?;
    check_amount(latents.nrows(), generator.values_per_sample(), format)?;
    output::write(&args.out, format, &Samples::Images(generator.decode(latents.view())?), args.force)?;
    console::print(&args.out.display().to_string());
    Ok(())
}
