//! What is checked and written however the rows are matched.

use gtn_io::{ArrayFile, arrays, atomic};
use gtn_label::{Matching, Strategy};

use crate::args::Label;
use crate::failure::Failure;
use crate::{console, output};

/// Refuses an output that cannot be written, before anything is computed.
pub(super) fn check_output(args: &Label) -> Result<(), Failure> {
    if !args.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz")) {
        return Err(Failure::users(format!("--out {}: pairs need a .npz file name", args.out.display())));
    }
    output::refuse_existing(&args.out, args.force)
}

/// Refuses what needs all rows in the memory of one process.
pub(super) fn check_arguments(args: &Label, how: &str, remedy: &str) -> Result<(), Failure> {
    if args.stats {
        return Err(Failure::users(format!("--stats does not work {how}; leave it out, {remedy}")));
    }
    if args.strategy != Strategy::Auto {
        let strategy = args.strategy;
        return Err(Failure::users(format!(
            "--strategy {strategy}: {how}, the fastest is always chosen; leave it out, {remedy}"
        )));
    }
    Ok(())
}

/// The rows and columns of a matrix.
pub(super) fn shape(array: &ArrayFile) -> Result<(usize, usize), Failure> {
    match *array.shape() {
        [rows, columns] => Ok((rows, columns)),
        _ => Err(Failure::users(format!(
            "cannot read '{}': expected a 2-D array (n, d), got shape {}; pass one row per sample",
            array.path().display(),
            arrays::tuple_text(array.shape())
        ))),
    }
}

/// Writes the pairs, and prints the name of their file.
pub(super) fn write(args: &Label, matched: &Matching) -> Result<(), Failure> {
    atomic::write(&args.out, output::existing(args.force), |file| {
        arrays::write_matching_npz(file, matched.assignment(), matched.order(), matched.similarity())
    })?;
    console::print(&args.out.display().to_string());
    Ok(())
}
