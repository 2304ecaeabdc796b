//! The stages in their order, each with the results of those before it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use gtn_models::{Device, DeviceName, Streams};
use gtn_run::folder::Lock;
use gtn_run::schema::stage::STATISTICS;
use gtn_run::{
    Artifact, Config, Fingerprint, MetricsLog, Observer, Provenance, Record, RunFolder, RunRecord, Stage, StageRecord,
    Statistics,
};

use crate::Result;
use crate::baselines::Baselines;
use crate::stages::label::Pairs;
use crate::stages::prepare::{ImageData, Prepared};
use crate::stages::{autoencode, encode, evaluate, fit, label, prepare, sample};
use crate::targets::Targets;

/// A run to execute.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// The experiment, resolved.
    pub config: Config,
    /// The folder of the data sets.
    pub data_dir: PathBuf,
    /// The folder of decoded images, which are computed once for all runs.
    pub cache_dir: PathBuf,
    /// The version of the program and the command, which the run records.
    pub provenance: Provenance,
    /// Whether to overwrite a different run in the same folder.
    pub force: bool,
    /// The device of the networks.
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

impl Context<'_> {
    /// Records a completed stage, unless the same record exists.
    pub(crate) fn finish(&mut self, stage: Stage, seconds: f64, statistics: Statistics) -> Result<()> {
        debug_assert!(statistics.keys().all(|statistic| statistic.stages().contains(&stage)));
        if self.log.stage(stage).is_some_and(|record| record.statistics == statistics) {
            return Ok(());
        }
        self.log.remove_stage(stage)?;
        let record = StageRecord { stage, seconds, statistics };
        self.log.append(Record::Stage(record.clone()))?;
        self.observer.stage_finished(&record);
        Ok(())
    }

    /// The artifact of a completed stage: if it exists, is undamaged, and has these inputs.
    pub(crate) fn completed(
        &mut self,
        stage: Stage,
        path: &Path,
        input_fingerprint: &Fingerprint,
    ) -> Result<Option<Artifact>> {
        Ok(self.completed_parts(stage, [(path, Some(input_fingerprint))])?.into_iter().next().flatten())
    }

    /// The existing artifacts of a stage with several. An artifact without a fingerprint is not needed. The first one has the
    /// statistics of the stage.
    pub(crate) fn completed_parts<const N: usize>(
        &mut self,
        stage: Stage,
        parts: [(&Path, Option<&Fingerprint>); N],
    ) -> Result<[Option<Artifact>; N]> {
        let mut artifacts = [const { None }; N];
        for (artifact, (path, inputs)) in artifacts.iter_mut().zip(parts) {
            *artifact = inputs.map(|inputs| self.read_current(path, inputs)).transpose()?.flatten();
        }
        let complete =
            artifacts.iter().zip(parts).all(|(artifact, (_, needed))| artifact.is_some() == needed.is_some());
        match &artifacts[..] {
            [Some(first), ..] if complete => {
                self.observer.stage_skipped(stage);
                self.restore_record(stage, first)?;
            }
            _ => self.observer.stage_started(stage),
        }
        Ok(artifacts)
    }

    fn read_current(&mut self, path: &Path, input_fingerprint: &Fingerprint) -> Result<Option<Artifact>> {
        match Artifact::read_if_current(path, input_fingerprint) {
            Err(gtn_run::Error::Damaged { path, reason }) => {
                self.observer.note(&format!("{} is damaged: {reason}; it will be recreated", path.display()));
                Ok(None)
            }
            other => Ok(other?),
        }
    }

    /// Records a completed stage if its record was lost, or if the process ended before it was written.
    fn restore_record(&mut self, stage: Stage, artifact: &Artifact) -> Result<()> {
        if self.log.stage(stage).is_none() {
            let statistics = artifact.metadata(&STATISTICS).unwrap_or_default();
            self.log.append(Record::Stage(StageRecord { stage, seconds: 0.0, statistics }))?;
        }
        Ok(())
    }

    /// Finishes a stage whose main `artifact` existed, and of which other parts were just computed.
    pub(crate) fn finish_parts(&mut self, (stage, started): (Stage, Instant), artifact: &Artifact) -> Result<()> {
        self.restore_record(stage, artifact)?;
        let statistics = artifact.metadata(&STATISTICS).unwrap_or_default();
        self.observer.stage_finished(&StageRecord { stage, seconds: started.elapsed().as_secs_f64(), statistics });
        Ok(())
    }

    /// Writes the artifact of a stage that was just completed, with its statistics.
    pub(crate) fn write(
        &mut self,
        (stage, started): (Stage, Instant),
        mut artifact: Artifact,
        statistics: Statistics,
        path: &Path,
    ) -> Result<Artifact> {
        artifact.set_metadata(&STATISTICS, &statistics)?;
        artifact.write(path)?;
        self.finish(stage, started.elapsed().as_secs_f64(), statistics)?;
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

/// Executes all stages of a run that are not completed. The run stays locked until the returned value is dropped.
///
/// # Errors
///
/// [`Error::Stopped`](crate::Error::Stopped) if the observer asked for it; otherwise an error of the data, the folder or the
/// training. Completed stages keep their results.
pub fn reproduce(job: &Job, run: &RunFolder, observer: &mut dyn Observer) -> Result<Lock> {
    let config = &job.config;
    config.check()?;
    let device = job.device.open()?;
    // The data come first: without them, no folder is created.
    observer.stage_started(Stage::Prepare);
    let started = Instant::now();
    let streams = Streams::new(config.seed);
    let data = prepare::run(job, &streams, observer)?;
    if let Prepared::Images(images) = &data {
        images.notes.iter().for_each(|note| observer.note(note));
    }
    let prepare_seconds = started.elapsed().as_secs_f64();

    let provenance = Provenance {
        data_sha256: Some(data.checksum().to_owned()),
        device: Some(gtn_models::describe_device(&device)),
        ..job.provenance.clone()
    };
    let lock = run.open(config, &provenance, job.force)?;
    if let Some(reference) = config.reference_run() {
        observer.note("starting the reference run in one dimension");
        let job = Job { config: reference, ..job.clone() };
        drop(reproduce(&job, &run.reference_run(), observer)?);
        observer.note("starting the run in two dimensions");
    }
    observer.run_opened(run);
    let mut context =
        Context { run, record: run.record()?, log: MetricsLog::open(&run.metrics())?, observer, streams, device };
    let device_name = provenance.device;
    if !context.device.is_cpu()
        && let Some(device) = &device_name
    {
        context.observer.note(&format!("networks run on {device}"));
    }
    context.update_provenance(|provenance| provenance.device = device_name)?;
    context.finish(Stage::Prepare, prepare_seconds, data.statistics())?;

    let (targets, images) = match (data, &config.autoencoder) {
        (Prepared::Images(images), Some(settings)) => {
            let trained = autoencode::run(config, settings, &images, &mut context)?;
            (encode::run(config, &images, &trained, &mut context)?, Some(images))
        }
        (Prepared::Images(_), None) => unreachable!("a checked configuration has an autoencoder for images"),
        (Prepared::Points(targets), _) => (targets, None),
    };
    let pairs = label::run(config, &targets, &mut context)?;
    fit::run(config, &targets, &pairs, &mut context)?;
    let baselines = Baselines::new(&targets, context.streams);
    let handoff = Handoff { targets: &targets, pairs: &pairs, images: images.as_ref(), baselines: &baselines };
    sample::run(config, &handoff, &mut context)?;
    evaluate::run(config, &handoff, &mut context)?;
    Ok(lock)
}

/// The results that sampling and evaluation build on.
pub(crate) struct Handoff<'a> {
    pub(crate) targets: &'a Targets,
    pub(crate) pairs: &'a Pairs,
    /// The images, if the data are images.
    pub(crate) images: Option<&'a ImageData>,
    /// Simpler generators of the same latents.
    pub(crate) baselines: &'a Baselines<'a>,
}
