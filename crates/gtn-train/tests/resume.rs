//! A run that is stopped at any point and resumed ends with the same bytes as an uninterrupted one.

mod common;

use std::fs;
use std::path::Path;

use common::{Recorder, StopAfter, artifacts, damage};
use gtn_models::Generator;
use gtn_run::config::{Components, Data, ImageSource, Overrides, Protocol, RandomSplit, ResidualSettings, Selection};
use gtn_run::observer::NoopObserver;
use gtn_run::schema::{Baseline, Metric, Statistic, image_samples as samples_keys, test_latents, test_pairs};
use gtn_run::{Artifact, Config, MetricsLog, Network, Provenance, RunFolder, Stage};
use gtn_train::{Error, Job, presets, reproduce};

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
    config.autoencoder.as_mut().unwrap().training.batch_size = 50;
    config.h.training.batch_size = 50;
    if protocol == Protocol::Flow {
        make_small(&mut config);
    }
    Job {
        device: gtn_models::DeviceName::Cpu,
        config,
        data_dir: data_dir.to_path_buf(),
        labels: None,
        cache_dir: data_dir.join("cache"),
        provenance: Provenance::default(),
        force: false,
        autoencoder: None,
        inception: Default::default(),
    }
}

/// Networks, steps and pairs for a few seconds, with two components.
fn make_small(config: &mut Config) {
    config.pairing.components = Some(Components::Count(2));
    let flow = &mut config.pairing.flow;
    (flow.width, flow.blocks, flow.batch_size, flow.epochs) = (8, 1, 10, Some(2));
    (flow.integration_steps, flow.fresh_pairs) = (2, 60);
    config.h.residual = Some(ResidualSettings { width: 8, blocks: 1 });
    config.h.training.select = Selection::SlicedWasserstein;
}

fn toy() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&data.path().join("mnist"), 200).unwrap();
    data
}

#[test]
fn a_run_stopped_at_any_point_ends_with_the_same_bytes() {
    let data = toy();
    for protocol in [Protocol::Paper, Protocol::Repo, Protocol::Flow] {
        let job = job(data.path(), protocol);
        let folder = tempfile::tempdir().unwrap();
        let uninterrupted = folder.path().join("uninterrupted");
        reproduce(&job, &RunFolder::at(&uninterrupted), &mut NoopObserver).unwrap();
        let expected = artifacts(&uninterrupted);
        // Four checkpoints, latents, pairs, samples, and a snapshot of each improvement.
        assert!(expected.len() > 7, "{:?}", expected.keys());

        let run = RunFolder::at(folder.path().join("stopped"));
        // At the first step, within an epoch, between epochs, while encoding or pairing, within an epoch of ĥ.
        let mut stops = 0;
        for reports in [1, 1, 2, 3, 1, 2, 5, 1, 4, 100, 150, 300, 5, 1, 2] {
            match reproduce(&job, &run, &mut StopAfter { reports }) {
                Err(Error::Stopped { .. }) => stops += 1,
                other => drop(other.unwrap()),
            }
        }
        assert!(stops >= 8, "the run was complete after {stops} stops");
        reproduce(&job, &run, &mut NoopObserver).unwrap();
        let found = artifacts(run.root());
        assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (path, bytes) in &expected {
            assert!(found[path] == *bytes, "{} differs", path.display());
        }
    }
}

#[test]
fn completed_stages_are_skipped_and_damaged_artifacts_are_recreated() {
    use Stage::{Autoencode, Encode, Evaluate, Fit, Label, Prepare, Sample};
    let data = toy();
    let job = job(data.path(), Protocol::Paper);
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path().join("run"));
    let mut first = Recorder::default();
    reproduce(&job, &run, &mut first).unwrap();
    assert_eq!(first.finished, [Prepare, Autoencode, Encode, Label, Fit, Sample, Evaluate]);
    assert_eq!(first.epochs, 6);
    let expected = artifacts(run.root());
    let metrics = fs::read(run.metrics()).unwrap();

    let mut second = Recorder::default();
    reproduce(&job, &run, &mut second).unwrap();
    assert_eq!(second.started, [Prepare]);
    assert_eq!(second.skipped, [Autoencode, Encode, Label, Fit, Sample, Evaluate]);
    assert_eq!(fs::read(run.metrics()).unwrap(), metrics);

    // A flipped bit in the pairs: they are recreated. They are the same, so later stages are skipped.
    damage(&run.pairs());
    let mut third = Recorder::default();
    reproduce(&job, &run, &mut third).unwrap();
    assert_eq!(third.started, [Prepare, Label]);
    assert_eq!(artifacts(run.root()), expected);

    // Without the best weights, the epochs that found them run again.
    fs::remove_file(run.best_checkpoint(Network::H)).unwrap();
    let mut fourth = Recorder::default();
    reproduce(&job, &run, &mut fourth).unwrap();
    assert_eq!(fourth.started, [Prepare, Fit]);
    assert_eq!(artifacts(run.root()), expected);
}

