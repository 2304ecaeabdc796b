//! `gtn runs`: the runs in a folder with their progress.

use std::path::Path;
use std::time::SystemTime;

use gtn_report::Standing;
use gtn_run::{Config, MetricRecord, MetricsLog, RunFolder, RunProgress, Stage};
use serde_json::json;

use crate::args::Runs;
use crate::console;
use crate::failure::Failure;
use crate::progress::number;

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
    let mut lines: Vec<Line> = folders.iter().filter_map(|folder| line(folder)).collect();
    if lines.is_empty() {
        console::status(&format!("no runs in {}", args.folder.display()));
        return Ok(());
    }
    lines.sort_by(|a, b| (&a.experiment, &a.name).cmp(&(&b.experiment, &b.name)));
    if args.json {
        lines.iter().for_each(|line| console::print(&line.as_json().to_string()));
        return Ok(());
    }
    let head = ["RUN", "EXPERIMENT", "STATE", "METRIC", "VALUE", "REAL DATA", "VALIDATION LOSS", "LAST CHANGE"];
    let mut table = vec![head.map(str::to_owned)];
    table.extend(lines.iter().map(Line::cells));
    let width = |column: usize| table.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    for row in &table {
        let cells = row.iter().zip(widths).enumerate().map(|(column, (cell, width))| match column {
            4..=6 => format!("{cell:>width$}"),
            _ => format!("{cell:<width$}"),
        });
        console::print(cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    Ok(())
}

/// A run in the list.
struct Line {
    name: String,
    /// Empty if the run cannot be read.
    experiment: String,
    state: String,
    config: Option<Config>,
    standing: Option<Standing>,
    /// The lowest validation loss of ĥ.
    validation_loss: Option<f64>,
    metrics: Vec<MetricRecord>,
    changed: String,
}

impl Line {
    fn cells(&self) -> [String; 8] {
        let standing = self.standing.as_ref();
        [
            self.name.clone(),
            self.experiment.clone(),
            self.state.clone(),
            standing.map_or(String::new(), |standing| standing.metric.name().to_owned()),
            standing.map_or(String::new(), |standing| number(standing.value)),
            standing.and_then(|standing| standing.floor).map_or(String::new(), number),
            self.validation_loss.map_or(String::new(), |loss| format!("{loss:.5}")),
            self.changed.clone(),
        ]
    }

    fn as_json(&self) -> serde_json::Value {
        json!({
            "name": self.name,
            "state": self.state,
            "experiment": self.config.as_ref().map(|config| &config.experiment),
            "protocol": self.config.as_ref().map(|config| config.protocol.name()),
            "dim": self.config.as_ref().map(|config| config.dim),
            "seed": self.config.as_ref().map(|config| config.seed),
            "validation_loss": self.validation_loss,
            "deciding_metric": self.standing.as_ref().map(|standing| standing.metric.name()),
            "metrics": self.metrics,
            "last_change": self.changed,
        })
    }
}

/// The run in a folder; `None` for a folder that is not a run.
fn line(folder: &Path) -> Option<Line> {
    let run = RunFolder::at(folder);
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let read = run.record().and_then(|record| Ok((record.config, MetricsLog::open(&run.metrics())?)));
    let (config, log) = match read {
        Ok(read) => read,
        Err(gtn_run::Error::NotARun { .. }) => return None,
        Err(error) => {
            return Some(Line {
                name,
                experiment: String::new(),
                state: format!("unreadable: {error}"),
                config: None,
                standing: None,
                validation_loss: None,
                metrics: Vec::new(),
                changed: String::new(),
            });
        }
    };
    let best = log.epochs(Stage::Fit).filter(|epoch| epoch.improved).last();
    let changed = [run.metrics(), run.config()].iter().filter_map(|path| path.metadata().ok()?.modified().ok()).max();
    let changed = changed.unwrap_or(SystemTime::UNIX_EPOCH);
    Some(Line {
        name,
        experiment: config.experiment.clone(),
        state: state(&run, &config, &log),
        standing: gtn_report::standing(&log),
        validation_loss: best.map(|epoch| epoch.validation_loss),
        metrics: log.metrics().cloned().collect(),
        changed: humantime::format_rfc3339_seconds(changed).to_string(),
        config: Some(config),
    })
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
