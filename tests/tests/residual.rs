//! Residual networks, AdamW and averaged weights compute the same as PyTorch. `tests/golden/make_residual.py` wrote the
//! expected values.

use gtn_models::candle_core::Var;
use gtn_models::{
    Adam, AdamSettings, AveragedWeights, Device, Mode, NamedArrays, ResidualMlp, ResidualShape, Streams,
    mean_squared_error, to_array, to_tensor,
};
use ndarray::ArrayD;

/// Arrays whose names start with `prefix`, without it.
fn with_prefix(golden: &NamedArrays, prefix: &str) -> NamedArrays {
    let rest = |(name, array): (&String, &ArrayD<f32>)| Some((name.strip_prefix(prefix)?.to_owned(), array.clone()));
    golden.iter().filter_map(rest).collect()
}

#[track_caller]
fn assert_close(found: &ArrayD<f32>, expected: &ArrayD<f32>, tolerance: f32, what: &str) {
    assert_eq!(found.shape(), expected.shape(), "{what}");
    let scale = expected.iter().fold(0.0_f32, |scale, value| scale.max(value.abs()));
    for ((index, found), expected) in found.indexed_iter().zip(expected) {
        let error = (found - expected).abs();
        assert!(error <= tolerance * scale, "{what} at {index:?}: {found} instead of {expected} (scale {scale})");
    }
}

#[track_caller]
fn assert_all_close(found: &NamedArrays, expected: &NamedArrays, tolerance: f32, what: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{what}");
    for (name, expected) in expected {
        assert_close(&found[name], expected, tolerance, &format!("{what} of {name}"));
    }
}

#[test]
fn residual_networks_agree_with_pytorch() {
    let path = gtn_tests::workspace().join("tests/golden/residual.safetensors");
    let tensors = gtn_models::candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let golden: NamedArrays = tensors.iter().map(|(name, tensor)| (name.clone(), to_array(tensor).unwrap())).collect();
    let shape = |dim, condition, width, blocks, adds_input| ResidualShape { dim, condition, width, blocks, adds_input };
    for (case, shape) in [
        ("velocity", shape(3, 2, 40, 2, false)),
        ("velocity-only", shape(2, 0, 7, 1, false)),
        ("h", shape(3, 0, 8, 2, true)),
        ("h-of-components", shape(2, 3, 9, 1, true)),
    ] {
        let of_case = |part: &str| with_prefix(&golden, &format!("{case}.{part}."));
        let one = |part: &str| &golden[&format!("{case}.{part}")];
        let network = ResidualMlp::new(&shape, "h", &Streams::new(1), &Device::Cpu).unwrap();
        let parameters = network.parameters();
        parameters.load_state_dict(&of_case("weights")).unwrap();
        let input = Var::from_tensor(&to_tensor(one("input").view(), &Device::Cpu).unwrap()).unwrap();
        let target = to_tensor(one("target").view(), &Device::Cpu).unwrap();

        let loss = || mean_squared_error(&network.forward(&input, Mode::Train).unwrap(), &target).unwrap();
        for mode in [Mode::Train, Mode::Evaluate] {
            let output = to_array(&network.forward(&input, mode).unwrap()).unwrap();
            assert_close(&output, one("output"), 2e-6, &format!("{case}: output"));
        }
        let store = loss().backward().unwrap();
        let input_gradient = to_array(store.get(&input).unwrap()).unwrap();
        assert_close(&input_gradient, one("input_gradient"), 1e-5, &format!("{case}: gradient of the input"));
        let gradients = parameters.gradients(&loss()).unwrap();
        assert_all_close(&gradients, &of_case("gradients"), 1e-5, &format!("{case}: gradient"));

        let settings = AdamSettings {
            learning_rate: 1e-2,
            beta2: 0.99,
            weight_decay: 0.1,
            decoupled: true,
            ..AdamSettings::default()
        };
        let mut adam = Adam::new(parameters, settings).unwrap();
        let mut averages = AveragedWeights::new(parameters).unwrap();
        for _ in 0..3 {
            adam.backward_step(parameters, &loss()).unwrap();
            averages.update(parameters, 0.9).unwrap();
        }
        assert_all_close(
            &parameters.state_dict().unwrap(),
            &of_case("after"),
            1e-5,
            &format!("{case}: trained weights"),
        );
        assert_all_close(&averages.state_dict().unwrap(), &of_case("averages"), 1e-5, &format!("{case}: averages"));
        let output = to_array(&network.forward(&input, Mode::Evaluate).unwrap()).unwrap();
        assert_close(&output, one("output_after"), 1e-5, &format!("{case}: output of the trained network"));
    }
}
