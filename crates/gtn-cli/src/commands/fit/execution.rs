//! A run of `gtn fit`, from its data to its report.

use std::path::PathBuf;

use gtn_dist::Collective;
use gtn_report::WeightBits;
use gtn_run::{Observer, RunFolder, Tee};

use super::plan::{Plan, job};
use crate::args::Fit;
use crate::commands::observed::with_observers;
use crate::commands::{conclusion, explore};
use crate::failure::Failure;
use crate::fit_progress::FitProgress;
use crate::{console, memory};

/// The page that generates images in the browser.
const EXPLORER: &str = "explore.html";

/// The files that a run ends with.
pub(crate) struct Fitted {
    pub(crate) root: PathBuf,
    pub(crate) report: PathBuf,
    /// The page that generates images in the browser, if it was wanted and is small enough.
    pub(crate) page: Option<PathBuf>,
}

/// Executes a run, as the only process or the first one.
pub(super) fn execute(
    args: &Fit,
    plan: Plan,
    further: &mut dyn Observer,
    collective: &dyn Collective,
) -> Result<Fitted, Failure> {
    let (run, job) = (RunFolder::at(&plan.root), job(args, &plan));
    memory::require_for_training(&job.config, job.device, "the networks and their gradients")?;
    let mut progress = FitProgress::new(&plan.root);
    // Held until everything is written, so that no other process can overwrite the run before.
    let _lock = with_observers(&mut Tee(vec![&mut progress, further]), !args.no_tensorboard, |observer| {
        gtn_train::reproduce_on(collective, &job, &run, observer)
    })?;
    drop(progress);
    let report = gtn_report::write_report(&run)?;
    if !args.keep_checkpoints {
        gtn_train::remove_training_states(&run)?;
    }
    let page = if job.config.data.are_images() && !args.no_explorer { write_explorer(&run)? } else { None };
    conclusion::print(&run, page.as_deref())?;
    Ok(Fitted { root: plan.root, report, page })
}

/// Writes the page into the folder of the run, unless it would be too large even with 8 bits for each weight.
fn write_explorer(run: &RunFolder) -> Result<Option<PathBuf>, Failure> {
    let page = |bits| explore::page(run.root(), bits);
    let html = match page(WeightBits::Sixteen) {
        Err(Failure::Users(_)) => page(WeightBits::Eight),
        page => page,
    };
    let html = match html {
        // The run has all else.
        Err(Failure::Users(error)) => {
            console::status(&format!("note: {EXPLORER} is not written: {error}"));
            return Ok(None);
        }
        html => html?,
    };
    console::status(&format!("{:<11} {:.1} MB", "explorer", html.len() as f64 / 1e6));
    let path = run.root().join(EXPLORER);
    gtn_io::atomic::write_bytes(&path, html.as_bytes())?;
    Ok(Some(path))
}
