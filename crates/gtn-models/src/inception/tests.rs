//! The network computes the same as pytorch-fid and torchvision. `tests/golden/make_inception.py` wrote the expected values.

use std::collections::BTreeMap;
use std::sync::Mutex;

use ndarray::{Array2, Array4, ArrayD};

use super::*;
use crate::{NamedArrays, to_array};

/// The formula of `make_inception.py`.
fn uniform(name: &str, count: usize) -> impl Iterator<Item = f64> {
    let key = name.bytes().fold(2_166_136_261_u32, |key, byte| (key ^ u32::from(byte)).wrapping_mul(16_777_619));
    (0..count).map(move |index| {
        let mut x = (index as u32).wrapping_mul(2_654_435_761).wrapping_add(key);
        x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
        x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
        f64::from(x ^ (x >> 16)) / 2_147_483_648.0 - 1.0
    })
}

fn random_weights(variant: InceptionVariant) -> NamedArrays {
    let tensor = |(name, shape): (String, Vec<usize>)| {
        let fan_in = shape.iter().skip(1).product::<usize>() as f64;
        let value = |x: f64| match name.as_str() {
            name if name.ends_with("conv.weight") || name == "fc.weight" => x * (6.0 / fan_in).sqrt(),
            name if name.ends_with("bn.weight") => 1.0 + 0.25 * x,
            name if name.ends_with("running_var") => 1.0 + 0.5 * x,
            _ => 0.25 * x,
        };
        let values = uniform(&name, shape.iter().product()).map(|x| value(x) as f32).collect();
        let array = ArrayD::from_shape_vec(shape, values).unwrap();
        (name, array)
    };
    variant.tensors().into_iter().map(tensor).collect()
}

fn images(name: &str, shape: [usize; 4]) -> Array4<f32> {
    let values = uniform(name, shape.iter().product()).map(|x| x as f32).collect();
    Array4::from_shape_vec(shape, values).unwrap()
}

fn golden() -> NamedArrays {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/inception.safetensors");
    let tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    tensors.iter().map(|(name, tensor)| (name.clone(), to_array(tensor).unwrap())).collect()
}

/// The largest error, relative to the largest expected value.
fn relative_error<'a>(found: impl IntoIterator<Item = &'a f32>, expected: &ArrayD<f32>) -> f32 {
    let found: Vec<f32> = found.into_iter().copied().collect();
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
    let error = found.iter().zip(expected).fold(0.0_f32, |max, (found, expected)| max.max((found - expected).abs()));
    assert!(scale > 0.1 && error.is_finite(), "scale {scale}, error {error}");
    error / scale
}

const TOLERANCE: f32 = 1e-5;

/// Every 997th value in the order (image, channel, y, x).
fn samples(x: &Activations) -> Vec<f32> {
    let value = |index: usize| {
        let (plane, pixel) = (x.height * x.width, index % (x.height * x.width));
        let (channel, image) = (index / plane % x.channels, index / plane / x.channels);
        x.values[(image * plane + pixel) * x.channels + channel]
    };
    (0..x.values.len()).step_by(997).map(value).collect()
}

#[test]
#[allow(clippy::print_stdout, reason = "the errors are shown with --nocapture")]
fn each_block_agrees_with_pytorch() {
    let golden = golden();
    let images = images("images", [2, 3, 64, 48]);
    for &variant in InceptionVariant::ALL {
        let network = InceptionV3::new(variant, &random_weights(variant), &Device::Cpu).unwrap();
        let Network::Host(blocks) = &network.network else { panic!("the network is on the host") };
        // The blocks of the stem see one image at a time.
        let found = Mutex::new(BTreeMap::<String, Activations>::new());
        let outputs = on_host(blocks, images.view(), |name, x| {
            let mut found = found.lock().unwrap();
            let all = found.entry(name.to_owned()).or_default();
            (all.height, all.width, all.channels) = (x.height, x.width, x.channels);
            all.values.extend_from_slice(&x.values);
        });
        let found = found.into_inner().unwrap();
        assert_eq!(found.len(), 13);
        for (block, found) in &found {
            let error = relative_error(&samples(found), &golden[&format!("{variant}.{block}")]);
            println!("{variant} {block}: {error:.1e}");
            assert!(error < TOLERANCE, "{variant} {block}: {error:.1e}");
        }
        for (output, found) in outputs {
            let error = relative_error(&found, &golden[&format!("{variant}.{output}")]);
            println!("{variant} {output}: {error:.1e}");
            assert!(error < TOLERANCE, "{variant} {output}: {error:.1e}");
        }
        let logits = network.forward(images.view(), &[InceptionOutput::Logits]).unwrap();
        let error = relative_error(&logits[0], &golden[&format!("{variant}.logits")]);
        println!("{variant} logits: {error:.1e}");
        assert!(error < TOLERANCE, "{variant} logits: {error:.1e}");
    }
}

