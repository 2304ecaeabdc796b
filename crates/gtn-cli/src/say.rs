//! Words for the user. A reader that has gone away (a closed pipe, a terminal that was left) never stops the work.

use std::io::Write;

/// Writes a line to stdout: a result.
pub(crate) fn result(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Writes a line to stderr: progress, notes, errors.
pub(crate) fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
