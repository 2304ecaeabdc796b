//! The residual network, AdamW and averaged weights.

use candle_core::Var;
use gtn_models::{
    Adam, AdamSettings, AveragedWeights, Device, Error, Mlp, MlpShape, Mode, NamedArrays, Ops, ResidualMlp,
    ResidualShape, Streams, Tensor, mean_squared_error, to_array2,
};
use proptest::prelude::*;

use super::{assert_close, assert_same_gradients, gradients, normal_array, perturb, to_cpu, values};
use crate::exact;

fn network(shape: &ResidualShape, seed: u64, ops: Ops) -> ResidualMlp {
    let network = ResidualMlp::with_ops(shape, "test", &Streams::new(seed), &Device::Cpu, ops).unwrap();
    perturb(network.parameters(), seed + 1);
    network
}

/// A batch of `n` rows and targets.
fn batch(shape: &ResidualShape, n: usize, seed: u64) -> (Tensor, Tensor) {
    let input = normal_array(&[n, shape.dim + shape.condition], seed + 50);
    (to_cpu(&input), to_cpu(&normal_array(&[n, shape.dim], seed + 51)))
}

fn loss(network: &ResidualMlp, (x, target): &(Tensor, Tensor)) -> Tensor {
    mean_squared_error(&network.forward(x, Mode::Train).unwrap(), target).unwrap()
}

const ADAM_W: AdamSettings =
    AdamSettings { learning_rate: 1e-3, beta1: 0.9, beta2: 0.99, eps: 1e-8, weight_decay: 0.1, decoupled: true };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_residual_network_matches_candle(
        dim in 1_usize..9, condition in 0_usize..5, width in 1_usize..100, blocks in 1_usize..4, adds_input: bool,
        n in 1_usize..80, seed in 0_u64..1000,
    ) {
        let shape = ResidualShape { dim, condition, width, blocks, adds_input };
        let batch = batch(&shape, n, seed);
        let outputs = |ops| {
            let network = network(&shape, seed, ops);
            let evaluated = values(&network.forward(&batch.0, Mode::Evaluate).unwrap());
            let y = values(&network.forward(&batch.0, Mode::Train).unwrap());
            let x = Var::from_tensor(&batch.0).unwrap();
            let loss = loss(&network, &(x.as_tensor().clone(), batch.1.clone()));
            let input_gradient = values(loss.backward().unwrap().get(x.as_tensor()).unwrap());
            (evaluated, y, gradients(network.parameters(), &loss), input_gradient)
        };
        let (found, expected) = (outputs(Ops::Fused), outputs(Ops::Candle));
        assert_close(&found.0, &expected.0, 1e-4, "output in evaluation mode");
        assert_close(&found.1, &expected.1, 1e-4, "output");
        // If the units of a row hardly differ, LayerNorm's gradient is a difference of large values.
        assert_same_gradients(&found.2, &expected.2, 2e-3);
        assert_close(&found.3, &expected.3, 2e-3, "gradient of the input");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn gradients_of_the_residual_network_match_finite_differences(
        condition in 0_usize..3, width in 3_usize..50, adds_input: bool, n in 1_usize..40, seed in 0_u64..1000,
    ) {
        let shape = ResidualShape { dim: 3, condition, width, blocks: 2, adds_input };
        let network = network(&shape, seed, Ops::Fused);
        let (x, target) = (normal_array(&[n, 3 + condition], seed + 50), normal_array(&[n, 3], seed + 51));
        let y = network.forward(&to_cpu(&x), Mode::Train).unwrap();
        let found = gradients(network.parameters(), &mean_squared_error(&y, &to_cpu(&target)).unwrap());
        let weights = network.parameters().state_dict().unwrap();
        exact::assert_gradients_match_finite_differences(&weights, &found, seed, |weights| {
            exact::squared_error(&exact::residual(weights, &shape, &x), &target)
        });
    }
}

