//! What must never change: purposes of random streams, the streams themselves, and names of parameters.
//!
//! If a test here fails, do not edit the expected values. Undo the change instead: old runs can only be resumed and reproduced
//! if streams and names stay as they are.

use gtn_models::{Autoencoder, AutoencoderShape, Device, Mlp, MlpShape, ResidualMlp, ResidualShape, Streams, purpose};
use rand::Rng;

#[test]
fn purposes_are_frozen() {
    let frozen = [
        (purpose::SAMPLE, "sample"),
        (purpose::DIMENSION_BOOTSTRAP, "dimension/bootstrap"),
        (purpose::SPLIT, "split"),
        (purpose::LIMIT, "limit"),
        (purpose::LIMIT_TEST, "limit/test"),
        (purpose::LIMIT_TRAIN, "limit/train"),
        (purpose::LIMIT_VALIDATION, "limit/validation"),
        (purpose::SHOWN, "shown"),
        (purpose::REAL, "real"),
        (purpose::INTERPOLATION_ENDPOINTS, "ways"),
        (purpose::ENERGY, "energy"),
        (purpose::DIRECTIONS, "directions"),
        (purpose::GAUSSIAN, "gaussian"),
        (purpose::MIXTURE, "mixture"),
        (purpose::MIXTURE_CHOICE, "mixture/choice"),
        (purpose::MIXTURE_SAMPLE, "mixture/sample"),
        (purpose::FRESH_SOURCE, "source/fresh"),
        (purpose::FRESH_COMPONENT, "component/fresh"),
        (purpose::COMPONENTS, "components"),
        (purpose::SAMPLE_METRIC_COMPONENT, "sample-metric/component"),
        (purpose::SAMPLE_METRIC_DIRECTIONS, "sample-metric/directions"),
        (purpose::SHOWN_COMPONENT, "shown/component"),
        (purpose::INTERPOLATION_COMPONENTS, "ways/component"),
        (purpose::VAE_NOISE, "vae/noise"),
        (purpose::VAE_VALIDATION_NOISE, "vae/noise/validation"),
        (purpose::VAE_SAMPLE, "vae/sample"),
        (purpose::PAIRS, "pairs"),
        (purpose::PAIRS_FROM, "pairs/from"),
        (purpose::PAIRS_TO, "pairs/to"),
        (purpose::SAMPLE_COMPONENTS, "sample/component"),
        (purpose::INTERPOLATE, "interpolate"),
        (purpose::INTERPOLATE_COMPONENTS, "interpolate/component"),
        (purpose::EVALUATE_SPLIT, "evaluate/split"),
        (purpose::EVALUATE_GENERATED, "evaluate/generated"),
        (purpose::EVALUATE_DIRECTIONS, "evaluate/directions"),
        (purpose::EVALUATE_SUBSETS, "evaluate/subsets"),
        (purpose::DECODER_NOISE, "decoder/noise"),
    ];
    for (purpose, literal) in frozen {
        assert_eq!(purpose, literal);
    }
    assert_eq!(purpose::init("output.weight"), "init/output.weight");
    assert_eq!(purpose::init_in("flow", "output.weight"), "init/flow/output.weight");
    assert_eq!(purpose::data("train"), "data/train");
    assert_eq!(purpose::source("validation"), "source/validation");
    assert_eq!(purpose::shuffle("h"), "shuffle/h");
    assert_eq!(purpose::flow_noise("train"), "flow/noise/train");
    assert_eq!(purpose::flow_time("validation"), "flow/time/validation");
    assert_eq!(purpose::sample_metric("validation"), "sample-metric/validation");
}

