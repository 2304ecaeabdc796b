//! What observers are shown of images while a run is at work.

mod common;

use std::path::Path;

use common::artifacts;
use gtn_run::config::{Overrides, Protocol};
use gtn_run::observer::Unobserved;
use gtn_run::{Artifact, EpochRecord, Observer, Pictures, Provenance, RunFolder, Stage};
use gtn_train::{Job, presets, reproduce};
use ndarray::{Array4, ArrayD};

fn job(data_dir: &Path, experiment: &str, overrides: Overrides) -> Job {
    let config = presets::resolve(experiment, &overrides).unwrap();
    Job {
        device: gtn_models::DeviceName::Cpu,
        config,
        data_dir: data_dir.to_path_buf(),
        cache_dir: data_dir.join("cache"),
        provenance: Provenance::default(),
        force: false,
    }
}

fn of_images(data_dir: &Path, protocol: Protocol) -> Job {
    let epochs = "autoencoder=3,h=6".parse().unwrap();
    let overrides =
        Overrides { protocol: Some(protocol), seed: Some(3), limit: Some(60), epochs, ..Overrides::default() };
    job(data_dir, "mnist", overrides)
}

/// Looks at everything, or stops after so many pictures.
#[derive(Default)]
struct Looks {
    runs: Vec<RunFolder>,
    improved: Vec<(Stage, usize)>,
    shown: Vec<(Stage, usize, Array4<f32>)>,
    stop_after: Option<usize>,
}

impl Observer for Looks {
    fn run_opened(&mut self, run: &RunFolder) {
        self.runs.push(run.clone());
    }

    fn wants_pictures(&self) -> bool {
        true
    }

    fn pictures(&mut self, pictures: &Pictures<'_>) {
        self.shown.push((pictures.stage, pictures.epoch, pictures.images.to_owned()));
    }

    fn epoch_finished(&mut self, record: &EpochRecord) {
        if record.improved {
            self.improved.push((record.stage, record.epoch));
        }
    }

    fn stop_requested(&self) -> bool {
        self.stop_after.is_some_and(|stop_after| self.shown.len() >= stop_after)
    }
}

/// Sixty images, which all differ: the toy set repeats itself after seventy.
fn toy() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&data.path().join("mnist"), 60).unwrap();
    data
}

#[test]
fn each_improvement_is_shown_and_looking_changes_nothing() {
    let data = toy();
    for protocol in [Protocol::Paper, Protocol::Repo] {
        let job = of_images(data.path(), protocol);
        let [unobserved, observed] =
            ["unobserved", "observed"].map(|name| RunFolder::at(data.path().join(format!("{name}-{protocol}"))));
        drop(reproduce(&job, &unobserved, &mut Unobserved).unwrap());
        let mut looks = Looks::default();
        drop(reproduce(&job, &observed, &mut looks).unwrap());
        assert_eq!(artifacts(observed.root()), artifacts(unobserved.root()));

        assert_eq!(looks.runs, std::slice::from_ref(&observed));
        let shown: Vec<_> = looks.shown.iter().map(|(stage, epoch, _)| (*stage, *epoch)).collect();
        assert_eq!(shown, looks.improved);
        let stages = || looks.shown.iter().map(|(stage, ..)| *stage);
        assert!(stages().any(|stage| stage == Stage::Autoencode) && stages().any(|stage| stage == Stage::Fit));
        for (stage, epoch, images) in &looks.shown {
            // Of 60 images 12 validate.
            let count = if *stage == Stage::Fit { 100 } else { 12 };
            assert_eq!(images.dim(), (count, 1, 28, 28), "{stage} {epoch}");
            assert!(images.iter().all(|value| (-1.0..=1.0).contains(value)));
        }

        // What the report shows of these epochs was decoded after training, from the snapshots, by the samples' decoder.
        let samples = Artifact::read(&observed.samples()).unwrap();
        let epochs: Vec<usize> = samples.note("improvements").unwrap();
        let of = |wanted| {
            let found = looks.shown.iter().find(|(stage, epoch, _)| (*stage, *epoch) == (Stage::Fit, wanted));
            found.unwrap().2.clone().into_dyn()
        };
        assert!(!epochs.is_empty());
        for (number, epoch) in (1..).zip(epochs) {
            assert_eq!(*samples.f32(&format!("improvement.{number}")).unwrap(), of(epoch), "epoch {epoch}");
        }
        // The best epoch of the autoencoder reconstructs validation images as the decoder of the samples does.
        if protocol == Protocol::Paper {
            let decoded: &ArrayD<f32> = samples.f32("decoded").unwrap();
            let (.., last) = looks.shown.iter().rfind(|(stage, ..)| *stage == Stage::Autoencode).unwrap();
            let difference = decoded.iter().zip(last).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(decoded.shape() == last.shape() && difference < 1e-4, "{difference}");
        }
    }
}

#[test]
fn a_run_that_goes_on_shows_the_rest_and_forgets_figures_ahead_of_it() {
    let data = toy();
    let job = of_images(data.path(), Protocol::Paper);
    let [undisturbed, stopped] = ["undisturbed", "stopped"].map(|name| RunFolder::at(data.path().join(name)));
    let mut all = Looks::default();
    drop(reproduce(&job, &undisturbed, &mut all).unwrap());

    let mut before = Looks { stop_after: Some(1), ..Looks::default() };
    reproduce(&job, &stopped, &mut before).unwrap_err();
    // As if the process had been killed after its figures of a later epoch, and before the state of that epoch.
    let [kept, ahead] = [1, 2].map(|epoch| stopped.epoch_figure("autoencoder", epoch));
    std::fs::create_dir_all(kept.parent().unwrap()).unwrap();
    for path in [&kept, &ahead] {
        std::fs::write(path, "of an earlier process").unwrap();
    }
    let mut after = Looks::default();
    drop(reproduce(&job, &stopped, &mut after).unwrap());
    assert!(kept.exists() && !ahead.exists());
    assert!(!before.shown.is_empty() && before.shown.len() < all.shown.len());
    assert_eq!([before.shown, after.shown].concat(), all.shown);
}

#[test]
fn points_are_not_shown_and_a_companion_is_a_run_of_its_own() {
    let data = tempfile::tempdir().unwrap();
    let epochs = "2".parse().unwrap();
    let overrides = Overrides { dim: Some(2), limit: Some(2_000), epochs, ..Overrides::default() };
    let job = job(data.path(), "swiss-roll", overrides);
    let run = RunFolder::at(data.path().join("run"));
    let mut looks = Looks::default();
    drop(reproduce(&job, &run, &mut looks).unwrap());
    assert_eq!(looks.runs, [run.companion(), run]);
    assert!(looks.shown.is_empty() && !looks.improved.is_empty());
}
