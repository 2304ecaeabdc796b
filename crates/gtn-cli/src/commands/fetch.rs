//! `gtn data fetch`: downloads what is missing of a data set.

use std::ops::ControlFlow;

use gtn_data::fetch::{Download, Event, Next, Options};
use gtn_data::mnist::{self, Fetched};
use gtn_data::{celeba, hap};

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
    // Their terms leave the download to the user.
    match args.name {
        DataName::Mnist => {}
        DataName::Celeba => return Err(Failure::users(celeba::advice(&args.data.data_dir.join("celeba")))),
        DataName::Hap => return Err(Failure::users(hap::advice(&args.data.data_dir.join("hap")))),
    }
    stop::listen();
    let mut progress = Progress::new();
    let fetched = match args.from {
        Source::Mirrors => from_mirrors(args, &mut progress)?,
        #[cfg(feature = "hub")]
        Source::Hub => hub::mnist(&args.data.data_dir, &mut progress)?,
        #[cfg(not(feature = "hub"))]
        Source::Hub => {
            return Err(Failure::users(
                "this gtn was built without the Hugging Face Hub; `cargo xtask fetch mnist --from hub` builds one that has it, \
                 as does --features hub, and the mirrors need neither",
            ));
        }
    };
    drop(progress);
    say::tell(&format!("{} of 4 files are new", fetched.new));
    say::result(&fetched.folder.display().to_string());
    Ok(())
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
