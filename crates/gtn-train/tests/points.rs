//! Runs on points: the swiss roll, the unit square and two squares.

mod common;

use std::path::Path;

use common::{Artifacts, Recorder, StopAfter, artifacts, damage};
use gtn_models::Generator;
use gtn_run::config::{Overrides, Protocol};
use gtn_run::observer::NoopObserver;
use gtn_run::schema::{Metric, checkpoint, pairs as pair_keys, point_samples as keys, snapshot};
use gtn_run::{Artifact, Config, MetricsLog, Network, Provenance, RunFolder, Stage};
use gtn_train::{Error, Job, presets, reproduce};

fn config(experiment: &str, overrides: Overrides) -> Config {
    let overrides = Overrides { seed: Some(5), limit: Some(2400), ..overrides };
    presets::resolve(experiment, &overrides).unwrap()
}

fn job(config: Config) -> Job {
    // These experiments need no data.
    Job {
        device: gtn_models::DeviceName::Cpu,
        config,
        data_dir: "/nowhere".into(),
        labels: None,
        cache_dir: "/nowhere".into(),
        provenance: Provenance::default(),
        force: false,
        autoencoder: None,
        inception: Default::default(),
    }
}

fn epochs(text: &str) -> Overrides {
    Overrides { epochs: text.parse().unwrap(), ..Overrides::default() }
}

fn complete(config: &Config, root: &Path) -> RunFolder {
    let run = RunFolder::at(root);
    drop(reproduce(&job(config.clone()), &run, &mut NoopObserver).unwrap());
    run
}

#[test]
fn a_run_stopped_at_any_point_ends_with_the_same_bytes() {
    for (experiment, dim, protocol) in [
        ("swiss-roll", 1, Protocol::Paper),
        ("swiss-roll", 1, Protocol::Repo),
        ("swiss-roll", 2, Protocol::Paper),
        ("uniform", 2, Protocol::Paper),
        ("disjoint-uniform", 2, Protocol::Paper),
    ] {
        let overrides = Overrides { dim: Some(dim), protocol: Some(protocol), ..epochs("h=3") };
        let config = config(experiment, overrides);
        let folder = tempfile::tempdir().unwrap();
        let expected = artifacts(complete(&config, &folder.path().join("uninterrupted")).root());
        let stopped = RunFolder::at(folder.path().join("stopped"));
        let mut stops = 0;
        for reports in [1, 2, 5, 1, 1, 3] {
            match reproduce(&job(config.clone()), &stopped, &mut StopAfter { reports }) {
                Err(Error::Stopped { .. }) => stops += 1,
                other => drop(other.unwrap()),
            }
        }
        assert!(stops >= 5, "the run was complete after {stops} stops");
        complete(&config, stopped.root());
        let found = artifacts(stopped.root());
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (path, bytes) in &expected {
            assert!(found[path] == *bytes, "{experiment}, {dim}, {protocol}: {} differs", path.display());
        }
    }
}

#[test]
fn a_run_writes_what_its_report_needs() {
    let folder = tempfile::tempdir().unwrap();
    let config = config("swiss-roll", epochs("h=2"));
    let run = complete(&config, folder.path());
    let samples = Artifact::read(&run.samples()).unwrap();
    for (key, shape) in [
        (keys::SOURCE, vec![5000, 1]),
        (keys::GENERATED, vec![5000, 1]),
        (keys::REAL, vec![5000, 1]),
        (keys::PAIRS_SOURCE, vec![1000, 1]),
        (keys::PAIRS_TARGET, vec![1000, 1]),
        (keys::CURVE_Y, vec![321]),
        (keys::CURVE_EXACT, vec![321]),
        (keys::CURVE_LEARNED, vec![321]),
    ] {
        assert_eq!(samples.tensor(&key).unwrap().shape(), shape, "{}", key.name());
    }
    // The exact h at 0 is the middle of the angles.
    assert!((samples.tensor(&keys::CURVE_EXACT).unwrap()[[160]] - 3.0 * std::f32::consts::PI).abs() < 1e-5);
    assert_eq!(run.snapshots().iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [1, 2]);
    // The last epoch was also the best one, so its snapshot equals the samples.
    let last = Artifact::read(&run.snapshot(2)).unwrap();
    assert_eq!(last.tensor(&snapshot::GENERATED).unwrap(), samples.tensor(&keys::GENERATED).unwrap());
    let log = MetricsLog::open(&run.metrics()).unwrap();
    let metrics: Vec<Metric> = log.metrics().map(|record| record.metric).collect();
    let expected = [
        Metric::KsAngle,
        Metric::OutsideSupport,
        Metric::HError,
        Metric::VarianceKept,
        Metric::EnergyDistance,
        Metric::SlicedWasserstein,
    ];
    assert_eq!(metrics, expected);
    let ks = log.metrics().next().unwrap();
    assert!(ks.value > 5.0 * ks.floor.unwrap(), "after two epochs on few points: {ks:?}");

    // Pairing by sorting: normal vectors and targets have the same order.
    let pairs = Artifact::read(&run.pairs()).unwrap();
    let source = pairs.tensor(&pair_keys::TRAIN_SOURCE).unwrap();
    let order = pairs.tensor(&pair_keys::TRAIN_ORDER).unwrap();
    let sorted: Vec<f32> = order.iter().map(|&row| source[[row as usize, 0]]).collect();
    assert!(sorted.is_sorted());
    let values = |key| samples.tensor(&key).unwrap().iter().copied().collect::<Vec<f32>>();
    let mut pairs: Vec<(f32, f32)> = values(keys::PAIRS_SOURCE).into_iter().zip(values(keys::PAIRS_TARGET)).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(pairs.is_sorted_by(|a, b| a.1 <= b.1));
}

