//! `gtn sample`: samples of a trained run.

use gtn_models::Streams;
use gtn_run::RunFolder;
use gtn_train::load_generator;

use crate::args::Sample;
use crate::failure::Failure;
use crate::output::{self, Kind, Samples};
use crate::say;

/// Numbers that are made at a time: 4 GiB of f32.
const MOST_NUMBERS: usize = 1 << 30;
/// Samples that a single picture can still show.
const MOST_IN_A_PICTURE: usize = 10_000;

fn too_many_for_a_picture(n: usize) -> Failure {
    Failure::users(format!(
        "{n} samples are too many for one picture, which holds {MOST_IN_A_PICTURE}; write them to a .npy file or a folder"
    ))
}

pub(crate) fn run(args: &Sample) -> Result<(), Failure> {
    let kind = output::kind(&args.out, args.latent, args.force)?;
    if args.n == 0 {
        return Err(Failure::users("-n 0: there is nothing to draw; ask for at least one sample"));
    }
    if kind == Kind::Png && args.source.is_none() && args.n > MOST_IN_A_PICTURE {
        return Err(too_many_for_a_picture(args.n));
    }
    let run = RunFolder::at(&args.run);
    let generator = load_generator(&run)?;
    if run.record()?.provenance.h_epochs.is_none() {
        say::tell("note: the training of ĥ is not over; these samples are by its best weights so far");
    }
    let size = if args.latent { generator.source_dim() } else { generator.sample_size() };
    if args.n.checked_mul(size).is_none_or(|numbers| numbers > MOST_NUMBERS) {
        return Err(Failure::users(format!(
            "-n {}: as many samples do not fit into memory; draw at most {} at a time, with another --seed each time",
            args.n,
            MOST_NUMBERS / size
        )));
    }
    let latents = match &args.source {
        None => generator.sample_latents(args.n, &Streams::new(args.seed))?,
        Some(path) => {
            let source = gtn_data::arrays::read_matrix(path)?;
            let (columns, dim) = (source.ncols(), generator.source_dim());
            if columns != dim {
                let path = path.display();
                return Err(Failure::users(format!("{path}: rows have {columns} columns, and this run maps {dim}")));
            }
            if kind == Kind::Png && source.nrows() > MOST_IN_A_PICTURE {
                return Err(too_many_for_a_picture(source.nrows()));
            }
            if !source.iter().all(|value| value.is_finite()) {
                return Err(Failure::users(format!("{}: holds NaN or an infinity", path.display())));
            }
            generator.map(source.view())?
        }
    };
    let samples =
        if args.latent { Samples::Vectors(latents) } else { Samples::Images(generator.decode(latents.view())?) };
    output::write(&args.out, kind, &samples, args.force)?;
    say::result(&args.out.display().to_string());
    Ok(())
}
