//! Compares the fused operations with Candle's, with finite differences in f64, and with themselves on different numbers of
//! threads.

mod exact;
mod residual;

use candle_core::Var;
use gtn_models::{
    Adam, AdamSettings, Autoencoder, AutoencoderShape, Device, Error, ImageLoss, Mlp, MlpShape, Mode, NamedArrays, Ops,
    Parameters, Streams, Tensor, mean_squared_error, to_array2, to_array4, to_tensor,
};
use ndarray::ArrayD;
use proptest::prelude::*;

fn to_cpu(array: &ArrayD<f32>) -> Tensor {
    to_tensor(array.view(), &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// An array of normal values.
fn normal_array(shape: &[usize], seed: u64) -> ArrayD<f32> {
    let values = Streams::new(seed).normal("test", 0, 1, shape.iter().product());
    values.into_shape_with_order(shape.to_vec()).unwrap()
}

/// Perturbs all parameters and buffers, so that no bias, scale or statistic is still at its initial value of 0 or 1.
fn perturb(parameters: &Parameters, seed: u64) {
    let mut arrays = parameters.state_dict().unwrap();
    for (index, (name, array)) in arrays.iter_mut().enumerate() {
        let noise = normal_array(array.shape(), seed + index as u64);
        let positive = name.ends_with("running_var");
        array.zip_mut_with(&noise, |value, noise| {
            *value = if positive { (1.0 + 0.3 * noise).abs() + 0.1 } else { *value + 0.1 * noise };
        });
    }
    parameters.load_state_dict(&arrays).unwrap();
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3_f32, |scale, value| scale.max(value.abs()));
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= tolerance * scale, "{what} at {index}: {found} instead of {expected} (scale {scale})");
    }
}

fn gradients(parameters: &Parameters, loss: &Tensor) -> NamedArrays {
    let store = loss.backward().unwrap();
    let named_gradient = |(name, weight): (&str, &Tensor)| {
        let gradient = store.get(weight).unwrap_or_else(|| panic!("{name} has no gradient"));
        (name.to_owned(), ArrayD::from_shape_vec(weight.dims().to_vec(), values(gradient)).unwrap())
    };
    parameters.trainable().map(named_gradient).collect()
}

#[track_caller]
fn assert_same_gradients(found: &NamedArrays, expected: &NamedArrays, tolerance: f32) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, expected) in expected {
        assert_close(found[name].as_slice().unwrap(), expected.as_slice().unwrap(), tolerance, name);
    }
}

/// ĥ with fused operations and with Candle's, with the same parameters.
fn mlps(shape: &MlpShape, seed: u64) -> [Mlp; 2] {
    [Ops::Fused, Ops::Candle].map(|ops| {
        let h = Mlp::with_ops(shape, &Streams::new(seed), &Device::Cpu, ops).unwrap();
        perturb(h.parameters(), seed + 1);
        h
    })
}

