//! What a run ends with: its verdict, and what to do with it.

use std::path::Path;
use std::time::Duration;

use gtn_run::{MetricsLog, RunFolder, Stage};

use super::provenance::quoted;
use crate::console;
use crate::failure::Failure;
use crate::progress::duration;

/// Prints the time that a run took in all, its verdict, and the commands to open, use and share it. `page` is the page that generates images
/// in a browser, if there is one.
pub(super) fn print(run: &RunFolder, page: Option<&Path>) -> Result<(), Failure> {
    let log = MetricsLog::open(&run.metrics())?;
    let seconds: f64 = Stage::ALL.iter().filter_map(|stage| log.stage(*stage)).map(|record| record.seconds).sum();
    let name = quoted(&run.root().display().to_string());
    let samples = if run.record()?.config.data.are_images() { "samples.png" } else { "samples.npy" };
    let open = page.map_or_else(|| run.report(), Path::to_path_buf);
    let lines = [
        ("time", duration(Duration::from_secs_f64(seconds.clamp(0.0, 1e9)))),
        ("verdict", gtn_report::verdict(run)?),
        ("report", format!("gtn report {name} --open")),
        ("open", open.display().to_string()),
        ("sample", format!("gtn sample {name} -n 64 --out {samples}")),
        ("share", format!("gtn export {name} --out model.safetensors")),
    ];
    for (what, line) in lines.iter().filter(|(what, _)| *what != "open" || page.is_some()) {
        console::status(&format!("{what:<11} {line}"));
    }
    Ok(())
}
