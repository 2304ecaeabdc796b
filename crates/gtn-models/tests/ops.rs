//! The fused operations against Candle's, against finite differences in f64, and against themselves on other numbers of
//! threads.

mod exact;

use candle_core::Var;
use gtn_models::{
    Adam, AdamSettings, Autoencoder, AutoencoderShape, Device, Error, Mlp, MlpShape, Mode, NamedArrays, Ops,
    Parameters, Streams, Tensor, array2_of, array4_of, mean_squared_error, tensor_of,
};
use ndarray::ArrayD;
use proptest::prelude::*;

fn host(array: &ArrayD<f32>) -> Tensor {
    tensor_of(array.view(), &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Normal numbers of any shape.
fn drawn(shape: &[usize], seed: u64) -> ArrayD<f32> {
    let numbers = Streams::new(seed).normal("test", 0, 1, shape.iter().product());
    numbers.into_shape_with_order(shape.to_vec()).unwrap()
}

/// Moves the weights away from their start, so that no bias, factor or statistic is left at 0 or 1.
fn shake(parameters: &Parameters, seed: u64) {
    let mut arrays = parameters.snapshot().unwrap();
    for (index, (name, array)) in arrays.iter_mut().enumerate() {
        let noise = drawn(array.shape(), seed + index as u64);
        let positive = name.ends_with("running_var");
        array.zip_mut_with(&noise, |value, noise| {
            *value = if positive { (1.0 + 0.3 * noise).abs() + 0.1 } else { *value + 0.1 * noise };
        });
    }
    parameters.load(&arrays).unwrap();
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
    let of = |(name, var): (&str, &Var)| {
        let gradient = store.get(var.as_tensor()).unwrap_or_else(|| panic!("{name} has no gradient"));
        (name.to_owned(), ArrayD::from_shape_vec(var.dims().to_vec(), values(gradient)).unwrap())
    };
    parameters.trained().map(of).collect()
}

#[track_caller]
fn assert_same_gradients(found: &NamedArrays, expected: &NamedArrays, tolerance: f32) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, expected) in expected {
        assert_close(found[name].as_slice().unwrap(), expected.as_slice().unwrap(), tolerance, name);
    }
}

/// ĥ by the fused operations and by Candle's, with the same weights.
fn mlps(shape: &MlpShape, seed: u64) -> [Mlp; 2] {
    [Ops::Fused, Ops::Candle].map(|ops| {
        let h = Mlp::with_ops(shape, &Streams::new(seed), &Device::Cpu, ops).unwrap();
        shake(h.parameters(), seed + 1);
        h
    })
}

