//! What `gtn reproduce` writes for those who follow a run, while it is at work.

mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use gtn_run::{EpochRecord, MetricsLog, Record, RunFolder, Stage};
use gtn_tests::{Told, What, read_events};
use program::{Call, artifacts, assert_same, gtn, toy};

/// On sixty images, which all differ: the toy set repeats itself after seventy.
fn reproduce(data: &Path, run: &Path) -> Call {
    let choices = ["reproduce", "mnist", "--epochs", "autoencoder=2,h=8", "--data-dir"];
    gtn().args(choices).arg(data).arg("--out").arg(run)
}

/// What each tag has at its steps, over all event files in their order; a step told again counts once.
fn curves(run: &RunFolder) -> BTreeMap<String, BTreeMap<i64, What>> {
    let mut curves: BTreeMap<String, BTreeMap<i64, What>> = BTreeMap::new();
    for Told { tag, step, what } in run.event_files().iter().flat_map(|path| read_events(path)) {
        if let Some(before) = curves.entry(tag.clone()).or_default().insert(step, what.clone()) {
            assert_eq!(before, what, "{tag} at {step} was told again, and differs");
        }
    }
    curves
}

/// The files of epochs with what they hold.
fn figures(run: &RunFolder) -> BTreeMap<PathBuf, Vec<u8>> {
    let paths = run.epoch_figures().into_iter().map(|figure| figure.path);
    paths.map(|path| (path.strip_prefix(run.root()).unwrap().to_path_buf(), fs::read(&path).unwrap())).collect()
}

#[test]
fn events_and_grids_tell_what_the_log_tells() {
    let data = toy(60);
    let run = RunFolder::at(data.path().join("run"));
    reproduce(data.path(), run.root()).done();
    assert_eq!(run.event_files().len(), 1);
    let curves = curves(&run);
    let log = MetricsLog::open(&run.metrics()).unwrap();

    let curve = |stage, loss: fn(&EpochRecord) -> f64| -> BTreeMap<i64, What> {
        log.epochs(stage).map(|epoch| (epoch.epoch as i64, What::Number(loss(epoch) as f32))).collect()
    };
    for (network, stage) in [("autoencoder", Stage::Autoencode), ("h", Stage::Fit)] {
        assert_eq!(curves[&format!("{network}/train_loss")], curve(stage, |epoch| epoch.train_loss));
        assert_eq!(curves[&format!("{network}/validation_loss")], curve(stage, |epoch| epoch.validation_loss));
    }
    // Each improvement has its grid, as an event and as a file of the same bytes.
    let mut pictures = BTreeMap::new();
    for (network, stage, tag, size) in [
        ("autoencoder", Stage::Autoencode, "autoencoder/reconstructions", (118, 88)),
        ("h", Stage::Fit, "h/samples", (298, 298)),
    ] {
        let improved = log.epochs(stage).filter(|epoch| epoch.improved).map(|epoch| epoch.epoch as i64);
        assert_eq!(curves[tag].keys().copied().collect::<Vec<_>>(), improved.collect::<Vec<_>>(), "{tag}");
        for (step, what) in &curves[tag] {
            let What::Image { width, height, channels, png } = what else { panic!("{tag}: {what:?}") };
            assert_eq!(((*width, *height), *channels), (size, 1), "{tag}");
            let decoded = image::load_from_memory(png).unwrap();
            assert_eq!((decoded.width() as i32, decoded.height() as i32), size);
            pictures.insert(PathBuf::from(format!("figures/epochs/{network}-{step:05}.png")), png.clone());
        }
    }
    assert!(pictures.len() >= 3, "{:?}", pictures.keys());
    assert_eq!(figures(&run), pictures);

    let best = log.epochs(Stage::Fit).filter(|epoch| epoch.improved).last().unwrap().epoch as i64;
    let mut metrics = 0;
    for metric in log.records().iter().filter_map(|record| match record {
        Record::Metric(metric) => Some(metric),
        _ => None,
    }) {
        let at_best = |value: f64| BTreeMap::from([(best, What::Number(value as f32))]);
        let tag = format!("metrics/{}", metric.metric);
        assert_eq!(curves[&tag], at_best(metric.value));
        if let Some(floor) = metric.floor {
            assert_eq!(curves[&format!("{tag}/floor")], at_best(floor));
        }
        for (name, value) in &metric.baselines {
            assert_eq!(curves[&format!("{tag}/{name}")], at_best(*value));
        }
        metrics += 1;
    }
    assert!(metrics > 0);

    // Again: there is nothing new to tell. And the report keeps the figures of epochs when it clears its own.
    reproduce(data.path(), run.root()).done();
    gtn().arg("report").arg(run.root()).done();
    assert_eq!((run.event_files().len(), figures(&run)), (1, pictures));

    // Starting anew takes them all away.
    let anew = ["--force", "--no-tensorboard", "--dim", "4"];
    reproduce(data.path(), run.root()).args(anew).done();
    assert!(run.event_files().is_empty());
    let improved = log_of_improved(&run);
    assert_eq!(figures(&run).into_keys().collect::<Vec<_>>(), improved);
}

