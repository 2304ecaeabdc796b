//! `gtn label`: Algorithm 1 alone.

mod divided;
mod out_of_core;
mod stats;

use gtn_io::{ArrayFile, arrays, atomic};
use gtn_label::{Matcher, Matching, Strategy, Workspace};

use crate::args::Label;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{console, memory, output, processes, stop};

pub(crate) fn run(args: &Label) -> Result<(), Failure> {
    if processes::all().size() > 1 {
        return divided::run(args, processes::all());
    }
    if args.out_of_core {
        return out_of_core::run(args);
    }
    check_output(args)?;
    let values = |path| ArrayFile::open(path).map(|array| array.shape().iter().product::<usize>());
    // The rows, and as many unit vectors.
    let needed = values(&args.source)?.saturating_add(values(&args.target)?).saturating_mul(2);
    memory::require(
        needed,
        "these rows",
        "use --out-of-core, several processes (docs/cluster.md), or a larger machine",
    )?;
    in_one_process(args)
}

/// Refuses an output that cannot be written, before anything is computed.
fn check_output(args: &Label) -> Result<(), Failure> {
    if !args.out.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npz")) {
        return Err(Failure::users(format!("--out {}: pairs need a .npz file name", args.out.display())));
    }
    output::refuse_existing(&args.out, args.force)
}

/// Refuses what needs all rows in the memory of one process.
fn check_arguments(args: &Label, how: &str, remedy: &str) -> Result<(), Failure> {
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
fn shape(array: &ArrayFile) -> Result<(usize, usize), Failure> {
    match *array.shape() {
        [rows, columns] => Ok((rows, columns)),
        _ => Err(Failure::users(format!(
            "cannot read '{}': expected a 2-D array (n, d), got shape {}; pass one row per sample",
            array.path().display(),
            arrays::tuple_text(array.shape())
        ))),
    }
}

/// Matches all rows in this process.
fn in_one_process(args: &Label) -> Result<(), Failure> {
    let source = arrays::read_matrix(&args.source)?;
    let target = arrays::read_matrix(&args.target)?;

    stop::listen();
    let mut progress = Progress::new();
    progress.begin("label");
    let mut workspace = Workspace::new();
    let matched = Matcher::new()
        .strategy(args.strategy)
        .precision(args.precision)
        .threads(args.threads.map_or(0, usize::from))
        .progress(|step| {
            progress.show("label", (step.done as u64, step.total as u64, "rows"), "");
            stop::control_flow()
        })
        .match_rows_in(&mut workspace, &source, &target)?;
    drop(progress);

    write(args, &matched)?;
    if args.stats {
        for line in stats::lines(&matched, workspace.stats(), source.view(), target.view()) {
            console::status(&line);
        }
    }
    Ok(())
}

fn write(args: &Label, matched: &Matching) -> Result<(), Failure> {
    atomic::write(&args.out, output::existing(args.force), |file| {
        arrays::write_matching_npz(file, matched.assignment(), matched.order(), matched.similarity())
    })?;
    console::print(&args.out.display().to_string());
    Ok(())
}
