//! One run of an experiment.

use std::path::{Path, PathBuf};

use gtn_run::config::Overrides;
use gtn_run::{Config, RunFolder};
use gtn_train::{Job, presets};

use crate::args::Reproduce;
use crate::commands::inception_weights;
use crate::commands::observed::with_observers;
use crate::commands::provenance::Command;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{memory, stop};

/// The experiment without what depends on the weights of Inception networks, and the folder of its run: that of the command line, or
/// one in `parent` with the name of the run.
pub(super) fn prepare(args: &Reproduce, parent: &Path) -> Result<(Config, PathBuf), Failure> {
    let overrides = Overrides { select: None, ..args.choices.overrides() };
    let mut config = presets::resolve(&args.choices.common.experiment, &overrides)?;
    refuse_own_data(&config, &args.choices.common.experiment)?;
    if let Some(path) = &args.execution.autoencoder {
        refuse_autoencoder_settings(&overrides)?;
        config = gtn_train::reuse_autoencoder(&config, path)?;
    }
    let root = args.out.clone().unwrap_or_else(|| parent.join(config.run_name()));
    Ok((config, root))
}

/// Executes the run of a prepared experiment in a folder, and returns the path of its report.
pub(super) fn run(args: &Reproduce, config: Config, root: &Path) -> Result<PathBuf, Failure> {
    let run = RunFolder::at(root);
    let existing = run.record().ok().map(|record| record.config);
    let select = args.choices.common.select;
    let inception = inception_weights::resolve(
        (&config, select),
        &args.execution.inception,
        existing,
        &args.execution.data.data_dir,
    )?;
    let config = config.with_inception(&inception.overrides, inception.select)?;
    let command = Command {
        experiment: &args.choices.common.experiment,
        overrides: &args.choices.overrides(),
        inception: &args.execution.inception,
        autoencoder: args.execution.autoencoder.as_deref(),
    };
    let job = args.execution.job(config, command.provenance(), inception.files);
    let job = Job { force: args.force, ..job };
    memory::require_for_training(&job.config, job.device, "the networks and their gradients")?;

    stop::listen();
    let mut progress = Progress::with_run(root);
    // Held until the report is written, so that no other process can overwrite the run before.
    let _lock = with_observers(&mut progress, !args.execution.no_tensorboard, |observer| {
        gtn_train::reproduce(&job, &run, observer)
    })?;
    drop(progress);
    let report = gtn_report::write_report(&run)?;
    if !args.execution.keep_checkpoints {
        gtn_train::remove_training_states(&run)?;
    }
    Ok(report)
}

/// Refuses an experiment on the user's own data, whose path it does not have.
pub(crate) fn refuse_own_data(config: &Config, experiment: &str) -> Result<(), Failure> {
    if !config.data.are_own() {
        return Ok(());
    }
    Err(Failure::users(format!(
        "{experiment}: its data are your own, and their path is no setting; run `gtn fit --images FOLDER` or `gtn fit --latents FILE`, or \
         resume a run with `gtn fit RUN`"
    )))
}

/// Refuses settings of the autoencoder if a trained one is taken.
pub(crate) fn refuse_autoencoder_settings(overrides: &Overrides) -> Result<(), Failure> {
    let settings = [
        (overrides.epochs.autoencoder.is_some(), "--epochs autoencoder has no effect; set only the epochs of h"),
        (overrides.autoencoder_learning_rate.is_some(), "--autoencoder-learning-rate has no effect; omit it"),
    ];
    match settings.into_iter().find(|(is_set, _)| *is_set) {
        Some((_, reason)) => Err(Failure::users(format!("--autoencoder takes a trained autoencoder, so {reason}"))),
        None => Ok(()),
    }
}
