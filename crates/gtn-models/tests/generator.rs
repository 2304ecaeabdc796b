//! A generator draws new samples from its random number generator, and is loaded from the weights in the repository.

use std::fs;
use std::path::Path;

use gtn_models::{
    Adam, AdamSettings, Autoencoder, AutoencoderShape, Device, Error, Generator, Mlp, MlpShape, Samples, Streams,
    purpose,
};

const SHAPE: MlpShape =
    MlpShape { input: 3, hidden_layers: 2, width: 8, output: 3, negative_slope: 0.5, batch_norm_layers: 2 };

fn generator() -> Generator {
    Generator::new(Mlp::new(&SHAPE, &Streams::new(1), &Device::Cpu).unwrap(), None, None).unwrap()
}

#[test]
fn two_calls_with_one_random_number_generator_return_different_samples() {
    let generator = generator();
    let mut rng = Streams::new(7).stream(purpose::SAMPLE, 0);
    let [first, second] = [0, 1].map(|_| generator.sample_latents(10, &mut rng).unwrap());
    assert!(first.iter().zip(&second).all(|(first, second)| first != second));
    // Both calls continue one sequence of normal vectors.
    let mut rng = Streams::new(7).stream(purpose::SAMPLE, 0);
    let both = generator.sample_source(20, &mut rng);
    assert_eq!(generator.map(both.view()).unwrap(), ndarray::concatenate![ndarray::Axis(0), first, second]);
}

#[test]
fn the_stream_of_samples_returns_the_normal_vectors_of_its_purpose() {
    let (generator, streams) = (generator(), Streams::new(7));
    let source = streams.normal("sample", 0, 600, 3);
    let stream = || streams.stream(purpose::SAMPLE, 0);
    assert_eq!(generator.sample_source(600, &mut stream()), source);
    let latents = generator.map(source.view()).unwrap();
    assert_eq!(generator.sample_latents(600, &mut stream()).unwrap(), latents);
    assert_eq!(generator.sample(600, &mut stream()).unwrap(), Samples::Points(latents));
}

#[test]
fn a_generator_of_points_neither_decodes_nor_encodes() {
    let generator = generator();
    assert!(matches!(generator.decode(ndarray::Array2::zeros((1, 3)).view()), Err(Error::NoDecoder)));
    let error = generator.encode(ndarray::Array4::zeros((1, 1, 28, 28)).view()).unwrap_err();
    assert!(error.to_string().contains("no autoencoder") && error.is_user_error(), "{error}");
}

/// The published weights.
fn weights() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../weights/mnist-d5")
}

#[test]
fn the_published_weights_sample_decode_and_encode() {
    let generator = Generator::load(weights()).unwrap();
    assert!(generator.generates_images() && generator.values_per_sample() == 784 && generator.source_dim() == 5);
    let stream = || Streams::new(1).stream(purpose::SAMPLE, 0);
    let latents = generator.sample_latents(64, &mut stream()).unwrap();
    let Samples::Images(digits) = generator.sample(64, &mut stream()).unwrap() else { panic!("digits are images") };
    assert_eq!(digits, generator.decode(latents.view()).unwrap());
    assert_eq!(digits.dim(), (64, 1, 28, 28));
    assert!(digits.iter().all(|value| (-1.0..=1.0).contains(value)));
    // The encoder recovers most of the latents that the decoder was given.
    let encoded = generator.encode(digits.view()).unwrap();
    let squared = |array: &ndarray::Array2<f32>| array.iter().map(|value| value * value).sum::<f32>();
    let mean = latents.mean_axis(ndarray::Axis(0)).unwrap();
    assert!(squared(&(&encoded - &latents)) < 0.1 * squared(&(&latents - &mean)));

    let autoencoder = Autoencoder::load(weights(), &Device::Cpu).unwrap();
    assert_eq!(autoencoder.shape(), &AutoencoderShape { channels: 1, side: 28, dim: 5 });
    assert_eq!(autoencoder.encode(digits.view()).unwrap(), encoded);
    assert_eq!(autoencoder.decode(latents.view()).unwrap(), digits);
    let other = ndarray::Array4::zeros((2, 3, 28, 28));
    let error = generator.encode(other.view()).unwrap_err().to_string();
    assert!(error.starts_with("expected images of shape (1, 28, 28), got (3, 28, 28);"), "{error}");
}

#[test]
fn under_the_repo_protocol_the_encoder_needs_the_last_checkpoint_and_sampling_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let config = fs::read_to_string(weights().join("config.toml")).unwrap();
    let config = config.replace("weights = \"best\"", "weights = \"last-encoder-best-decoder\"");
    fs::write(folder.path().join("config.toml"), config).unwrap();
    let checkpoints = folder.path().join("checkpoints");
    fs::create_dir(&checkpoints).unwrap();
    let copy = |from: &str, to: &str| fs::copy(weights().join("checkpoints").join(from), checkpoints.join(to)).unwrap();
    copy("h.best.safetensors", "h.best.safetensors");
    copy("autoencoder.best.safetensors", "autoencoder.best.safetensors");

    let generator = Generator::load(folder.path()).unwrap();
    let stream = || Streams::new(1).stream(purpose::SAMPLE, 0);
    let Samples::Images(digits) = generator.sample(2, &mut stream()).unwrap() else { panic!("digits are images") };
    let error = generator.encode(digits.view()).unwrap_err().to_string();
    assert!(error.contains("autoencoder.last.safetensors"), "{error}");
    assert!(matches!(Autoencoder::load(folder.path(), &Device::Cpu), Err(Error::NotTrained { .. })));
    let best = Autoencoder::load_best(folder.path(), &Device::Cpu).unwrap();

    copy("autoencoder.best.safetensors", "autoencoder.last.safetensors");
    let generator = Generator::load(folder.path()).unwrap();
    assert_eq!(generator.encode(digits.view()).unwrap(), best.encode(digits.view()).unwrap());
}

#[test]
fn invalid_settings_are_refused_by_name_and_value() {
    let refused = |error: Error, what: &str| {
        let message = error.to_string();
        assert!(message.starts_with(&format!("invalid {what}: ")) && error.is_user_error(), "{message}");
    };
    let h = |shape: MlpShape| Mlp::new(&shape, &Streams::new(1), &Device::Cpu).map(drop).unwrap_err();
    refused(h(MlpShape { width: 0, ..SHAPE }), "width = 0");
    refused(h(MlpShape { batch_norm_layers: 3, ..SHAPE }), "batch_norm_layers = 3");
    refused(h(MlpShape { negative_slope: f64::NAN, ..SHAPE }), "negative_slope = NaN");
    refused(AutoencoderShape { channels: 1, side: 30, dim: 5 }.check().unwrap_err(), "side = 30");
    let h = Mlp::new(&SHAPE, &Streams::new(1), &Device::Cpu).unwrap();
    let adam = |settings| Adam::new(h.parameters(), settings).map(drop).unwrap_err();
    let default = AdamSettings::default();
    refused(adam(AdamSettings { learning_rate: -1.0, ..default }), "learning_rate = -1");
    refused(adam(AdamSettings { beta2: 1.0, ..default }), "beta2 = 1");
    refused(adam(AdamSettings { eps: f64::INFINITY, ..default }), "eps = inf");
}