/// The autoencoder by the fused operations and by Candle's, with the same weights.
fn autoencoders(shape: &AutoencoderShape, seed: u64) -> [Autoencoder; 2] {
    [Ops::Fused, Ops::Candle].map(|ops| {
        let autoencoder = Autoencoder::with_ops(shape, &Streams::new(seed), &Device::Cpu, ops).unwrap();
        shake(autoencoder.parameters(), seed + 1);
        autoencoder
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn h_is_what_candle_makes_of_it(
        input in 1_usize..9, width in 1_usize..70, output in 1_usize..9, hidden_layers in 0_usize..5,
        norms in 0_usize..5, n in 2_usize..80, slope in prop_oneof![Just(0.0), Just(0.5), 0.0..1.0], seed in 0_u64..1000,
    ) {
        let shape =
            MlpShape { input, hidden_layers, width, output, slope, batch_norm_layers: norms.min(hidden_layers) };
        let [fused, candle] = mlps(&shape, seed);
        let (x, target) = (host(&drawn(&[n, input], seed + 50)), host(&drawn(&[n, output], seed + 51)));
        let of = |h: &Mlp| {
            let evaluated = values(&h.forward(&x, Mode::Evaluate).unwrap());
            let y = h.forward(&x, Mode::Train).unwrap();
            let gradients = gradients(h.parameters(), &mean_squared_error(&y, &target).unwrap());
            (values(&y), gradients, h.parameters().snapshot().unwrap(), evaluated)
        };
        let (found, expected) = (of(&fused), of(&candle));
        assert_close(&found.0, &expected.0, 2e-4, "output");
        // A unit that hardly varies over the batch makes BatchNorm's gradient a difference of large numbers.
        assert_same_gradients(&found.1, &expected.1, 1e-2);
        for (name, statistic) in &expected.2 {
            assert_close(found.2[name].as_slice().unwrap(), statistic.as_slice().unwrap(), 1e-4, name);
        }
        assert_close(&found.3, &expected.3, 1e-4, "output in evaluation mode");
    }

    #[test]
    fn the_autoencoder_is_what_candle_makes_of_it(
        quarter in 1_usize..8, channels in 1_usize..4, dim in 1_usize..9, n in 1_usize..20, seed in 0_u64..1000,
    ) {
        let shape = AutoencoderShape { channels, side: 4 * quarter, dim };
        let [fused, candle] = autoencoders(&shape, seed);
        let images = host(&drawn(&[n, channels, shape.side, shape.side], seed + 50));
        let of = |autoencoder: &Autoencoder| {
            let y = autoencoder.reconstruct(&images).unwrap();
            let latents = autoencoder.encoder().forward(&images).unwrap();
            let decoded = autoencoder.decoder().forward(&latents).unwrap();
            assert_eq!(values(&y), values(&decoded));
            let gradients = gradients(autoencoder.parameters(), &mean_squared_error(&y, &images).unwrap());
            (values(&latents), values(&decoded), gradients)
        };
        let (found, expected) = (of(&fused), of(&candle));
        assert_close(&found.0, &expected.0, 1e-4, "latents");
        assert_close(&found.1, &expected.1, 1e-4, "images");
        assert_same_gradients(&found.2, &expected.2, 1e-3);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn gradients_are_those_of_finite_differences(
        n in 2_usize..40, width in 1_usize..20, norms in 0_usize..3, seed in 0_u64..1000,
    ) {
        let shape =
            MlpShape { input: 3, hidden_layers: 3, width, output: 2, slope: 0.5, batch_norm_layers: norms };
        let [h, _] = mlps(&shape, seed);
        let (x, target) = (drawn(&[n, 3], seed + 50), drawn(&[n, 2], seed + 51));
        let loss = mean_squared_error(&h.forward(&host(&x), Mode::Train).unwrap(), &host(&target)).unwrap();
        let found = gradients(h.parameters(), &loss);
        exact::assert_slopes(&h.parameters().snapshot().unwrap(), &found, seed, |weights| {
            exact::squared_error(&exact::perceptron(weights, &shape, &x), &target)
        });

        let shape = AutoencoderShape { channels: 1 + n % 3, side: 4 + 4 * (n % 2), dim: 3 };
        let [autoencoder, _] = autoencoders(&shape, seed);
        let images = drawn(&[3, shape.channels, shape.side, shape.side], seed + 50);
        let loss = mean_squared_error(&autoencoder.reconstruct(&host(&images)).unwrap(), &host(&images)).unwrap();
        let found = gradients(autoencoder.parameters(), &loss);
        exact::assert_slopes(&autoencoder.parameters().snapshot().unwrap(), &found, seed, |weights| {
            exact::squared_error(&exact::reconstruction(weights, &shape, &images), &images)
        });
    }
}

#[test]
fn what_comes_through_candle_and_what_comes_through_the_network_are_one_gradient() {
    let shape = MlpShape { input: 3, hidden_layers: 1, width: 8, output: 2, slope: 0.5, batch_norm_layers: 1 };
    let after = |ops, optimizer| {
        let h = Mlp::with_ops(&shape, &Streams::new(5), &Device::Cpu, ops).unwrap();
        let mut adam = Adam::with_ops(h.parameters(), AdamSettings::default(), optimizer).unwrap();
        for k in 0..5 {
            let (x, target) = (host(&drawn(&[16, 3], k)), host(&drawn(&[16, 2], k + 100)));
            let mut loss = mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
            for (_, var) in h.parameters().trained() {
                loss = (loss + var.as_tensor().sqr().unwrap().sum_all().unwrap()).unwrap();
            }
            adam.minimize(h.parameters(), &loss).unwrap();
        }
        h.parameters().snapshot().unwrap()
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
fn what_a_refused_step_left_is_not_in_the_next_one() {
    let shape = MlpShape { input: 3, hidden_layers: 1, width: 8, output: 2, slope: 0.5, batch_norm_layers: 1 };
    let other = MlpShape { hidden_layers: 0, batch_norm_layers: 0, ..shape };
    let of = |shape| Mlp::new(shape, &Streams::new(5), &Device::Cpu).unwrap();
    let after = |refused: bool| {
        let (h, other) = (of(&shape), of(&other));
        let mut adam = Adam::new(h.parameters(), AdamSettings::default()).unwrap();
        let mut of_other = Adam::new(other.parameters(), AdamSettings::default()).unwrap();
        let (x, target) = (host(&drawn(&[16, 3], 1)), host(&drawn(&[16, 2], 2)));
        let loss = || mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
        let kept = loss();
        if refused {
            assert!(of_other.minimize(h.parameters(), &loss()).is_err());
            assert_eq!(of_other.moments().unwrap().steps, 0);
        }
        adam.minimize(h.parameters(), &kept).unwrap();
        adam.moments().unwrap()
    };
    assert_eq!(after(true), after(false));
}

#[test]
fn a_target_may_come_from_a_network_and_gets_no_gradient() {
    let shape = MlpShape { input: 3, hidden_layers: 1, width: 8, output: 2, slope: 0.5, batch_norm_layers: 0 };
    let [h, teacher] = [1, 2].map(|seed| Mlp::new(&shape, &Streams::new(seed), &Device::Cpu).unwrap());
    let x = host(&drawn(&[16, 3], 1));
    let of = |h: &Mlp| h.forward(&x, Mode::Train).unwrap();
    let store = mean_squared_error(&of(&h), &of(&teacher)).unwrap().backward().unwrap();
    assert!(h.parameters().trained().all(|(_, var)| store.get(var.as_tensor()).is_some()));
    assert!(teacher.parameters().trained().all(|(_, var)| store.get(var.as_tensor()).is_none()));
}

/// All that three training steps of both networks leave.
fn steps() -> Vec<NamedArrays> {
    let settings = AdamSettings { l2: 1e-3, ..AdamSettings::default() };
    let shape = MlpShape { input: 5, hidden_layers: 3, width: 300, output: 4, slope: 0.5, batch_norm_layers: 2 };
    let [h, _] = mlps(&shape, 1);
    let mut adam = Adam::new(h.parameters(), settings).unwrap();
    let (x, target) = (host(&drawn(&[230, 5], 7)), host(&drawn(&[230, 4], 8)));
    for _ in 0..3 {
        let loss = mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
        adam.minimize(h.parameters(), &loss).unwrap();
    }
    let [autoencoder, _] = autoencoders(&AutoencoderShape { channels: 3, side: 12, dim: 6 }, 2);
    let mut other = Adam::new(autoencoder.parameters(), settings).unwrap();
    let images = host(&drawn(&[45, 3, 12, 12], 9));
    for _ in 0..3 {
        let loss = mean_squared_error(&autoencoder.reconstruct(&images).unwrap(), &images).unwrap();
        other.minimize(autoencoder.parameters(), &loss).unwrap();
    }
    let moments = [adam.moments().unwrap(), other.moments().unwrap()];
    let mut all = vec![h.parameters().snapshot().unwrap(), autoencoder.parameters().snapshot().unwrap()];
    all.extend(moments.into_iter().flat_map(|moments| [moments.first, moments.second]));
    all
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let on = |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(steps);
    let alone = on(1);
    for threads in [2, 3, 7] {
        assert!(on(threads) == alone, "on {threads} threads");
    }
}

#[test]
fn passes_of_one_network_do_not_disturb_each_other_and_their_gradients_add_up() {
    let shape = MlpShape { input: 2, hidden_layers: 2, width: 6, output: 2, slope: 0.5, batch_norm_layers: 1 };
    let [h, _] = mlps(&shape, 3);
    let loss = |k| {
        let (x, target) = (host(&drawn(&[9, 2], k)), host(&drawn(&[9, 2], k + 100)));
        mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap()
    };
    let alone = [1, 2].map(|k| gradients(h.parameters(), &loss(k)));
    let [first, second] = [1, 2].map(loss);
    let again = gradients(h.parameters(), &first);
    assert_eq!(again, alone[0]);
    for (name, both) in gradients(h.parameters(), &(first + second).unwrap()) {
        let sum = &alone[0][&name] + &alone[1][&name];
        assert_close(both.as_slice().unwrap(), sum.as_slice().unwrap(), 1e-6, &name);
    }
}

#[test]
fn a_step_down_from_a_loss_is_one_along_its_gradients() {
    let shape = MlpShape { input: 3, hidden_layers: 2, width: 20, output: 2, slope: 0.5, batch_norm_layers: 2 };
    let settings = AdamSettings { l2: 1e-2, ..AdamSettings::default() };
    let of = |in_place: bool, ops| {
        let h = Mlp::with_ops(&shape, &Streams::new(5), &Device::Cpu, ops).unwrap();
        let mut adam = Adam::with_ops(h.parameters(), settings, ops).unwrap();
        for k in 0..10 {
            let (x, target) = (host(&drawn(&[16, 3], k)), host(&drawn(&[16, 2], k + 100)));
            let loss = mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
            if in_place {
                adam.minimize(h.parameters(), &loss).unwrap();
            } else {
                adam.step(h.parameters(), &loss.backward().unwrap()).unwrap();
            }
        }
        (h.parameters().snapshot().unwrap(), adam.moments().unwrap())
    };
    let (in_place, candle) = (of(true, Ops::Fused), of(true, Ops::Candle));
    assert_eq!(in_place, of(false, Ops::Fused));
    for (name, weight) in &candle.0 {
        assert_close(in_place.0[name].as_slice().unwrap(), weight.as_slice().unwrap(), 1e-3, name);
    }
}

#[test]
fn the_input_has_a_gradient_where_one_is_asked_for() {
    let [fused, candle] = autoencoders(&AutoencoderShape { channels: 2, side: 8, dim: 3 }, 4);
    let of = |autoencoder: &Autoencoder| {
        let images = Var::from_tensor(&host(&drawn(&[3, 2, 8, 8], 5))).unwrap();
        let loss = autoencoder.reconstruct(images.as_tensor()).unwrap().sqr().unwrap().mean_all().unwrap();
        values(loss.backward().unwrap().get(images.as_tensor()).unwrap())
    };
    assert_close(&of(&fused), &of(&candle), 1e-4, "gradient of the images");
    let shape = MlpShape { input: 4, hidden_layers: 2, width: 9, output: 3, slope: 0.5, batch_norm_layers: 2 };
    for shape in [shape, MlpShape { hidden_layers: 0, batch_norm_layers: 0, ..shape }] {
        let of = |h: &Mlp| {
            let x = Var::from_tensor(&host(&drawn(&[7, 4], 5))).unwrap();
            let loss = h.forward(x.as_tensor(), Mode::Train).unwrap().sqr().unwrap().mean_all().unwrap();
            values(loss.backward().unwrap().get(x.as_tensor()).unwrap())
        };
        let [fused, candle] = mlps(&shape, 6);
        assert_close(&of(&fused), &of(&candle), 1e-4, "gradient of the rows");
    }
}

#[test]
fn what_does_not_fit_is_an_error_and_what_is_no_number_is_seen() {
    let shape = MlpShape { input: 2, hidden_layers: 1, width: 3, output: 2, slope: 0.5, batch_norm_layers: 1 };
    let [h, _] = mlps(&shape, 1);
    let rows = |n, columns| host(&drawn(&[n, columns], 1));
    assert!(matches!(h.forward(&rows(5, 3), Mode::Train), Err(Error::Columns { .. })));
    assert!(matches!(h.forward(&rows(1, 2), Mode::Train), Err(Error::BatchOfOne)));
    let [autoencoder, _] = autoencoders(&AutoencoderShape { channels: 1, side: 8, dim: 3 }, 1);
    for shape in [[2, 1, 8, 12], [2, 3, 8, 8], [2, 1, 4, 4]] {
        assert!(autoencoder.encoder().forward(&host(&drawn(&shape, 1))).is_err(), "{shape:?}");
    }
    assert!(autoencoder.decoder().forward(&rows(2, 4)).is_err());
    assert!(mean_squared_error(&rows(2, 3), &rows(3, 2)).is_err());
    assert!(autoencoder.reconstruct(&host(&drawn(&[0, 1, 8, 8], 1))).is_err());
    let none = autoencoder.decoder().forward(&rows(2, 3).narrow(0, 0, 0).unwrap()).unwrap();
    assert!(array4_of(&none).unwrap().is_empty());

    let images = host(&drawn(&[2, 1, 8, 8], 2)).affine(f64::NAN, 0.0).unwrap();
    let loss = mean_squared_error(&autoencoder.reconstruct(&images).unwrap(), &images).unwrap();
    assert!(loss.to_scalar::<f32>().unwrap().is_nan());
    let y = h.forward(&rows(4, 2).affine(f64::NAN, 0.0).unwrap(), Mode::Train).unwrap();
    assert!(array2_of(&y).unwrap().iter().all(|y| y.is_nan()));
}
