//! `gtn data`: what is there of a data set.

use std::path::Path;

use gtn_data::mnist::{self, FILES, FileState};
use gtn_data::photos::{Counts, Inventory, ItemState};
use gtn_data::{celeba, hap};

use crate::args::{DataCheck, DataName};
use crate::failure::Failure;
use crate::say;

pub(crate) fn check(args: &DataCheck) -> Result<(), Failure> {
    match args.name {
        DataName::Mnist => check_mnist(args),
        DataName::Celeba => check_photos("CelebA", &celeba::check(&args.data.data_dir), celeba::advice),
        DataName::Hap => check_photos("11K Hands", &hap::check(&args.data.data_dir), hap::advice),
    }
}

fn check_photos(name: &str, found: &Inventory, advice: fn(&Path) -> String) -> Result<(), Failure> {
    say::result(&format!("{name} in {}", found.folder.display()));
    let (mut missing, mut broken) = (0, 0);
    for (item, state) in &found.items {
        let text = match state {
            ItemState::Found(path, what) => format!("{}: {what}", path.display()),
            ItemState::Broken(error) => {
                broken += 1;
                format!("not usable: {error}")
            }
            ItemState::Missing => {
                missing += 1;
                "missing".to_owned()
            }
            ItemState::NotNeeded => "not there (only filters need it)".to_owned(),
        };
        say::result(&format!("  {item:<12} {text}"));
    }
    if missing > 0 {
        return Err(Failure::users(format!("something of {name} is missing. {}", advice(&found.folder))));
    }
    if broken > 0 {
        return Err(Failure::users(format!("something of {name} cannot be used; download it again")));
    }
    let Counts { train, validation, test } = found.counts;
    for (part, count) in [("training", train), ("validation", validation), ("test", test)] {
        say::result(&format!("  {part:<12} {} of {} images", count.there, count.listed));
    }
    if found.counts.all().there == 0 {
        return Err(Failure::users(format!("none of the images is there. {}", advice(&found.folder))));
    }
    let whole = if found.whole { "all that was published" } else { "a part of what was published" };
    say::result(&format!("  {whole}"));
    Ok(())
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
