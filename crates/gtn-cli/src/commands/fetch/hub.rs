//! `gtn data fetch mnist --from hub`.

use std::ops::ControlFlow;
use std::path::Path;

use gtn_data::fetch::{Error, Options};
use gtn_data::mnist::Fetched;
use gtn_data::mnist::hub::{self, Event};

use crate::failure::Failure;
use crate::progress::Progress;
use crate::stop;

pub(super) fn mnist(data_dir: &Path, progress: &mut Progress) -> Result<Fetched, Failure> {
    let endpoint = match std::env::var("HF_ENDPOINT") {
        Ok(endpoint) if !endpoint.is_empty() => endpoint,
        Err(std::env::VarError::NotUnicode(_)) => return Err(Failure::users("HF_ENDPOINT is no address")),
        _ => hub::ENDPOINT.to_owned(),
    };
    let fetched = hub::fetch(data_dir, &endpoint, &Options::default(), |event| {
        tell(progress, event);
        if stop::requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    fetched.map_err(|error| match error {
        Error::Address { url, reason } => {
            Failure::users(format!("HF_ENDPOINT={url}: {reason}; give an address such as {}", hub::ENDPOINT))
        }
        error => error.into(),
    })
}

fn tell(progress: &mut Progress, event: Event) {
    match event {
        Event::Present(spec) => progress.line(&format!("{} is there", spec.packed_name())),
        Event::Received(bytes) => {
            progress.begin_once(hub::DATASET);
            progress.show_open(hub::DATASET, &format!("{:.1} MB", bytes as f64 / 1e6));
        }
        Event::Unpacked { done, total } => {
            progress.begin_once("unpack");
            progress.show("unpack", done as u64, total as u64, "");
        }
        Event::Done(spec) => progress.line(&format!("{} is checked and written", spec.packed_name())),
        _ => {}
    }
}
