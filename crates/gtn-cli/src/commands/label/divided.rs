//! `gtn label` on several processes: each reads its part of the rows.

use std::path::Path;

use gtn_dist::{Collective, Part, match_rows, part_of};
use gtn_io::ArrayFile;
use gtn_label::{MatchError, Rows};
use ndarray::ArrayD;

use super::files::{check_arguments, check_output, shape, write};
use super::in_memory;
use crate::args::Label;
use crate::failure::Failure;
use crate::processes::{agreed, known_to_all};
use crate::progress::Progress;
use crate::{console, memory, stop, threads};

/// Rows with so few columns are sorted, which one process does in seconds.
const SORTED_COLUMNS: usize = 2;

pub(super) fn run(args: &Label, collective: &dyn Collective) -> Result<(), Failure> {
    // One process checks what all would find.
    let checked = if collective.is_first() { check(args) } else { Ok(false) };
    let is_sorted = agreed(collective, checked)?;
    let mut message = vec![u8::from(is_sorted)];
    collective.broadcast(&mut message)?;
    if message == [1] {
        if !collective.is_first() {
            return Ok(());
        }
        console::status("note: one process matches rows of one or two columns, by sorting");
        return in_memory::run(args);
    }
    let parts =
        read_part(&args.source, collective).and_then(|source| Ok((source, read_part(&args.target, collective)?)));
    let ((source, source_rows), (target, target_rows)) = agreed(collective, parts)?;
    let source = Part { rows: rows(&source)?, total: source_rows };
    let target = Part { rows: rows(&target)?, total: target_rows };

    stop::listen();
    let mut progress = Progress::new();
    progress.begin("label");
    let mut run = || {
        match_rows(collective, &source, &target, args.precision, |step| {
            progress.show("label", (step.done as u64, step.total as u64, "rows"), "");
            stop::control_flow()
        })
    };
    let matched = match args.threads {
        None => run(),
        Some(threads) => agreed(collective, threads::pool(threads.into()))?.install(run),
    };
    let matched = matched.map_err(|error| known_to_all(collective, error))?;
    drop(progress);
    let written = matched.map_or(Ok(()), |matched| write(args, &matched));
    // The others end when the file is there, and fail if it could not be written.
    agreed(collective, written)
}

/// Checks the arguments and the shapes, and returns whether the rows have so few columns that one process matches them.
fn check(args: &Label) -> Result<bool, Failure> {
    check_output(args)?;
    check_arguments(args, "on several processes", "or start one process")?;
    if args.out_of_core {
        return Err(Failure::users(
            "--out-of-core works on one process; start more processes in its place, or only one",
        ));
    }
    let source_dim = shape(&ArrayFile::open(&args.source)?)?.1;
    let target_dim = shape(&ArrayFile::open(&args.target)?)?.1;
    if source_dim != target_dim {
        return Err(MatchError::DimensionMismatch { source_dim, target_dim }.into());
    }
    Ok(source_dim <= SORTED_COLUMNS)
}

/// The rows of this process, and the number of all.
fn read_part(path: &Path, collective: &dyn Collective) -> Result<(ArrayD<f32>, usize), Failure> {
    let array = ArrayFile::open(path)?;
    let (rows, columns) = shape(&array)?;
    let part = part_of(rows, collective.rank(), collective.size());
    // The rows, and as many unit vectors.
    let needed = part.len().saturating_mul(columns).saturating_mul(2);
    memory::require(needed, "the rows of one process", "start more processes, on more machines")?;
    Ok((array.read(part)?, rows))
}

fn rows(array: &ArrayD<f32>) -> Result<Rows<'_>, Failure> {
    let (len, columns) = (array.shape()[0], array.shape()[1]);
    let values = array.as_slice().expect("arrays are read in C order");
    Ok(Rows::new(values, len, columns)?)
}
