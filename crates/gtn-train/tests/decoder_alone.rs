//! A decoder that is trained alone on the latents.

mod common;

use std::path::Path;

use common::{Recorder, StopAfter, artifacts};
use gtn_models::{Autoencoder, Device, Generator, Model};
use gtn_run::config::{DecoderSettings, Overrides, Protocol, ReconstructionLoss, Training};
use gtn_run::observer::NoopObserver;
use gtn_run::schema::{checkpoint, latents};
use gtn_run::{Artifact, MetricsLog, Network, Provenance, RunFolder, Stage};
use gtn_train::{Error, Job, presets, reproduce};

const SETTINGS: fn() -> DecoderSettings = || DecoderSettings {
    loss: ReconstructionLoss { spectrum: 2.0 },
    latent_noise: 0.1,
    training: Training::new(3, 3, 50, 1e-3),
};

fn job(data: &Path, decoder: Option<DecoderSettings>) -> Job {
    let overrides =
        Overrides { limit: Some(160), epochs: "autoencoder=2,h=2".parse().unwrap(), ..Overrides::default() };
    let mut config = presets::resolve("mnist", &overrides).unwrap();
    let autoencoder = config.autoencoder.as_mut().unwrap();
    autoencoder.training.batch_size = 50;
    autoencoder.decoder = decoder;
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

fn toy() -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_mnist(&data.path().join("mnist"), 200).unwrap();
    data
}

