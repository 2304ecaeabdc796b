//! `gtn report`: writes the report of a run.

use std::path::Path;

use gtn_run::RunFolder;

use crate::args::Report;
use crate::console;
use crate::failure::Failure;

pub(crate) fn run(args: &Report) -> Result<(), Failure> {
    let report = gtn_report::write_report(&RunFolder::at(&args.run))?;
    console::print(&report.display().to_string());
    if args.open {
        open_in_browser(&report)?;
    }
    Ok(())
}

/// Opens a file in the user's browser.
pub(crate) fn open_in_browser(path: &Path) -> Result<(), Failure> {
    open::that_detached(path).map_err(|error| {
        Failure::Machine(anyhow::anyhow!("cannot open {} in a browser: {error}; open it manually", path.display()))
    })
}
