//! Output to the terminal. A reader that has disappeared (a closed pipe or terminal) never stops the work.

use std::io::{Error, ErrorKind, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};

/// The first error of standard output.
static FAILED: OnceLock<Error> = OnceLock::new();

/// Whether another process prints the same.
static SILENT: AtomicBool = AtomicBool::new(false);

/// Whether the user asked for more details.
static VERBOSE: AtomicBool = AtomicBool::new(false);

/// Takes lines in place of stderr.
pub(crate) type Lines = Box<dyn Fn(&str) + Send + Sync>;

/// What takes them, if another program runs a command of this one.
static LINES: RwLock<Option<Lines>> = RwLock::new(None);

/// Passes what [`status`] prints to `lines` while the result exists.
pub(crate) fn redirected(lines: Lines) -> Redirected {
    *LINES.write().unwrap_or_else(PoisonError::into_inner) = Some(lines);
    Redirected
}

/// Ends the redirection of [`redirected`].
pub(crate) struct Redirected;

impl Drop for Redirected {
    fn drop(&mut self) {
        *LINES.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Whether progress bars can be drawn.
pub(crate) fn is_terminal() -> bool {
    let is_redirected = LINES.read().unwrap_or_else(PoisonError::into_inner).is_some();
    !is_redirected && !SILENT.load(Ordering::Relaxed) && std::io::stderr().is_terminal()
}

/// Prints nothing from here on, because another process prints the same.
pub(crate) fn set_silent(is_silent: bool) {
    SILENT.store(is_silent, Ordering::Relaxed);
}

/// Asks for more details.
pub(crate) fn set_verbose(verbose: bool) {
    VERBOSE.store(verbose, Ordering::Relaxed);
}

/// Whether the user asked for more details.
pub(crate) fn is_verbose() -> bool {
    VERBOSE.load(Ordering::Relaxed)
}

/// Prints a line of the result to stdout. [`finish`] reports an error.
pub(crate) fn print(line: &str) {
    if !SILENT.load(Ordering::Relaxed) {
        record(writeln!(std::io::stdout(), "{line}"));
    }
}

/// Notes whether something was written to stdout.
pub(crate) fn record(written: std::io::Result<()>) {
    if let Err(error) = written {
        FAILED.get_or_init(|| error);
    }
}

/// Checks that all results have reached stdout. That nobody reads them any more is no error.
///
/// # Errors
///
/// The first error of stdout.
pub(crate) fn finish() -> Result<(), Error> {
    record(std::io::stdout().flush());
    match FAILED.get() {
        Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::new(error.kind(), error.to_string())),
        _ => Ok(()),
    }
}

/// Prints rows as a table with aligned columns: text in the first one, and numbers in the others.
pub(crate) fn print_table(rows: &[Vec<String>]) {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    for row in rows {
        let cells = row.iter().zip(&widths).skip(1).map(|(cell, width)| format!("  {cell:>width$}"));
        print(&format!("{:<2$}{}", row[0], cells.collect::<String>(), widths[0]));
    }
}

/// Prints a line to stderr: progress, notes, errors.
pub(crate) fn status(line: &str) {
    let line = printable(line);
    match &*LINES.read().unwrap_or_else(PoisonError::into_inner) {
        Some(lines) => lines(&line),
        None if SILENT.load(Ordering::Relaxed) => {}
        None => drop(writeln!(std::io::stderr(), "{line}")),
    }
}

/// A message on one line: those of libraries may have several.
pub(crate) fn on_one_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// The text without characters that terminals act on, which names of files may have.
fn printable(text: &str) -> String {
    let is_printable = |c: char| !c.is_control() || c == '\n' || c == '\t';
    text.chars().fold(String::with_capacity(text.len()), |mut text, c| {
        if is_printable(c) {
            text.push(c)
        } else {
            text.extend(c.escape_default())
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_one_line_without_control_characters() {
        assert_eq!(on_one_line("error: a\n  b\r\n\nc"), "error: a; b; c");
        assert_eq!(printable("\u{1b}[31mred\u{7}\n\tσ"), "\\u{1b}[31mred\\u{7}\n\tσ");
    }
}
