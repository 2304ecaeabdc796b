//! Loads CelebA or 11K Hands, and measures how long it takes.
//!
//!     cargo run --release -p gtn-data --example load_images -- celeba|hap DATA_DIR CACHE [OUT.npy]
//!
//! Prints the seconds of the first load (decoding) and of the second (from the cache). With OUT.npy, the first 200
//! training images are written as u8 (n, C, H, W); `tests/golden/images_reference.py` does the same with Pillow and
//! compares.
#![allow(clippy::print_stdout)]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use gtn_data::{Images, celeba, hap, image_set::ImageSet};
use ndarray::s;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, data_dir, cache, out @ ..] = &arguments[..] else {
        return Err("usage: load_images celeba|hap DATA_DIR CACHE [OUT.npy]".into());
    };
    let (data_dir, cache) = (Path::new(data_dir), PathBuf::from(cache));
    let mut image_set = read(name, data_dir, &cache)?;
    if out.is_empty() {
        image_set = read(name, data_dir, &cache)?;
        read_all_batches(&image_set.images);
    }
    if let [out] = out {
        let pixels = image_set.images.pixels();
        ndarray_npy::write_npy(out, &pixels.slice(s![..200.min(image_set.split.train.len()), .., .., ..]))?;
    }
    Ok(())
}

fn read(name: &str, data_dir: &Path, cache: &Path) -> Result<ImageSet, gtn_data::Error> {
    let start = Instant::now();
    let mut progress = |_, _| ControlFlow::Continue(());
    let image_set = match name {
        "hap" => hap::read(data_dir, &hap::Filter::default(), cache, &mut progress),
        _ => celeba::read(data_dir, &celeba::Filter::default(), cache, &mut progress),
    }?;
    let (count, seconds) = (image_set.counts.total().selected, start.elapsed().as_secs_f64());
    println!(
        "{name}: {count} images, cache {:?}, {seconds:.3} s, {:.0} images per second",
        image_set.cache,
        count as f64 / seconds
    );
    Ok(image_set)
}

/// Reads all images in batches, as a training loop does.
fn read_all_batches(images: &Images) {
    let start = Instant::now();
    let indices: Vec<usize> = (0..images.len()).collect();
    let sum: f32 = indices.chunks(200).map(|batch| images.batch(batch)[[0, 0, 0, 0]]).sum();
    let seconds = start.elapsed().as_secs_f64();
    println!("{} images in batches of 200: {seconds:.3} s ({sum:.0})", images.len());
}
