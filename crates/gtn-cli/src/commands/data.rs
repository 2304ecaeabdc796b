//! `gtn data`: what is there of a data set.

use gtn_data::mnist::{self, FILES, FileState};

use crate::args::{DataCheck, DataName};
use crate::failure::Failure;
use crate::say;

pub(crate) fn check(args: &DataCheck) -> Result<(), Failure> {
    match args.name {
        DataName::Mnist => check_mnist(args),
    }
}

fn check_mnist(args: &DataCheck) -> Result<(), Failure> {
    let (folder, states) = mnist::check(&args.data.data_dir);
    let (mut missing, mut broken) = (0, 0);
    say::result(&format!("MNIST in {}", folder.display()));
    for (spec, state) in FILES.iter().zip(&states) {
        let text = match state {
            FileState::Original(_) => format!("whole, {} items, the original's content", spec.items),
            FileState::Other(_, shape) => format!("well-formed, shape {shape:?}, but not the original's content"),
            FileState::Broken(error) => {
                broken += 1;
                format!("not usable: {error}")
            }
            FileState::Missing => {
                missing += 1;
                "missing".to_owned()
            }
        };
        say::result(&format!("  {:<24} {text}", spec.name));
    }
    match (missing, broken) {
        (0, 0) => Ok(()),
        (0, _) => Err(Failure::users(format!("{broken} of MNIST's 4 files cannot be used; download them again"))),
        _ => {
            let broken = if broken > 0 { format!(" and {broken} cannot be used") } else { String::new() };
            let advice = mnist::advice(&folder);
            Err(Failure::users(format!("{missing} of MNIST's 4 files are missing{broken}. {advice}")))
        }
    }
}
