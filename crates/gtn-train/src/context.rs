//! What every stage works with, and how it completes its artifacts.

use std::path::{Path, PathBuf};
use std::time::Instant;

use gtn_dist::Collective;
use gtn_models::{Device, Streams};
use gtn_run::schema::stage::STATISTICS;
use gtn_run::{
    Artifact, Fingerprint, MetricsLog, Observer, Provenance, Record, RunFolder, RunRecord, Stage, StageProgress,
    StageRecord, Statistics,
};
use ndarray::Array2;
use serde::Serialize;

use crate::divided_rows::{answer_rows, end};
use crate::inception::InceptionFiles;
use crate::{Error, Result};

/// What every stage works with.
pub(crate) struct Context<'a> {
    pub(crate) run: &'a RunFolder,
    pub(crate) record: RunRecord,
    pub(crate) log: MetricsLog,
    pub(crate) observer: &'a mut dyn Observer,
    pub(crate) streams: Streams,
    pub(crate) device: Device,
    /// The weights of Inception networks.
    pub(crate) inception: InceptionFiles,
    /// The folder of what is computed once for all runs.
    pub(crate) cache_dir: PathBuf,
    /// The processes that execute the run. The first one decides and writes.
    pub(crate) collective: &'a dyn Collective,
}

/// An artifact of a stage.
pub(crate) struct Part {
    pub(crate) path: PathBuf,
    pub(crate) inputs: Fingerprint,
    /// The samples that it is computed from.
    pub(crate) samples: usize,
}

/// Which artifact of a stage is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PartKind {
    /// That of the training and validation data.
    Main,
    /// That of the official test set.
    Test,
}

/// Samples that a stage has worked on, over all of its artifacts.
pub(crate) struct Counter {
    stage: Stage,
    done: usize,
    total: usize,
}

impl Counter {
    pub(crate) fn new(stage: Stage, total: usize) -> Self {
        Self { stage, done: 0, total }
    }

    /// Reports that `more` samples are done beside those that were counted before.
    pub(crate) fn report(&self, more: usize, observer: &mut dyn Observer) {
        observer.progress(&StageProgress::new(self.stage, self.done + more, self.total));
    }

    pub(crate) fn add(&mut self, samples: usize) {
        self.done += samples;
    }
}

