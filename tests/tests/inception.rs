//! InceptionV3 with real weights computes the same features as pytorch-fid. `tests/golden/make_inception.py --folded` wrote the
//! expected values. The networks with random weights, block by block, are compared in gtn-models.

use gtn_models::{Device, InceptionOutput, InceptionV3, InceptionVariant, to_array};
use ndarray::Array4;

/// The formula of `make_inception.py`.
fn images(name: &str, shape: (usize, usize, usize, usize)) -> Array4<f32> {
    let key = name.bytes().fold(2_166_136_261_u32, |key, byte| (key ^ u32::from(byte)).wrapping_mul(16_777_619));
    let mut index = 0_u32;
    Array4::from_shape_simple_fn(shape, || {
        let mut x = index.wrapping_mul(2_654_435_761).wrapping_add(key);
        x = (x ^ (x >> 16)).wrapping_mul(0x85EB_CA6B);
        x = (x ^ (x >> 13)).wrapping_mul(0xC2B2_AE35);
        index += 1;
        (f64::from(x ^ (x >> 16)) / 2_147_483_648.0 - 1.0) as f32
    })
}

#[test]
fn features_of_real_weights_agree_with_pytorch_fid() {
    let Some(weights) = gtn_tests::inception_weights("features_of_real_weights_agree_with_pytorch_fid") else { return };
    let network = InceptionV3::load(weights, InceptionVariant::Fid, &Device::Cpu).unwrap();
    let path = gtn_tests::workspace().join("tests/golden/inception_folded.safetensors");
    let golden = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let outputs = [InceptionOutput::Features64, InceptionOutput::Features192, InceptionOutput::Features768];
    let found = network.forward(images("images", (2, 3, 64, 48)).view(), &outputs).unwrap();
    for (output, found) in outputs.into_iter().zip(found) {
        let expected = to_array(&golden[output.name()]).unwrap();
        assert_eq!(found.shape(), expected.shape());
        let scale = expected.iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
        let error =
            found.iter().zip(&expected).fold(0.0_f32, |max, (found, expected)| max.max((found - expected).abs()));
        assert!(scale > 0.1 && error < 1e-5 * scale, "{output}: {error:e} of {scale}");
    }
}
