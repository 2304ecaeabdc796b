//! A run that is stopped anywhere and started again ends with the very bytes of an undisturbed one.

mod common;

use std::fs;
use std::path::Path;

use common::{Seen, StopAfter, artefacts, damage};
use gtn_run::config::{Data, Images, Overrides, Protocol};
use gtn_run::observer::Unobserved;
use gtn_run::{Provenance, RunFolder, Stage};
use gtn_train::{Error, Job, load_generator, presets, reproduce};

fn job(data_dir: &Path, protocol: Protocol) -> Job {
    let overrides = Overrides {
        protocol: Some(protocol),
        seed: Some(3),
        limit: Some(160),
        epochs: "autoencoder=2,h=4".parse().unwrap(),
        ..Overrides::default()
    };
    let mut config = presets::resolve("mnist", &overrides).unwrap();
    // 128 training images: two batches and a last one of 28, which the paper's protocol keeps.
    config.autoencoder.as_mut().unwrap().training.batch = 50;
    config.h.training.batch = 50;
    Job { config, data_dir: data_dir.to_path_buf(), provenance: Provenance::default(), force: false }
}

fn toy() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&data.path().join("mnist"), 200).unwrap();
    data
}

#[test]
fn a_run_stopped_after_any_number_of_steps_ends_bit_equal() {
    let data = toy();
    for protocol in [Protocol::Paper, Protocol::Repo] {
        let job = job(data.path(), protocol);
        let folder = tempfile::tempdir().unwrap();
        let undisturbed = folder.path().join("undisturbed");
        reproduce(&job, &RunFolder::at(&undisturbed), &mut Unobserved).unwrap();
        let expected = artefacts(&undisturbed);
        // Four checkpoints, latents, pairs, samples, and a snapshot of each improvement.
        assert!(expected.len() > 7, "{:?}", expected.keys());

        let run = RunFolder::at(folder.path().join("stopped"));
        // The first step, inside an epoch, between epochs, while encoding or matching, inside ĥ's epochs.
        let mut stops = 0;
        for steps in [1, 1, 2, 3, 1, 2, 5, 1, 4] {
            match reproduce(&job, &run, &mut StopAfter { steps }) {
                Err(Error::Stopped { .. }) => stops += 1,
                other => drop(other.unwrap()),
            }
        }
        assert!(stops >= 8, "the run was over after {stops} stops");
        reproduce(&job, &run, &mut Unobserved).unwrap();
        let found = artefacts(run.root());
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (path, bytes) in &expected {
            assert!(found[path] == *bytes, "{} differs", path.display());
        }
    }
}

#[test]
fn what_is_done_is_not_done_again_and_what_is_damaged_is() {
    use Stage::{Autoencode, Encode, Evaluate, Fit, Label, Prepare, Sample};
    let data = toy();
    let job = job(data.path(), Protocol::Paper);
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path().join("run"));
    let mut first = Seen::default();
    reproduce(&job, &run, &mut first).unwrap();
    assert_eq!(first.finished, [Prepare, Autoencode, Encode, Label, Fit, Sample, Evaluate]);
    assert_eq!(first.epochs, 6);
    let expected = artefacts(run.root());
    let metrics = fs::read(run.metrics()).unwrap();

    let mut second = Seen::default();
    reproduce(&job, &run, &mut second).unwrap();
    assert_eq!(second.started, [Prepare]);
    assert_eq!(second.skipped, [Autoencode, Encode, Label, Fit, Sample, Evaluate]);
    assert_eq!(fs::read(run.metrics()).unwrap(), metrics);

    // A flipped bit in the pairs: they are made again, and what comes after sees the same pairs and stays.
    damage(&run.pairs());
    let mut third = Seen::default();
    reproduce(&job, &run, &mut third).unwrap();
    assert_eq!(third.started, [Prepare, Label]);
    assert_eq!(artefacts(run.root()), expected);

    // Without the best weights the epochs that found them are done again.
    fs::remove_file(run.best_checkpoint("h")).unwrap();
    let mut fourth = Seen::default();
    reproduce(&job, &run, &mut fourth).unwrap();
    assert_eq!(fourth.started, [Prepare, Fit]);
    assert_eq!(artefacts(run.root()), expected);
}

