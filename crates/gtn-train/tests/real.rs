//! Pairs of real images, chosen by what they show.

mod common;

use std::path::Path;

use gtn_models::Streams;
use gtn_run::config::Overrides;
use gtn_run::observer::Unobserved;
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
        cache_dir: folder.join("cache"),
        provenance: Provenance::default(),
        force: false,
    }
}

/// The numbers of the toy images that these pairs are of.
fn keys(pairs: &RealPairs, run: &RunFolder, job: &Job) -> Vec<usize> {
    let latents = Artifact::read(&run.latents()).unwrap();
    let latents = latents.f32("train").unwrap().view().into_dimensionality::<Ix2>().unwrap();
    let made = Artifact::read(&run.pairs()).unwrap();
    let source = made.f32("train.source").unwrap().view().into_dimensionality::<Ix2>().unwrap();
    let matching = made.u64("train.matching").unwrap();
    let names = training_names(job);
    let row_of = |y: ndarray::ArrayView1<'_, f32>| source.outer_iter().position(|row| row == y).unwrap();
    let found = pairs.source.outer_iter().zip(pairs.target.outer_iter()).map(|(y, x)| {
        let target = matching[[row_of(y)]] as usize;
        assert_eq!(latents.index_axis(Axis(0), target), x);
        names[target]
    });
    found.collect()
}

/// The number of each training image, in the order of the latents.
fn training_names(job: &Job) -> Vec<usize> {
    let cache = job.cache_dir.join("again.photos");
    let mut goes_on = |_, _| std::ops::ControlFlow::Continue(());
    let photos = match &job.config.data {
        gtn_run::config::Data::Hap(_) => {
            gtn_data::hap::read(&job.data_dir, &Default::default(), &cache, &mut goes_on).unwrap()
        }
        _ => gtn_data::celeba::read(&job.data_dir, &Default::default(), &cache, &mut goes_on).unwrap(),
    };
    // Which of them the limit leaves is the run's affair: it draws by this stream.
    let drawn = gtn_data::split::permutation(photos.split.train.len(), Streams::new(1).stream("limit/train", 0));
    let number = |name: &str| name.trim_matches(|c: char| !c.is_ascii_digit()).parse::<usize>().unwrap();
    drawn.iter().map(|&position| number(&photos.names[photos.split.train[position]])).collect()
}

#[test]
fn each_end_shows_what_its_filter_says_and_no_image_stands_at_two() {
    let folder = tempfile::tempdir().unwrap();
    gtn_tests::write_toy_celeba(&folder.path().join("data/celeba"), 60).unwrap();
    gtn_tests::write_toy_hap(&folder.path().join("data/hap"), 60).unwrap();
    // Names of faces are counted from 1, those of hands from 0.
    type Shows = fn(usize) -> bool;
    let smiles: Shows = |key| (key - 1) % 2 == 0;
    let is_grave: Shows = |key| (key - 1) % 2 == 1;
    let is_palm: Shows = |key| key % 2 == 0;
    let is_left_back: Shows = |key| key % 2 == 1 && key % 3 != 0;
    let any: Shows = |_| true;
    for (set, from, to) in [
        ("celeba", ("Smiling=1", smiles), ("Smiling=-1", is_grave)),
        ("celeba", ("Smiling=1", smiles), ("Smiling=1", smiles)),
        ("hap", ("aspect=palmar", is_palm), ("aspect=dorsal,aspect=left", is_left_back)),
        ("hap", ("", any), ("aspect=palmar", is_palm)),
    ] {
        let (job, run) = (job(set, folder.path()), RunFolder::at(folder.path().join(set)));
        drop(reproduce(&job, &run, &mut Unobserved).unwrap());
        let places = (job.data_dir.as_path(), job.cache_dir.as_path());
        let draw =
            |n, filters, seed| draw_pairs_between(&run, n, filters, places, &Streams::new(seed), &mut Unobserved);
        let pairs = draw(4, [from.0, to.0], 1).unwrap();
        assert_eq!(pairs.source.dim(), (8, 3));
        let keys = keys(&pairs, &run, &job);
        for way in keys.chunks(2) {
            assert!(from.1(way[0]) && to.1(way[1]), "{set}: {way:?} from {} to {}", from.0, to.0);
        }
        let mut once = keys.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), 8);
        assert_eq!(draw(4, [from.0, to.0], 1).unwrap(), pairs);
        assert_ne!(draw(4, [from.0, to.0], 2).unwrap(), pairs);
        assert!(matches!(draw(40, [from.0, to.0], 1), Err(Error::TooFewPassing { asked: 40, there: ..40, .. })));
    }
}

#[test]
fn other_data_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data/celeba");
    gtn_tests::write_toy_celeba(&data, 60).unwrap();
    let (job, run) = (job("celeba", folder.path()), RunFolder::at(folder.path().join("run")));
    drop(reproduce(&job, &run, &mut Unobserved).unwrap());
    gtn_tests::write_toy_celeba(&data, 50).unwrap();
    let places = (job.data_dir.as_path(), job.cache_dir.as_path());
    let drawn = draw_pairs_between(&run, 1, ["", "Male=1"], places, &Streams::new(1), &mut Unobserved);
    assert!(matches!(&drawn, Err(error @ Error::OtherData { .. }) if error.is_users()), "{drawn:?}");
}
