//! One run of an experiment.

use std::path::{Path, PathBuf};

use gtn_report::{EpochFigures, TensorBoard};
use gtn_run::config::Overrides;
use gtn_run::{Config, Provenance, RunFolder, Tee};
use gtn_train::{Job, presets};

use crate::args::Reproduce;
use crate::commands::inception_weights;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::stop;

/// The experiment without what depends on the weights of Inception networks, and the folder of its run: that of the command line, or
/// one in `parent` with the name of the run.
pub(super) fn prepare(args: &Reproduce, parent: &Path) -> Result<(Config, PathBuf), Failure> {
    let overrides = Overrides { select: None, ..args.choices.overrides() };
    let mut config = presets::resolve(&args.choices.experiment, &overrides)?;
    if let Some(path) = &args.autoencoder {
        if overrides.epochs.autoencoder.is_some() {
            return Err(Failure::users(
                "--autoencoder takes a trained autoencoder, so --epochs autoencoder has no effect; set only the epochs of h",
            ));
        }
        config = gtn_train::reuse_autoencoder(&config, path)?;
    }
    let root = args.out.clone().unwrap_or_else(|| parent.join(config.run_name()));
    Ok((config, root))
}

/// Executes the run of a prepared experiment in a folder, and returns the path of its report.
pub(super) fn run(args: &Reproduce, config: Config, root: &Path) -> Result<PathBuf, Failure> {
    let run = RunFolder::at(root);
    let wanted = (config, args.choices.select);
    let (config, inception) = inception_weights::resolve(wanted, &args.inception, &run, &args.data.data_dir)?;
    let provenance = Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_revision: option_env!("GTN_GIT_REVISION").map(str::to_owned),
        command: Some(command_line(args)),
        ..Provenance::default()
    };
    let job = Job {
        config,
        data_dir: args.data.data_dir.clone(),
        cache_dir: args.cache.path(),
        provenance,
        force: args.force,
        autoencoder: args.autoencoder.clone(),
        inception,
        device: args.on.name(),
    };

    stop::listen();
    let mut progress = Progress::with_run(root);
    let (mut figures, mut tensorboard) = (EpochFigures::new(), TensorBoard::new());
    let mut observers = Tee(vec![&mut progress, &mut figures]);
    if !args.no_tensorboard {
        observers.0.push(&mut tensorboard);
    }
    // Held until the report is written, so that no other process can overwrite the run before.
    let _lock = gtn_train::reproduce(&job, &run, &mut observers)?;
    drop(progress);
    Ok(gtn_report::write_report(&run)?)
}

/// The command that reproduces this run, without options that concern only this machine.
fn command_line(args: &Reproduce) -> String {
    let choices = &args.choices;
    let mut words = vec!["cargo xtask reproduce".to_owned(), quoted(&choices.experiment)];
    let mut option = |name: &str, value: Option<String>| words.extend(value.map(|value| format!("--{name} {value}")));
    let overrides = choices.overrides();
    option("dim", overrides.dim.map(|dim| dim.to_string()));
    option("seed", overrides.seed.map(|seed| seed.to_string()));
    option("limit", overrides.limit.map(|limit| limit.to_string()));
    option("protocol", overrides.protocol.map(|protocol| protocol.to_string()));
    option("pairing", overrides.pairing.map(|pairing| pairing.to_string()));
    option("components", overrides.components.map(|components| components.to_string()));
    option("epochs", choices.epochs.map(|epochs| epochs.to_string()));
    option("time-budget", overrides.time_budget.map(|seconds| format!("{seconds}s")));
    let baselines: Vec<&str> = overrides.baselines.iter().map(|baseline| baseline.name()).collect();
    option("baselines", (!baselines.is_empty()).then(|| baselines.join(",")));
    option("select", overrides.select.map(|select| select.to_string()));
    option("fid-samples", args.inception.fid_samples.map(|samples| samples.to_string()));
    option("inception-dims", args.inception.networks.inception_dims.map(|dims| dims.to_string()));
    option("autoencoder", args.autoencoder.as_ref().map(|run| quoted(&run.display().to_string())));
    if choices.quick {
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
