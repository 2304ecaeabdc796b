//! The TensorBoard events and the grids of images that `gtn reproduce` writes during a run.

mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gtn_run::{EpochRecord, MetricsLog, RunFolder, Stage};
use gtn_tests::{Event, EventKind, read_events};
use program::{Call, artifacts, assert_same, gtn, toy};

/// The toy data set has 60 images, which are all different.
fn reproduce(data: &Path, run: &Path) -> Call {
    let choices = ["reproduce", "mnist", "--epochs", "autoencoder=2,h=8", "--data-dir"];
    gtn().args(choices).arg(data).arg("--out").arg(run)
}

/// The events of all event files by tag and step. A resumed run may repeat a step.
fn curves(run: &RunFolder) -> BTreeMap<String, BTreeMap<i64, EventKind>> {
    let mut curves: BTreeMap<String, BTreeMap<i64, EventKind>> = BTreeMap::new();
    for Event { tag, step, kind } in run.event_files().iter().flat_map(|path| read_events(path)) {
        if let Some(before) = curves.entry(tag.clone()).or_default().insert(step, kind.clone()) {
            assert_eq!(before, kind, "{tag} at {step} was repeated and differs");
        }
    }
    curves
}

/// The figures of epochs with their contents.
fn figures(run: &RunFolder) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = run.epoch_figures().into_iter().map(|figure| figure.path);
    paths.map(|path| (path.strip_prefix(run.root()).unwrap().to_path_buf(), fs::read(&path).unwrap())).collect()
}

#[test]
fn events_and_figures_agree_with_the_log() {
    let data = toy(60);
    let run = RunFolder::at(data.path().join("run"));
    reproduce(data.path(), run.root()).done();
    assert_eq!(run.event_files().len(), 1);
    let curves = curves(&run);
    let log = MetricsLog::open(&run.metrics()).unwrap();

    let curve = |stage, loss: fn(&EpochRecord) -> f64| -> BTreeMap<i64, EventKind> {
        log.epochs(stage).map(|epoch| (epoch.epoch as i64, EventKind::Scalar(loss(epoch) as f32))).collect()
    };
    for (network, stage) in [("autoencoder", Stage::Autoencode), ("h", Stage::Fit)] {
        assert_eq!(curves[&format!("{network}/train_loss")], curve(stage, |epoch| epoch.train_loss));
        assert_eq!(curves[&format!("{network}/validation_loss")], curve(stage, |epoch| epoch.validation_loss));
    }
    // Each improvement has a grid, as an event and as a file with the same bytes.
    let mut grids = BTreeMap::new();
    for (network, stage, tag, size) in [
        ("autoencoder", Stage::Autoencode, "autoencoder/reconstructions", (118, 88)),
        ("h", Stage::Fit, "h/samples", (298, 298)),
    ] {
        let improved = log.epochs(stage).filter(|epoch| epoch.improved).map(|epoch| epoch.epoch as i64);
        assert_eq!(curves[tag].keys().copied().collect::<Vec<_>>(), improved.collect::<Vec<_>>(), "{tag}");
        for (step, kind) in &curves[tag] {
            let EventKind::Image { width, height, channels, png } = kind else { panic!("{tag}: {kind:?}") };
            assert_eq!(((*width, *height), *channels), (size, 1), "{tag}");
            let decoded = image::load_from_memory(png).unwrap();
            assert_eq!((decoded.width() as i32, decoded.height() as i32), size);
            grids.insert(PathBuf::from(format!("figures/epochs/{network}-{step:05}.png")), png.clone());
        }
    }
    assert!(grids.len() >= 3, "{:?}", grids.keys());
    assert_eq!(figures(&run), grids);

    let best = log.epochs(Stage::Fit).filter(|epoch| epoch.improved).last().unwrap().epoch as i64;
    assert!(log.metrics().count() > 0);
    for metric in log.metrics() {
        let at_best = |value: f64| BTreeMap::from([(best, EventKind::Scalar(value as f32))]);
        let tag = format!("metrics/{}", metric.metric);
        assert_eq!(curves[&tag], at_best(metric.value));
        if let Some(floor) = metric.floor {
            assert_eq!(curves[&format!("{tag}/floor")], at_best(floor));
        }
        for (name, value) in &metric.baselines {
            assert_eq!(curves[&format!("{tag}/{name}")], at_best(*value));
        }
    }

    // A finished run writes no further events, and its report keeps the figures of epochs.
    reproduce(data.path(), run.root()).done();
    gtn().arg("report").arg(run.root()).done();
    assert_eq!((run.event_files().len(), figures(&run)), (1, grids));

    // A different run with --force removes them.
    let different = ["--force", "--no-tensorboard", "--dim", "4"];
    reproduce(data.path(), run.root()).args(different).done();
    assert!(run.event_files().is_empty());
    assert_eq!(figures(&run).into_keys().collect::<Vec<_>>(), expected_figures(&run));
}

