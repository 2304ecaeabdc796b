//! A run on several processes has the bytes of a run on one.

mod common;

use std::path::Path;

use common::{StopAfter, artifacts};
use gtn_dist::{Collective, Error as DistError, Threads};
use gtn_run::config::{DecoderSettings, Overrides, Protocol, ReconstructionLoss, Training};
use gtn_run::observer::NoopObserver;
use gtn_run::{Observer, Provenance, RunFolder};
use gtn_train::{Error, Job, presets, reproduce, reproduce_on};

/// Toy digits, pairs from a flow, and a residual ĥ, all small.
fn job(data: &Path, shards: usize) -> Job {
    let overrides = Overrides {
        protocol: Some(Protocol::Flow),
        limit: Some(160),
        epochs: "autoencoder=2,flow=1,h=2".parse().unwrap(),
        shards: Some(shards),
        ..Overrides::default()
    };
    let mut config = presets::resolve("mnist", &overrides).unwrap();
    let training = Training { shards, ..Training::new(2, 2, 50, 1e-3) };
    let autoencoder = config.autoencoder.as_mut().unwrap();
    autoencoder.training.batch_size = 50;
    let loss = ReconstructionLoss { spectrum: 2.0 };
    autoencoder.decoder = Some(DecoderSettings { loss, latent_noise: 0.1, training });
    let flow = &mut config.pairing.flow;
    (flow.width, flow.blocks, flow.batch_size, flow.fresh_pairs) = (16, 1, 8, 100);
    let residual = config.h.residual.as_mut().expect("the flow protocol has a residual ĥ");
    (residual.width, residual.blocks) = (16, 1);
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

/// Executes a run on threads in place of processes. `stop_after` are the reports after which process 0 is asked to stop.
fn run_on(size: usize, job: &Job, run: &RunFolder, stop_after: Option<usize>) -> Vec<Result<(), Error>> {
    Threads::run(size, |collective| {
        let mut stop = StopAfter { reports: stop_after.unwrap_or(usize::MAX) };
        let mut nothing = NoopObserver;
        let observer: &mut dyn Observer = if collective.is_first() { &mut stop } else { &mut nothing };
        reproduce_on(collective, job, run, observer).map(drop)
    })
}

#[test]
fn the_weights_do_not_depend_on_the_number_of_processes() {
    let (data, folder) = (toy(), tempfile::tempdir().unwrap());
    let job = job(data.path(), 4);
    let one = RunFolder::at(folder.path().join("one"));
    drop(reproduce(&job, &one, &mut NoopObserver).unwrap());
    let expected = artifacts(one.root());
    assert!(expected.len() > 6, "{:?}", expected.keys());
    for size in [2, 3, 5] {
        let run = RunFolder::at(folder.path().join(size.to_string()));
        assert!(run_on(size, &job, &run, None).iter().all(Result::is_ok));
        assert!(artifacts(run.root()) == expected, "{size} processes");
    }
}

#[test]
fn a_run_that_was_stopped_resumes_on_another_number_of_processes() {
    let (data, folder) = (toy(), tempfile::tempdir().unwrap());
    let job = job(data.path(), 4);
    let [one, stopped] = ["one", "stopped"].map(|name| RunFolder::at(folder.path().join(name)));
    drop(reproduce(&job, &one, &mut NoopObserver).unwrap());
    let (mut stops, sizes) = (0, [2, 1, 4, 3]);
    for (reports, size) in (3..).step_by(23).zip(sizes.into_iter().cycle()) {
        let mut results = run_on(size, &job, &stopped, Some(reports));
        let first = results.remove(0);
        // In training all stop at the same step; elsewhere the others lose process 0.
        assert!(results.iter().all(|result| match result {
            Ok(()) => first.is_ok(),
            Err(Error::Stopped { .. }) => matches!(first, Err(Error::Stopped { .. })),
            Err(Error::Processes(DistError::Lost { rank: 0 })) => true,
            Err(error) => panic!("{error}"),
        }));
        match first {
            Ok(()) => break,
            Err(Error::Stopped { .. }) => stops += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(stops >= 5, "{stops} stops");
    assert!(artifacts(stopped.root()) == artifacts(one.root()));
}

#[test]
fn shards_change_only_the_last_bits() {
    let (data, folder) = (toy(), tempfile::tempdir().unwrap());
    let results = [1, 4].map(|shards| {
        let run = RunFolder::at(folder.path().join(shards.to_string()));
        drop(reproduce(&job(data.path(), shards), &run, &mut NoopObserver).unwrap());
        let log = gtn_run::MetricsLog::open(&run.metrics()).unwrap();
        let loss = log.epochs(gtn_run::Stage::Autoencode).last().unwrap().validation_loss;
        (loss, gtn_run::Artifact::read(&run.best_checkpoint(gtn_run::Network::Autoencoder)).unwrap().checksum())
    });
    assert_ne!(results[0].1, results[1].1);
    assert!((results[0].0 / results[1].0 - 1.0).abs() < 1e-3, "{results:?}");
}
