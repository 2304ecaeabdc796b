//! The images that observers see during training.

mod common;

use std::path::Path;

use common::artifacts;
use gtn_run::config::{Overrides, Protocol};
use gtn_run::observer::NoopObserver;
use gtn_run::schema::{IMPROVEMENTS, image_samples as keys};
use gtn_run::{Artifact, EpochImages, EpochRecord, Network, Observer, Provenance, RunFolder, Stage};
use gtn_train::{Job, presets, reproduce};
use ndarray::{Array4, ArrayD};

fn job(data_dir: &Path, experiment: &str, overrides: Overrides) -> Job {
    let config = presets::resolve(experiment, &overrides).unwrap();
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

fn image_job(data_dir: &Path, protocol: Protocol) -> Job {
    let epochs = "autoencoder=3,h=6".parse().unwrap();
    let overrides =
        Overrides { protocol: Some(protocol), seed: Some(3), limit: Some(60), epochs, ..Overrides::default() };
    job(data_dir, "mnist", overrides)
}

/// Records all images, or stops after a number of them.
#[derive(Default)]
struct ImageRecorder {
    runs: Vec<RunFolder>,
    improved: Vec<(Stage, usize)>,
    images: Vec<(Stage, usize, Array4<f32>)>,
    stop_after: Option<usize>,
}

impl Observer for ImageRecorder {
    fn run_opened(&mut self, run: &RunFolder) {
        self.runs.push(run.clone());
    }

    fn wants_images(&self) -> bool {
        true
    }

    fn epoch_images(&mut self, images: &EpochImages<'_>) {
        self.images.push((images.stage, images.epoch, images.images.to_owned()));
    }

    fn epoch_finished(&mut self, record: &EpochRecord) {
        if record.improved {
            self.improved.push((record.stage, record.epoch));
        }
    }

    fn stop_requested(&self) -> bool {
        self.stop_after.is_some_and(|stop_after| self.images.len() >= stop_after)
    }
}

/// Sixty different images; the toy set repeats its images after seventy.
fn toy() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&data.path().join("mnist"), 60).unwrap();
    data
}

#[test]
fn every_improvement_is_observed_and_observing_changes_nothing() {
    let data = toy();
    for protocol in [Protocol::Paper, Protocol::Repo] {
        let job = image_job(data.path(), protocol);
        let [unobserved, observed] =
            ["unobserved", "observed"].map(|name| RunFolder::at(data.path().join(format!("{name}-{protocol}"))));
        drop(reproduce(&job, &unobserved, &mut NoopObserver).unwrap());
        let mut recorder = ImageRecorder::default();
        drop(reproduce(&job, &observed, &mut recorder).unwrap());
        assert_eq!(artifacts(observed.root()), artifacts(unobserved.root()));

        assert_eq!(recorder.runs, std::slice::from_ref(&observed));
        let epochs: Vec<_> = recorder.images.iter().map(|(stage, epoch, _)| (*stage, *epoch)).collect();
        assert_eq!(epochs, recorder.improved);
        let stages = || recorder.images.iter().map(|(stage, ..)| *stage);
        assert!(stages().any(|stage| stage == Stage::Autoencode) && stages().any(|stage| stage == Stage::Fit));
        for (stage, epoch, images) in &recorder.images {
            // 12 of the 60 images are validation images.
            let count = if *stage == Stage::Fit { 100 } else { 12 };
            assert_eq!(images.dim(), (count, 1, 28, 28), "{stage} {epoch}");
            assert!(images.iter().all(|value| (-1.0..=1.0).contains(value)));
        }

        // The samples stage decoded the snapshots of the report after training. It used the same decoder.
        let samples = Artifact::read(&observed.samples()).unwrap();
        let epochs: Vec<usize> = samples.metadata(&keys::IMPROVEMENT_EPOCHS).unwrap();
        let of = |wanted| {
            let found = recorder.images.iter().find(|(stage, epoch, _)| (*stage, *epoch) == (Stage::Fit, wanted));
            found.unwrap().2.clone().into_dyn()
        };
        assert!(!epochs.is_empty());
        for (key, epoch) in IMPROVEMENTS.iter().zip(epochs) {
            assert_eq!(*samples.tensor(key).unwrap(), of(epoch), "epoch {epoch}");
        }
        // The weights of the autoencoder's best epoch decode the samples, so its reconstructions are the decoded images.
        if protocol == Protocol::Paper {
            let decoded: &ArrayD<f32> = samples.tensor(&keys::DECODED).unwrap();
            let (.., last) = recorder.images.iter().rfind(|(stage, ..)| *stage == Stage::Autoencode).unwrap();
            let difference = decoded.iter().zip(last).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(decoded.shape() == last.shape() && difference < 1e-4, "{difference}");
        }
    }
}

#[test]
fn a_resumed_run_shows_the_remaining_images_and_removes_later_figures() {
    let data = toy();
    let job = image_job(data.path(), Protocol::Paper);
    let [uninterrupted, stopped] = ["uninterrupted", "stopped"].map(|name| RunFolder::at(data.path().join(name)));
    let mut all = ImageRecorder::default();
    drop(reproduce(&job, &uninterrupted, &mut all).unwrap());

    let mut before = ImageRecorder { stop_after: Some(1), ..ImageRecorder::default() };
    reproduce(&job, &stopped, &mut before).unwrap_err();
    // As if the process had been killed between the figures of a later epoch and the checkpoint of that epoch.
    let [kept, later] = [1, 2].map(|epoch| stopped.epoch_figure(Network::Autoencoder, epoch));
    std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
    for path in [&kept, &later] {
        std::fs::write(path, "of an earlier process").unwrap();
    }
    let mut after = ImageRecorder::default();
    drop(reproduce(&job, &stopped, &mut after).unwrap());
    assert!(kept.exists() && !later.exists());
    assert!(!before.images.is_empty() && before.images.len() < all.images.len());
    assert_eq!([before.images, after.images].concat(), all.images);
}

#[test]
fn runs_on_points_have_no_images_and_a_reference_run_is_opened_first() {
    let data = tempfile::tempdir().unwrap();
    let epochs = "2".parse().unwrap();
    let overrides = Overrides { dim: Some(2), limit: Some(2_000), epochs, ..Overrides::default() };
    let job = job(data.path(), "swiss-roll", overrides);
    let run = RunFolder::at(data.path().join("run"));
    let mut recorder = ImageRecorder::default();
    drop(reproduce(&job, &run, &mut recorder).unwrap());
    assert_eq!(recorder.runs, [run.reference_run(), run]);
    assert!(recorder.images.is_empty() && !recorder.improved.is_empty());
}
