//! The folder of a sweep, and its runs one after the other.

use std::path::{Path, PathBuf};

use gtn_io::atomic;
use gtn_run::folder::Lock;
use gtn_run::sweep::{CombinationFailure, CombinationState, Ranking, SweepRecord};
use gtn_run::{Observer, RunFolder, Stage};

use super::halving::{self, Standings};
use super::paused::PauseAfter;
use super::plan::{Combination, SweepPlan};
use super::results::RunResults;
use super::shared_stages::{self, Donor};
use crate::{Error, Job, Result, pipeline};

/// A sweep in its folder, locked until it is dropped.
pub struct Sweep {
    plan: SweepPlan,
    root: PathBuf,
    record: SweepRecord,
    results: Vec<RunResults>,
    rungs: Vec<usize>,
    _lock: Lock,
}

/// The next run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The position of its combination.
    pub index: usize,
    /// The number of epochs of ĥ after which it pauses to be compared; without it, the run is completed.
    pub epochs: Option<usize>,
}

/// How a step ended.
#[derive(Debug)]
pub enum Outcome {
    /// The run is complete, and locked until this is dropped.
    Done(Lock),
    /// The run has as many epochs as it needs to be compared.
    Paused,
    /// The run cannot be completed, for this reason. Others can.
    Failed(String),
}

impl Sweep {
    /// Opens the folder of a sweep: creates it, or continues the same sweep. Another sweep is replaced if none of its runs was started.
    ///
    /// # Errors
    ///
    /// [`gtn_run::Error::NotASweep`] for a folder with other content, [`gtn_run::Error::OtherSweep`] for another sweep,
    /// [`gtn_run::Error::Locked`] if another process works on it. Then nothing is changed.
    pub fn open(plan: SweepPlan, root: &Path) -> Result<Self> {
        let existing = SweepRecord::read(root)?;
        if root.exists() {
            refuse_other_folder(root, existing.is_some())?;
        }
        let mut record = plan.record();
        // A sweep in which no run was started may be replaced.
        let has_run = |name: &str| SweepRecord::run_folder(root, name).root().exists();
        let started =
            |existing: &SweepRecord| existing.combinations.iter().any(|combination| has_run(&combination.name));
        if let Some(existing) = existing.filter(started) {
            let of_runs = || plan.combinations().iter().find_map(|of| difference_of_run(root, of));
            if let Some(difference) = existing.difference(&record).or_else(of_runs) {
                return Err(gtn_run::Error::OtherSweep { path: root.to_path_buf(), difference }.into());
            }
            // What the folders of the runs do not say.
            for combination in &mut record.combinations {
                let Some(old) = existing.combinations.iter().find(|old| old.name == combination.name) else { continue };
                combination.shared.clone_from(&old.shared);
                combination.failure = old.failure.clone().filter(|failure| failure.is_final && has_run(&old.name));
            }
        }
        std::fs::create_dir_all(root).map_err(gtn_io::Error::io("create", root))?;
        let lock = Lock::acquire(root)?;
        let all_epochs = plan.config().h.training.epochs;
        let rungs =
            if record.halving { halving::rungs(record.combinations.len(), all_epochs) } else { vec![all_epochs] };
        let mut sweep = Self { plan, root: root.to_path_buf(), record, results: Vec::new(), rungs, _lock: lock };
        sweep.refresh()?;
        Ok(sweep)
    }

    /// Its combinations.
    #[must_use]
    pub fn plan(&self) -> &SweepPlan {
        &self.plan
    }

    /// Its folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The results so far, as `sweep.json` has them.
    #[must_use]
    pub fn record(&self) -> &SweepRecord {
        &self.record
    }

    /// The run folder of a combination.
    #[must_use]
    pub fn run_folder(&self, index: usize) -> RunFolder {
        SweepRecord::run_folder(&self.root, &self.plan.combinations()[index].name)
    }