#[test]
fn a_new_network_is_the_identity_or_zero() {
    for condition in [0, 3] {
        for adds_input in [true, false] {
            let shape = ResidualShape { dim: 4, condition, width: 20, blocks: 2, adds_input };
            let network = ResidualMlp::new(&shape, "h", &Streams::new(3), &Device::Cpu).unwrap();
            let (x, _) = batch(&shape, 7, 1);
            let expected = x.narrow(1, 0, 4).unwrap().affine(if adds_input { 1.0 } else { 0.0 }, 0.0).unwrap();
            for mode in [Mode::Train, Mode::Evaluate] {
                assert_eq!(values(&network.forward(&x, mode).unwrap()), values(&expected));
            }
        }
    }
}

#[test]
fn networks_of_another_scope_have_other_weights() {
    let shape = ResidualShape { dim: 2, condition: 0, width: 5, blocks: 1, adds_input: true };
    let weights = |scope| {
        let network = ResidualMlp::new(&shape, scope, &Streams::new(3), &Device::Cpu).unwrap();
        network.parameters().state_dict().unwrap()
    };
    assert_eq!(weights("flow"), weights("flow"));
    let (flow, h) = (weights("flow"), weights("h"));
    for name in ["input.weight", "input.bias", "block.000.linear1.weight", "block.000.linear2.bias"] {
        assert_ne!(flow[name], h[name], "{name}");
    }
}

/// Parameters, averages and moments after three steps, and the output for more rows than one batch of evaluation mode.
fn train_residual() -> Vec<NamedArrays> {
    let shape = ResidualShape { dim: 20, condition: 6, width: 300, blocks: 2, adds_input: true };
    let network = network(&shape, 1, Ops::Fused);
    let mut adam = Adam::new(network.parameters(), ADAM_W).unwrap();
    let mut averages = AveragedWeights::new(network.parameters()).unwrap();
    for step in 0..3 {
        adam.backward_step(network.parameters(), &loss(&network, &batch(&shape, 230, step))).unwrap();
        averages.update(network.parameters(), 0.9).unwrap();
    }
    let (x, _) = batch(&shape, 1100, 9);
    let y = to_array2(&network.forward(&x, Mode::Evaluate).unwrap()).unwrap().into_dyn();
    let moments = adam.moments().unwrap();
    let output = [("output".to_owned(), y)].into();
    let (weights, averages) = (network.parameters().state_dict().unwrap(), averages.state_dict().unwrap());
    vec![weights, averages, moments.first, moments.second, output]
}

#[test]
fn training_the_residual_network_does_not_depend_on_the_number_of_threads() {
    let train_on =
        |threads| rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(train_residual);
    let single = train_on(1);
    for threads in [2, 3, 7] {
        assert!(train_on(threads) == single, "on {threads} threads");
    }
}

#[test]
fn batches_of_evaluation_mode_are_independent() {
    let shape = ResidualShape { dim: 3, condition: 2, width: 40, blocks: 2, adds_input: true };
    let network = network(&shape, 5, Ops::Fused);
    let (x, _) = batch(&shape, 1030, 2);
    let all = values(&network.forward(&x, Mode::Evaluate).unwrap());
    let trained = values(&network.forward(&x, Mode::Train).unwrap());
    assert_close(&all, &trained, 1e-5, "both modes");
    let last = values(&network.forward(&x.narrow(0, 1024, 6).unwrap(), Mode::Evaluate).unwrap());
    assert_eq!(all[1024 * 3..], last);
    assert_eq!(network.forward(&x.narrow(0, 0, 0).unwrap(), Mode::Evaluate).unwrap().dims(), [0, 3]);
}

