//! The stages in their order, each fed by those before it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use gtn_models::{Device, DeviceName, Streams};
use gtn_run::folder::Lock;
use gtn_run::{
    Artifact, Config, Fingerprint, MetricsLog, Observer, Provenance, Record, RunFolder, RunRecord, Stage, StageRecord,
};

use crate::Result;
use crate::baselines::Baselines;
use crate::stages::label::Pairs;
use crate::stages::prepare::{Pictures, Prepared};
use crate::stages::{autoencode, encode, evaluate, fit, label, prepare, sample};
use crate::targets::Targets;

/// A run to be done.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The experiment, resolved.
    pub config: Config,
    /// The folder of data sets.
    pub data_dir: PathBuf,
    /// The folder of what is made of data sets once and for all: decoded photographs.
    pub cache_dir: PathBuf,
    /// What is known of the program that does it.
    pub provenance: Provenance,
    /// Whether a run of another configuration in the same folder is removed.
    pub force: bool,
    /// Where networks are trained and run.
    pub device: DeviceName,
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

/// The note in an artifact that holds what its stage found out.
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

    /// The artifact of a stage that is done: if it is there, whole, and made from `made_from`.
    pub(crate) fn done(&mut self, stage: Stage, path: &Path, made_from: &Fingerprint) -> Result<Option<Artifact>> {
        Ok(self.done_in_parts(stage, [(path, Some(made_from))])?.into_iter().next().flatten())
    }

    /// The artifacts that are there of a stage that makes several. One without a fingerprint is not needed. The first one
    /// holds what the stage found out.
    pub(crate) fn done_in_parts<const N: usize>(
        &mut self,
        stage: Stage,
        parts: [(&Path, Option<&Fingerprint>); N],
    ) -> Result<[Option<Artifact>; N]> {
        let mut found = [const { None }; N];
        for (found, (path, made_from)) in found.iter_mut().zip(parts) {
            *found = made_from.map(|made_from| self.find(path, made_from)).transpose()?.flatten();
        }
        let all = found.iter().zip(parts).all(|(found, (_, needed))| found.is_some() == needed.is_some());
        match &found[..] {
            [Some(first), ..] if all => {
                self.observer.stage_skipped(stage);
                self.remember(stage, first)?;
            }
            _ => self.observer.stage_started(stage),
        }
        Ok(found)
    }

    fn find(&mut self, path: &Path, made_from: &Fingerprint) -> Result<Option<Artifact>> {
        match Artifact::read_if_made_from(path, made_from) {
            Err(gtn_run::Error::Damaged { path, reason }) => {
                self.observer.note(&format!("{} is damaged: {reason}; it is made anew", path.display()));
                Ok(None)
            }
            other => Ok(other?),
        }
    }

    /// Notes that a stage was done, if the log was lost, or the process died before it wrote this.
    fn remember(&mut self, stage: Stage, artifact: &Artifact) -> Result<()> {
        if self.log.stage(stage).is_none() {
            let facts = artifact.note(FACTS).unwrap_or_default();
            self.log.append(Record::Stage(StageRecord { stage, seconds: 0.0, facts }))?;
        }
        Ok(())
    }

    /// Notes that the stage is done of which `artifact` was there and other parts were just made.
    pub(crate) fn complete(&mut self, (stage, started): (Stage, Instant), artifact: &Artifact) -> Result<()> {
        self.remember(stage, artifact)?;
        let facts = artifact.note(FACTS).unwrap_or_default();
        self.observer.stage_finished(&StageRecord { stage, seconds: started.elapsed().as_secs_f64(), facts });
        Ok(())
    }

    /// Writes the artifact of a stage that was just done, with what it found out.
    pub(crate) fn write(
        &mut self,
        (stage, started): (Stage, Instant),
        mut artifact: Artifact,
        facts: &[(&str, f64)],
        path: &Path,
    ) -> Result<Artifact> {
        artifact.set_note(FACTS, &as_map(facts))?;
        artifact.write(path)?;
        self.finish(stage, started.elapsed().as_secs_f64(), facts)?;
        Ok(artifact)
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
    let device = job.device.open()?;
    // The data come first: without them no folder is made.
    observer.stage_started(Stage::Prepare);
    let started = Instant::now();
    let streams = Streams::new(config.seed);
    let data = prepare::run(job, &streams, observer)?;
    if let Prepared::Images(pictures) = &data {
        pictures.notes.iter().for_each(|note| observer.note(note));
    }
    let preparing = started.elapsed().as_secs_f64();

    let provenance = Provenance {
        data: Some(data.fingerprint().to_owned()),
        device: Some(gtn_models::describe(&device)),
        ..job.provenance.clone()
    };
    let lock = run.open(config, &provenance, job.force)?;
    if let Some(companion) = config.companion() {
        observer.note("first the same in one dimension, to compare with");
        let job = Job { config: companion, ..job.clone() };
        drop(reproduce(&job, &run.companion(), observer)?);
        observer.note("now in two dimensions");
    }
    observer.run_opened(run);
    let mut context =
        Context { run, record: run.record()?, log: MetricsLog::open(&run.metrics())?, observer, streams, device };
    let on = provenance.device;
    if !context.device.is_cpu()
        && let Some(device) = &on
    {
        context.observer.note(&format!("networks run on {device}"));
    }
    context.update_provenance(|provenance| provenance.device = on)?;
    context.finish(Stage::Prepare, preparing, &data.facts())?;

    let (targets, pictures) = match (data, &config.autoencoder) {
        (Prepared::Images(pictures), Some(settings)) => {
            let trained = autoencode::run(config, settings, &pictures, &mut context)?;
            (encode::run(config, &pictures, &trained, &mut context)?, Some(pictures))
        }
        (Prepared::Images(_), None) => unreachable!("a checked configuration has an autoencoder for images"),
        (Prepared::Points(targets), _) => (targets, None),
    };
    let pairs = label::run(config, &targets, &mut context)?;
    fit::run(config, &targets, &pairs, &mut context)?;
    let baselines = Baselines::new(&targets, context.streams);
    let made = Made { targets: &targets, pairs: &pairs, pictures: pictures.as_ref(), baselines: &baselines };
    sample::run(config, &made, &mut context)?;
    evaluate::run(config, &made, &mut context)?;
    Ok(lock)
}

/// What the stages before sampling made.
pub(crate) struct Made<'a> {
    pub(crate) targets: &'a Targets,
    pub(crate) pairs: &'a Pairs,
    /// The images, if the data are images.
    pub(crate) pictures: Option<&'a Pictures>,
    /// Simpler generators of the same latents.
    pub(crate) baselines: &'a Baselines<'a>,
}