#[test]
fn points_from_two_dimensions_are_off_the_curve_and_those_from_one_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = Overrides { dim: Some(2), ..epochs("h=2") };
    let run = complete(&config("swiss-roll", overrides), folder.path());
    let log = MetricsLog::open(&run.metrics()).unwrap();
    for metric in [Metric::OffCurve, Metric::OffCurveFirstEpoch] {
        let record = log.metrics().find(|record| record.metric == metric).unwrap();
        assert!(record.value > 0.5 && record.floor == Some(0.0), "{record:?}");
    }
    // For d = 1 a point is computed from its angle, so it is always on the curve, and nothing is measured.
    let log = MetricsLog::open(&run.reference_run().metrics()).unwrap();
    assert!(log.metrics().all(|record| !matches!(record.metric, Metric::OffCurve | Metric::OffCurveFirstEpoch)));
    assert_eq!(Generator::load(run.root()).unwrap().source_dim(), 2);
    assert_eq!(Generator::load(run.reference_run().root()).unwrap().source_dim(), 1);
}

#[test]
fn without_components_points_fall_between_the_squares() {
    let folder = tempfile::tempdir().unwrap();
    let run = complete(&config("disjoint-uniform", epochs("h=8")), folder.path());
    let log = MetricsLog::open(&run.metrics()).unwrap();
    let of = |metric| log.metrics().find(|record| record.metric == metric).unwrap();
    let (outside, between) = (of(Metric::OutsideSupport), of(Metric::BetweenSquares));
    assert!(between.value > 0.01 && between.value <= outside.value, "{between:?}, {outside:?}");
    assert_eq!((outside.floor, between.floor), (Some(0.0), Some(0.0)));
    let metrics: Vec<Metric> = log.metrics().map(|record| record.metric).collect();
    let expected = [
        Metric::KsCoordinate,
        Metric::OutsideSupport,
        Metric::BetweenSquares,
        Metric::VarianceKept,
        Metric::EnergyDistance,
        Metric::SlicedWasserstein,
    ];
    assert_eq!(metrics, expected);
}

/// A run on the unit square that was stopped when it had two checkpoints, with the artifacts of an uninterrupted one.
fn half_trained(folder: &Path) -> (Config, RunFolder, Artifacts) {
    let config = config("uniform", epochs("h=4"));
    let expected = artifacts(complete(&config, &folder.join("uninterrupted")).root());
    let run = RunFolder::at(folder.join("damaged"));
    for reports in (4..60).step_by(3) {
        let stopped = reproduce(&job(config.clone()), &run, &mut StopAfter { reports });
        assert!(matches!(stopped, Err(Error::Stopped { .. })), "{stopped:?}");
        if run.previous_checkpoint(Network::H).exists() && run.snapshot(1).exists() {
            return (config, run, expected);
        }
    }
    panic!("no second checkpoint was written");
}

/// Resumes a run to its end, and records what happens.
fn resume(config: &Config, run: &RunFolder) -> Recorder {
    let mut recorder = Recorder::default();
    drop(reproduce(&job(config.clone()), run, &mut recorder).unwrap());
    recorder
}

