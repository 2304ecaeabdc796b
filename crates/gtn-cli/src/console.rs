//! Output to the terminal. A reader that has disappeared (a closed pipe or terminal) never stops the work.

use std::io::Write;

/// Prints a line of the result to stdout.
pub(crate) fn print(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
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
    let _ = writeln!(std::io::stderr(), "{line}");
}
