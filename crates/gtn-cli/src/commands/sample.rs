//! `gtn sample`: samples of a trained run.

use gtn_models::Streams;
use gtn_run::RunFolder;
use gtn_train::load_generator;

use crate::args::Sample;
use crate::failure::Failure;
use crate::output::{self, Samples};

pub(crate) fn run(args: &Sample) -> Result<(), Failure> {
    let kind = output::kind(&args.out, args.latent, args.force)?;
    if args.n == 0 {
        return Err(Failure::users("-n 0: there is nothing to draw; ask for at least one sample"));
    }
    let generator = load_generator(&RunFolder::at(&args.run))?;
    let latents = match &args.source {
        None => generator.sample_latents(args.n, &Streams::new(args.seed))?,
        Some(path) => {
            let source = gtn_data::arrays::read_npy(path)?;
            if !source.iter().all(|value| value.is_finite()) {
                return Err(Failure::users(format!("{}: holds NaN or an infinity", path.display())));
            }
            generator.map(source.view())?
        }
    };
    let samples =
        if args.latent { Samples::Vectors(latents) } else { Samples::Images(generator.decode(latents.view())?) };
    output::write(&args.out, kind, &samples, args.force)?;
    println!("{}", args.out.display());
    Ok(())
}