#[test]
fn a_test_set_that_is_added_later_is_measured_and_changes_no_trained_network() {
    use Stage::{Encode, Evaluate, Label, Prepare};
    let data = toy();
    let job = job(data.path(), Protocol::Paper);
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path().join("run"));
    let mut without = Recorder::default();
    reproduce(&job, &run, &mut without).unwrap();
    let noted = |recorder: &Recorder| recorder.notes.iter().any(|note| note.contains("t10k-images-idx3-ubyte.gz"));
    assert!(noted(&without), "{:?}", without.notes);
    let before = artifacts(run.root());
    let metrics = |run: &RunFolder| MetricsLog::open(&run.metrics()).unwrap().metrics().cloned().collect::<Vec<_>>();
    let statistics =
        |run: &RunFolder, stage| MetricsLog::open(&run.metrics()).unwrap().stage(stage).unwrap().statistics.clone();
    let measured = metrics(&run);
    let of_evaluate: Vec<_> = statistics(&run, Evaluate).into_keys().collect();
    assert_eq!(of_evaluate, [Statistic::MixtureComponents, Statistic::ReconstructionError]);
    let error = statistics(&run, Evaluate)[&Statistic::ReconstructionError];
    let trained_to = statistics(&run, Stage::Autoencode)[&Statistic::BestValidationLoss];
    assert!((error - trained_to).abs() < 1e-5 * trained_to, "{error} {trained_to}");

    gtn_tests::write_toy_test_set(&data.path().join("mnist"), 50).unwrap();
    let mut with = Recorder::default();
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
    // The run uses 160 of 200 images, and the same fraction of 50 test images.
    assert_eq!(statistics(&run, Prepare)[&Statistic::TestSamples], 40.0);
    assert_eq!(Artifact::read(&run.test_latents()).unwrap().tensor(&test_latents::TEST).unwrap().shape(), [40, 5]);
    let matching = Artifact::read(&run.test_pairs()).unwrap();
    let mut matching: Vec<u64> = matching.tensor(&test_pairs::ASSIGNMENT).unwrap().iter().copied().collect();
    matching.sort_unstable();
    assert_eq!(matching, (0..40).collect::<Vec<_>>());
    let losses = statistics(&run, Evaluate);
    let variance = statistics(&run, Encode)[&Statistic::LatentVariance];
    assert!((0.001..0.5).contains(&losses[&Statistic::AutoencoderTestLoss]), "{losses:?}");
    assert!(losses[&Statistic::HTestLoss] > 0.0 && losses[&Statistic::HTestLoss] < 5.0 * variance, "{losses:?}");
    assert_eq!(metrics(&run), measured);

    // A run that has the test set from the start has the same artifacts.
    let fresh = RunFolder::at(folder.path().join("fresh"));
    reproduce(&job, &fresh, &mut NoopObserver).unwrap();
    assert_eq!(artifacts(fresh.root()), after);
    // Only damaged artifacts are recreated.
    for (path, stage) in [(run.test_latents(), Encode), (run.test_pairs(), Label), (run.pairs(), Label)] {
        damage(&path);
        let mut recorder = Recorder::default();
        reproduce(&job, &run, &mut recorder).unwrap();
        assert_eq!(recorder.started, [Prepare, stage]);
        assert_eq!(artifacts(run.root()), after);
    }
    // A test set that cannot be read is an error.
    fs::write(data.path().join("mnist/t10k-labels-idx1-ubyte"), "<html>").unwrap();
    let refused = reproduce(&job, &run, &mut NoopObserver).unwrap_err();
    assert!(refused.is_user_error() && refused.to_string().contains("t10k-labels"), "{refused}");
}

