//! The schema of `gtn_run` is what experiments use: they write and read every key, they record every statistic, metric and
//! baseline, and they use no other name.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use gtn_models::{DeviceName, Model, Streams};
use gtn_run::config::{
    Components, DecoderSettings, Overrides, PairingMethod, Protocol, ResidualSettings, TrainedBaseline, Training,
};
use gtn_run::observer::NoopObserver;
use gtn_run::schema::{Baseline, KeyInfo, Metric, Statistic};
use gtn_run::{MetricsLog, Provenance, RunFolder, Stage};
use gtn_train::{Job, draw_pairs, presets, reproduce};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// An access to an artifact, as `gtn_run` logs it.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Access {
    /// `read` or `write`.
    access: String,
    /// The kind of the artifact, as `Debug` shows it.
    artifact: String,
    /// The name of the tensor or metadata in the file.
    name: String,
}

impl Access {
    fn is_of(&self, key: &KeyInfo) -> bool {
        self.artifact == format!("{:?}", key.artifact) && key.is_key_of(&self.name)
    }
}

impl Visit for Access {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "access" => value.clone_into(&mut self.access),
            "name" => value.clone_into(&mut self.name),
            other => panic!("unexpected field `{other}`"),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "artifact" => self.artifact = format!("{value:?}"),
            // The event has no message.
            other => panic!("unexpected field `{other}`"),
        }
    }
}

/// Collects all accesses, of all threads.
#[derive(Clone, Default)]
struct AccessLog(Arc<Mutex<BTreeSet<Access>>>);

impl Subscriber for AccessLog {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "gtn_run::schema"
    }

    fn event(&self, event: &Event<'_>) {
        let mut access = Access::default();
        event.record(&mut access);
        self.0.lock().unwrap().insert(access);
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}
    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}
    fn enter(&self, _span: &Id) {}
    fn exit(&self, _span: &Id) {}
}

/// A completed run: its log, and its report.
struct Run {
    folder: RunFolder,
    log: MetricsLog,
    report: String,
}

/// Runs an experiment and writes its report. A second time it resumes with an empty log, which reads the checkpoints, and the
/// statistics and metrics from the artifacts.
fn run(experiment: &str, root: &Path, overrides: Overrides) -> Run {
    let mut config = presets::resolve(experiment, &overrides).unwrap();
    if config.pairing.method == PairingMethod::Flow {
        // For a few seconds.
        let flow = &mut config.pairing.flow;
        (flow.width, flow.blocks, flow.batch_size) = (8, 1, 10);
        (flow.integration_steps, flow.fresh_pairs) = (4, 100);
        config.h.residual = Some(ResidualSettings { width: 8, blocks: 1 });
        let training = Training::new(2, 2, 50, 1e-3);
        config.autoencoder.as_mut().unwrap().decoder =
            Some(DecoderSettings { loss: Default::default(), latent_noise: 0.0, training });
    }
    let job = Job {
        config,
        data_dir: root.join("data"),
        labels: None,
        cache_dir: root.join("cache"),
        provenance: Provenance::default(),
        force: false,
        autoencoder: None,
        inception: Default::default(),
        device: DeviceName::Cpu,
    };
    let folder = RunFolder::at(root.join(job.config.run_name()));
    drop(reproduce(&job, &folder, &mut NoopObserver).unwrap());
    gtn_report::write_report(&folder).unwrap();
    let report = std::fs::read_to_string(folder.report()).unwrap();
    let log = MetricsLog::open(&folder.metrics()).unwrap();

    std::fs::remove_file(folder.metrics()).unwrap();
    drop(reproduce(&job, &folder, &mut NoopObserver).unwrap());
    let restored = MetricsLog::open(&folder.metrics()).unwrap();
    assert!(restored.metrics().eq(log.metrics()), "{experiment}");
    for stage in job.config.stages() {
        let statistics = |log: &MetricsLog| log.stage(stage).map(|record| record.statistics.clone());
        assert_eq!(statistics(&restored), statistics(&log), "{experiment}, {stage}");
    }
    Run { folder, log, report }
}

/// Writes the model of a run to one file, which generates the same samples.
fn export(run: &RunFolder, path: &Path) {
    let model = Model::load(run.root()).unwrap();
    model.to_artifact().unwrap().write(path).unwrap();
    assert_eq!(Model::load(path).unwrap(), model);
}

