//! The report of a run: figures as files, and one HTML file with everything.
//!
//! The sections on samples depend on the kind of data: `images` and `synthetic` make them. All others are the same for all runs.

mod alerts;
mod baselines;
mod comparison;
mod contents;
mod data_sets;
mod first_screen;
mod images;
mod losses;
mod page;
mod paper_values;
mod previous;
mod section;
mod stage_descriptions;
mod standing;
mod summary;
mod sweep;
mod synthetic;
mod table2;
mod tables;
mod tensors;
mod text;
mod training_end;

use std::fs;
use std::path::PathBuf;

use gtn_io::atomic;
use gtn_run::{Config, MetricsLog, Record, RunFolder};

use crate::Result;
use contents::Contents;
use data_sets::{DataSet, GENERATED_FILES};
use images::IMPROVEMENT_FILES;
use section::{Figure, Item, Section, Thumbnails};
use tensors::Tensors;

pub use comparison::{Cell, Column, ColumnKind, ComparedRun, Comparison, MetricsTable, Row};
pub use paper_values::PaperRow;
pub use previous::previous;
pub use standing::{Standing, standing};
pub use sweep::{SweepColumn, SweepRow, SweepTable, write_sweep};
pub use table2::Table2;
pub use text::count;

/// Every other figure that a report may have than [`GENERATED_FILES`] and [`IMPROVEMENT_FILES`].
const FIGURES: [&str; 17] = [
    "generated.png",
    "decoded.png",
    "vae.png",
    "figure-2.svg",
    "figure-4.svg",
    "figure-8.svg",
    "interpolations.png",
    "nearest.png",
    "latents.svg",
    "similarity.svg",
    "dimension.svg",
    "h.svg",
    "angles.svg",
    "loss-autoencoder.svg",
    "loss-flow.svg",
    "loss-h.svg",
    "figure-9.svg",
];

/// Writes `report.html` for `run`, with its figures in `figures/` and its epochs in `metrics.csv`, and returns the path of the
/// report.
///
/// The run needs `config.toml` and samples with the tensors of
/// [`image_samples`](gtn_run::schema::image_samples) or [`point_samples`](gtn_run::schema::point_samples). The report shows at
/// most 200 images of a tensor. Other tensors of images than `generated` and `decoded`, snapshots, the reference run and
/// `metrics.jsonl` are shown if they exist. Points that are not finite are omitted and counted.
///
/// Each file is written atomically. Figures of an earlier report that this one does not have are removed. Equal runs give equal
/// bytes, beside the same runs: the report says what differs from the [`previous`] one.
///
/// # Errors
///
/// [`Error::Unfinished`](crate::Error::Unfinished) if there are no samples; [`Error::Samples`](crate::Error::Samples) and
/// [`Error::Snapshot`](crate::Error::Snapshot) if a tensor has the wrong shape; [`Error::Run`](crate::Error::Run) if there is no
/// run, or if a file is damaged or cannot be read or written. Nothing is written in these cases, unless writing itself failed.
pub fn write_report(run: &RunFolder) -> Result<PathBuf> {
    let record = run.record()?;
    let toml = fs::read_to_string(run.config()).map_err(gtn_io::Error::io("read", run.config()))?;
    let log = MetricsLog::open(&run.metrics())?;
    let data_set = DataSet::of(&record.config);
    let (sections, thumbnails) = sections(run, &record.config, &data_set, &log)?;
    let (alerts, standing) = (alerts::alerts(&record, &log), standing(&log));
    let since_previous = previous::since_previous(run);
    let contents = Contents { record, toml, log, data_set, alerts, standing, thumbnails, sections, since_previous };
    let page = page::html(&contents);
    write_figures(run, &contents)?;
    atomic::write_bytes(&run.metrics_csv(), csv(&contents.log).as_bytes())?;
    let report = run.report();
    atomic::write_bytes(&report, page.as_bytes())?;
    Ok(report)
}

/// What the report of a run says first, in a few sentences: whether the run finished, how good its samples are, and compared with what.
///
/// # Errors
///
/// [`Error::Run`](crate::Error::Run) if the folder is not a run, or if a file is damaged or cannot be read.
pub fn verdict(run: &RunFolder) -> Result<String> {
    let (record, log) = (run.record()?, MetricsLog::open(&run.metrics())?);
    let (standing, alerts) = (standing(&log), alerts::alerts(&record, &log));
    Ok(first_screen::verdict_of(&record, &log, standing.as_ref(), &alerts).text)
}

/// The sections, and for images the grids of the first screen.
fn sections(
    run: &RunFolder,
    config: &Config,
    data_set: &DataSet,
    log: &MetricsLog,
) -> Result<(Vec<Section>, Vec<Thumbnails>)> {
    let (mut sections, thumbnails) = match data_set.points {
        None if !config.data.are_images() => (images::vector_sections(&Tensors::samples(run)?, log)?, Vec::new()),
        None => {
            let samples = Tensors::samples(run)?;
            (images::sections(&samples, config.h.training.select, log)?, images::thumbnails(&samples, log)?)
        }
        Some(set) => (synthetic::sections(run, config, set, log)?, Vec::new()),
    };
    sections.push(losses::section(config, data_set, log));
    Ok((sections, thumbnails))
}

fn write_figures(run: &RunFolder, contents: &Contents) -> Result<()> {
    let figures = || contents.sections.iter().flat_map(|section| &section.items).filter_map(Item::figure);
    for figure in figures() {
        let path = run.figure(figure.file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(gtn_io::Error::io("create", folder))?;
        }
        atomic::write_bytes(&path, figure.bytes())?;
    }
    // Other figures are from an earlier report.
    let all = FIGURES.into_iter().chain(GENERATED_FILES).chain(IMPROVEMENT_FILES);
    for name in all.filter(|name| figures().all(|figure: &Figure| figure.file != *name)) {
        let path = run.figure(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(gtn_io::Error::io("remove", &path)(error).into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// One line per epoch. Numbers are written without loss.
fn csv(log: &MetricsLog) -> String {
    let mut csv =
        "stage,epoch,train_loss,validation_loss,improved,seconds,data_wait_seconds,sample_metric\n".to_owned();
    for record in log.records() {
        if let Record::Epoch(epoch) = record {
            csv.push_str(&format!(
                "{},{},{:?},{:?},{},{:?},{:?},{}\n",
                epoch.stage,
                epoch.epoch,
                epoch.train_loss,
                epoch.validation_loss,
                epoch.improved,
                epoch.seconds,
                epoch.data_wait,
                epoch.sample_metric.map(|metric| format!("{metric:?}")).unwrap_or_default()
            ));
        }
    }
    csv
}