    /// The numbers of epochs of ĥ after which runs are compared, and the better half of them continues. The last one is that of
    /// complete runs; without halving, it is the only one.
    #[must_use]
    pub fn rungs(&self) -> &[usize] {
        &self.rungs
    }

    /// What runs are compared by before they are complete: what decides which epoch is the best, unless the caller ranks by another
    /// metric, which only complete runs have. Then it is the validation loss.
    #[must_use]
    pub fn rung_ranking(&self) -> Ranking {
        let of_epochs = Ranking::of_selection(self.plan.config().h.training.select);
        match self.record.by {
            Some(by) if by != of_epochs => Ranking::ValidationLoss,
            _ => of_epochs,
        }
    }

    /// The next run, if there is one.
    #[must_use]
    pub fn next_step(&self) -> Option<Step> {
        let (index, epochs) = halving::schedule(self, &self.rungs).next?;
        Some(Step { index, epochs })
    }

    /// Executes a run, or resumes it. `job` has everything but its configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Stopped`](crate::Error::Stopped) if the observer asked for it, and errors that concern every run: of the data, or
    /// of a folder.
    pub fn execute(&mut self, step: &Step, job: &Job, observer: &mut dyn Observer) -> Result<Outcome> {
        let config = self.plan.combinations()[step.index].config.clone();
        let job = Job { config, force: false, ..job.clone() };
        let run = self.run_folder(step.index);
        let donors = self.donors(step.index);
        let mut observer = PauseAfter::new(observer, run.root(), step.epochs);
        let mut taken = None;
        let mut take = |run: &RunFolder| {
            taken = Some(shared_stages::take(run, &donors)?);
            Ok(())
        };
        let result = pipeline::reproduce_after(&job, &run, &mut observer, &gtn_dist::Single, &mut take);
        let has_paused = observer.has_paused();
        let combination = &mut self.record.combinations[step.index];
        combination.shared.extend(taken.unwrap_or_default());
        let outcome = match result {
            Ok(lock) => Ok(Outcome::Done(lock.expect("the only process locks the run"))),
            Err(Error::Stopped { .. }) if has_paused => Ok(Outcome::Paused),
            Err(error) => match failure(&error) {
                Some(failure) => {
                    let reason = failure.reason.clone();
                    combination.failure = Some(failure);
                    Ok(Outcome::Failed(reason))
                }
                None => Err(error),
            },
        };
        self.refresh()?;
        outcome
    }

    /// Reads the results of all runs, and writes `sweep.json`.
    fn refresh(&mut self) -> Result<()> {
        let combinations = self.plan.combinations().iter().enumerate();
        self.results = combinations
            .map(|(index, combination)| RunResults::read(&self.run_folder(index), &combination.config))
            .collect::<Result<_>>()?;
        let left_out = halving::schedule(self, &self.rungs).left_out;
        for index in 0..self.results.len() {
            let failure = self.failure_of(index);
            let (results, record) = (&self.results[index], &mut self.record.combinations[index]);
            results.write_into(record);
            record.state = match failure {
                _ if results.is_done() => CombinationState::Done,
                Some(_) => CombinationState::Failed,
                None if left_out.contains(&index) => CombinationState::LeftOut,
                None if results.exists() => CombinationState::Unfinished,
                None => CombinationState::Waiting,
            };
            record.failure = failure.filter(|_| record.state == CombinationState::Failed);
        }
        Ok(self.record.write(&self.root)?)
    }

    /// Why a combination cannot be completed: its own failure, or that of a stage whose results it shares.
    fn failure_of(&self, index: usize) -> Option<CombinationFailure> {
        let combinations = &self.record.combinations;
        combinations[index].failure.clone().or_else(|| {
            let own = &self.plan.combinations()[index].config;
            let others = combinations.iter().zip(self.plan.combinations());
            let mut failures = others.filter_map(|(record, other)| Some((record.failure.as_ref()?, other)));
            let (failure, _) = failures.find(|(failure, other)| {
                failure.stage.is_some_and(|stage| shared_stages::are_shared(stage, own, &other.config))
            })?;
            Some(failure.clone())
        })
    }

