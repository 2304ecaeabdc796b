//! `gtn fit` on several processes.

use gtn_dist::Collective;
use gtn_run::RunFolder;
use gtn_run::observer::NoopObserver;
use gtn_train::Error;

use super::execution::{Fitted, execute};
use super::plan::{Plan, job, plan};
use crate::args::Fit;
use crate::failure::Failure;
use crate::processes;

/// Plans the run for all processes, and executes it as the first one.
pub(super) fn lead(args: &Fit, collective: &dyn Collective) -> Result<Fitted, Failure> {
    let plan = processes::agreed(collective, plan(args, &mut NoopObserver))?;
    let sent = serde_json::to_vec(&plan).map_err(|error| {
        Failure::users(format!(
            "cannot pass the settings of the run to the other processes: {error}; use paths in UTF-8"
        ))
    });
    let mut message = processes::agreed(collective, sent)?;
    collective.broadcast(&mut message)?;
    let fitted = execute(args, plan, &mut NoopObserver, collective);
    fitted.or_else(|failure| processes::end_all(collective, &failure))
}

/// Helps to execute the run that process 0 has planned.
pub(super) fn follow(args: &Fit, collective: &dyn Collective) -> Result<(), Failure> {
    for _ in ["the plan", "its message"] {
        processes::agreed(collective, Ok(()))?;
    }
    let mut message = Vec::new();
    collective.broadcast(&mut message)?;
    let plan: Plan = serde_json::from_slice(&message)
        .map_err(|_| Failure::from(gtn_dist::Error::Message { rank: 0 }))
        .unwrap_or_else(|failure| processes::end_all(collective, &failure));
    let run = RunFolder::at(&plan.root);
    match gtn_train::reproduce_on(collective, &job(args, &plan), &run, &mut NoopObserver) {
        Ok(_) => Ok(()),
        // Process 0 finds the same, says so, and ends all once it has saved its state.
        Err(error @ (Error::Stopped { .. } | Error::NonFiniteLoss { .. })) => Err(error.into()),
        Err(error) => processes::end_all(collective, &error.into()),
    }
}
