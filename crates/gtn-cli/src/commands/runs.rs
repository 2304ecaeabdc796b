//! `gtn runs`: the runs in a folder with their progress.

use std::path::Path;
use std::time::SystemTime;

use gtn_run::{Config, MetricsLog, RunFolder, RunProgress, Stage};

use crate::args::Runs;
use crate::console;
use crate::failure::Failure;

pub(crate) fn run(args: &Runs) -> Result<(), Failure> {
    let entries = match std::fs::read_dir(&args.folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let folder = args.folder.display();
            return Err(Failure::users(format!(
                "folder {folder} does not exist; create a first run with `gtn reproduce swiss-roll`, or pass the folder of your runs"
            )));
        }
        Err(error) => return Err(gtn_io::Error::io("read", &args.folder)(error).into()),
    };
    let mut folders: Vec<_> = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    let lines: Vec<[String; 4]> = folders.iter().filter_map(|folder| line(folder)).collect();
    if lines.is_empty() {
        console::status(&format!("no runs in {}", args.folder.display()));
        return Ok(());
    }
    let head = ["RUN", "STATE", "VALIDATION LOSS", "LAST CHANGE"].map(str::to_owned);
    let table: Vec<&[String; 4]> = std::iter::once(&head).chain(&lines).collect();
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2].map(width);
    for [name, state, loss, changed] in &table {
        console::print(&format!("{name:<0$}  {state:<1$}  {loss:>2$}  {changed}", widths[0], widths[1], widths[2]));
    }
    Ok(())
}

/// Name, state, lowest validation loss of ĥ and time of the last change; `None` for a folder that is not a run.
fn line(folder: &Path) -> Option<[String; 4]> {
    let run = RunFolder::at(folder);
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let config = match run.record() {
        Ok(record) => record.config,
        Err(gtn_run::Error::NotARun { .. }) => return None,
        Err(error) => return Some([name, format!("unreadable: {error}"), String::new(), String::new()]),
    };
    let log = match MetricsLog::open(&run.metrics()) {
        Ok(log) => log,
        Err(error) => return Some([name, format!("unreadable: {error}"), String::new(), String::new()]),
    };
    let best = log.epochs(Stage::Fit).filter(|epoch| epoch.improved).last();
    let best = best.map(|epoch| format!("{:.5}", epoch.validation_loss)).unwrap_or_default();
    let changed = [run.metrics(), run.config()].iter().filter_map(|path| path.metadata().ok()?.modified().ok()).max();
    let changed = changed.unwrap_or(SystemTime::UNIX_EPOCH);
    Some([name, state(&run, &config, &log), best, humantime::format_rfc3339_seconds(changed).to_string()])
}

fn state(run: &RunFolder, config: &Config, log: &MetricsLog) -> String {
    let mut progress = RunProgress::new(config, log);
    let mut prefix = "";
    let reference = run.reference_run();
    if let (RunProgress::Incomplete { stage: Stage::Prepare, .. }, Ok(record)) = (progress, reference.record())
        && let Ok(log) = MetricsLog::open(&reference.metrics())
    {
        // The reference run comes first.
        progress = RunProgress::new(&record.config, &log);
        prefix = "reference run: ";
    }
    match (run.lock_holder(), progress) {
        (Some(holder), _) => format!("{prefix}{progress} ({holder})"),
        (None, RunProgress::Done) if prefix.is_empty() => progress.to_string(),
        (None, _) => format!("stopped at {prefix}{progress}"),
    }
}
