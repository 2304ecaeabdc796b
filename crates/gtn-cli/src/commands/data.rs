//! `gtn data check`: whether a data set, or the weights of Inception, are present and complete.

use std::path::Path;

use gtn_data::image_set::{DatasetCounts, Inventory, ItemState};
use gtn_data::mnist::{self, FILES, FileState};
use gtn_data::{celeba, hap, inception};

use crate::args::{DataCheck, DataName};
use crate::console;
use crate::failure::Failure;

pub(crate) fn check(args: &DataCheck) -> Result<(), Failure> {
    match args.name {
        DataName::Mnist => check_mnist(args),
        DataName::Celeba => {
            check_image_set("CelebA", &celeba::check(&args.data.data_dir), celeba::download_instructions)
        }
        DataName::Hap => check_image_set("11K Hands", &hap::check(&args.data.data_dir), hap::download_instructions),
        DataName::Inception => check_inception(args),
    }
}

fn check_image_set(name: &str, found: &Inventory, advice: fn(&Path) -> String) -> Result<(), Failure> {
    console::print(&format!("{name} in {}", found.folder.display()));
    let (mut missing, mut broken) = (0, 0);
    for (item, state) in &found.items {
        let text = match state {
            ItemState::Found(path, what) => format!("{}: {what}", path.display()),
            ItemState::Invalid(error) => {
                broken += 1;
                format!("unusable: {error}")
            }
            ItemState::Missing => {
                missing += 1;
                "missing".to_owned()
            }
            ItemState::MissingOptional => "missing (only filters need it)".to_owned(),
        };
        console::print(&format!("  {item:<12} {text}"));
    }
    if missing > 0 {
        return Err(Failure::users(format!("{name} is incomplete. {}", advice(&found.folder))));
    }
    if broken > 0 {
        return Err(Failure::users(format!("some files of {name} are unusable; download them again")));
    }
    let DatasetCounts { train, validation, test } = found.counts;
    for (part, count) in [("training", train), ("validation", validation), ("test", test)] {
        console::print(&format!("  {part:<12} {} of {} images", count.present, count.listed));
    }
    if found.counts.total().present == 0 {
        return Err(Failure::users(format!("no images found. {}", advice(&found.folder))));
    }
    let extent = if found.is_complete { "all published images" } else { "a part of the published images" };
    console::print(&format!("  {extent}"));
    Ok(())
}

fn check_mnist(args: &DataCheck) -> Result<(), Failure> {
    let (folder, states) = mnist::check(&args.data.data_dir);
    let (mut missing, mut broken) = (0, 0);
    console::print(&format!("MNIST in {}", folder.display()));
    for (spec, state) in FILES.iter().zip(&states) {
        let text = match state {
            FileState::Official(_) => format!("complete, {} items, the original content", spec.items),
            FileState::Unofficial(_, shape) => format!("valid, shape {shape:?}, but not the original content"),
            FileState::Invalid(error) => {
                broken += 1;
                format!("unusable: {error}")
            }
            FileState::Missing => {
                missing += 1;
                "missing".to_owned()
            }
        };
        console::print(&format!("  {:<24} {text}", spec.name));
    }
    match (missing, broken) {
        (0, 0) => Ok(()),
        (0, _) => Err(Failure::users(format!("{broken} of the 4 files of MNIST are unusable; download them again"))),
        _ => {
            let broken = if broken > 0 { format!(" and {broken} are unusable") } else { String::new() };
            let advice = mnist::download_instructions(&folder);
            Err(Failure::users(format!("{missing} of the 4 files of MNIST are missing{broken}. {advice}")))
        }
    }
}

fn check_inception(args: &DataCheck) -> Result<(), Failure> {
    use inception::FileState;
    let (folder, states) = inception::check(&args.data.data_dir);
    let (mut missing, mut wrong) = (0, 0);
    console::print(&format!("weights of Inception in {}", folder.display()));
    for (file, state) in inception::FILES.iter().zip(&states) {
        let expected = file.sha256_prefix;
        let text = match state {
            FileState::Complete(path) => format!("{}: complete, its SHA-256 begins with {expected}", path.display()),
            FileState::WrongDigest(path, found) => {
                wrong += 1;
                format!(
                    "{}: wrong contents, its SHA-256 is {found}, expected one that begins with {expected}",
                    path.display()
                )
            }
            FileState::Unreadable(error) => {
                wrong += 1;
                format!("unusable: {error}")
            }
            FileState::Missing => {
                missing += 1;
                format!("{} is missing", file.name)
            }
        };
        console::print(&format!("  {:<16} {text}", file.metrics));
    }
    let unusable = missing + wrong;
    if unusable == 0 {
        return Ok(());
    }
    let problem = if wrong == 0 { "missing" } else { "missing or wrong" };
    let advice = inception::download_instructions(&folder);
    Err(Failure::users(format!("{unusable} of the 2 files of Inception's weights are {problem}. {advice}")))
}
