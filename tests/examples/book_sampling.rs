//! Generates digits with the weights in this repository. A program of the book (docs/book); run it from the root of the workspace.
//!
//!     cargo run --release -p gtn-tests --example book_sampling
#![allow(clippy::print_stdout)]

use std::error::Error;

// ANCHOR: use
use gtn_models::rand::SeedableRng;
use gtn_models::{ChaCha8Rng, Generator, Samples, Sampling};
// ANCHOR_END: use

fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: sample
    let generator = Generator::load("weights/mnist-d5")?;
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let samples = generator.sample(16, &mut rng)?;
    let Samples::Images(digits) = samples else { return Err("the model has no decoder".into()) };
    assert_eq!(digits.dim(), (16, 1, 28, 28)); // values from -1 to 1
    // ANCHOR_END: sample

    // ANCHOR: steps
    // One component of the source, closer to its center, in two steps.
    let sampling = Sampling::default().with_component(Some(3)).with_temperature(0.8);
    let latents = generator.sample_latents_by(16, &sampling, &mut rng)?; // (16, 5)
    let images = generator.decode(latents.view())?; // (16, 1, 28, 28)
    // The encoder is not the exact inverse of the decoder: it finds latents nearby.
    let encoded = generator.encode(images.view())?; // (16, 5)
    // ANCHOR_END: steps
    assert_eq!(encoded.dim(), latents.dim());
    let difference = (&encoded - &latents).mapv(f32::abs).mean().unwrap_or_default();
    println!("16 digits of 28 × 28; encoding decoded latents changes them by {difference:.3} on average");
    Ok(())
}