/// The files of epochs that there should be.
fn log_of_improved(run: &RunFolder) -> Vec<PathBuf> {
    let log = MetricsLog::open(&run.metrics()).unwrap();
    let file = |record: &EpochRecord| {
        PathBuf::from(format!("figures/epochs/{}-{:05}.png", record.stage.network().unwrap(), record.epoch))
    };
    let stages = [Stage::Autoencode, Stage::Fit];
    stages.into_iter().flat_map(|stage| log.epochs(stage)).filter(|epoch| epoch.improved).map(file).collect()
}

#[test]
#[cfg(unix)]
fn a_run_that_was_killed_tells_one_consistent_story() {
    let data = toy(60);
    let [undisturbed, killed, plain] = ["undisturbed", "killed", "plain"].map(|name| data.path().join(name));
    reproduce(data.path(), &undisturbed).done();
    reproduce(data.path(), &plain).arg("--no-tensorboard").done();
    assert!(!plain.join("tensorboard").exists());
    assert_same(&plain, &undisturbed);

    let (undisturbed, killed) = (RunFolder::at(undisturbed), RunFolder::at(killed));
    let epochs = || MetricsLog::open(&killed.metrics()).map_or(0, |log| log.records().len());
    for wanted in [2, 6] {
        let mut child = reproduce(data.path(), killed.root()).spawn();
        while epochs() < wanted {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it could be killed");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // The kill may have come while a record was written.
    let last = killed.event_files().pop().unwrap();
    let bytes = fs::read(&last).unwrap();
    fs::write(&last, &bytes[..bytes.len() - 5]).unwrap();
    reproduce(data.path(), killed.root()).done();
    assert_eq!(artifacts(killed.root()), artifacts(undisturbed.root()));
    assert_eq!(figures(&killed), figures(&undisturbed));

    let (whole, pieces) = (curves(&undisturbed), curves(&killed));
    assert!(killed.event_files().len() >= 2);
    assert_eq!(pieces.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    for (tag, curve) in &pieces {
        // The torn record, and the epoch that was saved and not yet told when the process was killed, may lack.
        assert!(curve.len() + 3 >= whole[tag].len(), "{tag}");
        for (step, what) in curve {
            assert_eq!(whole[tag].get(step), Some(what), "{tag} at {step}");
        }
    }
}

#[test]
fn events_that_cannot_be_written_are_told_once_and_stop_nothing() {
    let data = toy(60);
    let run = RunFolder::at(data.path().join("run"));
    reproduce(data.path(), run.root()).arg("--no-tensorboard").done();
    // Training has to be done again, and where the events would go is a file.
    fs::remove_dir_all(run.root().join("checkpoints")).unwrap();
    fs::remove_dir_all(run.root().join("figures")).unwrap();
    fs::write(run.tensorboard(), "mine").unwrap();
    let (_, stderr) = reproduce(data.path(), run.root()).done();
    assert_eq!(stderr.matches("no more TensorBoard events are written").count(), 1, "{stderr}");
    assert_eq!(fs::read_to_string(run.tensorboard()).unwrap(), "mine");
    assert_eq!(figures(&run).into_keys().collect::<Vec<_>>(), log_of_improved(&run));
}
