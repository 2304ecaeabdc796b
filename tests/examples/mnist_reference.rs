//! Writes what PyTorch needs to repeat the training of an MNIST run: the initial weights, the split, and the order of the
//! training images in every epoch. `tests/golden/mnist_reference.py` reads it.
//!
//!     cargo run --release -p gtn-tests --example mnist_reference -- RUN REFERENCE.safetensors

use std::collections::BTreeMap;
use std::path::Path;

use gtn_data::split::{permutation, random_split};
use gtn_models::{Autoencoder, AutoencoderShape, Device, Mlp, MlpShape, NamedArrays, Streams, purpose};
use gtn_run::config::{Data, ImageSource};
use gtn_run::{Network, RunFolder};
use safetensors::tensor::{Dtype, TensorView};

/// Training images of MNIST.
const MNIST: usize = 60_000;

/// Tensors by name: element type, shape, and values in little-endian order.
type Tensors = BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, out] = arguments.as_slice() else { return Err("pass a run and the file to write".into()) };
    let config = RunFolder::at(run).record()?.config;
    let (Data::Images(ImageSource::Mnist(images)), Some(autoencoder)) = (&config.data, &config.autoencoder) else {
        return Err("this is not a run on MNIST; pass one".into());
    };
    if images.limit.is_some() {
        return Err("the run does not use all images; pass a run without --limit".into());
    }
    let streams = Streams::new(config.seed);
    let mut tensors = Tensors::new();
    let shape = AutoencoderShape { channels: 1, side: 28, dim: config.dim };
    let weights = Autoencoder::new(&shape, &streams, &Device::Cpu)?.parameters().state_dict()?;
    insert_weights(&mut tensors, Network::Autoencoder, weights);
    let h = &config.h;
    let shape = MlpShape {
        input: config.dim,
        hidden_layers: h.hidden_layers,
        width: h.width,
        output: config.dim,
        negative_slope: h.negative_slope,
        batch_norm_layers: h.batch_norm_layers,
    };
    let weights = Mlp::new(&shape, &streams, &Device::Cpu)?.parameters().state_dict()?;
    insert_weights(&mut tensors, Network::H, weights);

    let split = random_split(MNIST, images.train_fraction, streams.stream(purpose::SPLIT, 0));
    let training = split.train.len();
    insert_rows(&mut tensors, "split.train".to_owned(), &split.train);
    insert_rows(&mut tensors, "split.validation".to_owned(), &split.validation);
    for (network, epochs) in [(Network::Autoencoder, autoencoder.training.epochs), (Network::H, h.training.epochs)] {
        for epoch in 1..=epochs {
            let order = permutation(training, streams.stream(&purpose::shuffle(network.name()), epoch as u64));
            insert_rows(&mut tensors, format!("order.{network}.{epoch}"), &order);
        }
    }
    let views = tensors.iter().map(|(name, (dtype, shape, bytes))| {
        Ok::<_, safetensors::SafeTensorError>((name, TensorView::new(*dtype, shape.clone(), bytes)?))
    });
    safetensors::serialize_to_file(views.collect::<Result<Vec<_>, _>>()?, None, Path::new(out))?;
    Ok(())
}

fn insert_weights(tensors: &mut Tensors, network: Network, weights: NamedArrays) {
    for (name, array) in weights {
        let bytes = array.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.insert(format!("{network}.{name}"), (Dtype::F32, array.shape().to_vec(), bytes));
    }
}

fn insert_rows(tensors: &mut Tensors, name: String, rows: &[usize]) {
    let bytes = rows.iter().flat_map(|&row| (row as u64).to_le_bytes()).collect();
    tensors.insert(name, (Dtype::U64, vec![rows.len()], bytes));
}
