//! `gtn reproduce`: runs all stages of an experiment, and writes its report.

use std::path::Path;

use gtn_report::{EpochFigures, TensorBoard};
use gtn_run::config::{Epochs, Overrides};
use gtn_run::{Provenance, RunFolder, Tee};
use gtn_train::{Job, presets};

use crate::args::Reproduce;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{console, stop};

pub(crate) fn run(args: &Reproduce) -> Result<(), Failure> {
    let (experiment, overrides) = (&args.choices.common.experiment, args.choices.overrides());
    let mut config = presets::resolve(experiment, &overrides)?;
    if let Some(path) = &args.autoencoder {
        refuse_autoencoder_settings(&overrides)?;
        config = gtn_train::reuse_autoencoder(&config, path)?;
    }
    let root = args.out.clone().unwrap_or_else(|| Path::new("runs").join(config.run_name()));
    let run = RunFolder::at(&root);
    let provenance = provenance(experiment, &overrides, args.autoencoder.as_deref());
    let job = Job {
        config,
        data_dir: args.data.data_dir.clone(),
        cache_dir: args.cache.path(),
        provenance,
        force: args.force,
        autoencoder: args.autoencoder.clone(),
        device: args.on.name(),
    };

    stop::listen();
    let mut progress = Progress::with_run(&root);
    let (mut figures, mut tensorboard) = (EpochFigures::new(), TensorBoard::new());
    let mut observers = Tee(vec![&mut progress, &mut figures]);
    if !args.no_tensorboard {
        observers.0.push(&mut tensorboard);
    }
    // Held until the report is written, so that no other process can overwrite the run before.
    let _lock = gtn_train::reproduce(&job, &run, &mut observers)?;
    drop(progress);
    let report = gtn_report::write_report(&run)?;
    console::print(&report.display().to_string());
    Ok(())
}

/// Refuses settings of the autoencoder if a trained one is taken.
pub(super) fn refuse_autoencoder_settings(overrides: &Overrides) -> Result<(), Failure> {
    let settings = [
        (overrides.epochs.autoencoder.is_some(), "--epochs autoencoder has no effect; set only the epochs of h"),
        (overrides.autoencoder_learning_rate.is_some(), "--autoencoder-learning-rate has no effect; omit it"),
    ];
    match settings.into_iter().find(|(is_set, _)| *is_set) {
        Some((_, reason)) => Err(Failure::users(format!("--autoencoder takes a trained autoencoder, so {reason}"))),
        None => Ok(()),
    }
}

/// The program, and the command that reproduces a run.
pub(super) fn provenance(experiment: &str, overrides: &Overrides, autoencoder: Option<&Path>) -> Provenance {
    Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_revision: option_env!("GTN_GIT_REVISION").map(str::to_owned),
        command: Some(command_line(experiment, overrides, autoencoder)),
        ..Provenance::default()
    }
}

/// The command that reproduces a run, without options that concern only this machine.
fn command_line(experiment: &str, overrides: &Overrides, autoencoder: Option<&Path>) -> String {
    let mut words = vec!["cargo xtask reproduce".to_owned(), quoted(experiment)];
    let mut option = |name: &str, value: Option<String>| words.extend(value.map(|value| format!("--{name} {value}")));
    let rate = |rate: f64| format!("{rate:e}");
    option("dim", overrides.dim.map(|dim| dim.to_string()));
    option("seed", overrides.seed.map(|seed| seed.to_string()));
    option("limit", overrides.limit.map(|limit| limit.to_string()));
    option("protocol", overrides.protocol.map(|protocol| protocol.to_string()));
    option("pairing", overrides.pairing.map(|pairing| pairing.to_string()));
    option("components", overrides.components.map(|components| components.to_string()));
    option("width", overrides.width.map(|width| width.to_string()));
    option("depth", overrides.depth.map(|depth| depth.to_string()));
    option("learning-rate", overrides.learning_rate.map(rate));
    option("autoencoder-learning-rate", overrides.autoencoder_learning_rate.map(rate));
    option("epochs", (overrides.epochs != Epochs::default()).then(|| overrides.epochs.to_string()));
    option("time-budget", overrides.time_budget.map(|seconds| format!("{seconds}s")));
    let baselines: Vec<&str> = overrides.baselines.iter().map(|baseline| baseline.name()).collect();
    option("baselines", (!baselines.is_empty()).then(|| baselines.join(",")));
    option("autoencoder", autoencoder.map(|run| quoted(&run.display().to_string())));
    if overrides.quick {
        words.push("--quick".to_owned());
    }
    words.join(" ")
}

/// Quotes a word for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/=+,:@%".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn words_are_quoted_for_a_shell() {
        assert_eq!(["mnist", "p q.toml", "it's.toml"].map(super::quoted), ["mnist", "'p q.toml'", r"'it'\''s.toml'"]);
    }
}
