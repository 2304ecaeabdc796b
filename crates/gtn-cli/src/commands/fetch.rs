//! `gtn data fetch`: downloads the missing files of a data set.

use gtn_data::fetch::{Download, Event, FetchSummary, NextAttempt, Options};
use gtn_data::{celeba, hap, mnist};

use crate::args::{DataFetch, DataName, Source};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{console, stop};

#[cfg(feature = "hub")]
mod hub;

pub(crate) fn run(args: &DataFetch) -> Result<(), Failure> {
    if args.from == Source::Hub && !args.mirror.is_empty() {
        return Err(Failure::users("--mirror cannot be combined with --from hub; set HF_ENDPOINT to use another hub"));
    }
    let data_dir = &args.data.data_dir;
    // The terms of these images of people bind everyone who downloads them.
    let (files, advice) = match args.name {
        DataName::Mnist => (4, None),
        DataName::Celeba => (3, Some(celeba::download_instructions(&data_dir.join("celeba")))),
        DataName::Hap => (3, Some(hap::download_instructions(&data_dir.join("hap")))),
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
    console::status(&format!("downloaded {} of {files} files", fetched.new_files));
    console::print(&fetched.folder.display().to_string());
    Ok(())
}

#[cfg(feature = "hub")]
fn from_hub(args: &DataFetch, progress: &mut Progress) -> Result<FetchSummary, Failure> {
    match args.name {
        DataName::Celeba => hub::celeba(&args.data.data_dir, progress),
        _ => hub::mnist(&args.data.data_dir, progress),
    }
}

#[cfg(not(feature = "hub"))]
fn from_hub(args: &DataFetch, _progress: &mut Progress) -> Result<FetchSummary, Failure> {
    let (name, others) = match args.name {
        DataName::Celeba => ("celeba", ""),
        _ => ("mnist", ", or omit --from to use the mirrors"),
    };
    Err(Failure::users(format!(
        "this build does not support the Hugging Face Hub; run `cargo xtask fetch {name} --from hub`, or build with --features \
         hub{others}"
    )))
}

fn from_mirrors(args: &DataFetch, progress: &mut Progress) -> Result<FetchSummary, Failure> {
    let mirrors: Vec<String> = if args.mirror.is_empty() {
        mnist::MIRRORS.iter().map(|mirror| (*mirror).to_owned()).collect()
    } else {
        args.mirror.clone()
    };
    let fetched = mnist::fetch(&args.data.data_dir, &mirrors, &Options::default(), |file, event| {
        report(progress, file, event);
        stop::control_flow()
    })?;
    Ok(fetched)
}

fn report(progress: &mut Progress, file: &Download, event: Event<'_>) {
    match event {
        Event::AlreadyPresent => progress.line(&format!("{} already exists", file.name())),
        Event::Bytes { done, total } => {
            progress.begin_once(&file.name());
            progress.show(&file.name(), done, total, "");
        }
        Event::AttemptFailed { url, reason, next } => {
            let next = match next {
                NextAttempt::SameUrl(pause) => format!("retrying in {:.0} s", pause.as_secs_f64().ceil()),
                _ => "trying the next mirror".to_owned(),
            };
            progress.line(&format!("note: {url}: {reason}; {next}"));
        }
        Event::Done => progress.line(&format!("{} downloaded and verified", file.name())),
        _ => {}
    }
}
