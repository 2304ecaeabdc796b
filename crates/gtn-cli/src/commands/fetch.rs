//! `gtn data fetch`: downloads what is missing of a data set.

use std::ops::ControlFlow;

use gtn_data::fetch::{Download, Event, Fetched, Next, Options};
use gtn_data::{celeba, hap, mnist};

use crate::args::{DataFetch, DataName, Source};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{say, stop};

#[cfg(feature = "hub")]
mod hub;

pub(crate) fn run(args: &DataFetch) -> Result<(), Failure> {
    if args.from == Source::Hub && !args.mirror.is_empty() {
        return Err(Failure::users(
            "--mirror names a place of the four files, which --from hub does not ask for; HF_ENDPOINT names another hub",
        ));
    }
    let data_dir = &args.data.data_dir;
    // Who downloads photographs of people is bound by terms, and is to know them.
    let (files, advice) = match args.name {
        DataName::Mnist => (4, None),
        DataName::Celeba => (3, Some(celeba::advice(&data_dir.join("celeba")))),
        DataName::Hap => (3, Some(hap::advice(&data_dir.join("hap")))),
    };
    if let Some(advice) = advice.filter(|_| args.from == Source::Mirrors || matches!(args.name, DataName::Hap)) {
        return Err(Failure::users(advice));
    }
    stop::listen();
    let mut progress = Progress::new();
    let fetched = match args.from {
        Source::Mirrors => from_mirrors(args, &mut progress)?,
        Source::Hub => from_hub(args, &mut progress)?,
    };
    drop(progress);
    say::tell(&format!("{} of {files} files are new", fetched.new));
    say::result(&fetched.folder.display().to_string());
    Ok(())
}

#[cfg(feature = "hub")]
fn from_hub(args: &DataFetch, progress: &mut Progress) -> Result<Fetched, Failure> {
    match args.name {
        DataName::Celeba => hub::celeba(&args.data.data_dir, progress),
        _ => hub::mnist(&args.data.data_dir, progress),
    }
}

#[cfg(not(feature = "hub"))]
fn from_hub(args: &DataFetch, _progress: &mut Progress) -> Result<Fetched, Failure> {
    let (name, others) = match args.name {
        DataName::Celeba => ("celeba", ""),
        _ => ("mnist", ", and the mirrors need neither"),
    };
    Err(Failure::users(format!(
        "this gtn was built without the Hugging Face Hub; `cargo xtask fetch {name} --from hub` builds one that has it, as does \
         --features hub{others}"
    )))
}

fn from_mirrors(args: &DataFetch, progress: &mut Progress) -> Result<Fetched, Failure> {
    let mirrors: Vec<String> = if args.mirror.is_empty() {
        mnist::MIRRORS.iter().map(|mirror| (*mirror).to_owned()).collect()
    } else {
        args.mirror.clone()
    };
    let fetched = mnist::fetch(&args.data.data_dir, &mirrors, &Options::default(), |file, event| {
        tell(progress, file, event);
        if stop::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    Ok(fetched)
}

fn tell(progress: &mut Progress, file: &Download, event: Event<'_>) {
    match event {
        Event::Present => progress.line(&format!("{} is there", file.name())),
        Event::Bytes { done, total } => {
            progress.begin_once(&file.name());
            progress.show(&file.name(), done, total, "");
        }
        Event::Trouble { url, reason, next } => {
            let next = match next {
                Next::Again(pause) => format!("it is asked again in {:.0} s", pause.as_secs_f64().ceil()),
                _ => "the next mirror is asked".to_owned(),
            };
            progress.line(&format!("note: {url}: {reason}; {next}"));
        }
        Event::Done => progress.line(&format!("{} is downloaded and checked", file.name())),
        _ => {}
    }
}
