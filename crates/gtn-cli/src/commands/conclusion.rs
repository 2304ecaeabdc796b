//! What a run ends with: its verdict, and what to do with it.

use std::path::Path;
use std::time::Duration;

use gtn_report::Standing;
use gtn_run::schema::Metric;
use gtn_run::{Config, MetricsLog, RunFolder, RunRecord, Stage};

use super::provenance::quoted;
use crate::console;
use crate::failure::Failure;
use crate::progress::{duration, number};

/// The latest other finished run in the same folder whose value can be compared, and that value.
fn previous(run: &RunFolder) -> Option<(String, Standing)> {
    let path = std::path::absolute(run.root()).ok()?;
    let (this, deciding) = (run.record().ok()?, gtn_report::standing(&MetricsLog::open(&run.metrics()).ok()?)?);
    // Every autoencoder has latents of its own.
    if this.config.data.are_images() && deciding.metric != Metric::Fid {
        return None;
    }
    let comparable = |other: &RunRecord| {
        let of = |record: &RunRecord| {
            let Config { experiment, dim, quick, .. } = &record.config;
            (experiment.clone(), *dim, *quick, record.provenance.data_sha256.clone())
        };
        of(other) == of(&this) && other.provenance.h_epochs.is_some()
    };
    let others =
        std::fs::read_dir(path.parent()?).ok()?.flatten().map(|entry| entry.path()).filter(|other| *other != path);
    let finished = others.filter_map(|path| {
        let other = RunFolder::at(&path);
        other.record().ok().filter(comparable)?;
        let standing = gtn_report::standing(&MetricsLog::open(&other.metrics()).ok()?)?;
        let changed = other.metrics().metadata().ok()?.modified().ok()?;
        (standing.metric == deciding.metric)
            .then(|| (changed, path.file_name().unwrap_or_default().to_owned(), standing))
    });
    let (_, name, standing) = finished.max_by_key(|(changed, ..)| *changed)?;
    Some((name.to_string_lossy().into_owned(), standing))
}

/// Prints the time that a run took in all, its verdict, and the commands to open, use and share it. `page` is the page that generates images
/// in a browser, if there is one.
pub(super) fn print(run: &RunFolder, page: Option<&Path>) -> Result<(), Failure> {
    let log = MetricsLog::open(&run.metrics())?;
    let seconds: f64 = Stage::ALL.iter().filter_map(|stage| log.stage(*stage)).map(|record| record.seconds).sum();
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
