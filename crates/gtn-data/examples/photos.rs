//! How fast photographs are made ready, and what they become.
//!
//!     cargo run --release -p gtn-data --example photos -- celeba|hap DATA_DIR CACHE [OUT.npy]
//!
//! Prints the seconds of the first start (decoding) and of the second (from the cache). With OUT.npy the first 200 training
//! images are written as u8 (n, C, H, W); `tests/golden/pictures_twin.py` does the same with Pillow and compares.
#![allow(clippy::print_stdout)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use gtn_data::{Images, celeba, hap, photos::Photos};
use ndarray::s;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, data_dir, cache, out @ ..] = &arguments[..] else {
        return Err("give: celeba|hap DATA_DIR CACHE [OUT.npy]".into());
    };
    let (data_dir, cache) = (Path::new(data_dir), PathBuf::from(cache));
    let mut photos = read(name, data_dir, &cache)?;
    if out.is_empty() {
        photos = read(name, data_dir, &cache)?;
        touch(&photos.images);
    }
    if let [out] = out {
        let first = photos.images.pixels();
        ndarray_npy::write_npy(out, &first.slice(s![..200.min(photos.split.train.len()), .., .., ..]))?;
    }
    Ok(())
}

fn read(name: &str, data_dir: &Path, cache: &Path) -> Result<Photos, gtn_data::Error> {
    let start = Instant::now();
    let mut progress = |_, _| ControlFlow::Continue(());
    let photos = match name {
        "hap" => hap::read(data_dir, &hap::Filter::default(), cache, &mut progress),
        _ => celeba::read(data_dir, &celeba::Filter::default(), cache, &mut progress),
    }?;
    let (count, seconds) = (photos.counts.all().chosen, start.elapsed().as_secs_f64());
    println!(
        "{name}: {count} images, cache {:?}, {seconds:.3} s, {:.0} a second",
        photos.cache,
        count as f64 / seconds
    );
    Ok(photos)
}

/// What a training loop asks of the cache.
fn touch(images: &Images) {
    let start = Instant::now();
    let indices: Vec<usize> = (0..images.len()).collect();
    let sum: f32 = indices.chunks(200).map(|batch| images.batch(batch)[[0, 0, 0, 0]]).sum();
    let seconds = start.elapsed().as_secs_f64();
    println!("{} images as batches of 200: {seconds:.3} s ({sum:.0})", images.len());
}
