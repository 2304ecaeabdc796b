//! `gtn sweep`: runs with every combination of some settings, and their table.

use std::path::Path;

use gtn_report::{SweepTable, count, write_report, write_sweep};
use gtn_run::Provenance;
use gtn_run::config::Overrides;
use gtn_run::sweep::{CombinationState, SweepRecord};
use gtn_train::Job;
use gtn_train::sweep::{Outcome, Step, SweepPlan};

use super::inception_weights;
use super::observed::with_observers;
use super::provenance::Command;
use super::reproduce::{refuse_autoencoder_settings, refuse_own_data};
use crate::args::Sweep;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{console, memory, stop};

pub(crate) fn run(args: &Sweep) -> Result<(), Failure> {
    let (experiment, select) = (&args.common.experiment, args.common.select);
    // The rule is applied with the weights of Inception networks.
    let overrides = Overrides { select: None, ..args.common.overrides() };
    if args.execution.autoencoder.is_some() {
        refuse_autoencoder_settings(&overrides)?;
    }
    let plan = SweepPlan::new(experiment, &overrides, args.grid(), args.execution.autoencoder.as_deref())?;
    refuse_own_data(plan.config(), experiment)?;
    let plan = plan.with_halving(args.halving).ranked_by(args.by);
    let root = args.out.clone().unwrap_or_else(|| Path::new("runs").join(plan.folder_name()));
    let existing = SweepRecord::read(&root)?.map(|record| record.config);
    let inception = inception_weights::resolve(
        (plan.config(), select),
        &args.execution.inception,
        existing,
        &args.execution.data.data_dir,
    )?;
    let plan = plan.with_inception(&inception.overrides, inception.select)?;
    let job = args.execution.job(plan.config().clone(), provenance(args, &overrides), inception.files);
    for combination in plan.combinations() {
        let networks = format!("the networks of {} and their gradients", combination.name);
        memory::require_for_training(&combination.config, job.device, &networks)?;
    }
    let mut sweep = gtn_train::sweep::Sweep::open(plan, &root)?;
    stop::listen();
    console::status(&introduction(&sweep));
    while let Some(step) = sweep.next_step() {
        if stop::requested() {
            return Err(Failure::Stopped("stopped; the same command resumes from there".to_owned()));
        }
        execute(&mut sweep, &step, &job, args)?;
    }
    // A process may have been killed between a run and its report.
    for (index, combination) in sweep.record().combinations.iter().enumerate() {
        let run = sweep.run_folder(index);
        if combination.state == CombinationState::Done {
            if !run.report().exists() {
                write_report(&run)?;
            }
            if !args.execution.keep_checkpoints {
                gtn_train::remove_training_states(&run)?;
            }
        }
    }
    let page = write_sweep(sweep.root(), sweep.record())?;
    sweep.record().notes().iter().for_each(|note| console::status(&format!("note: {note}")));
    print(&SweepTable::new(sweep.record()));
    if let Some(best) = sweep.record().best() {
        console::status(&format!("best        {}", sweep.run_folder(best).root().display()));
    }
    console::status(&format!("wrote {}", page.display()));
    conclusion(sweep.record(), &page)
}

/// Executes a step, and updates the page.
fn execute(sweep: &mut gtn_train::sweep::Sweep, step: &Step, job: &Job, args: &Sweep) -> Result<(), Failure> {
    let combination = &sweep.plan().combinations()[step.index];
    let name = combination.name.clone();
    let position = format!("{} of {}", step.index + 1, sweep.plan().combinations().len());
    let until = step.epochs.map_or_else(String::new, |epochs| format!(", until epoch {} of ĥ", count(epochs)));
    console::status(&format!("\ncombination {position}: {name}{until}"));
    let job = Job { provenance: provenance(args, &combination.overrides), ..job.clone() };

    let run = sweep.run_folder(step.index);
    let mut progress = Progress::with_run(run.root());
    let outcome =
        with_observers(&mut progress, !args.execution.no_tensorboard, |observer| sweep.execute(step, &job, observer))?;
    drop(progress);
    let line = match outcome {
        Outcome::Done(lock) => {
            write_report(&run)?;
            drop(lock);
            format!("combination {position} done: {}", result(sweep.record(), step.index))
        }
        Outcome::Paused => {
            format!("combination {position} waits for the others: {}", result(sweep.record(), step.index))
        }
        Outcome::Failed(reason) => format!("combination {position} failed: {reason}"),
    };
    console::status(&line);
    write_sweep(sweep.root(), sweep.record())?;
    Ok(())
}

/// The program, and the command that reproduces a run of the sweep alone.
fn provenance(args: &Sweep, overrides: &Overrides) -> Provenance {
    let overrides = &Overrides { select: args.common.select, ..overrides.clone() };
    let (experiment, autoencoder) = (&args.common.experiment, args.execution.autoencoder.as_deref());
    Command { experiment, overrides, inception: &args.execution.inception, autoencoder }.provenance()
}

/// What will be run.
fn introduction(sweep: &gtn_train::sweep::Sweep) -> String {
    let record = sweep.record();
    let total = record.combinations.len();
    let complete = record.combinations.iter().filter(|combination| combination.state == CombinationState::Done).count();
    let complete = if complete > 0 { format!(", {complete} of them complete") } else { String::new() };
    let mut text = format!("sweep       {} ({} combinations{complete})", sweep.root().display(), count(total));
    if record.halving {
        let epochs: Vec<String> = sweep.rungs().iter().map(|epochs| count(*epochs)).collect();
        let (compared, by) = (epochs.join(", "), sweep.rung_ranking());
        text.push_str(&format!("\nhalving     after {compared} epochs of ĥ, by {by} until runs are complete"));
    }
    text
}

/// The results of a combination in a few words.
fn result(record: &SweepRecord, index: usize) -> String {
    let (combination, ranking) = (&record.combinations[index], record.ranking());
    let mut parts = Vec::new();
    parts.extend(combination.value(ranking).map(|value| format!("{ranking} {value:.4}")));
    if ranking.name() != "validation_loss" {
        parts.extend(combination.validation_loss.map(|loss| format!("validation loss {loss:.4}")));
    }
    if let (Some(best), Some(epochs)) = (combination.best_epoch, combination.epochs) {
        parts.push(format!("best epoch {best} of {epochs}"));
    }
    if record.best() == Some(index) {
        parts.push("the best so far".to_owned());
    }
    parts.join(", ")
}

/// Prints the table without details, which the page has.
fn print(table: &SweepTable) {
    let shown: Vec<usize> = (0..table.columns.len()).filter(|&column| !table.columns[column].is_detail).collect();
    let head = shown.iter().map(|&column| table.columns[column].name.to_owned());
    let mut rows: Vec<Vec<String>> = vec![head.collect()];
    rows.extend(table.rows.iter().map(|row| shown.iter().map(|&column| row.cells[column].clone()).collect()));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..shown.len()).map(width).collect();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:>width$}")).collect();
        console::print(&cells.join("  "));
    }
}

/// An error if combinations failed.
fn conclusion(record: &SweepRecord, page: &Path) -> Result<(), Failure> {
    let failed = record.combinations.iter().filter(|combination| combination.state == CombinationState::Failed).count();
    if failed == 0 {
        return Ok(());
    }
    Err(Failure::Machine(anyhow::anyhow!(
        "{failed} of {} combinations failed; {} has the reasons. To try one again, delete its folder and run the same command",
        record.combinations.len(),
        page.display()
    )))
}
