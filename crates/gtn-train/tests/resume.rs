//! A run that is stopped anywhere and started again ends with the very bytes of an undisturbed one.

mod common;

use std::fs;
use std::path::Path;

use common::{Seen, StopAfter, artifacts, damage};
use gtn_run::config::{Data, Images, Overrides, Protocol};
use gtn_run::observer::Unobserved;
use gtn_run::{Artifact, MetricsLog, Provenance, RunFolder, Stage};
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
    Job {
        device: gtn_models::DeviceName::Cpu,
        config,
        data_dir: data_dir.to_path_buf(),
        cache_dir: data_dir.join("cache"),
        provenance: Provenance::default(),
        force: false,
    }
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
        let expected = artifacts(&undisturbed);
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
        let found = artifacts(run.root());
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
    let expected = artifacts(run.root());
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
    assert_eq!(artifacts(run.root()), expected);

    // Without the best weights the epochs that found them are done again.
    fs::remove_file(run.best_checkpoint("h")).unwrap();
    let mut fourth = Seen::default();
    reproduce(&job, &run, &mut fourth).unwrap();
    assert_eq!(fourth.started, [Prepare, Fit]);
    assert_eq!(artifacts(run.root()), expected);
}

#[test]
fn a_test_set_that_comes_later_is_measured_and_changes_nothing_that_was_trained() {
    use Stage::{Encode, Evaluate, Label, Prepare};
    let data = toy();
    let job = job(data.path(), Protocol::Paper);
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path().join("run"));
    let mut without = Seen::default();
    reproduce(&job, &run, &mut without).unwrap();
    let noted = |seen: &Seen| seen.notes.iter().any(|note| note.contains("t10k-images-idx3-ubyte.gz"));
    assert!(noted(&without), "{:?}", without.notes);
    let before = artifacts(run.root());
    let metrics = |run: &RunFolder| MetricsLog::open(&run.metrics()).unwrap().metrics().cloned().collect::<Vec<_>>();
    let facts = |run: &RunFolder, stage| MetricsLog::open(&run.metrics()).unwrap().stage(stage).unwrap().facts.clone();
    let measured = metrics(&run);
    assert!(facts(&run, Evaluate).is_empty());

    gtn_tests::write_toy_test_set(&data.path().join("mnist"), 50).unwrap();
    let mut with = Seen::default();
    reproduce(&job, &run, &mut with).unwrap();
    assert!(!noted(&with));
    assert_eq!(with.started, [Prepare, Encode, Label, Evaluate]);
    assert_eq!(with.finished, [Prepare, Encode, Label, Evaluate]);
    let after = artifacts(run.root());
    let new: Vec<_> =
        after.keys().filter(|path| !before.contains_key(*path)).map(|path| path.to_str().unwrap()).collect();
    assert_eq!(new, ["latents/test.safetensors", "pairs/test.safetensors"]);
    for (path, bytes) in &before {
        assert!(path.ends_with("evaluation.safetensors") || after[path] == *bytes, "{}", path.display());
    }
    // 160 images of 200 are taken, and so many of 50.
    assert_eq!(facts(&run, Prepare)["test_images"], 40.0);
    assert_eq!(Artifact::read(&run.test_latents()).unwrap().f32("test").unwrap().shape(), [40, 5]);
    let matching = Artifact::read(&run.test_pairs()).unwrap();
    let mut matching: Vec<u64> = matching.u64("test.matching").unwrap().iter().copied().collect();
    matching.sort_unstable();
    assert_eq!(matching, (0..40).collect::<Vec<_>>());
    let losses = facts(&run, Evaluate);
    let variance = facts(&run, Encode)["latent_variance"];
    assert!((0.001..0.5).contains(&losses["test_reconstruction_mse"]), "{losses:?}");
    assert!(losses["test_mse"] > 0.0 && losses["test_mse"] < 5.0 * variance, "{losses:?}");
    assert_eq!(metrics(&run), measured);

    // A run that has it from the start is the same one.
    let fresh = RunFolder::at(folder.path().join("fresh"));
    reproduce(&job, &fresh, &mut Unobserved).unwrap();
    assert_eq!(artifacts(fresh.root()), after);
    // Only what is damaged is made again.
    for (path, stage) in [(run.test_latents(), Encode), (run.test_pairs(), Label), (run.pairs(), Label)] {
        damage(&path);
        let mut seen = Seen::default();
        reproduce(&job, &run, &mut seen).unwrap();
        assert_eq!(seen.started, [Prepare, stage]);
        assert_eq!(artifacts(run.root()), after);
    }
    // One that cannot be read is for its owner to know.
    fs::write(data.path().join("mnist/t10k-labels-idx1-ubyte"), "<html>").unwrap();
    let refused = reproduce(&job, &run, &mut Unobserved).unwrap_err();
    assert!(refused.is_users() && refused.to_string().contains("t10k-labels"), "{refused}");
}

