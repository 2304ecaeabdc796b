//! The stages in their order, each fed by those before it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use gtn_models::{Device, Streams};
use gtn_run::folder::Lock;
use gtn_run::{
    Artefact, Config, Fingerprint, MetricsLog, Observer, Provenance, Record, RunFolder, RunRecord, Stage, StageRecord,
};

use crate::Result;
use crate::stages::prepare::Prepared;
use crate::stages::{autoencode, encode, evaluate, fit, label, prepare, sample};

/// A run to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The experiment, resolved.
    pub config: Config,
    /// The folder of data sets.
    pub data_dir: PathBuf,
    /// What is known of the program that does it.
    pub provenance: Provenance,
    /// Whether a run of another configuration in the same folder is removed.
    pub force: bool,
}

/// What every stage works with.
pub(crate) struct Context<'a> {
    pub(crate) run: &'a RunFolder,
    pub(crate) record: RunRecord,
    pub(crate) log: MetricsLog,
    pub(crate) observer: &'a mut dyn Observer,
    pub(crate) streams: Streams,
    pub(crate) device: Device,
}

/// The note in an artefact that holds what its stage found out.
const FACTS: &str = "facts";

fn as_map(facts: &[(&str, f64)]) -> BTreeMap<String, f64> {
    facts.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
}

impl Context<'_> {
    /// Notes that a stage was done, unless the same was noted before.
    pub(crate) fn finish(&mut self, stage: Stage, seconds: f64, facts: &[(&str, f64)]) -> Result<()> {
        let facts = as_map(facts);
        if self.log.stage(stage).is_some_and(|known| known.facts == facts) {
            return Ok(());
        }
        self.log.forget_stage(stage)?;
        let record = StageRecord { stage, seconds, facts };
        self.log.append(Record::Stage(record.clone()))?;
        self.observer.stage_finished(&record);
        Ok(())
    }

    /// The artefact of a stage that is done: if it is there, whole, and made from `made_from`.
    pub(crate) fn done(&mut self, stage: Stage, path: &Path, made_from: &Fingerprint) -> Result<Option<Artefact>> {
        let found = match Artefact::read_if_made_from(path, made_from) {
            Err(gtn_run::Error::Damaged { path, reason }) => {
                self.observer.note(&format!("{} is damaged: {reason}; it is made anew", path.display()));
                None
            }
            other => other?,
        };
        let Some(artefact) = found else {
            self.observer.stage_started(stage);
            return Ok(None);
        };
        self.observer.stage_skipped(stage);
        if self.log.stage(stage).is_none() {
            // The log was lost, or the process died before it wrote this.
            let facts = artefact.note(FACTS).unwrap_or_default();
            self.log.append(Record::Stage(StageRecord { stage, seconds: 0.0, facts }))?;
        }
        Ok(Some(artefact))
    }

    /// Writes the artefact of a stage that was just done, with what it found out.
    pub(crate) fn write(
        &mut self,
        (stage, started): (Stage, Instant),
        mut artefact: Artefact,
        facts: &[(&str, f64)],
        path: &Path,
    ) -> Result<Artefact> {
        artefact.set_note(FACTS, &as_map(facts))?;
        artefact.write(path)?;
        self.finish(stage, started.elapsed().as_secs_f64(), facts)?;
        Ok(artefact)
    }

    /// Changes the provenance in `config.toml`.
    pub(crate) fn update_provenance(&mut self, change: impl FnOnce(&mut Provenance)) -> Result<()> {
        let mut record = self.record.clone();
        change(&mut record.provenance);
        if record != self.record {
            self.run.write_record(&record)?;
            self.record = record;
        }
        Ok(())
    }
}

/// Does all stages of a run that are not done yet. The run stays locked until what is returned is dropped.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped) if the observer asked for it; otherwise what the data, the folder or the
/// training had against it. Whatever was finished before stays.
pub fn reproduce(job: &Job, run: &RunFolder, observer: &mut dyn Observer) -> Result<Lock> {
    let config = &job.config;
    config.check()?;
    // The data come first: without them no folder is made.
    observer.stage_started(Stage::Prepare);
    let started = Instant::now();
    let streams = Streams::new(config.seed);
    let data = prepare::run(config, &job.data_dir, &streams)?;
    if matches!(&data, Prepared::Images(pictures) if !pictures.original) {
        observer.note("the MNIST files are whole but not the original ones; results will not compare with the paper's");
    }
    let preparing = started.elapsed().as_secs_f64();

    let provenance = Provenance { data: Some(data.fingerprint().to_owned()), ..job.provenance.clone() };
    let lock = run.open(config, &provenance, job.force)?;
    if let Some(companion) = config.companion() {
        observer.note("first the same in one dimension, to compare with");
        let job = Job { config: companion, ..job.clone() };
        drop(reproduce(&job, &run.companion(), observer)?);
        observer.note("now in two dimensions");
    }
    observer.run_opened(run);
    let mut context = Context {
        run,
        record: run.record()?,
        log: MetricsLog::open(&run.metrics())?,
        observer,
        streams,
        device: Device::Cpu,
    };
    context.finish(Stage::Prepare, preparing, &data.facts())?;

    let targets = match (data, &config.autoencoder) {
        (Prepared::Images(pictures), Some(settings)) => {
            let trained = autoencode::run(config, settings, &pictures, &mut context)?;
            encode::run(config, &pictures, &trained, &mut context)?
        }
        (Prepared::Images(_), None) => unreachable!("a checked configuration has an autoencoder for images"),
        (Prepared::Points(targets), _) => targets,
    };
    let pairs = label::run(config, &targets, &mut context)?;
    fit::run(config, &targets, &pairs, &mut context)?;
    sample::run(config, &targets, &pairs, &mut context)?;
    evaluate::run(config, &targets, &mut context)?;
    Ok(lock)
}
