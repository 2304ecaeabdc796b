//! `gtn reproduce`: runs all stages of an experiment, and writes its report.

mod experiment;
mod table2;

use std::path::Path;

use gtn_run::RunFolder;

use super::conclusion;
use crate::args::Reproduce;
use crate::console;
use crate::failure::Failure;

pub(super) use experiment::{refuse_autoencoder_settings, refuse_own_data};

/// The folder of runs, unless the command line names another one.
pub(super) const RUNS: &str = "runs";

pub(crate) fn run(args: &Reproduce) -> Result<(), Failure> {
    if args.choices.common.experiment == table2::NAME {
        return table2::run(args, Path::new(RUNS));
    }
    for (option, is_given) in [("--dims", !args.dims.is_empty()), ("--sets", !args.sets.is_empty())] {
        if is_given {
            let advice = if option == "--dims" { "use --dim" } else { "leave it out" };
            return Err(Failure::users(format!("{option} is for `gtn reproduce {}`; {advice}", table2::NAME)));
        }
    }
    let (config, root) = experiment::prepare(args, Path::new(RUNS))?;
    let report = experiment::run(args, config, &root)?;
    conclusion::print(&RunFolder::at(&root), None)?;
    console::print(&report.display().to_string());
    Ok(())
}
