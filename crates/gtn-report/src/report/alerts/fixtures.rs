//! Runs of which tests expect alerts.

use std::collections::BTreeMap;

use gtn_run::config::Overrides;
use gtn_run::schema::Metric;
use gtn_run::{Config, EpochRecord, MetricRecord, MetricsLog, Provenance, Record, RunRecord, Stage};

use super::{Kind, alerts};

pub(super) fn log(records: Vec<Record>) -> (tempfile::TempDir, MetricsLog) {
    let folder = tempfile::tempdir().unwrap();
    let mut log = MetricsLog::open(&folder.path().join("metrics.jsonl")).unwrap();
    records.into_iter().for_each(|record| log.append(record).unwrap());
    (folder, log)
}

const PRESET: &str = r#"
    experiment = "mnist"
    seed = 1
    dim = 5
    data = { set = "mnist", train_fraction = 0.8 }
    pairing = { normalize = "center" }
    [autoencoder]
    weights = "best"
    training = { epochs = 25, patience = 5, batch_size = 128, learning_rate = 1e-3 }
    [h]
    hidden_layers = 7
    width = 50
    negative_slope = 0.5
    batch_norm_layers = 7
    training = { epochs = 200, patience = 3, batch_size = 128, learning_rate = 1e-3 }
"#;

pub(super) fn config() -> Config {
    Config::from_preset("mnist", PRESET, &Overrides::default()).unwrap()
}

pub(super) fn record(config: &Config) -> RunRecord {
    RunRecord::new(config.clone(), Provenance::default())
}

pub(super) fn metric(metric: Metric, value: f64, floor: f64) -> Record {
    Record::Metric(MetricRecord { metric, value, floor: Some(floor), baselines: BTreeMap::new(), samples: 1000 })
}

pub(super) fn losses(stage: Stage, losses: impl IntoIterator<Item = (f64, f64)>) -> Vec<Record> {
    let epochs = losses.into_iter().enumerate().map(|(index, (train_loss, validation_loss))| EpochRecord {
        stage,
        epoch: index + 1,
        train_loss,
        validation_loss,
        improved: true,
        seconds: 1.0,
        data_wait: 0.0,
        sample_metric: None,
        sample_metric_seconds: None,
    });
    epochs.map(Record::Epoch).collect()
}

#[track_caller]
pub(super) fn kinds(config: &Config, records: Vec<Record>) -> Vec<Kind> {
    let (_folder, log) = log(records);
    alerts(&record(config), &log).into_iter().map(|alert| alert.kind).collect()
}