/// One function, because the subscriber is that of the process.
#[test]
fn experiments_use_every_name_of_the_schema_and_no_other() {
    let accesses = AccessLog::default();
    tracing::subscriber::set_global_default(accesses.clone()).unwrap();

    let root = tempfile::tempdir().unwrap();
    // More images would repeat: then held-out images are training images, and memorization is not measured.
    gtn_tests::write_toy_mnist(&root.path().join("data/mnist"), 60).unwrap();
    gtn_tests::write_toy_test_set(&root.path().join("data/mnist"), 20).unwrap();
    let points =
        |dim| Overrides { dim: Some(dim), limit: Some(2_400), epochs: "2".parse().unwrap(), ..Overrides::default() };
    let images = Overrides {
        epochs: "autoencoder=2,h=8".parse().unwrap(),
        baselines: vec![TrainedBaseline::Vae],
        ..Overrides::default()
    };
    let by_flow = Overrides {
        protocol: Some(Protocol::Flow),
        components: Some(Components::Labels),
        epochs: "autoencoder=2,flow=1,h=2".parse().unwrap(),
        ..Overrides::default()
    };
    let runs = [
        run("swiss-roll", root.path(), points(1)),
        run("swiss-roll", root.path(), points(2)),
        run("uniform", root.path(), points(2)),
        run("disjoint-uniform", root.path(), points(2)),
        run("mnist", root.path(), images),
        run("mnist", root.path(), by_flow),
    ];
    for index in [4, 5] {
        export(&runs[index].folder, &root.path().join(format!("model-{index}.safetensors")));
    }
    let pairs = draw_pairs(&runs[4].folder, 5, &Streams::new(1)).unwrap();
    assert_eq!(pairs.source.dim(), pairs.target.dim());

    check_keys(&accesses.0.lock().unwrap());
    check_metrics(&runs);
    check_statistics(&runs);
}

fn check_keys(accesses: &BTreeSet<Access>) {
    let undeclared: Vec<_> = accesses.iter().filter(|access| !KeyInfo::all().any(|key| access.is_of(key))).collect();
    assert!(undeclared.is_empty(), "not in the schema: {undeclared:#?}");
    let lacks = |access: &str| -> Vec<&KeyInfo> {
        let has = |key: &KeyInfo| accesses.iter().any(|of_run| of_run.access == access && of_run.is_of(key));
        KeyInfo::all().filter(|key| !has(key)).collect()
    };
    let (unwritten, unread) = (lacks("write"), lacks("read"));
    assert!(unwritten.is_empty() && unread.is_empty(), "never written: {unwritten:#?}\nnever read: {unread:#?}");
}

fn check_metrics(runs: &[Run]) {
    let (mut measured, mut compared) = (BTreeSet::new(), BTreeSet::new());
    for Run { folder, log, report } in runs {
        let mut of_run = BTreeSet::new();
        for record in log.metrics() {
            let metric = record.metric;
            assert!(of_run.insert(metric), "{metric} has two values in {}", folder.root().display());
            assert_eq!(record.floor.is_some(), metric.has_noise_floor(), "{record:?}");
            assert!(report.contains(&format!(">{}", metric.title())), "{metric} is not in the report");
            for baseline in record.baselines.keys() {
                let title = match (baseline, log.stage(Stage::Evaluate)) {
                    (Baseline::Mixture, Some(stage)) => {
                        format!("Mixture of {} Gaussians", stage.statistics[&Statistic::MixtureComponents])
                    }
                    _ => baseline.title().to_owned(),
                };
                // A mixture of one.
                let title = title.replace(" 1 Gaussians", " one Gaussian");
                assert!(report.contains(&format!(">{title}<")), "{title} is not in the report");
                compared.insert(*baseline);
            }
        }
        measured.extend(of_run);
    }
    assert_eq!(measured, Metric::ALL.iter().copied().filter(|metric| !metric.is_of_inception()).collect());
    assert_eq!(compared, Baseline::ALL.iter().copied().collect());
    for metric in Metric::ALL {
        assert!(Statistic::ALL.iter().all(|statistic| statistic.name() != metric.name()), "{metric} is two things");
    }
}

fn check_statistics(runs: &[Run]) {
    let mut recorded = BTreeSet::new();
    for Run { log, report, .. } in runs {
        for record in Stage::ALL.iter().filter_map(|stage| log.stage(*stage)) {
            for statistic in record.statistics.keys() {
                assert!(report.contains(&format!(">{}<", statistic.title())), "{statistic} is not in the report");
                recorded.insert((*statistic, record.stage));
            }
        }
    }
    let declared =
        Statistic::ALL.iter().flat_map(|statistic| statistic.stages().iter().map(|stage| (*statistic, *stage)));
    assert_eq!(recorded, declared.collect());
}
