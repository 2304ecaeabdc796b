//! Sweeps: runs of one experiment with every combination of some settings (Appendix F of the paper).
//!
//! A [`SweepPlan`] resolves the configuration of each combination before anything starts. A [`Sweep`] is its folder, and says
//! which run is next. All of its decisions follow from the folders of the runs, so that a sweep resumes wherever it was
//! interrupted.
//!
//! Each combination is an ordinary run with the configuration that it would have alone, and ends with the same bytes. Stages that
//! do not depend on what varies are not repeated: their artifacts are taken from a run of the sweep whose stages have the same
//! input fingerprints.
//!
//! With halving, a run pauses after some epochs of ĥ as if it were interrupted, and resumes if it is among the better half. So no
//! epoch is repeated, and a run that reaches the last epoch is the same as without halving.
//!
//! ```no_run
//! use gtn_run::observer::NoopObserver;
//! use gtn_run::{config::Overrides, sweep::Grid};
//! use gtn_train::sweep::{Sweep, SweepPlan};
//!
//! # fn sweep(job: gtn_train::Job) -> Result<(), gtn_train::Error> {
//! let grid = Grid { widths: vec![6, 12], learning_rates: vec![1e-3, 1e-2], ..Grid::default() };
//! let plan = SweepPlan::new("uniform", &Overrides::default(), grid, None)?;
//! let mut sweep = Sweep::open(plan, "runs/sweep".as_ref())?;
//! while let Some(step) = sweep.next_step() {
//!     sweep.execute(&step, &job, &mut NoopObserver)?;
//! }
//! println!("{:?}", sweep.record().best());
//! # Ok(())
//! # }
//! ```

mod execution;
mod halving;
mod paused;
mod plan;
mod results;
mod shared_stages;

/// A record of an epoch that improved, for tests.
#[cfg(test)]
fn example_epoch(stage: gtn_run::Stage, epoch: usize) -> gtn_run::EpochRecord {
    gtn_run::EpochRecord {
        stage,
        epoch,
        train_loss: 1.0,
        validation_loss: 1.0,
        improved: true,
        seconds: 0.5,
        data_wait: 0.0,
        sample_metric: None,
        sample_metric_seconds: None,
    }
}

pub use execution::{Outcome, Step, Sweep};
pub use plan::{Combination, SweepPlan};
