//! `gtn data fetch`: downloads what is missing of a data set.

use std::ops::ControlFlow;

use gtn_data::fetch::{Download, Event, Next, Options};
use gtn_data::mnist;

use crate::args::{DataFetch, DataName};
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{say, stop};

pub(crate) fn run(args: &DataFetch) -> Result<(), Failure> {
    let mirrors: Vec<String> = if args.mirror.is_empty() {
        mnist::MIRRORS.iter().map(|mirror| (*mirror).to_owned()).collect()
    } else {
        args.mirror.clone()
    };
    stop::listen();
    let mut progress = Progress::new();
    let fetched = match args.name {
        DataName::Mnist => mnist::fetch(&args.data.data_dir, &mirrors, &Options::default(), |file, event| {
            tell(&mut progress, file, event);
            if stop::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?,
    };
    drop(progress);
    say::tell(&format!("{} of 4 files are new", fetched.new));
    say::result(&fetched.folder.display().to_string());
    Ok(())
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
