//! What a run ends with: its verdict, and what to do with it.

use std::path::Path;
use std::time::Duration;

use gtn_report::Standing;
use gtn_run::schema::Metric;
use gtn_run::{MetricsLog, RunFolder};

use super::provenance::quoted;
use crate::console;
use crate::failure::Failure;
use crate::progress::{duration, number};

/// The name of the previous run of the same experiment, and its value, if the two can be compared.
fn previous(run: &RunFolder) -> Option<(String, Standing)> {
    let standing = |run: &RunFolder| gtn_report::standing(&MetricsLog::open(&run.metrics()).ok()?);
    let deciding = standing(run)?;
    // Every autoencoder has latents of its own.
    if run.record().ok()?.config.data.are_images() && deciding.metric != Metric::Fid {
        return None;
    }
    let folder = gtn_report::previous(run)?;
    let standing = standing(&folder).filter(|standing| standing.metric == deciding.metric)?;
    Some((folder.root().file_name()?.to_string_lossy().into_owned(), standing))
}

/// Prints the time that a run took in all, its verdict, and the commands to open, use and share it. `page` is the page that generates images
/// in a browser, if there is one.
pub(super) fn print(run: &RunFolder, page: Option<&Path>) -> Result<(), Failure> {
    let log = MetricsLog::open(&run.metrics())?;
    let seconds = log.seconds();
    let name = quoted(&run.root().display().to_string());
    let samples = if run.record()?.config.data.are_images() { "samples.png" } else { "samples.npy" };
    let open = page.map_or_else(|| run.report(), Path::to_path_buf);
    let previous = previous(run).map_or(String::new(), |(name, standing)| {
        format!("{name}: {} {}", standing.metric.title(), number(standing.value))
    });
    let lines = [
        ("time", duration(Duration::from_secs_f64(seconds.round().clamp(0.0, 1e9)))),
        ("verdict", gtn_report::verdict(run)?),
        ("previous", previous),
        ("report", format!("gtn report {name} --open")),
        ("open", open.display().to_string()),
        ("sample", format!("gtn sample {name} -n 64 --out {samples}")),
        ("share", format!("gtn export {name} --out model.safetensors")),
    ];
    for (what, line) in lines.iter().filter(|(what, line)| !line.is_empty() && (*what != "open" || page.is_some())) {
        console::status(&format!("{what:<11} {line}"));
    }
    Ok(())
}