#[test]
fn images_are_measured_on_their_pixels_beside_other_generators() {
    let data = toy();
    let job = job(data.path(), Protocol::Paper);
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path().join("run"));
    let mut seen = Seen::default();
    reproduce(&job, &run, &mut seen).unwrap();
    let log = MetricsLog::open(&run.metrics()).unwrap();
    let on_pixels: Vec<_> = log.metrics().filter(|metric| metric.metric.starts_with("pixel_")).collect();
    let names: Vec<_> = on_pixels.iter().map(|metric| metric.metric.as_str()).collect();
    let expected = ["energy_distance", "sliced_wasserstein", "precision", "recall", "density", "coverage"];
    assert_eq!(names, expected.map(|name| format!("pixel_{name}")));
    for metric in &on_pixels {
        assert_eq!(metric.baselines.keys().collect::<Vec<_>>(), ["decoded", "gaussian", "mixture"]);
        // Half of the 32 images held back.
        assert!(metric.samples == 16 && metric.floor.is_some() && metric.value.is_finite(), "{metric:?}");
    }
    // Hardly trained, so far from what real images reach.
    assert!(on_pixels[..2].iter().all(|metric| metric.value > 1.5 * metric.floor.unwrap()), "{on_pixels:?}");
    // The toy images repeat: those held back are training images, too.
    assert!(seen.notes.iter().any(|note| note.contains("held-out images are training images")), "{:?}", seen.notes);

    let samples = Artifact::read(&run.samples()).unwrap();
    assert_eq!(samples.f32("nearest").unwrap().shape(), [40, 1, 28, 28]);
    assert_eq!(samples.note::<usize>("nearest_columns"), Some(10));
    let [generated, nearest] = ["generated", "nearest"].map(|name| samples.f32(name).unwrap());
    let first = ndarray::s![..10, .., .., ..];
    assert_eq!(generated.slice(first), nearest.slice(first));
    for (set, rows) in [("real", 32), ("generated", 2000), ("gaussian", 2000), ("mixture", 2000)] {
        let places = samples.f32(&format!("scatter.{set}")).unwrap();
        assert!(places.shape() == [rows, 2] && places.iter().all(|place| place.is_finite()), "{set}");
    }
    assert!((0.3..=1.0).contains(&samples.note::<f64>("scatter_share").unwrap()));
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

    assert!(matches!(load_generator(&run, &gtn_models::Device::Cpu), Err(Error::NotTrained { .. })));
    job.config.dim = 4;
    let other = reproduce(&job, &run, &mut Unobserved).unwrap_err();
    assert!(other.is_users() && other.to_string().contains("dim: 5 there, 4 here"), "{other}");
    job.force = true;
    reproduce(&job, &run, &mut Unobserved).unwrap();
    assert_eq!(load_generator(&run, &gtn_models::Device::Cpu).unwrap().source_dim(), 4);

    // Other data are another run, too.
    let other_data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&other_data.path().join("mnist"), 170).unwrap();
    let before = artifacts(run.root());
    let elsewhere = Job { data_dir: other_data.path().to_path_buf(), force: false, ..job.clone() };
    let refused = reproduce(&elsewhere, &run, &mut Unobserved).unwrap_err();
    assert!(refused.is_users() && refused.to_string().contains("other data"), "{refused}");
    assert_eq!(artifacts(run.root()), before);

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
    assert!(matches!(
        load_generator(&RunFolder::at(&foreign), &gtn_models::Device::Cpu),
        Err(Error::Run(gtn_run::Error::NoRun { .. }))
    ));

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
    let old = artifacts(run.root());
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
    let new = artifacts(run.root());
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
