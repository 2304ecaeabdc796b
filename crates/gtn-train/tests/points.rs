//! Runs without images: the swiss roll and the unit square.

mod common;

use std::path::Path;

use common::{Artifacts, Seen, StopAfter, artifacts, damage};
use gtn_run::config::{Overrides, Protocol};
use gtn_run::observer::Unobserved;
use gtn_run::{Artifact, Config, MetricsLog, Provenance, RunFolder, Stage};
use gtn_train::{Error, Job, load_generator, presets, reproduce};

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
        cache_dir: "/nowhere".into(),
        provenance: Provenance::default(),
        force: false,
    }
}

fn epochs(text: &str) -> Overrides {
    Overrides { epochs: text.parse().unwrap(), ..Overrides::default() }
}

fn done(config: &Config, root: &Path) -> RunFolder {
    let run = RunFolder::at(root);
    drop(reproduce(&job(config.clone()), &run, &mut Unobserved).unwrap());
    run
}

#[test]
fn a_run_stopped_after_any_number_of_steps_ends_bit_equal() {
    for (experiment, dim, protocol) in [
        ("swiss-roll", 1, Protocol::Paper),
        ("swiss-roll", 1, Protocol::Repo),
        ("swiss-roll", 2, Protocol::Paper),
        ("uniform", 2, Protocol::Paper),
    ] {
        let overrides = Overrides { dim: Some(dim), protocol: Some(protocol), ..epochs("h=3") };
        let config = config(experiment, overrides);
        let folder = tempfile::tempdir().unwrap();
        let expected = artifacts(done(&config, &folder.path().join("undisturbed")).root());
        let stopped = RunFolder::at(folder.path().join("stopped"));
        let mut stops = 0;
        for steps in [1, 2, 5, 1, 1, 3] {
            match reproduce(&job(config.clone()), &stopped, &mut StopAfter { steps }) {
                Err(Error::Stopped { .. }) => stops += 1,
                other => drop(other.unwrap()),
            }
        }
        assert!(stops >= 5, "the run was over after {stops} stops");
        done(&config, stopped.root());
        let found = artifacts(stopped.root());
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (path, bytes) in &expected {
            assert!(found[path] == *bytes, "{experiment}, {dim}, {protocol}: {} differs", path.display());
        }
    }
}

#[test]
fn what_a_run_leaves_is_what_its_report_needs() {
    let folder = tempfile::tempdir().unwrap();
    let config = config("swiss-roll", epochs("h=2"));
    let run = done(&config, folder.path());
    let samples = Artifact::read(&run.samples()).unwrap();
    for (name, shape) in [
        ("source", vec![5000, 1]),
        ("generated", vec![5000, 1]),
        ("real", vec![5000, 1]),
        ("pairs.source", vec![1000, 1]),
        ("pairs.target", vec![1000, 1]),
        ("curve.y", vec![321]),
        ("curve.exact", vec![321]),
        ("curve.learned", vec![321]),
    ] {
        assert_eq!(samples.f32(name).unwrap().shape(), shape, "{name}");
    }
    // The exact h at 0 is the middle of the angles.
    assert!((samples.f32("curve.exact").unwrap()[[160]] - 3.0 * std::f32::consts::PI).abs() < 1e-5);
    assert_eq!(run.snapshots().iter().map(|(epoch, _)| *epoch).collect::<Vec<_>>(), [1, 2]);
    // After its last epoch, here also the best one, ĥ made what it makes now.
    let last = Artifact::read(&run.snapshot(2)).unwrap();
    assert_eq!(last.f32("generated").unwrap(), samples.f32("generated").unwrap());
    let log = MetricsLog::open(&run.metrics()).unwrap();
    let names: Vec<&str> = log.metrics().map(|metric| metric.metric.as_str()).collect();
    let expected = ["ks_angle", "outside", "h_error", "energy_distance", "sliced_wasserstein"];
    assert_eq!(names, expected);
    let ks = log.metrics().next().unwrap();
    assert!(ks.value > 5.0 * ks.floor.unwrap(), "after two epochs on few points: {ks:?}");

    // Pairs by sorting: the normal vectors and their targets are in the same order.
    let pairs = Artifact::read(&run.pairs()).unwrap();
    let source = pairs.f32("train.source").unwrap();
    let order = pairs.u64("train.order").unwrap();
    let sorted: Vec<f32> = order.iter().map(|&row| source[[row as usize, 0]]).collect();
    assert!(sorted.is_sorted());
    let shown = |name: &str| samples.f32(name).unwrap().iter().copied().collect::<Vec<_>>();
    let mut both: Vec<(f32, f32)> = shown("pairs.source").into_iter().zip(shown("pairs.target")).collect();
    both.sort_by(|a, b| a.0.total_cmp(&b.0));
    assert!(both.is_sorted_by(|a, b| a.1 <= b.1));
}

