//! What a run says about where it comes from.

use std::path::Path;
use std::time::SystemTime;

use gtn_run::Provenance;
use gtn_run::config::{Epochs, Overrides};

use crate::args::InceptionOptions;

/// The command that reproduces a run, without options that concern only this machine.
pub(super) struct Command<'a> {
    pub(super) experiment: &'a str,
    pub(super) overrides: &'a Overrides,
    pub(super) inception: &'a InceptionOptions,
    pub(super) autoencoder: Option<&'a Path>,
}

impl Command<'_> {
    /// The program, and the command.
    pub(super) fn provenance(&self) -> Provenance {
        of_command(self.line())
    }

    fn line(&self) -> String {
        let Self { experiment, overrides, inception, autoencoder } = self;
        let mut words = vec!["cargo xtask reproduce".to_owned(), quoted(experiment)];
        let mut option =
            |name: &str, value: Option<String>| words.extend(value.map(|value| format!("--{name} {value}")));
        let rate = |rate: f64| format!("{rate:e}");
        option("dim", overrides.dim.map(|dim| dim.to_string()));
        option("seed", overrides.seed.map(|seed| seed.to_string()));
        option("limit", overrides.limit.map(|limit| limit.to_string()));
        option("max-unreadable", overrides.max_unreadable.map(|fraction| fraction.to_string()));
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
        option("select", overrides.select.map(|select| select.to_string()));
        option("fid-samples", inception.fid_samples.map(|samples| samples.to_string()));
        option("inception-dims", inception.networks.inception_dims.map(|dims| dims.to_string()));
        option("autoencoder", autoencoder.map(|run| quoted(&run.display().to_string())));
        if overrides.quick {
            words.push("--quick".to_owned());
        }
        words.join(" ")
    }
}

/// This program on this machine, with a command that reproduces a run.
pub(super) fn of_command(line: String) -> Provenance {
    Provenance {
        system: Some(system()),
        begun: Some(humantime::format_rfc3339_seconds(SystemTime::now()).to_string()),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_revision: option_env!("GTN_GIT_REVISION").map(str::to_owned),
        command: Some(line),
        ..Provenance::default()
    }
}

/// Processor, threads and operating system.
fn system() -> String {
    let (threads, os) = (rayon::current_num_threads(), std::env::consts::OS);
    let threads = format!("{threads} {}", if threads == 1 { "thread" } else { "threads" });
    match processor() {
        Some(processor) => format!("{processor}, {threads}, {os}"),
        None => format!("{}, {threads}, {os}", std::env::consts::ARCH),
    }
}

/// What Linux calls the processor.
pub(super) fn processor() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// Quotes a word for a shell.
pub(super) fn quoted(word: &str) -> String {
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
