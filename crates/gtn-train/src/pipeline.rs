//! The stages in their order, each fed by those before it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use gtn_models::{Device, Streams};
use gtn_run::folder::Lock;
use gtn_run::{Config, MetricsLog, Observer, Provenance, Record, RunFolder, RunRecord, Stage, StageRecord};

use crate::Result;
use crate::stages::{autoencode, encode, fit, label, prepare, sample};

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

impl Context<'_> {
    /// Notes that a stage was done, unless the same was noted before.
    pub(crate) fn finish(&mut self, stage: Stage, seconds: f64, facts: &[(&str, f64)]) -> Result<()> {
        let facts: BTreeMap<String, f64> = facts.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
        if self.log.stage(stage).is_some_and(|known| known.facts == facts) {
            return Ok(());
        }
        self.log.forget_stage(stage)?;
        let record = StageRecord { stage, seconds, facts };
        self.log.append(Record::Stage(record.clone()))?;
        self.observer.stage_finished(&record);
        Ok(())
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
    job.config.check()?;
    // The data come first: without them no folder is made.
    observer.stage_started(Stage::Prepare);
    let started = std::time::Instant::now();
    let streams = Streams::new(job.config.seed);
    let data = prepare::run(&job.config, &job.data_dir, &streams)?;
    if !data.original {
        observer.note("the MNIST files are whole but not the original ones; results will not compare with the paper's");
    }

    let provenance = Provenance { data: Some(data.fingerprint.clone()), ..job.provenance.clone() };
    let lock = run.open(&job.config, &provenance, job.force)?;
    let mut context = Context {
        run,
        record: run.record()?,
        log: MetricsLog::open(&run.metrics())?,
        observer,
        streams,
        device: Device::Cpu,
    };
    let (training, validation) = (data.split.train.len(), data.split.validation.len());
    let facts = [("training_images", training as f64), ("validation_images", validation as f64)];
    context.finish(Stage::Prepare, started.elapsed().as_secs_f64(), &facts)?;

    let autoencoder = autoencode::run(&job.config, &data, &mut context)?;
    let latents = encode::run(&job.config, &data, &autoencoder, &mut context)?;
    drop(data);
    let pairs = label::run(&job.config, &latents, &mut context)?;
    fit::run(&job.config, &latents, &pairs, &mut context)?;
    sample::run(&latents, &mut context)?;
    Ok(lock)
}
