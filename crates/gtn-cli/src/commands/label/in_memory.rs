//! `gtn label` with all rows in the memory of one process.

use gtn_io::{ArrayFile, arrays};
use gtn_label::{Matcher, Workspace};

use super::files::{check_output, write};
use super::stats;
use crate::args::Label;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::{console, memory, stop};

/// Matches all rows in this process.
pub(super) fn run(args: &Label) -> Result<(), Failure> {
    check_output(args)?;
    let values = |path| ArrayFile::open(path).map(|array| array.shape().iter().product::<usize>());
    // The rows, and as many unit vectors.
    let needed = values(&args.source)?.saturating_add(values(&args.target)?).saturating_mul(2);
    memory::require(
        needed,
        "these rows",
        "use --out-of-core, several processes (docs/cluster.md), or a larger machine",
    )?;
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