impl Context<'_> {
    /// An error if the observer asked to stop.
    pub(crate) fn check_stop(&self, stage: Stage) -> Result<()> {
        if self.observer.stop_requested() { Err(Error::Stopped { stage }) } else { Ok(()) }
    }

    /// Whether this process decides and writes.
    pub(crate) fn is_first(&self) -> bool {
        self.collective.is_first()
    }

    /// Lets process 0 do something whose result is on disk, and then the others, which find it there.
    pub(crate) fn in_turn<R>(&mut self, work: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        let collective = self.collective;
        in_turn(collective, || work(self))
    }

    /// Lets process 0 do something, for which the others wait.
    pub(crate) fn by_first(&mut self, work: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        if self.is_first() {
            work(self)?;
        }
        Ok(self.collective.barrier()?)
    }

    /// Records a completed stage, unless the same record exists.
    pub(crate) fn finish(&mut self, stage: Stage, seconds: f64, statistics: Statistics) -> Result<()> {
        debug_assert!(statistics.keys().all(|statistic| statistic.stages().contains(&stage)));
        if !self.is_first() {
            return Ok(());
        }
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
        let artifact = self.read_current(path, input_fingerprint)?;
        self.skip_or_start(stage, artifact.as_ref())?;
        Ok(artifact)
    }

    /// Completes a stage that has an artifact of its own for the official test set, so that nothing that is trained depends on
    /// the test set. `compute` fills an artifact and returns its statistics; those of the stage are those of the main one. Process
    /// 0 calls it; meanwhile the others compute the rows that it asks them for with `rows`, and read the artifacts at the end.
    pub(crate) fn complete_parts(
        &mut self,
        stage: Stage,
        main: Part,
        test: Option<Part>,
        rows: impl FnMut(&[u8]) -> Result<Array2<f32>>,
        compute: impl FnMut(PartKind, &mut Artifact, &mut Counter, &mut Self) -> Result<Statistics>,
    ) -> Result<(Artifact, Option<Artifact>)> {
        let collective = self.collective;
        if !collective.is_first() {
            answer_rows(collective, rows)?;
            let main = self.written_by_first(&main.path, &main.inputs)?;
            let test = test.map(|test| self.written_by_first(&test.path, &test.inputs)).transpose()?;
            return Ok((main, test));
        }
        let completed = self.complete_parts_alone(stage, main, test, compute)?;
        end(collective)?;
        Ok(completed)
    }

    fn complete_parts_alone(
        &mut self,
        stage: Stage,
        main: Part,
        test: Option<Part>,
        mut compute: impl FnMut(PartKind, &mut Artifact, &mut Counter, &mut Self) -> Result<Statistics>,
    ) -> Result<(Artifact, Option<Artifact>)> {
        let started = Instant::now();
        let existing = self.read_current(&main.path, &main.inputs)?;
        let existing_test = match &test {
            Some(test) => self.read_current(&test.path, &test.inputs)?,
            None => None,
        };
        let missing_test = test.filter(|_| existing_test.is_none());
        self.skip_or_start(stage, existing.as_ref().filter(|_| missing_test.is_none()))?;
        let missing = [existing.is_none().then_some(&main), missing_test.as_ref()];
        let mut counter = Counter::new(stage, missing.into_iter().flatten().map(|part| part.samples).sum());

        let test_was_missing = missing_test.is_some();
        let test = match missing_test {
            Some(test) => {
                let mut artifact = Artifact::new(test.inputs);
                compute(PartKind::Test, &mut artifact, &mut counter, self)?;
                artifact.write(&test.path)?;
                Some(artifact)
            }
            None => existing_test,
        };
        let main = match existing {
            Some(artifact) => {
                if test_was_missing {
                    self.restore_record(stage, &artifact)?;
                    let seconds = started.elapsed().as_secs_f64();
                    let statistics = artifact.metadata(&STATISTICS).unwrap_or_default();
                    self.observer.stage_finished(&StageRecord { stage, seconds, statistics });
                }
                artifact
            }
            None => {
                let mut artifact = Artifact::new(main.inputs);
                let statistics = compute(PartKind::Main, &mut artifact, &mut counter, self)?;
                self.write((stage, started), artifact, statistics, &main.path)?
            }
        };
        Ok((main, test))
    }

    /// The artifact that process 0 has written.
    pub(crate) fn written_by_first(&mut self, path: &Path, inputs: &Fingerprint) -> Result<Artifact> {
        self.read_current(path, inputs)?.ok_or_else(|| Error::NotShared { path: path.to_path_buf() })
    }

    /// Reports that a stage is skipped, because its artifact exists, or that it begins.
    fn skip_or_start(&mut self, stage: Stage, existing: Option<&Artifact>) -> Result<()> {
        match existing {
            Some(artifact) => {
                self.observer.stage_skipped(stage);
                self.restore_record(stage, artifact)
            }
            None => {
                self.observer.stage_started(stage);
                Ok(())
            }
        }
    }

    /// The artifact at `path` if it exists, is undamaged, and has these inputs.
    pub(crate) fn read_current(&mut self, path: &Path, input_fingerprint: &Fingerprint) -> Result<Option<Artifact>> {
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
        if self.is_first() && self.log.stage(stage).is_none() {
            let statistics = artifact.metadata(&STATISTICS).unwrap_or_default();
            self.log.append(Record::Stage(StageRecord { stage, seconds: 0.0, statistics }))?;
        }
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
        if !self.is_first() {
            return Ok(());
        }
        let mut record = self.record.clone();
        change(&mut record.provenance);
        if record != self.record {
            self.run.write_record(&record)?;
            self.record = record;
        }
        Ok(())
    }
}

/// Lets process 0 do something whose result is on disk, and then the others, which find it there. If process 0 fails, the others wait
/// until it ends them.
pub(crate) fn in_turn<R>(collective: &dyn Collective, work: impl FnOnce() -> Result<R>) -> Result<R> {
    if collective.is_first() {
        let done = work()?;
        collective.barrier()?;
        Ok(done)
    } else {
        collective.barrier()?;
        work()
    }
}

/// The version of the computations of the stages. It increases when a stage computes something else from the same inputs, so that
/// old and new results do not mix in one run.
const STAGES_VERSION: &str = "2";

/// The fingerprint of a stage's inputs: its settings, and the checksums of the artifacts that it reads.
pub(crate) fn fingerprint(stage: &str, settings: &impl Serialize, inputs: &[&str]) -> Fingerprint {
    let settings = serde_json::to_string(settings).unwrap_or_default();
    let parts: Vec<&str> = [STAGES_VERSION, settings.as_str()].into_iter().chain(inputs.iter().copied()).collect();
    Fingerprint::new(stage, &parts)
}