#[test]
fn images_are_measured_on_pixels_and_compared_with_baselines() {
    let data = toy();
    let job = job(data.path(), Protocol::Paper);
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path().join("run"));
    let mut recorder = Recorder::default();
    reproduce(&job, &run, &mut recorder).unwrap();
    let log = MetricsLog::open(&run.metrics()).unwrap();
    let on_pixels: Vec<_> = log.metrics().filter(|record| record.metric.is_on_pixels()).collect();
    let expected = [
        Metric::PixelEnergyDistance,
        Metric::PixelSlicedWasserstein,
        Metric::PixelPrecision,
        Metric::PixelRecall,
        Metric::PixelDensity,
        Metric::PixelCoverage,
    ];
    assert_eq!(on_pixels.iter().map(|record| record.metric).collect::<Vec<_>>(), expected);
    for metric in &on_pixels {
        assert!(metric.baselines.keys().eq([&Baseline::Decoded, &Baseline::Gaussian, &Baseline::Mixture]));
        // Half of the 32 validation images.
        assert!(metric.samples == 16 && metric.floor.is_some() && metric.value.is_finite(), "{metric:?}");
    }
    // The networks were hardly trained, so the samples are far from the noise floor.
    assert!(on_pixels[..2].iter().all(|metric| metric.value > 1.5 * metric.floor.unwrap()), "{on_pixels:?}");
    // The toy images repeat, so held-out images are training images as well.
    let notes = &recorder.notes;
    assert!(notes.iter().any(|note| note.contains("held-out images are also training images")), "{notes:?}");

    let samples = Artifact::read(&run.samples()).unwrap();
    assert_eq!(samples.tensor(&samples_keys::NEAREST).unwrap().shape(), [40, 1, 28, 28]);
    assert_eq!(samples.metadata(&samples_keys::NEAREST_COLUMNS), Some(10));
    let [generated, nearest] =
        [samples_keys::GENERATED, samples_keys::NEAREST].map(|key| samples.tensor(&key).unwrap());
    let first = ndarray::s![..10, .., .., ..];
    assert_eq!(generated.slice(first), nearest.slice(first));
    for (key, rows) in [
        (samples_keys::SCATTER_REAL, 32),
        (samples_keys::SCATTER_GENERATED, 2000),
        (samples_keys::SCATTER_GAUSSIAN, 2000),
        (samples_keys::SCATTER_MIXTURE, 2000),
    ] {
        let points = samples.tensor(&key).unwrap();
        assert!(points.shape() == [rows, 2] && points.iter().all(|value| value.is_finite()), "{}", key.name());
    }
    let explained_variance = samples.metadata(&samples_keys::SCATTER_EXPLAINED_VARIANCE).unwrap();
    assert!((0.3..=1.0).contains(&explained_variance), "{explained_variance}");

    let variances = &log.stage(Stage::Sample).unwrap().statistics;
    let relative = |key, statistic: Statistic| {
        let of = |key| samples.tensor(key).unwrap().var_axis(ndarray::Axis(0), 1.0).mean().unwrap();
        let expected = f64::from(of(key) / of(&samples_keys::ORIGINAL));
        assert!((variances[&statistic] / expected - 1.0).abs() < 1e-4, "{statistic}: {}", variances[&statistic]);
    };
    relative(&samples_keys::GENERATED, Statistic::GeneratedVariance);
    relative(&samples_keys::DECODED, Statistic::DecodedVariance);
}

