//! Pairs of real images that pass filters.

mod common;

use std::path::Path;

use gtn_models::Streams;
use gtn_run::config::Overrides;
use gtn_run::observer::NoopObserver;
use gtn_run::schema::{latents, pairs};
use gtn_run::{Artifact, Provenance, RunFolder};
use gtn_train::{Error, Job, RealPairs, draw_pairs_between, presets, reproduce};
use ndarray::{Axis, Ix2};

fn job(set: &str, folder: &Path) -> Job {
    let epochs = "autoencoder=1,h=1".parse().unwrap();
    let overrides = Overrides { dim: Some(3), epochs, limit: Some(40), ..Overrides::default() };
    let mut config = presets::resolve(set, &overrides).unwrap();
    (config.h.width, config.h.hidden_layers, config.h.batch_norm_layers) = (8, 2, 2);
    Job {
        device: gtn_models::DeviceName::Cpu,
        config,
        data_dir: folder.join("data"),
        labels: None,
        cache_dir: folder.join("cache"),
        provenance: Provenance::default(),
        force: false,
        autoencoder: None,
        inception: Default::default(),
    }
}

/// The numbers of the toy images of these pairs.
fn image_numbers(real_pairs: &RealPairs, run: &RunFolder, job: &Job) -> Vec<usize> {
    let latents_file = Artifact::read(&run.latents()).unwrap();
    let latents = latents_file.tensor(&latents::TRAIN).unwrap().view().into_dimensionality::<Ix2>().unwrap();
    let pairs_file = Artifact::read(&run.pairs()).unwrap();
    let source = pairs_file.tensor(&pairs::TRAIN_SOURCE).unwrap().view().into_dimensionality::<Ix2>().unwrap();
    let matching = pairs_file.tensor(&pairs::TRAIN_ASSIGNMENT).unwrap();
    let numbers = training_image_numbers(job);
    let row_of = |y: ndarray::ArrayView1<'_, f32>| source.outer_iter().position(|row| row == y).unwrap();
    let found = real_pairs.source.outer_iter().zip(real_pairs.target.outer_iter()).map(|(y, x)| {
        let target = matching[[row_of(y)]] as usize;
        assert_eq!(latents.index_axis(Axis(0), target), x);
        numbers[target]
    });
    found.collect()
}

/// The number of each training image, in the order of the latents.
fn training_image_numbers(job: &Job) -> Vec<usize> {
    let cache = job.cache_dir.join("second.images");
    let mut continues = |_, _| std::ops::ControlFlow::Continue(());
    let set = match &job.config.data {
        gtn_run::config::Data::Images(gtn_run::config::ImageSource::Hap(_)) => {
            gtn_data::hap::read(&job.data_dir, &Default::default(), &cache, &mut continues).unwrap()
        }
        _ => gtn_data::celeba::read(&job.data_dir, &Default::default(), &cache, &mut continues).unwrap(),
    };
    // The run draws the images that the limit keeps from this stream.
    let drawn = gtn_data::split::permutation(set.split.train.len(), Streams::new(1).stream("limit/train", 0));
    let number = |name: &str| name.trim_matches(|c: char| !c.is_ascii_digit()).parse::<usize>().unwrap();
    drawn.iter().map(|&position| number(&set.names[set.split.train[position]])).collect()
}

#[test]
fn the_images_at_both_ends_pass_their_filters_and_no_image_is_drawn_twice() {
    let folder = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_celeba(&folder.path().join("data/celeba"), 60).unwrap();
    gtn_tests::write_toy_hap(&folder.path().join("data/hap"), 60).unwrap();
    // Names of faces are counted from 1, those of hands from 0.
    type Passes = fn(usize) -> bool;
    let smiles: Passes = |key| (key - 1) % 2 == 0;
    let does_not_smile: Passes = |key| (key - 1) % 2 == 1;
    let is_palm: Passes = |key| key % 2 == 0;
    let is_left_back: Passes = |key| key % 2 == 1 && key % 3 != 0;
    let any: Passes = |_| true;
    for (set, from, to) in [
        ("celeba", ("Smiling=1", smiles), ("Smiling=-1", does_not_smile)),
        ("celeba", ("Smiling=1", smiles), ("Smiling=1", smiles)),
        ("hap", ("aspect=palmar", is_palm), ("aspect=dorsal,aspect=left", is_left_back)),
        ("hap", ("", any), ("aspect=palmar", is_palm)),
    ] {
        let (job, run) = (job(set, folder.path()), RunFolder::at(folder.path().join(set)));
        drop(reproduce(&job, &run, &mut NoopObserver).unwrap());
        let folders = (job.data_dir.as_path(), job.cache_dir.as_path());
        let draw =
            |n, filters, seed| draw_pairs_between(&run, n, filters, folders, &Streams::new(seed), &mut NoopObserver);
        let pairs = draw(4, [from.0, to.0], 1).unwrap();
        assert_eq!(pairs.source.dim(), (8, 3));
        let images = image_numbers(&pairs, &run, &job);
        for ends in images.chunks(2) {
            assert!(from.1(ends[0]) && to.1(ends[1]), "{set}: {ends:?} from {} to {}", from.0, to.0);
        }
        let mut distinct = images.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), 8);
        assert_eq!(draw(4, [from.0, to.0], 1).unwrap(), pairs);
        assert_ne!(draw(4, [from.0, to.0], 2).unwrap(), pairs);
        assert!(matches!(
            draw(40, [from.0, to.0], 1),
            Err(Error::TooFewPassing { requested: 40, available: ..40, .. })
        ));
    }
}

#[test]
fn other_data_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data/celeba");
    gtn_tests::write_toy_celeba(&data, 60).unwrap();
    let (job, run) = (job("celeba", folder.path()), RunFolder::at(folder.path().join("run")));
    drop(reproduce(&job, &run, &mut NoopObserver).unwrap());
    gtn_tests::write_toy_celeba(&data, 50).unwrap();
    let folders = (job.data_dir.as_path(), job.cache_dir.as_path());
    let drawn = draw_pairs_between(&run, 1, ["", "Male=1"], folders, &Streams::new(1), &mut NoopObserver);
    assert!(matches!(&drawn, Err(error @ Error::OtherData { .. }) if error.is_user_error()), "{drawn:?}");
}