#[test]
fn candles_operations_give_the_same() {
    let all = [InceptionOutput::Logits, InceptionOutput::Features64, InceptionOutput::Features768];
    let gray = images("gray", [1, 1, 28, 28]);
    for &variant in InceptionVariant::ALL {
        let weights = random_weights(variant);
        let fused = InceptionV3::new(variant, &weights, &Device::Cpu).unwrap();
        let candle = InceptionV3::with_ops(variant, &weights, &Device::Cpu, Ops::Candle).unwrap();
        let expected = candle.forward(gray.view(), &all).unwrap();
        for (found, expected) in fused.forward(gray.view(), &all).unwrap().iter().zip(expected) {
            let error = relative_error(found, &expected.into_dyn());
            assert!(error < TOLERANCE, "{variant}: {error:.1e}");
        }
    }
}

#[test]
fn an_image_has_the_same_features_in_any_batch() {
    let weights = random_weights(InceptionVariant::Fid);
    let network = InceptionV3::new(InceptionVariant::Fid, &weights, &Device::Cpu).unwrap();
    let images = images("batch", [7, 3, 8, 8]);
    let output = [InceptionOutput::Features192];
    let together: Array2<f32> = network.forward(images.view(), &output).unwrap().remove(0);
    for (index, image) in images.axis_chunks_iter(Axis(0), 1).enumerate() {
        let alone = network.forward(image, &output).unwrap().remove(0);
        assert!(relative_error(alone.row(0), &together.row(index).to_owned().into_dyn()) < 1e-6);
    }
    let none = network.forward(images.slice(ndarray::s![..0, .., .., ..]), &output).unwrap();
    assert_eq!(none[0].dim(), (0, 192));
}

#[test]
fn folded_and_partial_weights_give_what_they_suffice_for() {
    let variant = InceptionVariant::Fid;
    let plain = random_weights(variant);
    let read = Weights::read(variant, &plain).unwrap();
    let mut folded = NamedArrays::new();
    for block in &read.blocks {
        architecture::for_each_convolution(&block.layers, &mut |convolution: &weights::Folded| {
            let name = &convolution.shape.name;
            folded.insert(format!("{name}.weight"), convolution.weight.clone());
            folded.insert(format!("{name}.bias"), ndarray::arr1(&convolution.bias).into_dyn());
        });
    }
    folded.remove("Mixed_7b.branch3x3dbl_2.weight");
    let partial = InceptionV3::new(variant, &folded, &Device::Cpu).unwrap();
    let complete = InceptionV3::new(variant, &plain, &Device::Cpu).unwrap();
    let images = images("partial", [1, 3, 16, 16]);
    let output = [InceptionOutput::Features768];
    assert_eq!(partial.forward(images.view(), &output).unwrap(), complete.forward(images.view(), &output).unwrap());
    assert_eq!(partial.missing(InceptionOutput::Features2048), ["Mixed_7b.branch3x3dbl_2.weight"]);
    let missing = ["Mixed_7b.branch3x3dbl_2.weight", "fc.weight", "fc.bias"];
    assert_eq!(partial.missing(InceptionOutput::Logits), missing);
    let error = partial.forward(images.view(), &[InceptionOutput::Logits]).unwrap_err().to_string();
    assert!(error.contains("`Mixed_7b.branch3x3dbl_2.weight`, `fc.weight`, `fc.bias` are missing"), "{error}");
    assert!(complete.missing(InceptionOutput::Logits).is_empty());
}

#[test]
fn weights_that_do_not_fit_are_errors() {
    let variant = InceptionVariant::Fid;
    let fails = |change: &dyn Fn(&mut NamedArrays), expected: &str| {
        let mut weights = random_weights(variant);
        change(&mut weights);
        let error = InceptionV3::new(variant, &weights, &Device::Cpu).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    let put = |name: &'static str, shape: &'static [usize], value: f32| {
        move |weights: &mut NamedArrays| {
            weights.insert(name.to_owned(), ArrayD::from_elem(shape, value));
        }
    };
    fails(&put("fc.bias", &[1000], 0.0), "`fc.bias` has shape [1000], but the network needs [1008]");
    fails(&put("conv1.weight", &[1], 0.0), "unexpected tensor `conv1.weight`");
    fails(&put("Conv2d_1a_3x3.bn.bias", &[32], f32::NAN), "`Conv2d_1a_3x3.bn.bias` contains NaN");
    fails(&put("Conv2d_1a_3x3.bn.running_var", &[32], -1.0), "`Conv2d_1a_3x3.bn.running_var` contains a value");

    let network = InceptionV3::new(variant, &random_weights(variant), &Device::Cpu).unwrap();
    let rgba = Array4::zeros((1, 4, 8, 8));
    let error = network.forward(rgba.view(), &[InceptionOutput::Features64]).unwrap_err().to_string();
    assert!(error.contains("got (4, 8, 8)"), "{error}");
}
