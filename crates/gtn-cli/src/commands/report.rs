//! `gtn report`: writes the report of a run.

use gtn_run::RunFolder;

use crate::args::Report;
use crate::console;
use crate::failure::Failure;

pub(crate) fn run(args: &Report) -> Result<(), Failure> {
    let report = gtn_report::write_report(&RunFolder::at(&args.run))?;
    console::print(&report.display().to_string());
    if args.open {
        open::that_detached(&report).map_err(|error| {
            Failure::Machine(anyhow::anyhow!(
                "cannot open {} in a browser: {error}; open it manually",
                report.display()
            ))
        })?;
    }
    Ok(())
}
