//! `gtn reproduce table2`: the runs of the paper's Table 2, and a page with all of them.

use std::path::Path;

use gtn_io::atomic;
use gtn_report::Table2;
use gtn_run::RunFolder;

use super::experiment;
use crate::args::Reproduce;
use crate::console;
use crate::failure::Failure;

/// The name that takes the place of an experiment.
pub(super) const NAME: &str = "table2";

/// Executes or resumes the runs one after the other, and writes the page after each of them. A run that fails does not keep the others
/// from their work.
pub(super) fn run(args: &Reproduce, default_folder: &Path) -> Result<(), Failure> {
    let wanted = wanted(args)?;
    let folder = args.out.as_deref().unwrap_or(default_folder);
    let protocol = args.choices.common.protocol.unwrap_or_default();
    let page = folder.join(format!("{NAME}-{protocol}.html"));
    let runs = wanted.into_iter().map(|(set, dim)| {
        let mut args = Reproduce { out: None, dims: Vec::new(), sets: Vec::new(), ..args.clone() };
        (args.choices.common.experiment, args.choices.common.dim) = (set, Some(dim));
        let (config, root) = experiment::prepare(&args, folder)?;
        Ok((args, config, root))
    });
    let runs = runs.collect::<Result<Vec<_>, Failure>>()?;
    let mut failures: Vec<Option<Failure>> = runs.iter().map(|_| None).collect();
    let read = |failures: &[Option<Failure>]| {
        let mut table = Table2::default();
        for ((_, config, root), failure) in runs.iter().zip(failures) {
            table.push(&config.experiment, config.dim, &RunFolder::at(root), failure.as_ref().map(reason))?;
        }
        Ok::<_, Failure>(table)
    };
    std::fs::create_dir_all(folder).map_err(gtn_io::Error::io("create", folder))?;
    for (index, (args, config, root)) in runs.iter().enumerate() {
        console::status(&format!("{}, d = {}: run {} of {}", config.experiment, config.dim, index + 1, runs.len()));
        match experiment::run(args, config.clone(), root) {
            Ok(_) => {}
            Err(Failure::Stopped(message)) => return Err(Failure::Stopped(message)),
            Err(failure) => {
                console::status(&failure.to_string());
                failures[index] = Some(failure);
            }
        }
        atomic::write_bytes(&page, read(&failures)?.html().as_bytes())?;
    }
    console::print_table(&read(&failures)?.rows());
    console::print(&page.display().to_string());
    let (total, failed) = (runs.len(), failures.iter().flatten().count());
    match failures.into_iter().flatten().next() {
        None => Ok(()),
        Some(first) if total == 1 => Err(first),
        Some(first) => {
            let reason = reason(&first);
            let message = anyhow::Error::msg(format!("{failed} of {total} runs failed, the first because {reason}"));
            Err(if matches!(first, Failure::Users(_)) { Failure::Users(message) } else { Failure::Machine(message) })
        }
    }
}

/// What a failure says, within a sentence.
fn reason(failure: &Failure) -> String {
    failure.to_string().trim_start_matches("error: ").to_owned()
}

/// The experiments and dimensions, in the order of the paper's table.
fn wanted(args: &Reproduce) -> Result<Vec<(String, usize)>, Failure> {
    for (option, is_given, advice) in [
        ("--dim", args.choices.common.dim.is_some(), "use --dims"),
        ("--autoencoder", args.execution.autoencoder.is_some(), "each of its runs has its own"),
    ] {
        if is_given {
            return Err(Failure::users(format!("{option} cannot be used with `gtn reproduce {NAME}`; {advice}")));
        }
    }
    let distinct = |values: Vec<String>| -> Vec<String> {
        let mut seen = Vec::new();
        values.into_iter().for_each(|value| {
            if !seen.contains(&value) {
                seen.push(value)
            }
        });
        seen
    };
    let sets = if args.sets.is_empty() {
        Table2::PAPER.map(|row| row.experiment.to_owned()).to_vec()
    } else {
        args.sets.clone()
    };
    let sets = distinct(sets);
    if let Some(other) = sets.iter().find(|set| Table2::PAPER.iter().all(|row| row.experiment != **set)) {
        return Err(Failure::users(format!(
            "`{other}` is not in the paper's Table 2; use --sets celeba,hap or one of them"
        )));
    }
    let mut dims = if args.dims.is_empty() { Table2::PAPER.map(|row| row.dim).to_vec() } else { args.dims.clone() };
    dims.sort_unstable();
    dims.dedup();
    Ok(sets.iter().flat_map(|set| dims.iter().map(move |&dim| (set.clone(), dim))).collect())
}
