//! Output to the terminal. A reader that has disappeared (a closed pipe or terminal) never stops the work.

use std::io::Write;

/// Prints a line of the result to stdout.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Prints a line to stderr: progress, notes, errors.
pub(crate) fn status(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
