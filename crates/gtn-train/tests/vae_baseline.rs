//! The variational autoencoder as a baseline of a run.

mod common;

use common::{Recorder, StopAfter, artifacts};
use gtn_run::config::{Overrides, TrainedBaseline};
use gtn_run::observer::NoopObserver;
use gtn_run::schema::{Baseline, Metric, image_samples};
use gtn_run::{Artifact, MetricsLog, Network, Provenance, RunFolder, Stage};
use gtn_train::{Error, Job, presets, reproduce};

fn job(data: &std::path::Path, baselines: &[TrainedBaseline]) -> Job {
    let overrides = Overrides {
        limit: Some(160),
        epochs: "autoencoder=2,h=2".parse().unwrap(),
        baselines: baselines.to_vec(),
        ..Overrides::default()
    };
    let mut config = presets::resolve("mnist", &overrides).unwrap();
    config.autoencoder.as_mut().unwrap().training.batch_size = 50;
    Job {
        device: gtn_models::DeviceName::Cpu,
        config,
        data_dir: data.to_path_buf(),
        labels: None,
        cache_dir: data.join("cache"),
        provenance: Provenance::default(),
        force: false,
        autoencoder: None,
        inception: Default::default(),
    }
}

#[test]
fn it_changes_nothing_else_and_resumes_to_the_same_bytes() {
    let data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&data.path().join("mnist"), 200).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let [without, with, stopped] = ["without", "with", "stopped"].map(|name| RunFolder::at(folder.path().join(name)));
    reproduce(&job(data.path(), &[]), &without, &mut NoopObserver).unwrap();
    let job = job(data.path(), &[TrainedBaseline::Vae]);
    reproduce(&job, &with, &mut NoopObserver).unwrap();

    // Every other artifact of the run is the same, and so is every other metric.
    let (before, after) = (artifacts(without.root()), artifacts(with.root()));
    for (path, bytes) in &before {
        let is_changed = after[path] != *bytes;
        let has_vae = path.starts_with("samples");
        assert_eq!(is_changed, has_vae, "{}", path.display());
    }
    let log = |run: &RunFolder| MetricsLog::open(&run.metrics()).unwrap();
    for (mut found, expected) in log(&with).metrics().cloned().zip(log(&without).metrics()) {
        let is_memorization = matches!(found.metric, Metric::NnDistanceRatio | Metric::NearCopyFraction);
        assert!(found.baselines.remove(&Baseline::Vae).is_some() || is_memorization, "{}", found.metric);
        assert_eq!(found, *expected);
    }
    assert_eq!(log(&with).epochs(Stage::Baselines).count(), 2);
    assert_eq!(with.record().unwrap().provenance.vae_epochs, Some(2));
    let samples = Artifact::read(&with.samples()).unwrap();
    let images = samples.tensor(&image_samples::VAE).unwrap();
    assert_eq!(images.shape(), [100, 1, 28, 28]);
    assert!(images.iter().all(|value| (-1.0..=1.0).contains(value)));

    // Stopped within an epoch of the autoencoder, of h and of the baseline.
    let mut stops = 0;
    for reports in [2, 3, 4, 1, 2, 1, 1, 3, 1, 2, 1, 1, 2] {
        match reproduce(&job, &stopped, &mut StopAfter { reports }) {
            Err(Error::Stopped { .. }) => stops += 1,
            result => drop(result.unwrap()),
        }
    }
    assert!(stops > 3, "{stops}");
    reproduce(&job, &stopped, &mut NoopObserver).unwrap();
    assert!(artifacts(stopped.root()) == after, "the resumed run differs");
    let mut recorder = Recorder::default();
    reproduce(&job, &stopped, &mut recorder).unwrap();
    assert!(recorder.skipped.contains(&Stage::Baselines) && recorder.epochs == 0, "{:?}", recorder.skipped);

    // Its loss falls, and a stop in the middle of its training leaves a state to resume from.
    let losses: Vec<f64> = log(&with).epochs(Stage::Baselines).map(|epoch| epoch.validation_loss).collect();
    assert!(losses[1] < losses[0], "{losses:?}");
    assert!(with.best_checkpoint(Network::Vae).exists() && !with.previous_checkpoint(Network::Vae).exists());
}

#[test]
fn points_have_none() {
    let overrides = Overrides { baselines: vec![TrainedBaseline::Vae], ..Overrides::default() };
    let error = presets::resolve("uniform", &overrides).unwrap_err().to_string();
    assert_eq!(error, "baselines = vae: needs images; omit it for points");
}
