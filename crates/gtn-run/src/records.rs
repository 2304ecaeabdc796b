//! `metrics.jsonl`: one line for each epoch, each stage and each metric.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use gtn_io::atomic;
use serde::{Deserialize, Serialize};

use crate::schema::{Baseline, Metric, Statistic};
use crate::{Result, Stage};

/// Statistics of a stage.
pub type Statistics = BTreeMap<Statistic, f64>;

/// One epoch of a stage that trains.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// The stage.
    pub stage: Stage,
    /// The epoch, counted from 1.
    pub epoch: usize,
    /// Mean loss (of autoencoder and ĥ, the mean squared error) over the training batches of the epoch, each measured before its step of the optimizer.
    pub train_loss: f64,
    /// Mean loss on the validation set after the epoch.
    pub validation_loss: f64,
    /// Whether that is the lowest so far.
    pub improved: bool,
    /// Seconds that the epoch took, including validation and the part before an interruption.
    pub seconds: f64,
    /// Seconds of these in which a step waited for data.
    pub data_wait: f64,
    /// The metric of samples that decides which epoch is the best, if one does in place of the validation loss.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_metric: Option<f64>,
    /// Seconds of the epoch that this metric took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample_metric_seconds: Option<f64>,
}

/// A completed stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// The stage.
    pub stage: Stage,
    /// Seconds that it took; for a stage that trains, the sum over its epochs.
    pub seconds: f64,
    /// Its statistics.
    pub statistics: Statistics,
}

/// A metric of the samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricRecord {
    /// The metric.
    pub metric: Metric,
    /// Its value for the samples.
    pub value: f64,
    /// The noise floor: its value for real data in place of the samples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub floor: Option<f64>,
    /// Its values for baselines.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub baselines: BTreeMap<Baseline, f64>,
    /// Number of samples that were measured.
    pub samples: usize,
}

/// A line of `metrics.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum Record {
    /// An epoch.
    Epoch(EpochRecord),
    /// A stage.
    Stage(StageRecord),
    /// A metric.
    Metric(MetricRecord),
}

impl Record {
    /// The stage of the record.
    #[must_use]
    pub fn stage(&self) -> Stage {
        match self {
            Record::Epoch(record) => record.stage,
            Record::Stage(record) => record.stage,
            Record::Metric(_) => Stage::Evaluate,
        }
    }
}

/// The records of a run, in memory and on disk.
#[derive(Debug)]
pub struct MetricsLog {
    path: PathBuf,
    records: Vec<Record>,
    /// Whether the file holds exactly the records. It does not if a killed process left an incomplete line at its end.
    clean: bool,
}

impl MetricsLog {
    /// Reads the log at `path`; a missing file is an empty log. Lines that cannot be read, such as one that a killed process
    /// left incomplete, are dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) if the file cannot be read.
    pub fn open(path: &Path) -> Result<Self> {
        let text = match std::fs::read(path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(gtn_io::Error::io("read", path)(error).into()),
        };
        let records: Vec<Record> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let clean = records.len() == text.lines().count() && (text.is_empty() || text.ends_with('\n'));
        Ok(Self { path: path.to_path_buf(), records, clean })
    }

    /// The records, in the order in which they were written.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The epochs of a stage.
    pub fn epochs(&self, stage: Stage) -> impl Iterator<Item = &EpochRecord> {
        self.records.iter().filter_map(move |record| match record {
            Record::Epoch(epoch) if epoch.stage == stage => Some(epoch),
            _ => None,
        })
    }

    /// The metrics.
    pub fn metrics(&self) -> impl Iterator<Item = &MetricRecord> {
        self.records.iter().filter_map(|record| match record {
            Record::Metric(metric) => Some(metric),
            _ => None,
        })
    }

    /// The seconds of all completed stages.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        Stage::ALL.iter().filter_map(|stage| self.stage(*stage)).map(|record| record.seconds).sum()
    }

    /// The record of a completed stage.
    #[must_use]
    pub fn stage(&self, stage: Stage) -> Option<&StageRecord> {
        self.records.iter().rev().find_map(|record| match record {
            Record::Stage(done) if done.stage == stage => Some(done),
            _ => None,
        })
    }

    /// Appends a line.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) if the file cannot be written.
    pub fn append(&mut self, record: Record) -> Result<()> {
        self.retain(|_| true)?;
        let fail = || gtn_io::Error::io("write", &self.path);
        let mut file = OpenOptions::new().create(true).append(true).open(&self.path).map_err(fail())?;
        file.write_all(&line(&record)).map_err(fail())?;
        self.records.push(record);
        Ok(())
    }

    /// Removes what a stage recorded after the first `epochs` epochs: a resumed stage repeats what came after its checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) if the file cannot be written.
    pub fn rewind(&mut self, stage: Stage, epochs: usize) -> Result<()> {
        self.retain(|record| match record {
            Record::Epoch(epoch) => epoch.stage != stage || epoch.epoch <= epochs,
            Record::Stage(done) => done.stage != stage,
            Record::Metric(_) => true,
        })
    }

    /// Removes all metrics, before they are measured again.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) if the file cannot be written.
    pub fn remove_metrics(&mut self) -> Result<()> {
        self.retain(|record| !matches!(record, Record::Metric(_)))
    }

    /// Removes the record of a completed stage, before it runs again. Its epochs stay.
    ///
    /// # Errors
    ///
    /// [`Error::Io`](crate::Error::Io) if the file cannot be written.
    pub fn remove_stage(&mut self, stage: Stage) -> Result<()> {
        self.retain(|record| !matches!(record, Record::Stage(done) if done.stage == stage))
    }

    /// Keeps some of the records, and rewrites the file unless it holds exactly those.
    fn retain(&mut self, keep: impl Fn(&Record) -> bool) -> Result<()> {
        let before = self.records.len();
        self.records.retain(keep);
        if self.clean && self.records.len() == before {
            return Ok(());
        }
        let bytes: Vec<u8> = self.records.iter().flat_map(line).collect();
        atomic::write_bytes(&self.path, &bytes)?;
        self.clean = true;
        Ok(())
    }
}

fn line(record: &Record) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(record).unwrap_or_default();
    bytes.push(b'\n');
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn epoch(stage: Stage, epoch: usize) -> Record {
        Record::Epoch(EpochRecord {
            stage,
            epoch,
            train_loss: 0.5,
            validation_loss: 0.25,
            improved: true,
            seconds: 1.0,
            data_wait: 0.0,
            sample_metric: None,
            sample_metric_seconds: None,
        })
    }

    #[test]
    fn an_incomplete_line_is_dropped_and_rewinding_removes_later_epochs() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let mut log = MetricsLog::open(&path).unwrap();
        for number in 1..=3 {
            log.append(epoch(Stage::Autoencode, number)).unwrap();
        }
        log.append(epoch(Stage::Fit, 9)).unwrap();
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"kind\":\"ep").unwrap();

        let mut log = MetricsLog::open(&path).unwrap();
        assert_eq!(log.records().len(), 4);
        log.append(epoch(Stage::Fit, 10)).unwrap();
        assert_eq!(MetricsLog::open(&path).unwrap().records(), log.records());
        log.rewind(Stage::Autoencode, 2).unwrap();
        let log = MetricsLog::open(&path).unwrap();
        assert_eq!(log.epochs(Stage::Autoencode).map(|e| e.epoch).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(log.epochs(Stage::Fit).count(), 2);
    }
}
