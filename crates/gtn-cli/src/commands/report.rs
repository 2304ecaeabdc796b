//! `gtn report`: the report of a run, written again.

use gtn_run::RunFolder;

use crate::args::Report;
use crate::failure::Failure;
use crate::say;

pub(crate) fn run(args: &Report) -> Result<(), Failure> {
    let report = gtn_report::write_report(&RunFolder::at(&args.run))?;
    say::result(&report.display().to_string());
    if args.open {
        open::that_detached(&report).map_err(|error| {
            Failure::Machine(anyhow::anyhow!("no program opens {}: {error}; open it by hand", report.display()))
        })?;
    }
    Ok(())
}
