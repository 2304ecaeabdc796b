//! What the tests of runs share.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gtn_run::{EpochRecord, Observer, Stage, StageProgress, StageRecord};

/// Files by path.
pub(crate) type Artifacts = BTreeMap<PathBuf, Vec<u8>>;

/// All artifacts of a run.
pub(crate) fn artifacts(run: &Path) -> Artifacts {
    let mut found = BTreeMap::new();
    for folder in ["checkpoints", "latents", "pairs", "snapshots", "samples"] {
        for entry in fs::read_dir(run.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            found.insert(path.strip_prefix(run).unwrap().to_path_buf(), fs::read(&path).unwrap());
        }
    }
    let reference_run = run.join("reference");
    if reference_run.is_dir() {
        let of_reference = artifacts(&reference_run);
        found.extend(of_reference.into_iter().map(|(path, bytes)| (Path::new("reference").join(path), bytes)));
    }
    found
}

/// Asks the run to stop after a number of progress reports.
pub(crate) struct StopAfter {
    pub(crate) reports: usize,
}

impl Observer for StopAfter {
    fn progress(&mut self, _progress: &StageProgress) {
        self.reports = self.reports.saturating_sub(1);
    }

    fn stop_requested(&self) -> bool {
        self.reports == 0
    }
}

/// Records which stages ran, which were skipped, and what was noted.
#[derive(Default)]
pub(crate) struct Recorder {
    pub(crate) started: Vec<Stage>,
    pub(crate) skipped: Vec<Stage>,
    pub(crate) finished: Vec<Stage>,
    pub(crate) epochs: usize,
    pub(crate) notes: Vec<String>,
}

impl Observer for Recorder {
    fn stage_started(&mut self, stage: Stage) {
        self.started.push(stage);
    }

    fn stage_skipped(&mut self, stage: Stage) {
        self.skipped.push(stage);
    }

    fn epoch_finished(&mut self, _record: &EpochRecord) {
        self.epochs += 1;
    }

    fn stage_finished(&mut self, record: &StageRecord) {
        self.finished.push(record.stage);
    }

    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }
}

/// Flips a bit of a file's last byte.
pub(crate) fn damage(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
}
