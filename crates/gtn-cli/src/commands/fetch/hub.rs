//! `gtn data fetch NAME --from hub`.

use std::ops::ControlFlow;
use std::path::Path;

use gtn_data::fetch::{Error, Fetched, Options};
use gtn_data::{celeba, mnist};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::stop;

pub(super) fn mnist(data_dir: &Path, progress: &mut Progress) -> Result<Fetched, Failure> {
    use mnist::hub::{DATASET, Event};
    let fetched = mnist::hub::fetch(data_dir, &endpoint()?, &Options::default(), |event| {
        match event {
            Event::Present(spec) => present(progress, &spec.packed_name()),
            Event::Received(bytes) => received(progress, DATASET, bytes),
            Event::Unpacked { done, total } => made(progress, "unpack", done, total),
            Event::Done(spec) => progress.line(&format!("{} is checked and written", spec.packed_name())),
            _ => {}
        }
        go_on()
    });
    fetched.map_err(failure)
}

pub(super) fn celeba(data_dir: &Path, progress: &mut Progress) -> Result<Fetched, Failure> {
    use celeba::hub::{DATASET, Event};
    let endpoint = endpoint()?;
    progress.line(&format!("note: {}", celeba::TERMS));
    let fetched = celeba::hub::fetch(data_dir, &endpoint, &Options::default(), |event| {
        match event {
            Event::Present(name) => present(progress, &name),
            Event::Received(bytes) => received(progress, DATASET, bytes),
            Event::Packed { done, total } => made(progress, "pack", done, total),
            Event::Done(name) => progress.line(&format!("{name} is written")),
            _ => {}
        }
        go_on()
    });
    fetched.map_err(failure)
}

fn endpoint() -> Result<String, Failure> {
    match std::env::var("HF_ENDPOINT") {
        Ok(endpoint) if !endpoint.is_empty() => Ok(endpoint),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::users("HF_ENDPOINT is no address")),
        _ => Ok(mnist::hub::ENDPOINT.to_owned()),
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Address { url, reason } => {
            Failure::users(format!("HF_ENDPOINT={url}: {reason}; give an address such as {}", mnist::hub::ENDPOINT))
        }
        error => error.into(),
    }
}

fn present(progress: &Progress, name: &str) {
    progress.line(&format!("{name} is there"));
}

fn received(progress: &mut Progress, dataset: &str, bytes: u64) {
    progress.begin_once(dataset);
    progress.show_open(dataset, &format!("{:.1} MB", bytes as f64 / 1e6));
}

fn made(progress: &mut Progress, name: &str, done: usize, total: usize) {
    progress.begin_once(name);
    progress.show(name, done as u64, total as u64, "");
}

fn go_on() -> ControlFlow<()> {
    if stop::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}