#[test]
fn two_dimensions_leave_the_curve_and_one_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = Overrides { dim: Some(2), ..epochs("h=2") };
    let run = done(&config("swiss-roll", overrides), folder.path());
    let log = MetricsLog::open(&run.metrics()).unwrap();
    for name in ["off_curve", "off_curve_first_epoch"] {
        let off = log.metrics().find(|metric| metric.metric == name).unwrap();
        assert!(off.value > 0.5 && off.floor == Some(0.0), "{off:?}");
    }
    // From one dimension there is nothing to measure: a point lies on the curve by its angle.
    let log = MetricsLog::open(&run.companion().metrics()).unwrap();
    assert!(log.metrics().all(|metric| !metric.metric.starts_with("off_curve")));
    assert_eq!(load_generator(&run, &gtn_models::Device::Cpu).unwrap().source_dim(), 2);
    assert_eq!(load_generator(&run.companion(), &gtn_models::Device::Cpu).unwrap().source_dim(), 1);
}

/// A run of the square that was stopped when it had two checkpoints, with the bytes of an undisturbed one.
fn half_trained(folder: &Path) -> (Config, RunFolder, Artifacts) {
    let config = config("uniform", epochs("h=4"));
    let expected = artifacts(done(&config, &folder.join("undisturbed")).root());
    let run = RunFolder::at(folder.join("damaged"));
    for steps in (4..60).step_by(3) {
        let stopped = reproduce(&job(config.clone()), &run, &mut StopAfter { steps });
        assert!(matches!(stopped, Err(Error::Stopped { .. })), "{stopped:?}");
        if run.previous_checkpoint("h").exists() && run.snapshot(1).exists() {
            return (config, run, expected);
        }
    }
    panic!("no second checkpoint was written");
}

/// Goes on with a run to its end, and sees what happens.
fn go_on(config: &Config, run: &RunFolder) -> Seen {
    let mut seen = Seen::default();
    drop(reproduce(&job(config.clone()), run, &mut seen).unwrap());
    seen
}

#[test]
fn a_damaged_last_state_is_named_and_the_one_before_it_taken_up() {
    let folder = tempfile::tempdir().unwrap();
    let (config, run, expected) = half_trained(folder.path());
    damage(&run.last_checkpoint("h"));
    // Stopped at once: the damaged state has not taken the place of the good one.
    let stopped = reproduce(&job(config.clone()), &run, &mut StopAfter { steps: 1 });
    assert!(matches!(stopped, Err(Error::Stopped { .. })), "{stopped:?}");
    for path in [run.last_checkpoint("h"), run.previous_checkpoint("h")] {
        assert!(!path.exists() || Artifact::read(&path).is_ok(), "{}", path.display());
    }
    damage(&run.last_checkpoint("h"));
    std::fs::write(run.previous_checkpoint("h"), "gone").unwrap();
    let seen = go_on(&config, &run);
    assert!(seen.notes.iter().any(|note| note.contains("h.last.safetensors is damaged")), "{:?}", seen.notes);
    assert!(seen.notes.iter().any(|note| note.contains("starts anew")), "{:?}", seen.notes);
    assert_eq!(seen.epochs, 4);
    assert_eq!(artifacts(run.root()), expected);

    let folder = tempfile::tempdir().unwrap();
    let (config, run, expected) = half_trained(folder.path());
    damage(&run.last_checkpoint("h"));
    let seen = go_on(&config, &run);
    assert!(seen.notes.iter().any(|note| note.contains("goes on after epoch")), "{:?}", seen.notes);
    assert!((1..4).contains(&seen.epochs), "{} epochs: training began anew", seen.epochs);
    assert_eq!(artifacts(run.root()), expected);
}

