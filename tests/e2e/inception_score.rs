//! Runs on images that measure with Inception networks: the Inception Score chooses the best epoch, and FID is computed. The weights
//! are random.
#![cfg(unix)]

mod program;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use gtn_data::inception::{FID_WEIGHTS, IS_WEIGHTS};
use gtn_io::TensorFile;
use gtn_models::{InceptionVariant, Streams};
use gtn_run::config::Selection;
use gtn_run::schema::{Baseline, Metric};
use gtn_run::{EpochRecord, MetricsLog, RunFolder, Stage};
use program::{Call, assert_same, epochs, gtn, wait_until};
use tempfile::TempDir;

/// Toy faces, and random weights in the place of the published ones.
struct Toy(TempDir);

impl Toy {
    fn new() -> Self {
        let toy = Self(tempfile::tempdir().unwrap());
        gtn_tests::write_toy_celeba(&toy.at("data/celeba"), 60).unwrap();
        fs::create_dir(toy.at("data/inception")).unwrap();
        for (variant, name) in
            [(InceptionVariant::Fid, FID_WEIGHTS.name), (InceptionVariant::Torchvision, IS_WEIGHTS.name)]
        {
            let mut file = TensorFile::new("random weights");
            for (name, array) in variant.random_weights(&Streams::new(1)) {
                file.insert(name, array);
            }
            // The content decides how a file is read, not the ending of its name.
            file.write(&toy.at("data/inception").join(name)).unwrap();
        }
        toy
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Reproduces CelebA with a small ĥ, and a score of few images.
    fn reproduce(&self, run: &Path) -> Call {
        let preset = self.at("celeba.toml");
        let (mut text, _) =
            gtn().args(["config", "show", "celeba", "--dim", "3", "--epochs", "autoencoder=1,h=3"]).done();
        for (from, to) in [
            ("width = 1200", "width = 8"),
            ("hidden_layers = 26", "hidden_layers = 2"),
            ("batch_norm_layers = 26", "batch_norm_layers = 2"),
            ("images = 200", "images = 6"),
            ("splits = 10", "splits = 2"),
        ] {
            assert!(text.contains(from), "{text}");
            text = text.replace(from, to);
        }
        fs::write(&preset, text).unwrap();
        let call = gtn().arg("reproduce").arg(&preset).arg("--out").arg(run).arg("--data-dir").arg(self.at("data"));
        call.arg("--cache-dir").arg(self.at("cache")).args(["--fid-samples", "12", "--inception-dims", "64"])
    }
}

fn scores(run: &Path) -> Vec<EpochRecord> {
    MetricsLog::open(&RunFolder::at(run).metrics()).unwrap().epochs(Stage::Fit).cloned().collect()
}

#[test]
fn the_inception_score_chooses_the_best_epoch_and_interruptions_change_nothing() {
    let toy = Toy::new();
    let [undisturbed, disturbed] = ["undisturbed", "disturbed"].map(|name| toy.at(name));
    let (_, stderr) = toy.reproduce(&undisturbed).done();
    assert!(stderr.contains("Inception Score"), "{stderr}");

    let run = RunFolder::at(&undisturbed);
    let config = run.record().unwrap().config;
    assert_eq!(config.h.training.select, Selection::InceptionScore);
    assert_eq!((config.deciding_score().unwrap().images, config.deciding_score().unwrap().splits), (6, 2));
    let of_epochs = scores(&undisturbed);
    assert_eq!(of_epochs.len(), 3);
    let mut best = 0.0;
    for epoch in &of_epochs {
        let score = epoch.sample_metric.unwrap();
        assert!(score >= 1.0 && epoch.sample_metric_seconds.unwrap() <= epoch.seconds, "{epoch:?}");
        assert_eq!(epoch.improved, score > best, "{of_epochs:?}");
        best = f64::max(best, score);
    }
    let log = MetricsLog::open(&run.metrics()).unwrap();
    let of_metric = |metric| log.metrics().find(|record| record.metric == metric).unwrap();
    let (score, fid) = (of_metric(Metric::InceptionScore), of_metric(Metric::Fid));
    assert!(score.floor.unwrap() > 1.0 && score.baselines[&Baseline::Decoded] > 1.0, "{score:?}");
    assert_eq!((fid.samples, fid.floor.is_some()), (12, true));
    // Real images are closer to real ones than an autoencoder after one epoch brings them.
    assert!(fid.floor.unwrap() < fid.baselines[&Baseline::Decoded] && fid.value > fid.floor.unwrap(), "{fid:?}");
    let report = fs::read_to_string(run.report()).unwrap();
    for text in ["Figures 9 and 16", "the paper's Figure 14", "highest Inception Score", ">FID<"] {
        assert!(report.contains(text), "{text}");
    }
    assert!(!report.contains("Here the validation loss chose it"));
    assert!(run.figure("figure-9.svg").is_file() && run.all_feature_moments().is_empty());

    // Nearly all of the time of an epoch is that of its score.
    for (min_epochs, signal, code) in [(2, "-INT", Some(130)), (3, "-KILL", None)] {
        let mut child = toy.reproduce(&disturbed).spawn();
        wait_until(&mut child, || epochs(&disturbed) >= min_epochs);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        let status = child.wait().unwrap();
        assert_eq!((status.code(), status.signal()), (code, code.is_none().then_some(9)));
    }
    toy.reproduce(&disturbed).done();
    assert_same(&disturbed, &undisturbed);

    // Weights that disappeared do not make it another run.
    fs::remove_dir_all(toy.at("data/inception")).unwrap();
    let preset = toy.at("celeba.toml");
    let again = || {
        let call = gtn().arg("reproduce").arg(&preset).arg("--data-dir").arg(toy.at("data"));
        call.arg("--cache-dir").arg(toy.at("cache"))
    };
    let (_, stderr) = again().arg("--out").arg(&undisturbed).done();
    assert!(stderr.lines().any(|line| line.starts_with("fit") && line.ends_with("already done")), "{stderr}");
    // A new run goes by the validation loss, and says so.
    let without = toy.at("without");
    again().arg("--out").arg(&without).done();
    assert!(scores(&without).iter().all(|epoch| epoch.sample_metric.is_none()));
    assert!(fs::read_to_string(RunFolder::at(&without).report()).unwrap().contains("gtn data fetch inception"));
    let refused =
        |options: &[&str]| again().arg("--out").arg(toy.at("other")).args(options).refused_in_one_line("error: ");
    assert!(refused(&["--select", "inception-score"]).contains("gtn data fetch inception"));
    assert!(refused(&["--fid-samples", "20"]).contains("--fid-weights FILE"));
    let message = gtn().args(["reproduce", "mnist", "--fid-samples", "20"]).refused_in_one_line("error: ");
    assert!(message.contains("`mnist` has none"), "{message}");
}