#[test]
fn streams_are_frozen() {
    let frozen = [
        (0, "sample", 0, 0x230e_76bf_6eb4_7918_u64),
        (1, "sample", 0, 0x1837_37ba_071f_a590),
        (1, "sample", 1, 0xec53_4048_5461_4aa6),
        (1, "init/output.weight", 0, 0xb446_9b89_e58d_e219),
        (1, "shuffle/h", 1, 0x2e88_99d2_049b_7588),
        (1, "ways", 0, 0x07b0_9efb_e3ad_7fdd),
        (u64::MAX, "split", 0, 0x1231_2673_e27c_4dc8),
    ];
    for (seed, purpose, index, expected) in frozen {
        let first: u64 = Streams::new(seed).stream(purpose, index).random();
        assert_eq!(first, expected, "seed {seed}, purpose {purpose}, index {index}");
    }
}

#[test]
fn normal_values_are_frozen() {
    let values = Streams::new(1).normal("sample", 0, 2, 2);
    assert_eq!(
        values.mapv(f32::to_bits).into_raw_vec_and_offset().0,
        [0xbf94_2fa8_u32, 0x3fb0_38b7, 0x3f78_7ddd, 0x3fa0_bf7d]
    );
}

#[test]
fn parameter_names_of_the_autoencoder_are_frozen() {
    let shape = AutoencoderShape { channels: 1, side: 4, dim: 2 };
    let autoencoder = Autoencoder::new(&shape, &Streams::new(1), &Device::Cpu).unwrap();
    let names: Vec<String> = autoencoder.parameters().state_dict().unwrap().into_keys().collect();
    let frozen = [
        "decoder.deconv1.bias",
        "decoder.deconv1.weight",
        "decoder.deconv2.bias",
        "decoder.deconv2.weight",
        "decoder.linear.bias",
        "decoder.linear.weight",
        "encoder.conv1.bias",
        "encoder.conv1.weight",
        "encoder.conv2.bias",
        "encoder.conv2.weight",
        "encoder.linear.bias",
        "encoder.linear.weight",
    ];
    assert_eq!(names, frozen);
}

#[test]
fn parameter_names_of_h_are_frozen() {
    let names = |batch_norm_layers| -> Vec<String> {
        let shape =
            MlpShape { input: 2, hidden_layers: 2, width: 3, output: 2, negative_slope: 0.5, batch_norm_layers };
        let h = Mlp::new(&shape, &Streams::new(1), &Device::Cpu).unwrap();
        h.parameters().state_dict().unwrap().into_keys().collect()
    };
    let without_batch_norm = [
        "hidden.000.linear.bias",
        "hidden.000.linear.weight",
        "hidden.001.linear.bias",
        "hidden.001.linear.weight",
        "output.bias",
        "output.weight",
    ];
    assert_eq!(names(0), without_batch_norm);
    let with_batch_norm = [
        "hidden.000.linear.bias",
        "hidden.000.linear.weight",
        "hidden.000.norm.bias",
        "hidden.000.norm.running_mean",
        "hidden.000.norm.running_var",
        "hidden.000.norm.weight",
        "hidden.001.linear.bias",
        "hidden.001.linear.weight",
        "hidden.001.norm.bias",
        "hidden.001.norm.running_mean",
        "hidden.001.norm.running_var",
        "hidden.001.norm.weight",
        "output.bias",
        "output.weight",
    ];
    assert_eq!(names(2), with_batch_norm);
}

#[test]
fn parameter_names_of_the_residual_network_are_frozen() {
    let shape = ResidualShape { dim: 2, condition: 1, width: 3, blocks: 1, adds_input: true };
    let network = ResidualMlp::new(&shape, "flow", &Streams::new(1), &Device::Cpu).unwrap();
    let names: Vec<String> = network.parameters().state_dict().unwrap().into_keys().collect();
    let frozen = [
        "block.000.linear1.bias",
        "block.000.linear1.weight",
        "block.000.linear2.bias",
        "block.000.linear2.weight",
        "block.000.norm.bias",
        "block.000.norm.weight",
        "input.bias",
        "input.weight",
        "norm.bias",
        "norm.weight",
        "output.bias",
        "output.weight",
    ];
    assert_eq!(names, frozen);
}
