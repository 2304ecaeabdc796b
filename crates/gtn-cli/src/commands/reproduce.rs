//! `gtn reproduce`: all stages of an experiment, then its report.

use std::path::Path;

use gtn_run::config::Overrides;
use gtn_run::{Provenance, RunFolder};
use gtn_train::{Job, presets};

use crate::args::Reproduce;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{say, stop};

pub(crate) fn run(args: &Reproduce) -> Result<(), Failure> {
    let overrides = Overrides {
        protocol: args.protocol.into(),
        quick: args.quick,
        dim: args.dim,
        seed: args.seed,
        limit: args.limit,
        epochs: args.epochs.unwrap_or_default(),
    };
    let config = presets::resolve(&args.experiment, &overrides)?;
    let root = args.out.clone().unwrap_or_else(|| Path::new("runs").join(config.run_name()));
    let run = RunFolder::at(&root);
    let provenance = Provenance {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_revision: option_env!("GTN_GIT_REVISION").map(str::to_owned),
        command: Some(command_line(args)),
        ..Provenance::default()
    };
    let job = Job { config, data_dir: args.data.data_dir.clone(), provenance, force: args.force };

    stop::listen();
    let mut progress = Progress::new();
    progress.line(&format!("run         {}", root.display()));
    // Held until the report is there: nobody may clear the folder in between.
    let _lock = gtn_train::reproduce(&job, &run, &mut progress)?;
    drop(progress);
    let report = gtn_report::write_report(&run)?;
    say::result(&report.display().to_string());
    Ok(())
}

/// The command that does this run again, without what concerns only this machine.
fn command_line(args: &Reproduce) -> String {
    let mut words = vec!["cargo xtask reproduce".to_owned(), args.experiment.clone()];
    let mut option = |name: &str, value: Option<String>| words.extend(value.map(|value| format!("--{name} {value}")));
    option("dim", args.dim.map(|dim| dim.to_string()));
    option("seed", args.seed.map(|seed| seed.to_string()));
    option("limit", args.limit.map(|limit| limit.to_string()));
    let protocol = gtn_run::config::Protocol::from(args.protocol);
    option("protocol", (protocol != Default::default()).then(|| protocol.to_string()));
    let epochs = args.epochs.unwrap_or_default();
    let epochs: Vec<String> = [("autoencoder", epochs.autoencoder), ("h", epochs.h)]
        .iter()
        .filter_map(|(network, epochs)| epochs.map(|epochs| format!("{network}={epochs}")))
        .collect();
    option("epochs", (!epochs.is_empty()).then(|| epochs.join(",")));
    if args.quick {
        words.push("--quick".to_owned());
    }
    words.join(" ")
}
