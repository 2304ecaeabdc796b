//! Writes what PyTorch needs to repeat the training of an MNIST run: the initial weights, the split, and the order of every
//! epoch. `tests/golden/mnist_twin.py` reads it.
//!
//!     cargo run --release -p gtn-tests --example twin -- RUN TWIN.safetensors

use std::path::Path;

use gtn_data::split::{permutation, shuffled};
use gtn_models::{Autoencoder, AutoencoderShape, Device, Mlp, MlpShape, NamedArrays, Streams};
use gtn_run::config::Data;
use gtn_run::{Artifact, Fingerprint, RunFolder};
use ndarray::Array1;

const MNIST: usize = 60_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, out] = arguments.as_slice() else { return Err("give a run and the file to write".into()) };
    let config = RunFolder::at(run).record()?.config;
    let (Data::Mnist(images), Some(autoencoder)) = (&config.data, &config.autoencoder) else {
        return Err("only an MNIST run has this twin".into());
    };
    if images.limit.is_some() {
        return Err("the twin takes all images; give a run without --limit".into());
    }
    let streams = Streams::new(config.seed);
    let mut twin = Artifact::new(Fingerprint::of("twin", &[]));
    let insert = |twin: &mut Artifact, prefix: &str, weights: NamedArrays| {
        weights.into_iter().for_each(|(name, array)| twin.insert_f32(format!("{prefix}.{name}"), array));
    };
    let shape = AutoencoderShape { channels: 1, side: 28, dim: config.dim };
    insert(&mut twin, "autoencoder", Autoencoder::new(&shape, &streams, &Device::Cpu)?.parameters().snapshot()?);
    let h = &config.h;
    let shape = MlpShape {
        input: config.dim,
        hidden_layers: h.hidden_layers,
        width: h.width,
        output: config.dim,
        slope: h.slope,
        batch_norm_layers: h.batch_norm_layers,
    };
    insert(&mut twin, "h", Mlp::new(&shape, &streams, &Device::Cpu)?.parameters().snapshot()?);

    let indices = |rows: Vec<usize>| rows.into_iter().map(|row| row as u64).collect::<Array1<u64>>().into_dyn();
    let split = shuffled(MNIST, images.train_share, streams.stream("split", 0));
    let training = split.train.len();
    twin.insert_u64("split.train", indices(split.train));
    twin.insert_u64("split.validation", indices(split.validation));
    for (network, epochs) in [("autoencoder", autoencoder.training.epochs), ("h", h.training.epochs)] {
        for epoch in 1..=epochs {
            let order = permutation(training, streams.stream(&format!("shuffle/{network}"), epoch as u64));
            twin.insert_u64(format!("order.{network}.{epoch}"), indices(order));
        }
    }
    twin.write(Path::new(out))?;
    Ok(())
}