/// The autoencoder with fused operations and with Candle's, with the same parameters.
fn autoencoders(shape: &AutoencoderShape, seed: u64) -> [Autoencoder; 2] {
    [Ops::Fused, Ops::Candle].map(|ops| {
        let autoencoder = Autoencoder::with_ops(shape, &Streams::new(seed), &Device::Cpu, ops).unwrap();
        perturb(autoencoder.parameters(), seed + 1);
        autoencoder
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn h_matches_candle(
        input in 1_usize..9, width in 1_usize..70, output in 1_usize..9, hidden_layers in 0_usize..5,
        norms in 0_usize..5, n in 2_usize..80, negative_slope in prop_oneof![Just(0.0), Just(0.5), 0.0..1.0], seed in 0_u64..1000,
    ) {
        let shape =
            MlpShape { input, hidden_layers, width, output, negative_slope, batch_norm_layers: norms.min(hidden_layers) };
        let [fused, candle] = mlps(&shape, seed);
        let (x, target) = (to_cpu(&normal_array(&[n, input], seed + 50)), to_cpu(&normal_array(&[n, output], seed + 51)));
        let outputs = |h: &Mlp| {
            let evaluated = values(&h.forward(&x, Mode::Evaluate).unwrap());
            let y = h.forward(&x, Mode::Train).unwrap();
            let gradients = gradients(h.parameters(), &mean_squared_error(&y, &target).unwrap());
            (values(&y), gradients, h.parameters().state_dict().unwrap(), evaluated)
        };
        let (found, expected) = (outputs(&fused), outputs(&candle));
        assert_close(&found.0, &expected.0, 2e-4, "output");
        // If a unit hardly varies over the batch, BatchNorm's gradient is a difference of large values.
        assert_same_gradients(&found.1, &expected.1, 1e-2);
        for (name, statistic) in &expected.2 {
            assert_close(found.2[name].as_slice().unwrap(), statistic.as_slice().unwrap(), 1e-4, name);
        }
        assert_close(&found.3, &expected.3, 1e-4, "output in evaluation mode");
    }

    #[test]
    fn the_autoencoder_matches_candle(
        quarter in 1_usize..8, channels in 1_usize..4, dim in 1_usize..9, n in 1_usize..20, seed in 0_u64..1000,
    ) {
        let shape = AutoencoderShape { channels, side: 4 * quarter, dim };
        let [fused, candle] = autoencoders(&shape, seed);
        let images = to_cpu(&normal_array(&[n, channels, shape.side, shape.side], seed + 50));
        let outputs = |autoencoder: &Autoencoder| {
            let y = autoencoder.reconstruct(&images).unwrap();
            let latents = autoencoder.encoder().forward(&images).unwrap();
            let decoded = autoencoder.decoder().forward(&latents).unwrap();
            assert_eq!(values(&y), values(&decoded));
            let gradients = gradients(autoencoder.parameters(), &mean_squared_error(&y, &images).unwrap());
            (values(&latents), values(&decoded), gradients)
        };
        let (found, expected) = (outputs(&fused), outputs(&candle));
        assert_close(&found.0, &expected.0, 1e-4, "latents");
        assert_close(&found.1, &expected.1, 1e-4, "images");
        assert_same_gradients(&found.2, &expected.2, 1e-3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn gradients_match_finite_differences(
        n in 2_usize..40, width in 1_usize..20, norms in 0_usize..3, seed in 0_u64..1000,
    ) {
        let shape =
            MlpShape { input: 3, hidden_layers: 3, width, output: 2, negative_slope: 0.5, batch_norm_layers: norms };
        let [h, _] = mlps(&shape, seed);
        let (x, target) = (normal_array(&[n, 3], seed + 50), normal_array(&[n, 2], seed + 51));
        let loss = mean_squared_error(&h.forward(&to_cpu(&x), Mode::Train).unwrap(), &to_cpu(&target)).unwrap();
        let found = gradients(h.parameters(), &loss);
        exact::assert_gradients_match_finite_differences(&h.parameters().state_dict().unwrap(), &found, seed, |weights| {
            exact::squared_error(&exact::perceptron(weights, &shape, &x), &target)
        });

        let shape = AutoencoderShape { channels: 1 + n % 3, side: 4 + 4 * (n % 2), dim: 3 };
        let [autoencoder, _] = autoencoders(&shape, seed);
        let images = normal_array(&[3, shape.channels, shape.side, shape.side], seed + 50);
        let loss = mean_squared_error(&autoencoder.reconstruct(&to_cpu(&images)).unwrap(), &to_cpu(&images)).unwrap();
        let found = gradients(autoencoder.parameters(), &loss);
        exact::assert_gradients_match_finite_differences(&autoencoder.parameters().state_dict().unwrap(), &found, seed, |weights| {
            exact::squared_error(&exact::reconstruction(weights, &shape, &images), &images)
        });
    }
}

#[test]
fn gradients_through_candle_and_through_the_network_are_added() {
    let shape = MlpShape { input: 3, hidden_layers: 1, width: 8, output: 2, negative_slope: 0.5, batch_norm_layers: 1 };
    let after = |ops, optimizer| {
        let h = Mlp::with_ops(&shape, &Streams::new(5), &Device::Cpu, ops).unwrap();
        let mut adam = Adam::with_ops(h.parameters(), AdamSettings::default(), optimizer).unwrap();
        for k in 0..5 {
            let (x, target) = (to_cpu(&normal_array(&[16, 3], k)), to_cpu(&normal_array(&[16, 2], k + 100)));
            let mut loss = mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
            for (_, weight) in h.parameters().trainable() {
                loss = (loss + weight.sqr().unwrap().sum_all().unwrap()).unwrap();
            }
            adam.backward_step(h.parameters(), &loss).unwrap();
        }
        h.parameters().state_dict().unwrap()
    };
    let expected = after(Ops::Candle, Ops::Candle);
    for (ops, optimizer) in [(Ops::Fused, Ops::Fused), (Ops::Fused, Ops::Candle), (Ops::Candle, Ops::Fused)] {
        let found = after(ops, optimizer);
        for (name, weight) in &expected {
            assert_close(found[name].as_slice().unwrap(), weight.as_slice().unwrap(), 1e-3, name);
        }
    }
}

#[test]
fn gradients_of_a_failed_step_do_not_affect_the_next_one() {
    let shape = MlpShape { input: 3, hidden_layers: 1, width: 8, output: 2, negative_slope: 0.5, batch_norm_layers: 1 };
    let other = MlpShape { hidden_layers: 0, batch_norm_layers: 0, ..shape };
    let network = |shape| Mlp::new(shape, &Streams::new(5), &Device::Cpu).unwrap();
    let after = |with_failed_step: bool| {
        let (h, other) = (network(&shape), network(&other));
        let mut adam = Adam::new(h.parameters(), AdamSettings::default()).unwrap();
        let mut other_adam = Adam::new(other.parameters(), AdamSettings::default()).unwrap();
        let (x, target) = (to_cpu(&normal_array(&[16, 3], 1)), to_cpu(&normal_array(&[16, 2], 2)));
        let loss = || mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
        let kept = loss();
        if with_failed_step {
            assert!(other_adam.backward_step(h.parameters(), &loss()).is_err());
            assert_eq!(other_adam.moments().unwrap().steps, 0);
        }
        adam.backward_step(h.parameters(), &kept).unwrap();
        adam.moments().unwrap()
    };
    assert_eq!(after(true), after(false));
}

#[test]
fn a_target_computed_by_a_network_gets_no_gradient() {
    let shape = MlpShape { input: 3, hidden_layers: 1, width: 8, output: 2, negative_slope: 0.5, batch_norm_layers: 0 };
    let [h, teacher] = [1, 2].map(|seed| Mlp::new(&shape, &Streams::new(seed), &Device::Cpu).unwrap());
    let x = to_cpu(&normal_array(&[16, 3], 1));
    let train_output = |h: &Mlp| h.forward(&x, Mode::Train).unwrap();
    let store = mean_squared_error(&train_output(&h), &train_output(&teacher)).unwrap().backward().unwrap();
    assert!(h.parameters().trainable().all(|(_, weight)| store.get(weight).is_some()));
    assert!(teacher.parameters().trainable().all(|(_, weight)| store.get(weight).is_none()));
}

/// All parameters and moments after three training steps of both networks.
fn train_both_networks() -> Vec<NamedArrays> {
    let settings = AdamSettings { weight_decay: 1e-3, ..AdamSettings::default() };
    let shape =
        MlpShape { input: 5, hidden_layers: 3, width: 300, output: 4, negative_slope: 0.5, batch_norm_layers: 2 };
    let [h, _] = mlps(&shape, 1);
    let mut adam = Adam::new(h.parameters(), settings).unwrap();
    let (x, target) = (to_cpu(&normal_array(&[230, 5], 7)), to_cpu(&normal_array(&[230, 4], 8)));
    for _ in 0..3 {
        let loss = mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
        adam.backward_step(h.parameters(), &loss).unwrap();
    }
    let [autoencoder, _] = autoencoders(&AutoencoderShape { channels: 3, side: 12, dim: 6 }, 2);
    let mut other = Adam::new(autoencoder.parameters(), settings).unwrap();
    let images = to_cpu(&normal_array(&[45, 3, 12, 12], 9));
    for _ in 0..3 {
        let loss = mean_squared_error(&autoencoder.reconstruct(&images).unwrap(), &images).unwrap();
        other.backward_step(autoencoder.parameters(), &loss).unwrap();
    }
    let moments = [adam.moments().unwrap(), other.moments().unwrap()];
    let mut all = vec![h.parameters().state_dict().unwrap(), autoencoder.parameters().state_dict().unwrap()];
    all.extend(moments.into_iter().flat_map(|moments| [moments.first, moments.second]));
    all
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let train_on =
        |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(train_both_networks);
    let single = train_on(1);
    for threads in [2, 3, 7] {
        assert!(train_on(threads) == single, "on {threads} threads");
    }
}

#[test]
fn interleaved_passes_are_independent_and_their_gradients_add_up() {
    let shape = MlpShape { input: 2, hidden_layers: 2, width: 6, output: 2, negative_slope: 0.5, batch_norm_layers: 1 };
    let [h, _] = mlps(&shape, 3);
    let loss = |k| {
        let (x, target) = (to_cpu(&normal_array(&[9, 2], k)), to_cpu(&normal_array(&[9, 2], k + 100)));
        mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap()
    };
    let separate = [1, 2].map(|k| gradients(h.parameters(), &loss(k)));
    let [first, second] = [1, 2].map(loss);
    let again = gradients(h.parameters(), &first);
    assert_eq!(again, separate[0]);
    for (name, both) in gradients(h.parameters(), &(first + second).unwrap()) {
        let sum = &separate[0][&name] + &separate[1][&name];
        assert_close(both.as_slice().unwrap(), sum.as_slice().unwrap(), 1e-6, &name);
    }
}

#[test]
fn all_ways_to_take_a_step_agree() {
    #[derive(Clone, Copy)]
    enum Way {
        BackwardStep,
        Step,
        StepWith,
    }
    let shape =
        MlpShape { input: 3, hidden_layers: 2, width: 20, output: 2, negative_slope: 0.5, batch_norm_layers: 2 };
    let settings = AdamSettings { weight_decay: 1e-2, ..AdamSettings::default() };
    let train = |way: Way, ops| {
        let h = Mlp::with_ops(&shape, &Streams::new(5), &Device::Cpu, ops).unwrap();
        let mut adam = Adam::with_ops(h.parameters(), settings, ops).unwrap();
        for k in 0..10 {
            let (x, target) = (to_cpu(&normal_array(&[16, 3], k)), to_cpu(&normal_array(&[16, 2], k + 100)));
            let loss = mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
            match way {
                Way::BackwardStep => adam.backward_step(h.parameters(), &loss).unwrap(),
                Way::Step => adam.step(h.parameters(), &loss.backward().unwrap()).unwrap(),
                Way::StepWith => {
                    let mut gradients = Vec::new();
                    h.parameters().append_gradients(&loss, &mut gradients).unwrap();
                    assert!(adam.step_with(h.parameters(), &gradients[1..]).is_err());
                    adam.step_with(h.parameters(), &gradients).unwrap();
                }
            }
        }
        (h.parameters().state_dict().unwrap(), adam.moments().unwrap())
    };
    let (in_place, candle) = (train(Way::BackwardStep, Ops::Fused), train(Way::BackwardStep, Ops::Candle));
    assert_eq!(in_place, train(Way::Step, Ops::Fused));
    assert_eq!(in_place, train(Way::StepWith, Ops::Fused));
    assert_eq!(candle, train(Way::StepWith, Ops::Candle));
    for (name, weight) in &candle.0 {
        assert_close(in_place.0[name].as_slice().unwrap(), weight.as_slice().unwrap(), 1e-3, name);
    }
}

#[test]
fn the_input_gets_a_gradient_if_it_is_a_variable() {
    let [fused, candle] = autoencoders(&AutoencoderShape { channels: 2, side: 8, dim: 3 }, 4);
    let input_gradient = |autoencoder: &Autoencoder| {
        let images = Var::from_tensor(&to_cpu(&normal_array(&[3, 2, 8, 8], 5))).unwrap();
        let loss = autoencoder.reconstruct(images.as_tensor()).unwrap().sqr().unwrap().mean_all().unwrap();
        values(loss.backward().unwrap().get(images.as_tensor()).unwrap())
    };
    assert_close(&input_gradient(&fused), &input_gradient(&candle), 1e-4, "gradient of the images");
    let shape = MlpShape { input: 4, hidden_layers: 2, width: 9, output: 3, negative_slope: 0.5, batch_norm_layers: 2 };
    for shape in [shape, MlpShape { hidden_layers: 0, batch_norm_layers: 0, ..shape }] {
        let input_gradient = |h: &Mlp| {
            let x = Var::from_tensor(&to_cpu(&normal_array(&[7, 4], 5))).unwrap();
            let loss = h.forward(x.as_tensor(), Mode::Train).unwrap().sqr().unwrap().mean_all().unwrap();
            values(loss.backward().unwrap().get(x.as_tensor()).unwrap())
        };
        let [fused, candle] = mlps(&shape, 6);
        assert_close(&input_gradient(&fused), &input_gradient(&candle), 1e-4, "gradient of the rows");
    }
}

#[test]
fn wrong_shapes_are_errors_and_nan_propagates() {
    let shape = MlpShape { input: 2, hidden_layers: 1, width: 3, output: 2, negative_slope: 0.5, batch_norm_layers: 1 };
    let [h, _] = mlps(&shape, 1);
    let rows = |n, columns| to_cpu(&normal_array(&[n, columns], 1));
    assert!(matches!(h.forward(&rows(5, 3), Mode::Train), Err(Error::Columns { .. })));
    assert!(matches!(h.forward(&rows(1, 2), Mode::Train), Err(Error::BatchOfOne)));
    let [autoencoder, _] = autoencoders(&AutoencoderShape { channels: 1, side: 8, dim: 3 }, 1);
    for shape in [[2, 1, 8, 12], [2, 3, 8, 8], [2, 1, 4, 4]] {
        assert!(autoencoder.encoder().forward(&to_cpu(&normal_array(&shape, 1))).is_err(), "{shape:?}");
    }
    assert!(autoencoder.decoder().forward(&rows(2, 4)).is_err());
    assert!(mean_squared_error(&rows(2, 3), &rows(3, 2)).is_err());
    assert!(autoencoder.reconstruct(&to_cpu(&normal_array(&[0, 1, 8, 8], 1))).is_err());
    let none = autoencoder.decoder().forward(&rows(2, 3).narrow(0, 0, 0).unwrap()).unwrap();
    assert!(to_array4(&none).unwrap().is_empty());

    let images = to_cpu(&normal_array(&[2, 1, 8, 8], 2)).affine(f64::NAN, 0.0).unwrap();
    let loss = mean_squared_error(&autoencoder.reconstruct(&images).unwrap(), &images).unwrap();
    assert!(loss.to_scalar::<f32>().unwrap().is_nan());
    let y = h.forward(&rows(4, 2).affine(f64::NAN, 0.0).unwrap(), Mode::Train).unwrap();
    assert!(to_array2(&y).unwrap().iter().all(|y| y.is_nan()));
}

#[test]
fn the_loss_with_local_spectra_is_that_of_pytorch() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden/local_spectrum.npz");
    for side in [16, 28] {
        let array = |name: &str| {
            let path = std::path::PathBuf::from(format!("{}:{name}_{side}", path.display()));
            gtn_io::arrays::read_array(&path).unwrap()
        };
        let output = Var::from_tensor(&to_cpu(&array("output"))).unwrap();
        let loss = ImageLoss { spectrum: 3.0 }.forward(output.as_tensor(), &to_cpu(&array("target"))).unwrap();
        let gradient = values(loss.backward().unwrap().get(output.as_tensor()).unwrap());
        assert_close(&[loss.to_scalar().unwrap()], array("loss").as_slice().unwrap(), 1e-5, "loss");
        assert_close(&gradient, array("gradient").as_slice().unwrap(), 1e-4, "gradient");
    }
}