#[test]
fn a_damaged_last_checkpoint_is_reported_and_the_previous_one_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let (config, run, expected) = half_trained(folder.path());
    damage(&run.last_checkpoint(Network::H));
    // Stopped at once: the damaged checkpoint has not replaced the good one.
    let stopped = reproduce(&job(config.clone()), &run, &mut StopAfter { reports: 1 });
    assert!(matches!(stopped, Err(Error::Stopped { .. })), "{stopped:?}");
    for path in [run.last_checkpoint(Network::H), run.previous_checkpoint(Network::H)] {
        assert!(!path.exists() || Artifact::read(&path).is_ok(), "{}", path.display());
    }
    damage(&run.last_checkpoint(Network::H));
    std::fs::write(run.previous_checkpoint(Network::H), "gone").unwrap();
    let recorder = resume(&config, &run);
    assert!(recorder.notes.iter().any(|note| note.contains("h.last.safetensors is damaged")), "{:?}", recorder.notes);
    assert!(recorder.notes.iter().any(|note| note.contains("training of h restarts")), "{:?}", recorder.notes);
    assert_eq!(recorder.epochs, 4);
    assert_eq!(artifacts(run.root()), expected);

    let folder = tempfile::tempdir().unwrap();
    let (config, run, expected) = half_trained(folder.path());
    damage(&run.last_checkpoint(Network::H));
    let recorder = resume(&config, &run);
    assert!(
        recorder.notes.iter().any(|note| note.contains("training of h resumes after epoch")),
        "{:?}",
        recorder.notes
    );
    assert!((1..4).contains(&recorder.epochs), "{} epochs: training restarted", recorder.epochs);
    assert_eq!(artifacts(run.root()), expected);
}

#[test]
fn everything_damaged_after_training_is_recreated() {
    let folder = tempfile::tempdir().unwrap();
    let config = config("uniform", epochs("h=4"));
    let run = complete(&config, folder.path());
    let expected = artifacts(run.root());

    // The process ended before it removed the previous checkpoint: it is removed now.
    std::fs::copy(run.last_checkpoint(Network::H), run.previous_checkpoint(Network::H)).unwrap();
    assert_eq!(resume(&config, &run).epochs, 0);
    assert_eq!(artifacts(run.root()), expected);

    // The last checkpoint: the completion marker of the best weights shows that training was over, so nothing is trained again.
    damage(&run.last_checkpoint(Network::H));
    let recorder = resume(&config, &run);
    assert_eq!((recorder.notes.len(), recorder.epochs), (1, 0), "{:?}", recorder.notes);
    assert!(recorder.skipped.contains(&Stage::Fit));
    let recorder = resume(&config, &run);
    assert_eq!((recorder.notes.len(), recorder.epochs), (0, 0), "{:?}", recorder.notes);

    // The best weights, or a snapshot: ĥ is trained again, with the same result.
    for path in [run.best_checkpoint(Network::H), run.snapshot(2)] {
        damage(&path);
        let recorder = resume(&config, &run);
        assert_eq!(recorder.epochs, 4, "{:?}", recorder.notes);
        assert_eq!(artifacts(run.root()), expected, "{:?}", recorder.notes);
    }
    std::fs::remove_file(run.snapshot(1)).unwrap();
    // A snapshot of a longer training is removed.
    std::fs::copy(run.snapshot(2), run.snapshot(50)).unwrap();
    assert_eq!(resume(&config, &run).epochs, 4);
    assert_eq!(artifacts(run.root()), expected);

    // Metrics and statistics return to a log that lost them.
    let logged = |run: &RunFolder| {
        let log = MetricsLog::open(&run.metrics()).unwrap();
        let stages = config.stages().into_iter().filter_map(|stage| log.stage(stage)).map(|s| s.statistics.clone());
        (log.metrics().cloned().collect::<Vec<_>>(), stages.collect::<Vec<_>>())
    };
    let before = logged(&run);
    assert_eq!((before.0.len(), before.1.len()), (5, 5));
    damage(&run.evaluation());
    std::fs::write(run.metrics(), "").unwrap();
    resume(&config, &run);
    assert_eq!(logged(&run), before);
    std::fs::remove_file(run.metrics()).unwrap();
    resume(&config, &run);
    assert_eq!(logged(&run), before);
    assert_eq!(artifacts(run.root()), expected);
}

#[test]
fn the_number_of_epochs_within_a_time_budget_reproduces_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let budget = Overrides { time_budget: Some(1), ..Overrides::default() };
    let timed = complete(&config("swiss-roll", budget), &folder.path().join("timed"));
    let reached = timed.record().unwrap().provenance.h_epochs.unwrap();
    assert!(reached >= 1);
    let again = complete(&config("swiss-roll", epochs(&format!("h={reached}"))), &folder.path().join("again"));
    let weights =
        |run: &RunFolder| Artifact::read(&run.best_checkpoint(Network::H)).unwrap().group(&checkpoint::WEIGHTS);
    assert_eq!(weights(&timed), weights(&again));
}