#[test]
fn adam_w_is_the_same_with_both_kinds_of_operations() {
    let shape = ResidualShape { dim: 3, condition: 1, width: 24, blocks: 2, adds_input: false };
    let after = |ops| {
        let network = network(&shape, 5, Ops::Fused);
        let mut adam = Adam::with_ops(network.parameters(), ADAM_W, ops).unwrap();
        for step in 0..5 {
            adam.set_learning_rate(1e-3 * (step + 1) as f64);
            adam.backward_step(network.parameters(), &loss(&network, &batch(&shape, 40, step))).unwrap();
        }
        assert_eq!(adam.learning_rate(), 5e-3);
        network.parameters().state_dict().unwrap()
    };
    let (found, expected) = (after(Ops::Fused), after(Ops::Candle));
    for (name, weight) in &expected {
        assert_close(found[name].as_slice().unwrap(), weight.as_slice().unwrap(), 1e-5, name);
    }
}

#[test]
fn decoupled_weight_decay_shrinks_weights_whose_gradient_is_zero() {
    let shape = ResidualShape { dim: 2, condition: 0, width: 4, blocks: 1, adds_input: false };
    let network = network(&shape, 5, Ops::Fused);
    let before = network.parameters().state_dict().unwrap();
    let settings = AdamSettings { learning_rate: 0.5, ..ADAM_W };
    let mut adam = Adam::new(network.parameters(), settings).unwrap();
    let (x, _) = batch(&shape, 5, 1);
    let y = network.forward(&x, Mode::Train).unwrap();
    let loss = (&y * y.zeros_like().unwrap()).unwrap().sum_all().unwrap();
    adam.backward_step(network.parameters(), &loss).unwrap();
    for (name, weight) in network.parameters().state_dict().unwrap() {
        assert_eq!(weight, before[&name].mapv(|before| before * (1.0 - 0.5 * 0.1)), "{name}");
    }
}

#[test]
fn averages_follow_the_weights_and_can_be_swapped_in() {
    let shape = ResidualShape { dim: 2, condition: 1, width: 8, blocks: 1, adds_input: true };
    let network = network(&shape, 5, Ops::Fused);
    let parameters = network.parameters();
    let mut averages = AveragedWeights::new(parameters).unwrap();
    let first = parameters.state_dict().unwrap();
    assert_eq!(averages.state_dict().unwrap(), first);
    perturb(parameters, 77);
    let second = parameters.state_dict().unwrap();
    averages.update(parameters, 0.75).unwrap();
    let averaged = averages.state_dict().unwrap();
    for (name, average) in &averaged {
        let expected = &first[name] + (&second[name] - &first[name]) * 0.25;
        assert_eq!(*average, expected, "{name}");
    }

    let x = batch(&shape, 5, 1).0;
    let own = values(&network.forward(&x, Mode::Evaluate).unwrap());
    averages.swap(parameters).unwrap();
    assert_eq!((parameters.state_dict().unwrap(), averages.state_dict().unwrap()), (averaged.clone(), second.clone()));
    assert_ne!(values(&network.forward(&x, Mode::Evaluate).unwrap()), own);
    averages.swap(parameters).unwrap();
    assert_eq!(parameters.state_dict().unwrap(), second);
    assert_eq!(values(&network.forward(&x, Mode::Evaluate).unwrap()), own);

    let mut resumed = AveragedWeights::new(parameters).unwrap();
    resumed.restore(&averaged).unwrap();
    assert_eq!(resumed.state_dict().unwrap(), averaged);
    let mut candle = AveragedWeights::with_ops(parameters, Ops::Candle).unwrap();
    perturb(parameters, 78);
    for averages in [&mut resumed, &mut candle] {
        averages.restore(&averaged).unwrap();
        averages.update(parameters, 0.9).unwrap();
    }
    assert_eq!(resumed.state_dict().unwrap(), candle.state_dict().unwrap());

    parameters.load_state_dict(&second).unwrap();
    averages.update(parameters, 0.0).unwrap();
    for (name, average) in averages.state_dict().unwrap() {
        assert_close(average.as_slice().unwrap(), second[&name].as_slice().unwrap(), 1e-6, &name);
    }
}

