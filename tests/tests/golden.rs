//! The networks compute the same as PyTorch. `tests/golden/make_golden.py` wrote the expected values.

use gtn_models::{
    Adam, AdamSettings, Autoencoder, AutoencoderShape, Device, Mlp, MlpShape, Mode, NamedArrays, Parameters, Streams,
    Tensor, mean_squared_error, to_array,
};
use ndarray::ArrayD;

fn golden() -> NamedArrays {
    let path = gtn_tests::workspace().join("tests/golden/networks.safetensors");
    let tensors = gtn_models::candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    tensors.iter().map(|(name, tensor)| (name.clone(), to_array(tensor).unwrap())).collect()
}

/// The formula of `make_golden.py`, with the same bits.
fn test_values(shape: &[usize], key: u64, bound: f32) -> ArrayD<f32> {
    let value = |index: usize| {
        let mut h = (index as u64 + key * 1_000_003).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        h ^= h >> 29;
        h = h.wrapping_mul(0xBF58_476D_1CE4_E5B9);
        ((h >> 40) as f32 / 16_777_216.0 * 2.0 - 1.0) * bound
    };
    ArrayD::from_shape_vec(shape.to_vec(), (0..shape.iter().product()).map(value).collect()).unwrap()
}

fn tensor(shape: &[usize], key: u64, bound: f32) -> Tensor {
    gtn_models::to_tensor(test_values(shape, key, bound).view(), &Device::Cpu).unwrap()
}

/// The same as `fill` in `make_golden.py`: weights in [-0.25, 0.25), biases in [-`bias`, `bias`).
fn fill(parameters: &Parameters, bias: f32) {
    let mut arrays = parameters.state_dict().unwrap();
    for (key, (name, var)) in parameters.trainable().enumerate() {
        let bound = if name.ends_with("bias") { bias } else { 0.25 };
        arrays.insert(name.to_owned(), test_values(var.dims(), key as u64 + 1, bound));
    }
    parameters.load_state_dict(&arrays).unwrap();
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= tolerance * scale, "at {index}: {found} instead of {expected} (scale {scale})");
    }
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

fn scalar(tensor: &Tensor) -> f32 {
    tensor.to_scalar().unwrap()
}

#[test]
fn h_agrees_with_pytorch() {
    let golden = golden();
    let expected = |name: &str| golden[name].as_slice().unwrap();
    let shape = MlpShape { input: 3, hidden_layers: 4, width: 8, output: 2, negative_slope: 0.5, batch_norm_layers: 3 };
    let h = Mlp::new(&shape, &Streams::new(1), &Device::Cpu).unwrap();
    fill(h.parameters(), 0.02);
    let batches: Vec<Tensor> = (0..4).map(|k| tensor(&[16, 3], 100 + k, 2.0)).collect();
    let targets: Vec<Tensor> = (0..4).map(|k| tensor(&[16, 2], 200 + k, 2.0)).collect();

    // Three forward passes in training mode, the running statistics after them, then evaluation mode.
    assert_close(&values(&h.forward(&batches[0], Mode::Train).unwrap()), expected("mlp.train"), 1e-5);
    h.forward(&batches[1], Mode::Train).unwrap();
    h.forward(&batches[2], Mode::Train).unwrap();
    let snapshot = h.parameters().state_dict().unwrap();
    for k in 0..3 {
        for statistic in ["running_mean", "running_var"] {
            let found = snapshot[&format!("hidden.{k:03}.norm.{statistic}")].as_slice().unwrap();
            assert_close(found, expected(&format!("mlp.{statistic}.{k}")), 1e-5);
        }
    }
    assert_close(&values(&h.forward(&batches[3], Mode::Evaluate).unwrap()), expected("mlp.evaluate"), 1e-5);

    let mut adam = Adam::new(h.parameters(), AdamSettings::default()).unwrap();
    let mut losses = Vec::new();
    for step in 0..100 {
        let output = h.forward(&batches[step % 4], Mode::Train).unwrap();
        let loss = mean_squared_error(&output, &targets[step % 4]).unwrap();
        adam.step(h.parameters(), &loss.backward().unwrap()).unwrap();
        losses.push(scalar(&loss));
    }
    assert_close(&losses, expected("mlp.losses"), 1e-4);
    let snapshot = h.parameters().state_dict().unwrap();
    let names = (0..4)
        .flat_map(|k| {
            [
                (format!("hidden.{k:03}.linear"), format!("linears.{k}")),
                (format!("hidden.{k:03}.norm"), format!("norms.{k}")),
            ]
        })
        .chain([("output".to_owned(), "output".to_owned())]);
    for (ours, theirs) in names {
        for part in ["weight", "bias"] {
            // The last hidden layer has no normalization.
            if let Some(found) = snapshot.get(&format!("{ours}.{part}")) {
                assert_close(found.as_slice().unwrap(), expected(&format!("mlp.weights.{theirs}.{part}")), 1e-4);
            }
        }
    }
    assert_close(&values(&h.forward(&batches[3], Mode::Evaluate).unwrap()), expected("mlp.after"), 1e-4);
}

#[test]
fn the_autoencoder_agrees_with_pytorch() {
    let golden = golden();
    let expected = |name: &str| golden[name].as_slice().unwrap();
    let shape = AutoencoderShape { channels: 1, side: 8, dim: 3 };
    let autoencoder = Autoencoder::new(&shape, &Streams::new(1), &Device::Cpu).unwrap();
    fill(autoencoder.parameters(), 0.25);
    let images: Vec<Tensor> = (0..2).map(|k| tensor(&[6, 1, 8, 8], 300 + k, 1.0)).collect();
    let latents = autoencoder.encoder().forward(&images[0]).unwrap();
    assert_close(&values(&latents), expected("autoencoder.latents"), 1e-5);
    assert_close(&values(&autoencoder.reconstruct(&images[0]).unwrap()), expected("autoencoder.images"), 1e-5);

    let settings = AdamSettings { learning_rate: 1e-4, weight_decay: 1e-2, ..AdamSettings::default() };
    let mut adam = Adam::new(autoencoder.parameters(), settings).unwrap();
    let mut losses = Vec::new();
    for step in 0..100 {
        let x = &images[step % 2];
        let loss = mean_squared_error(&autoencoder.reconstruct(x).unwrap(), x).unwrap();
        let gradients = loss.backward().unwrap();
        if step == 0 {
            let layers = [
                ("encoder.conv1", "0.0"),
                ("encoder.conv2", "0.2"),
                ("encoder.linear", "0.5"),
                ("decoder.linear", "1.0"),
                ("decoder.deconv1", "1.2"),
                ("decoder.deconv2", "1.4"),
            ];
            for (name, weight) in autoencoder.parameters().trainable() {
                let (layer, part) = name.rsplit_once('.').unwrap();
                let theirs = layers.iter().find(|(ours, _)| *ours == layer).unwrap().1;
                let norm = values(gradients.get(weight).unwrap()).iter().map(|g| g * g).sum::<f32>().sqrt();
                assert_close(&[norm], expected(&format!("autoencoder.gradient_norm.{theirs}.{part}")), 1e-4);
            }
        }
        adam.step(autoencoder.parameters(), &gradients).unwrap();
        losses.push(scalar(&loss));
    }
    assert_close(&losses, expected("autoencoder.losses"), 1e-4);
    assert_close(&values(&autoencoder.reconstruct(&images[0]).unwrap()), expected("autoencoder.after"), 1e-4);
}
