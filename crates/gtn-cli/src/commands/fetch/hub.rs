//! `gtn data fetch NAME --from hub`.

use std::path::Path;

use gtn_data::fetch::{Error, FetchSummary, Options};
use gtn_data::{celeba, mnist};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::stop;

pub(super) fn mnist(data_dir: &Path, progress: &mut Progress) -> Result<FetchSummary, Failure> {
    use mnist::hub::{DATASET, Event};
    let fetched = mnist::hub::fetch(data_dir, &endpoint()?, &Options::default(), |event| {
        match event {
            Event::AlreadyPresent(spec) => present(progress, &spec.gzip_name()),
            Event::Received(bytes) => received(progress, DATASET, bytes),
            Event::Unpacked { done, total } => created(progress, "unpack", done, total),
            Event::Done(spec) => progress.line(&format!("{} verified and written", spec.gzip_name())),
            _ => {}
        }
        stop::control_flow()
    });
    fetched.map_err(failure)
}

pub(super) fn celeba(data_dir: &Path, progress: &mut Progress) -> Result<FetchSummary, Failure> {
    use celeba::hub::{DATASET, Event};
    let endpoint = endpoint()?;
    progress.line(&format!("note: {}", celeba::TERMS_OF_USE));
    let fetched = celeba::hub::fetch(data_dir, &endpoint, &Options::default(), |event| {
        match event {
            Event::AlreadyPresent(name) => present(progress, &name),
            Event::Received(bytes) => received(progress, DATASET, bytes),
            Event::Packed { done, total } => created(progress, "pack", done, total),
            Event::Done(name) => progress.line(&format!("{name} written")),
            _ => {}
        }
        stop::control_flow()
    });
    fetched.map_err(failure)
}

fn endpoint() -> Result<String, Failure> {
    match std::env::var("HF_ENDPOINT") {
        Ok(endpoint) if !endpoint.is_empty() => Ok(endpoint),
        Err(std::env::VarError::NotUnicode(_)) => Err(Failure::users(
            "HF_ENDPOINT is not a valid address; set it to an address such as https://huggingface.co",
        )),
        _ => Ok(mnist::hub::ENDPOINT.to_owned()),
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::InvalidUrl { url, reason } => Failure::users(format!(
            "HF_ENDPOINT={url}: {reason}; set it to an address such as {}",
            mnist::hub::ENDPOINT
        )),
        error => error.into(),
    }
}

fn present(progress: &Progress, name: &str) {
    progress.line(&format!("{name} already exists"));
}

fn received(progress: &mut Progress, dataset: &str, bytes: u64) {
    progress.begin_once(dataset);
    progress.show_open(dataset, &format!("{:.1} MB", bytes as f64 / 1e6));
}

fn created(progress: &mut Progress, name: &str, done: usize, total: usize) {
    progress.begin_once(name);
    progress.show(name, done as u64, total as u64, "");
}
