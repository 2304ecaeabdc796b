//! Loads a trained generator, samples 64 images, and writes them as a grid into a PNG file:
//!
//!     cargo run --release -p gtn-models --example sample_to_png -- [MODEL [OUT.png]]
//!
//! MODEL is the folder of a run or of weights, or a model file; without it, the digits of `weights/mnist-d5`.
#![allow(clippy::print_stdout)]

use std::path::PathBuf;

use gtn_models::rand::SeedableRng;
use gtn_models::{ChaCha8Rng, Generator, Samples};
use gtn_report::grid::grid;

const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../weights/mnist-d5");

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let model = arguments.next().unwrap_or_else(|| DIGITS.into());
    let out = arguments.next().unwrap_or_else(|| std::env::temp_dir().join("samples.png"));

    let generator = Generator::load(&model)?;
    let mut rng = ChaCha8Rng::seed_from_u64(1); // or any other random number generator
    let Samples::Images(images) = generator.sample(64, &mut rng)? else {
        return Err(format!("'{}' generates vectors; pass a model of images", model.display()).into());
    };
    let (n, channels, height, width) = images.dim(); // f32 values between -1 and 1
    println!("{n} images of {channels} × {height} × {width}");

    let raster = grid(images.view(), 8)?; // 8 columns
    std::fs::write(&out, raster.upscaled(2)?.to_png()?)?;
    println!("{}", out.display());
    Ok(())
}
