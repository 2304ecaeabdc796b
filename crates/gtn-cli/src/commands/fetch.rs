//! `gtn data fetch`: downloads the missing files of a data set or the weights of Inception.

use std::ops::ControlFlow;

use gtn_data::fetch::{Event, FetchSummary, Options};
use gtn_data::{celeba, hap, inception, mnist};

use crate::args::{DataFetch, DataName, Source};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{console, stop};

pub(crate) fn run(args: &DataFetch) -> Result<(), Failure> {
    if args.from == Source::Hub && !args.mirror.is_empty() {
        return Err(Failure::users("--mirror cannot be combined with --from hub; set HF_ENDPOINT to use another hub"));
    }
    if args.from == Source::Hub && matches!(args.name, DataName::Inception) {
        return Err(Failure::users(
            "the weights of Inception come from their authors, not from the Hugging Face Hub; omit --from",
        ));
    }
    let data_dir = &args.data.data_dir;
    // The terms of these images of people bind everyone who downloads them.
    let (files, advice) = match args.name {
        DataName::Mnist => (4, None),
        DataName::Celeba => (3, Some(celeba::download_instructions(&data_dir.join("celeba")))),
        DataName::Hap => (3, Some(hap::download_instructions(&data_dir.join("hap")))),
        DataName::Inception => (inception::FILES.len(), None),
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
    use gtn_data::{fetch::Error, hub::ENDPOINT};
    let endpoint = std::env::var_os("HF_ENDPOINT").filter(|endpoint| !endpoint.is_empty());
    let endpoint = endpoint.map_or_else(|| ENDPOINT.to_owned(), |endpoint| endpoint.to_string_lossy().into_owned());
    let (data_dir, options) = (&args.data.data_dir, Options::default());
    let fetched = match args.name {
        DataName::Celeba => {
            progress.line(&format!("note: {}", celeba::TERMS_OF_USE));
            celeba::hub::fetch(data_dir, &endpoint, &options, reporter(progress))
        }
        _ => mnist::hub::fetch(data_dir, &endpoint, &options, reporter(progress)),
    };
    fetched.map_err(|error| match error {
        Error::InvalidUrl(url) => {
            Failure::users(format!("HF_ENDPOINT={url}: not a valid address; set it to an address such as {ENDPOINT}"))
        }
        error => error.into(),
    })
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
    let (data_dir, options) = (&args.data.data_dir, Options::default());
    let fetched = match args.name {
        DataName::Inception => inception::fetch(data_dir, &args.mirror, &options, reporter(progress)),
        _ if args.mirror.is_empty() => mnist::fetch(data_dir, &mnist::MIRRORS, &options, reporter(progress)),
        _ => mnist::fetch(data_dir, &args.mirror, &options, reporter(progress)),
    };
    Ok(fetched?)
}

/// Shows events, and stops the download if the user asked for it.
fn reporter(progress: &mut Progress) -> impl FnMut(&str, Event<'_>) -> ControlFlow<()> {
    |name, event| {
        match event {
            Event::AlreadyPresent => progress.line(&format!("{name} already exists")),
            Event::Bytes { done, total } => show(progress, name, (done, total, "bytes")),
            Event::AttemptFailed { url, reason, retry_in } => {
                let next = match retry_in {
                    Some(pause) => format!("retrying in {:.0} s", pause.as_secs_f64().ceil()),
                    None => "trying the next mirror".to_owned(),
                };
                progress.line(&format!("note: {url}: {reason}; {next}"));
            }
            Event::Converted { done, total } => {
                show(progress, &format!("convert {name}"), (done as u64, Some(total as u64), "images"))
            }
            Event::Done => progress.line(&format!("{name} is complete")),
            _ => {}
        }
        stop::control_flow()
    }
}

fn show(progress: &mut Progress, name: &str, (done, total, unit): (u64, Option<u64>, &str)) {
    progress.begin_once(name);
    match total {
        Some(total) => progress.show(name, (done, total, unit), ""),
        None => progress.show_open(name, &format!("{:.1} MB", done as f64 / 1e6)),
    }
}