#[test]
fn a_folder_in_use_of_another_run_or_of_something_else_is_left_alone() {
    let data = toy();
    let mut job = job(data.path(), Protocol::Paper);
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path().join("run"));
    let lock = run.open(&job.config, &Provenance::default(), false).unwrap();
    let locked = reproduce(&job, &run, &mut Unobserved).unwrap_err();
    assert!(locked.is_users() && locked.to_string().contains(&std::process::id().to_string()), "{locked}");
    drop(lock);

    assert!(matches!(load_generator(&run), Err(Error::NotTrained { .. })));
    job.config.dim = 4;
    let other = reproduce(&job, &run, &mut Unobserved).unwrap_err();
    assert!(other.is_users() && other.to_string().contains("dim: 5 there, 4 here"), "{other}");
    job.force = true;
    reproduce(&job, &run, &mut Unobserved).unwrap();
    assert_eq!(load_generator(&run).unwrap().source_dim(), 4);

    // Other data are another run, too.
    let other_data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&other_data.path().join("mnist"), 170).unwrap();
    let before = artefacts(run.root());
    let elsewhere = Job { data_dir: other_data.path().to_path_buf(), force: false, ..job.clone() };
    let refused = reproduce(&elsewhere, &run, &mut Unobserved).unwrap_err();
    assert!(refused.is_users() && refused.to_string().contains("other data"), "{refused}");
    assert_eq!(artefacts(run.root()), before);

    // What a process left that was killed while it made the folder is no obstacle, and is cleared away.
    let begun = folder.path().join("begun");
    fs::create_dir(&begun).unwrap();
    fs::write(begun.join(".gtn-abc.part"), "half").unwrap();
    drop(RunFolder::at(&begun).open(&job.config, &Provenance::default(), false).unwrap());
    assert!(!begun.join(".gtn-abc.part").exists() && begun.join("config.toml").exists());

    let foreign = folder.path().join("photos");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("a.txt"), "mine").unwrap();
    let refused = reproduce(&job, &RunFolder::at(&foreign), &mut Unobserved).unwrap_err();
    assert!(refused.is_users() && fs::read_dir(&foreign).unwrap().count() == 1, "{refused}");
    assert!(matches!(load_generator(&RunFolder::at(&foreign)), Err(Error::Run(gtn_run::Error::NoRun { .. }))));

    // A config.toml of something else, with folders named as ours: nothing is touched, not even with force.
    let files = ["config.toml", "figures/mine.png", "samples/mine.txt", ".lock"];
    for file in files {
        fs::create_dir_all(foreign.join(file).parent().unwrap()).unwrap();
        fs::write(foreign.join(file), "baseURL = 'mine'").unwrap();
    }
    assert!(job.force);
    let refused = reproduce(&job, &RunFolder::at(&foreign), &mut Unobserved).unwrap_err();
    assert!(matches!(refused, Error::Run(gtn_run::Error::NotARun { .. })), "{refused}");
    assert!(files.iter().all(|file| fs::read_to_string(foreign.join(file)).unwrap() == "baseURL = 'mine'"));
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 5);
}

#[test]
fn starting_anew_leaves_what_the_user_put_into_the_run() {
    let data = toy();
    let mut job = job(data.path(), Protocol::Paper);
    job.config.autoencoder.as_mut().unwrap().training.epochs = 1;
    job.config.h.training.epochs = 1;
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path());
    drop(reproduce(&job, &run, &mut Unobserved).unwrap());
    let old = artefacts(run.root());
    // What those who followed the run left, and what the user put beside it.
    let followed = [run.event_file(1_700_000_000), run.epoch_figure("autoencoder", 1), run.epoch_figure("h", 90)];
    let mine = ["samples/mine.png", "tensorboard/events.out.tfevents.1700000000.mine", "figures/epochs/mine-00001.png"];
    let mine = mine.map(|name| run.root().join(name));
    for path in followed.iter().chain(&mine) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    job.config.seed = 4;
    job.force = true;
    drop(reproduce(&job, &run, &mut Unobserved).unwrap());
    assert!(mine.iter().all(|path| fs::read_to_string(path).unwrap() == "mine"));
    assert!(followed.iter().all(|path| !path.exists()));
    let new = artefacts(run.root());
    assert!(old.iter().all(|(path, bytes)| new[path] != *bytes));
}

#[test]
fn too_few_images_are_the_users_mistake_and_make_no_folder() {
    let data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&data.path().join("mnist"), 2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(data.path(), Protocol::Paper);
    job.config.data = Data::Mnist(Images { train_share: 0.8, limit: None });
    let refused = reproduce(&job, &RunFolder::at(folder.path().join("run")), &mut Unobserved).unwrap_err();
    assert!(matches!(refused, Error::TooFewSamples { .. }) && refused.is_users(), "{refused}");
    assert!(!folder.path().join("run").exists());
}

#[test]
fn a_loss_that_leaves_the_numbers_stops_with_the_place_and_what_to_try() {
    let data = toy();
    let mut job = job(data.path(), Protocol::Paper);
    job.config.autoencoder.as_mut().unwrap().training.learning_rate = 1e30;
    let folder = tempfile::tempdir().unwrap();
    let error = reproduce(&job, &RunFolder::at(folder.path().join("run")), &mut Unobserved).unwrap_err();
    assert!(matches!(error, Error::NonFiniteLoss { stage: Stage::Autoencode, .. }), "{error}");
    assert!(error.to_string().contains("autoencoder.training.learning_rate"), "{error}");
}
