//! What the tests of runs share.
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gtn_run::{EpochRecord, Observer, Stage, StageRecord, Step};

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
    // The run from one dimension that a run from two is compared with.
    let companion = run.join("companion");
    if companion.is_dir() {
        let its = artifacts(&companion);
        found.extend(its.into_iter().map(|(path, bytes)| (Path::new("companion").join(path), bytes)));
    }
    found
}

/// Asks the run to stop after so many steps.
pub(crate) struct StopAfter {
    pub(crate) steps: usize,
}

impl Observer for StopAfter {
    fn step(&mut self, _step: &Step) {
        self.steps = self.steps.saturating_sub(1);
    }

    fn stop_requested(&self) -> bool {
        self.steps == 0
    }
}

/// Counts what is done and what is left out.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) started: Vec<Stage>,
    pub(crate) skipped: Vec<Stage>,
    pub(crate) finished: Vec<Stage>,
    pub(crate) epochs: usize,
    pub(crate) notes: Vec<String>,
}

impl Observer for Seen {
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
