//! `gtn decode`: latents to images.

use gtn_run::RunFolder;

use crate::args::Decode;
use crate::commands::sample::{check_amount, read_rows};
use crate::failure::Failure;
use crate::output::{self, Samples};
use crate::say;

pub(crate) fn run(args: &Decode) -> Result<(), Failure> {
    let kind = output::kind(&args.out, false, args.force)?;
    let run = RunFolder::at(&args.run);
    // Says what is wrong with a run without images.
    let device = args.on.open()?;
    gtn_train::load_autoencoder(&run, &device)?;
    let generator = gtn_train::load_generator(&run, &device)?;
    let latents = read_rows(&args.latents, generator.source_dim())?;
    check_amount(latents.nrows(), generator.sample_size(), kind)?;
    output::write(&args.out, kind, &Samples::Images(generator.decode(latents.view())?), args.force)?;
    say::result(&args.out.display().to_string());
    Ok(())
}
