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
        open_in_browser(&report);
    }
    Ok(())
}

/// Opens a file in the user's browser. Where there is none, a note says so: the file is there.
pub(crate) fn open_in_browser(path: &Path) {
    let error = if has_display() {
        open::that_detached(path).err().map(|error| error.to_string())
    } else {
        Some("there is no display".to_owned())
    };
    if let Some(error) = error {
        console::status(&format!(
            "note: cannot open a browser: {error}; copy {} to a machine that has one",
            path.display()
        ));
    }
}

/// Whether windows can be shown. Without one, programs in the terminal would be started as browsers.
fn has_display() -> bool {
    let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(not(target_os = "linux"))
        || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME", "BROWSER"].into_iter().any(is_set)
}