#[test]
fn it_changes_the_images_and_not_the_latents_and_resumes_to_the_same_bytes() {
    let data = toy();
    let folder = tempfile::tempdir().unwrap();
    let [without, with, stopped] = ["without", "with", "stopped"].map(|name| RunFolder::at(folder.path().join(name)));
    reproduce(&job(data.path(), None), &without, &mut NoopObserver).unwrap();
    let job = job(data.path(), Some(SETTINGS()));
    reproduce(&job, &with, &mut NoopObserver).unwrap();

    let (before, after) = (artifacts(without.root()), artifacts(with.root()));
    let same = |path: &str| before[Path::new(path)] == after[Path::new(path)];
    for path in ["checkpoints/autoencoder.best.safetensors", "latents/latents.safetensors", "pairs/pairs.safetensors"] {
        assert!(same(path), "{path}");
    }
    assert!(!same("samples/samples.safetensors"));
    let log = MetricsLog::open(&with.metrics()).unwrap();
    let losses: Vec<f64> = log.epochs(Stage::Decoder).map(|epoch| epoch.validation_loss).collect();
    assert!(losses.len() == 3 && losses[2] < losses[0], "{losses:?}");
    assert_eq!(with.record().unwrap().provenance.decoder_epochs, Some(3));

    // The checkpoint has no encoder, and every part of the program decodes with it.
    let weights = Artifact::read(&with.best_checkpoint(Network::Decoder)).unwrap().group(&checkpoint::WEIGHTS);
    assert!(weights.len() == 6 && weights.keys().all(|name| name.starts_with("decoder.")), "{:?}", weights.keys());
    let (encoder, latents) = (
        Autoencoder::load(without.root(), &Device::Cpu).unwrap(),
        Artifact::read(&with.latents()).unwrap().tensor(&latents::VALIDATION).unwrap().clone(),
    );
    let latents = latents.into_dimensionality().unwrap();
    let trained = [
        Autoencoder::load(with.root(), &Device::Cpu).unwrap(),
        Autoencoder::load_best(with.root(), &Device::Cpu).unwrap(),
    ];
    let (of_first, of_both) = (encoder.decode(latents.view()).unwrap(), trained[0].decode(latents.view()).unwrap());
    assert_ne!(of_first, of_both);
    assert_eq!(trained[1].decode(latents.view()).unwrap(), of_both);
    assert_eq!(trained[0].encode(of_both.view()).unwrap(), encoder.encode(of_both.view()).unwrap());
    let file = folder.path().join("model.safetensors");
    Model::load(with.root()).unwrap().to_artifact().unwrap().write(&file).unwrap();
    for path in [with.root(), &file] {
        assert_eq!(Generator::load(path).unwrap().decode(latents.view()).unwrap(), of_both);
    }

    let mut stops = 0;
    for reports in [2, 3, 4, 1, 2, 1, 1, 3, 1, 2, 1, 1, 2, 3, 2] {
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
    assert!(recorder.skipped.contains(&Stage::Decoder) && recorder.epochs == 0, "{:?}", recorder.skipped);
}

#[test]
fn another_run_takes_it_with_the_autoencoder() {
    let data = toy();
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["first", "second"].map(|name| RunFolder::at(folder.path().join(name)));
    reproduce(&job(data.path(), Some(SETTINGS())), &first, &mut NoopObserver).unwrap();
    // Its own settings give way to those of the run that trained the weights.
    let mut taking = job(data.path(), None);
    taking.autoencoder = Some(first.root().to_path_buf());
    reproduce(&taking, &second, &mut NoopObserver).unwrap();
    let record = second.record().unwrap();
    assert_eq!(record.config.decoder_training(), Some(&SETTINGS()));
    assert_eq!((record.provenance.autoencoder_epochs, record.provenance.decoder_epochs), (Some(2), Some(3)));
    let read = |run: &RunFolder| std::fs::read(run.best_checkpoint(Network::Decoder)).unwrap();
    assert_eq!(read(&first), read(&second));

    // It resumes without the option, and copies a damaged decoder again; other weights are refused.
    taking.autoencoder = None;
    std::fs::write(second.best_checkpoint(Network::Decoder), "damaged").unwrap();
    let mut recorder = Recorder::default();
    reproduce(&taking, &second, &mut recorder).unwrap();
    assert_eq!((recorder.started, recorder.epochs), (vec![Stage::Prepare, Stage::Decoder], 0));
    assert_eq!(read(&first), read(&second));
    // It trains on without the other folder. Where both copies are damaged or others, nothing is trained in their place.
    let other = folder.path().join("moved");
    std::fs::rename(first.root(), &other).unwrap();
    reproduce(&taking, &second, &mut NoopObserver).unwrap();
    std::fs::rename(&other, first.root()).unwrap();
    let mut changed = Artifact::read(&first.best_checkpoint(Network::Decoder)).unwrap();
    changed.set_metadata(&checkpoint::EPOCH, &77).unwrap();
    changed.write(&first.best_checkpoint(Network::Decoder)).unwrap();
    std::fs::write(second.best_checkpoint(Network::Decoder), "damaged").unwrap();
    let error = reproduce(&taking, &second, &mut NoopObserver).unwrap_err();
    assert!(matches!(error, Error::MissingAutoencoder { .. }), "{error}");
}

#[test]
fn a_decoder_is_trained_on_the_encoder_of_another_run() {
    let data = toy();
    let folder = tempfile::tempdir().unwrap();
    let [first, second, both] = ["first", "second", "both"].map(|name| RunFolder::at(folder.path().join(name)));
    reproduce(&job(data.path(), None), &first, &mut NoopObserver).unwrap();
    let mut taking = job(data.path(), Some(SETTINGS()));
    taking.autoencoder = Some(first.root().to_path_buf());
    let mut stopped = StopAfter { reports: 8 };
    assert!(matches!(reproduce(&taking, &second, &mut stopped), Err(Error::Stopped { .. })));
    reproduce(&taking, &second, &mut NoopObserver).unwrap();
    // The same bytes as those of a run that trains both.
    reproduce(&job(data.path(), Some(SETTINGS())), &both, &mut NoopObserver).unwrap();
    let weights =
        |run: &RunFolder| Artifact::read(&run.best_checkpoint(Network::Decoder)).unwrap().group(&checkpoint::WEIGHTS);
    assert_eq!(weights(&second), weights(&both));
    let provenance = second.record().unwrap().provenance;
    assert_eq!((provenance.autoencoder_epochs, provenance.decoder_epochs), (Some(2), Some(3)));

    // Its decoder belongs to the best weights of the encoder, and not to the last ones.
    let mut repo = job(data.path(), None);
    let overrides = Overrides {
        limit: Some(160),
        protocol: Some(Protocol::Repo),
        epochs: "h=2".parse().unwrap(),
        ..Overrides::default()
    };
    repo.config = presets::resolve("mnist", &overrides).unwrap();
    repo.autoencoder = Some(both.root().to_path_buf());
    let error = reproduce(&repo, &RunFolder::at(folder.path().join("repo")), &mut NoopObserver).unwrap_err();
    assert!(error.to_string().contains("pass the --protocol of that run"), "{error}");
}