#[test]
fn averages_of_another_network_and_invalid_settings_are_errors() {
    let shape = ResidualShape { dim: 2, condition: 1, width: 8, blocks: 1, adds_input: true };
    let network = |shape| network(&shape, 5, Ops::Fused);
    let (own, wider) = (network(shape), network(ResidualShape { width: 9, ..shape }));
    let (deeper, shallower) = (network(ResidualShape { blocks: 2, ..shape }), network(shape));
    let mut averages = AveragedWeights::new(own.parameters()).unwrap();
    let before = averages.state_dict().unwrap();
    assert!(matches!(averages.update(wider.parameters(), 0.5), Err(Error::WeightShape { .. })));
    assert!(matches!(averages.swap(deeper.parameters()), Err(Error::MissingWeight { .. })));
    let mut deeper_averages = AveragedWeights::new(deeper.parameters()).unwrap();
    assert!(matches!(deeper_averages.swap(shallower.parameters()), Err(Error::MissingWeight { .. })));
    for decay in [-0.1, 1.1, f64::NAN] {
        assert!(matches!(averages.update(own.parameters(), decay), Err(Error::Setting { what: "decay", .. })));
    }
    let mut arrays = before.clone();
    arrays.get_mut("norm.bias").unwrap()[3] = f32::NAN;
    assert!(matches!(averages.restore(&arrays), Err(Error::NotFinite { .. })));
    arrays.remove("input.bias");
    assert!(matches!(averages.restore(&arrays), Err(Error::MissingWeight { .. })));
    let foreign = wider.parameters().state_dict().unwrap();
    assert!(matches!(averages.restore(&foreign), Err(Error::WeightShape { .. })));
    assert_eq!(averages.state_dict().unwrap(), before);

    for shape in
        [ResidualShape { dim: 0, ..shape }, ResidualShape { width: 0, ..shape }, ResidualShape { blocks: 0, ..shape }]
    {
        assert!(matches!(shape.check(), Err(Error::Setting { .. })));
        assert!(ResidualMlp::new(&shape, "h", &Streams::new(1), &Device::Cpu).is_err());
    }
}

#[test]
fn wrong_rows_are_errors_and_nan_propagates() {
    let shape = ResidualShape { dim: 2, condition: 1, width: 8, blocks: 1, adds_input: true };
    for ops in [Ops::Fused, Ops::Candle] {
        let network = network(&shape, 5, ops);
        let rows = |n, columns| to_cpu(&normal_array(&[n, columns], 1));
        for mode in [Mode::Train, Mode::Evaluate] {
            assert!(matches!(network.forward(&rows(5, 2), mode), Err(Error::Columns { found: 2, expected: 3, .. })));
            assert!(network.forward(&rows(6, 3).reshape((2, 3, 3)).unwrap(), mode).is_err());
            let y = network.forward(&rows(4, 3).affine(f64::NAN, 0.0).unwrap(), mode).unwrap();
            assert!(values(&y).iter().all(|y| y.is_nan()));
        }
    }
    let network = network(&shape, 5, Ops::Fused);
    let empty = to_cpu(&normal_array(&[0, 3], 1));
    assert!(network.forward(&empty, Mode::Train).is_err());
}

#[test]
fn running_statistics_are_not_averaged() {
    let shape = MlpShape { input: 2, hidden_layers: 1, width: 6, output: 2, negative_slope: 0.5, batch_norm_layers: 1 };
    let h = Mlp::new(&shape, &Streams::new(1), &Device::Cpu).unwrap();
    let mut averages = AveragedWeights::new(h.parameters()).unwrap();
    perturb(h.parameters(), 3);
    let before = h.parameters().state_dict().unwrap();
    averages.swap(h.parameters()).unwrap();
    let swapped = h.parameters().state_dict().unwrap();
    assert_eq!(swapped["hidden.000.norm.running_var"], before["hidden.000.norm.running_var"]);
    assert_ne!(swapped["output.weight"], before["output.weight"]);
}