    /// The runs that have results of stages that a combination shares.
    fn donors(&self, index: usize) -> Vec<Donor> {
        let combinations = self.plan.combinations();
        let donor = |stage: Stage| {
            let shares = |other: &usize| {
                let config = &combinations[*other].config;
                *other != index && shared_stages::are_shared(stage, &combinations[index].config, config)
            };
            let is_complete = |other: &usize| self.results[*other].log().stage(stage).is_some();
            let other = (0..combinations.len()).filter(is_complete).find(shares)?;
            Some(Donor { stage, name: combinations[other].name.clone(), run: self.run_folder(other) })
        };
        shared_stages::STAGES.into_iter().filter_map(donor).collect()
    }
}

impl Standings for Sweep {
    fn count(&self) -> usize {
        self.plan.combinations().len()
    }

    fn has_failed(&self, index: usize) -> bool {
        !self.results[index].is_done() && self.failure_of(index).is_some()
    }

    fn has_reached(&self, index: usize, epochs: Option<usize>) -> bool {
        self.results[index].has_reached(epochs)
    }

    fn penalty_after(&self, index: usize, epochs: usize) -> f64 {
        self.results[index].penalty_after(epochs, self.rung_ranking())
    }

    /// Losses can be compared between runs with the same pairs, distances of latents between runs with the same autoencoder.
    fn group(&self, index: usize) -> usize {
        let stage = match self.rung_ranking() {
            Ranking::ValidationLoss => Stage::Label,
            Ranking::Metric(metric) if metric.is_of_inception() || metric.is_on_pixels() => return 0,
            Ranking::Metric(_) => Stage::Encode,
        };
        let combinations = self.plan.combinations();
        let shares =
            |other: &usize| shared_stages::are_shared(stage, &combinations[*other].config, &combinations[index].config);
        (0..index).find(shares).unwrap_or(index)
    }
}

/// The failure of one combination; `None` for an error that concerns every run.
fn failure(error: &Error) -> Option<CombinationFailure> {
    match error {
        Error::NonFiniteLoss { stage, loss, epoch, step, .. } => {
            let reason =
                format!("training diverged in stage {stage}: the loss became {loss} in epoch {epoch}, step {step}");
            Some(CombinationFailure { stage: Some(*stage), reason, is_final: true })
        }
        Error::Models(_) | Error::Label(_) | Error::Sorting(_) | Error::NoLabels { .. } => {
            Some(CombinationFailure { stage: None, reason: error.to_string(), is_final: false })
        }
        Error::Metrics(error) if !matches!(error, gtn_metrics::Error::Stopped) => {
            Some(CombinationFailure { stage: None, reason: error.to_string(), is_final: false })
        }
        _ => None,
    }
}

/// Refuses a folder that is neither empty nor a sweep.
fn refuse_other_folder(root: &Path, has_record: bool) -> Result<()> {
    if has_record {
        return Ok(());
    }
    let entries = std::fs::read_dir(root).map_err(gtn_io::Error::io("read", root))?;
    let is_other = |name: &str| !atomic::is_temporary(name) && name != Lock::FILE;
    if entries.flatten().any(|entry| is_other(&entry.file_name().to_string_lossy())) {
        return Err(gtn_run::Error::NotASweep { path: root.to_path_buf(), missing: SweepRecord::FILE }.into());
    }
    Ok(())
}

/// The difference of a combination from the run that its folder has, if it has one.
fn difference_of_run(root: &Path, combination: &Combination) -> Option<String> {
    let record = SweepRecord::run_folder(root, &combination.name).record().ok()?;
    let difference = record.config.difference(&combination.config)?;
    Some(format!("{}: {difference}", combination.name))
}