/// The figures of epochs that should exist according to the log.
fn expected_figures(run: &RunFolder) -> Vec<PathBuf> {
    let log = MetricsLog::open(&run.metrics()).unwrap();
    let file = |record: &EpochRecord| {
        PathBuf::from(format!("figures/epochs/{}-{:05}.png", record.stage.network().unwrap(), record.epoch))
    };
    let stages = [Stage::Autoencode, Stage::Fit];
    stages.into_iter().flat_map(|stage| log.epochs(stage)).filter(|epoch| epoch.improved).map(file).collect()
}

#[test]
#[cfg(unix)]
fn the_events_of_a_killed_run_are_consistent() {
    let data = toy(60);
    let [undisturbed, killed, plain] = ["undisturbed", "killed", "plain"].map(|name| data.path().join(name));
    reproduce(data.path(), &undisturbed).done();
    reproduce(data.path(), &plain).arg("--no-tensorboard").done();
    assert!(!plain.join("tensorboard").exists());
    assert_same(&plain, &undisturbed);

    let (undisturbed, killed) = (RunFolder::at(undisturbed), RunFolder::at(killed));
    let records = || MetricsLog::open(&killed.metrics()).map_or(0, |log| log.records().len());
    for min_records in [2, 6] {
        let mut child = reproduce(data.path(), killed.root()).spawn();
        while records() < min_records {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // As if the process had been killed while it wrote a record.
    let last = killed.event_files().pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 5]).unwrap();
    reproduce(data.path(), killed.root()).done();
    assert_eq!(artifacts(killed.root()), artifacts(undisturbed.root()));
    assert_eq!(figures(&killed), figures(&undisturbed));

    let (expected, found) = (curves(&undisturbed), curves(&killed));
    assert!(killed.event_files().len() >= 2);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (tag, curve) in &found {
        // The incomplete record may be missing, and after each kill the epoch that was saved but not written as an event yet.
        assert!(curve.len() + 3 >= expected[tag].len(), "{tag}");
        for (step, kind) in curve {
            assert_eq!(expected[tag].get(step), Some(kind), "{tag} at {step}");
        }
    }
}

#[test]
fn an_error_of_the_events_is_reported_once_and_does_not_stop_the_run() {
    let data = toy(60);
    let run = RunFolder::at(data.path().join("run"));
    reproduce(data.path(), run.root()).arg("--no-tensorboard").done();
    // Training is repeated, and a file is where the folder of events should be.
    fs::remove_dir_all(run.root().join("checkpoints")).unwrap();
    fs::remove_dir_all(run.root().join("figures")).unwrap();
    fs::write(run.tensorboard(), "mine").unwrap();
    let (_, stderr) = reproduce(data.path(), run.root()).done();
    assert_eq!(stderr.matches("no more TensorBoard events are written").count(), 1, "{stderr}");
    assert_eq!(fs::read_to_string(run.tensorboard()).unwrap(), "mine");
    assert_eq!(figures(&run).into_keys().collect::<Vec<_>>(), expected_figures(&run));
}
