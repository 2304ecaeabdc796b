//! The report of a run: its figures as files, and everything there is to say in one HTML file.
//!
//! What a page shows of the samples depends on the kind of data and is made as sections by `images` and
//! `drawn`; all else is the same for all runs.

mod drawn;
mod facts;
mod images;
mod losses;
mod page;
mod section;
mod tables;
mod tensors;
mod text;

use std::fs;
use std::path::PathBuf;

use gtn_run::{Config, MetricsLog, Record, RunFolder, RunRecord, atomic};

use crate::Result;
use drawn::Law;
use section::{Figure, Item, Section};
use tensors::Tensors;

/// Every figure that a report may have. One that a report does not have is removed, for it is an earlier run's.
const FIGURES: [&str; 20] = [
    "generated.png",
    "decoded.png",
    "figure-2.svg",
    "figure-3a.svg",
    "figure-3b.svg",
    "figure-4.svg",
    "figure-8.svg",
    "figure-5-1.png",
    "figure-5-2.png",
    "figure-5-3.png",
    "figure-5-4.png",
    "interpolations.png",
    "nearest.png",
    "latents.svg",
    "similarity.svg",
    "dimension.svg",
    "h.svg",
    "angles.svg",
    "loss-autoencoder.svg",
    "loss-h.svg",
];

/// What the page is made from.
struct Contents {
    record: RunRecord,
    /// `config.toml` as it is.
    toml: String,
    log: MetricsLog,
    sections: Vec<Section>,
}

/// Writes the figures of `run` into `figures/`, its epochs into `metrics.csv`, and then `report.html`, each whole or not at
/// all; gives the path of the report.
///
/// It needs `config.toml` and the samples. Those of a run on images are `generated` and `decoded`, of shape (n, C, H, W); the
/// first 200 are shown; what else such a run may have (`improvement.*`, `ways`, `nearest`, `scatter.*`, `similarity.by_rank`)
/// is shown where it is there. Those of a run on data from a known law are normal vectors, `source`, what ĥ made of them,
/// `generated`, both of shape (n, d), and what the figures of the law need besides: `real` and `curve.*`, or `pairs.*`. Of
/// snapshots, the companion run and `metrics.jsonl` it shows what is there. Points that are not finite are left out and
/// counted. Figures that an earlier report made and this one does not have are removed. The same run gives the same bytes.
///
/// # Errors
///
/// [`Error::NoSamples`](crate::Error::NoSamples), [`Error::Samples`](crate::Error::Samples) and
/// [`Error::Snapshot`](crate::Error::Snapshot) if there are no samples or they are not of the expected shape;
/// [`Error::Run`](crate::Error::Run) if a file cannot be read or written, is damaged, or there is no run. Then no file is
/// written, unless it is writing that failed.
pub fn write_report(run: &RunFolder) -> Result<PathBuf> {
    let record = run.record()?;
    let toml = fs::read_to_string(run.config()).map_err(gtn_run::Error::io("read", run.config()))?;
    let log = MetricsLog::open(&run.metrics())?;
    let sections = sections(run, &record.config, &log)?;
    let contents = Contents { record, toml, log, sections };
    let page = page::html(&contents);
    write_figures(run, &contents)?;
    atomic::write_bytes(&run.metrics_csv(), csv(&contents.log).as_bytes())?;
    let report = run.report();
    atomic::write_bytes(&report, page.as_bytes())?;
    Ok(report)
}

fn sections(run: &RunFolder, config: &Config, log: &MetricsLog) -> Result<Vec<Section>> {
    let mut sections = match Law::of(config) {
        None => images::sections(&Tensors::samples(run)?, log)?,
        Some(law) => drawn::sections(run, config, law, log)?,
    };
    sections.push(losses::section(config, log)?);
    Ok(sections)
}

fn write_figures(run: &RunFolder, contents: &Contents) -> Result<()> {
    let figures = || contents.sections.iter().flat_map(|section| &section.items).filter_map(Item::figure);
    for figure in figures() {
        let path = run.figure(figure.file);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(gtn_run::Error::io("create", folder))?;
        }
        atomic::write_bytes(&path, figure.bytes())?;
    }
    for name in FIGURES.into_iter().filter(|name| figures().all(|figure: &Figure| figure.file != *name)) {
        let path = run.figure(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(gtn_run::Error::io("remove", &path)(error).into());
            }
            _ => {}
        }
    }
    Ok(())
}

/// Every epoch as a line, with numbers that read back as they were.
fn csv(log: &MetricsLog) -> String {
    let mut csv = "stage,epoch,train_loss,validation_loss,improved,seconds,waited_seconds\n".to_owned();
    for record in log.records() {
        if let Record::Epoch(epoch) = record {
            csv.push_str(&format!(
                "{},{},{:?},{:?},{},{:?},{:?}\n",
                epoch.stage,
                epoch.epoch,
                epoch.train_loss,
                epoch.validation_loss,
                epoch.improved,
                epoch.seconds,
                epoch.waited
            ));
        }
    }
    csv
}