#[test]
fn whatever_is_damaged_when_training_is_over_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let config = config("uniform", epochs("h=4"));
    let run = done(&config, folder.path());
    let expected = artifacts(run.root());

    // Killed before the state before the last was removed: it goes now.
    std::fs::copy(run.last_checkpoint("h"), run.previous_checkpoint("h")).unwrap();
    assert_eq!(go_on(&config, &run).epochs, 0);
    assert_eq!(artifacts(run.root()), expected);

    // The last state: the best weights say that training was over, and nothing is trained again.
    damage(&run.last_checkpoint("h"));
    let seen = go_on(&config, &run);
    assert_eq!((seen.notes.len(), seen.epochs), (1, 0), "{:?}", seen.notes);
    assert!(seen.skipped.contains(&Stage::Fit));
    let seen = go_on(&config, &run);
    assert_eq!((seen.notes.len(), seen.epochs), (0, 0), "{:?}", seen.notes);

    // The best weights, or a snapshot: all of it is trained again, and is the same.
    for path in [run.best_checkpoint("h"), run.snapshot(2)] {
        damage(&path);
        let seen = go_on(&config, &run);
        assert_eq!(seen.epochs, 4, "{:?}", seen.notes);
        assert_eq!(artifacts(run.root()), expected, "{:?}", seen.notes);
    }
    std::fs::remove_file(run.snapshot(1)).unwrap();
    // One of a longer training does not stay.
    std::fs::copy(run.snapshot(2), run.snapshot(50)).unwrap();
    assert_eq!(go_on(&config, &run).epochs, 4);
    assert_eq!(artifacts(run.root()), expected);

    // Figures of merit and facts come back into a log that lost them.
    let facts = |run: &RunFolder| {
        let log = MetricsLog::open(&run.metrics()).unwrap();
        let stages = config.stages().into_iter().filter_map(|stage| log.stage(stage)).map(|s| s.facts.clone());
        (log.metrics().cloned().collect::<Vec<_>>(), stages.collect::<Vec<_>>())
    };
    let before = facts(&run);
    assert_eq!((before.0.len(), before.1.len()), (4, 5));
    damage(&run.evaluation());
    std::fs::write(run.metrics(), "").unwrap();
    go_on(&config, &run);
    assert_eq!(facts(&run), before);
    std::fs::remove_file(run.metrics()).unwrap();
    go_on(&config, &run);
    assert_eq!(facts(&run), before);
    assert_eq!(artifacts(run.root()), expected);
}

#[test]
fn the_epochs_reached_under_a_time_budget_repeat_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let budget = Overrides { time_budget: Some(1), ..Overrides::default() };
    let timed = done(&config("swiss-roll", budget), &folder.path().join("timed"));
    let reached = timed.record().unwrap().provenance.h_epochs.unwrap();
    assert!(reached >= 1);
    let again = done(&config("swiss-roll", epochs(&format!("h={reached}"))), &folder.path().join("again"));
    let weights = |run: &RunFolder| Artifact::read(&run.best_checkpoint("h")).unwrap().f32_below("weights.");
    assert_eq!(weights(&timed), weights(&again));
}