#[test]
fn a_folder_that_is_locked_another_run_or_not_a_run_is_left_unchanged() {
    let data = toy();
    let mut job = job(data.path(), Protocol::Paper);
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path().join("run"));
    let lock = run.open(&job.config, &Provenance::default(), false).unwrap();
    let locked = reproduce(&job, &run, &mut NoopObserver).unwrap_err();
    assert!(locked.is_user_error() && locked.to_string().contains(&std::process::id().to_string()), "{locked}");
    drop(lock);

    assert!(matches!(Generator::load(run.root()), Err(gtn_models::Error::NotTrained { .. })));
    job.config.dim = 4;
    let other = reproduce(&job, &run, &mut NoopObserver).unwrap_err();
    assert!(
        other.is_user_error() && other.to_string().contains("dim is 5 in the folder and 4 in this command"),
        "{other}"
    );
    job.force = true;
    reproduce(&job, &run, &mut NoopObserver).unwrap();
    assert_eq!(Generator::load(run.root()).unwrap().source_dim(), 4);

    // A run with other data is another run as well.
    let other_data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&other_data.path().join("mnist"), 170).unwrap();
    let before = artifacts(run.root());
    let elsewhere = Job { data_dir: other_data.path().to_path_buf(), force: false, ..job.clone() };
    let refused = reproduce(&elsewhere, &run, &mut NoopObserver).unwrap_err();
    assert!(refused.is_user_error() && refused.to_string().contains("different data"), "{refused}");
    assert_eq!(artifacts(run.root()), before);

    // A process that is killed while it creates the folder leaves a temporary file, which is removed.
    let new = folder.path().join("new");
    fs::create_dir(&new).unwrap();
    fs::write(new.join(".gtn-abc.part"), "half").unwrap();
    drop(RunFolder::at(&new).open(&job.config, &Provenance::default(), false).unwrap());
    assert!(!new.join(".gtn-abc.part").exists() && new.join("config.toml").exists());

    let foreign = folder.path().join("images");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("a.txt"), "mine").unwrap();
    let refused = reproduce(&job, &RunFolder::at(&foreign), &mut NoopObserver).unwrap_err();
    assert!(refused.is_user_error() && fs::read_dir(&foreign).unwrap().count() == 1, "{refused}");
    assert!(matches!(Generator::load(&foreign), Err(gtn_models::Error::Run(gtn_run::Error::NotARun { .. }))));

    // The config.toml of another program, beside folders with the names of a run's: nothing is changed, even with `force`.
    let files = ["config.toml", "figures/mine.png", "samples/mine.txt", ".lock"];
    for file in files {
        fs::create_dir_all(foreign.join(file).parent().unwrap()).unwrap();
        fs::write(foreign.join(file), "baseURL = 'mine'").unwrap();
    }
    assert!(job.force);
    let refused = reproduce(&job, &RunFolder::at(&foreign), &mut NoopObserver).unwrap_err();
    assert!(matches!(refused, Error::Run(gtn_run::Error::FolderNotEmpty { .. })), "{refused}");
    assert!(files.iter().all(|file| fs::read_to_string(foreign.join(file)).unwrap() == "baseURL = 'mine'"));
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 5);
}

#[test]
fn overwriting_a_run_keeps_the_files_of_the_user() {
    let data = toy();
    let mut job = job(data.path(), Protocol::Paper);
    job.config.autoencoder.as_mut().unwrap().training.epochs = 1;
    job.config.h.training.epochs = 1;
    let folder = tempfile::tempdir().unwrap();
    let run = RunFolder::at(folder.path());
    drop(reproduce(&job, &run, &mut NoopObserver).unwrap());
    let old = artifacts(run.root());
    // The files of observers, and files of the user beside them.
    let of_observers =
        [run.event_file(1_700_000_000), run.epoch_figure(Network::Autoencoder, 1), run.epoch_figure(Network::H, 90)];
    let mine = ["samples/mine.png", "tensorboard/events.out.tfevents.1700000000.mine", "figures/epochs/mine-00001.png"];
    let mine = mine.map(|name| run.root().join(name));
    for path in of_observers.iter().chain(&mine) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "mine").unwrap();
    }
    job.config.seed = 4;
    job.force = true;
    drop(reproduce(&job, &run, &mut NoopObserver).unwrap());
    assert!(mine.iter().all(|path| fs::read_to_string(path).unwrap() == "mine"));
    assert!(of_observers.iter().all(|path| !path.exists()));
    let new = artifacts(run.root());
    assert!(old.iter().all(|(path, bytes)| new[path] != *bytes));
}

#[test]
fn too_few_images_are_an_error_of_the_user_and_create_no_folder() {
    let data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&data.path().join("mnist"), 2).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut job = job(data.path(), Protocol::Paper);
    job.config.data = Data::Images(ImageSource::Mnist(RandomSplit { train_fraction: 0.8, limit: None }));
    let refused = reproduce(&job, &RunFolder::at(folder.path().join("run")), &mut NoopObserver).unwrap_err();
    assert!(matches!(refused, Error::TooFewSamples { .. }) && refused.is_user_error(), "{refused}");
    assert!(!folder.path().join("run").exists());
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_names_the_setting_to_change() {
    let data = toy();
    let mut job = job(data.path(), Protocol::Paper);
    job.config.autoencoder.as_mut().unwrap().training.learning_rate = 1e30;
    let folder = tempfile::tempdir().unwrap();
    let error = reproduce(&job, &RunFolder::at(folder.path().join("run")), &mut NoopObserver).unwrap_err();
    assert!(matches!(error, Error::NonFiniteLoss { stage: Stage::Autoencode, .. }), "{error}");
    assert!(error.to_string().contains("autoencoder.training.learning_rate"), "{error}");
}
