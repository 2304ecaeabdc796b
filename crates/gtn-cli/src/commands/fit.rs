//! `gtn fit`: a generator of the user's own images or latents.

mod divided;
mod execution;
mod plan;

use gtn_dist::Single;
use gtn_run::Observer;
use gtn_run::observer::NoopObserver;

use crate::args::Fit;
use crate::failure::Failure;
use crate::{console, processes, stop};
pub(crate) use execution::Fitted;

pub(crate) fn run(args: &Fit) -> Result<(), Failure> {
    stop::listen();
    let collective = processes::all();
    if !collective.is_first() {
        return divided::follow(args, collective);
    }
    let fitted = match collective.size() {
        1 => fit(args, &mut NoopObserver)?,
        _ => divided::lead(args, collective)?,
    };
    fitted.page.iter().chain([&fitted.report]).for_each(|path| console::print(&path.display().to_string()));
    Ok(())
}

/// Begins, resumes or extends a run. `further` observes it beside the progress on the terminal.
pub(crate) fn fit(args: &Fit, further: &mut dyn Observer) -> Result<Fitted, Failure> {
    execution::execute(args, plan::plan(args, further)?, further, &Single)
}
