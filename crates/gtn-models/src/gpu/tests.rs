//! Compares the operations for a GPU, on the emulated GPU, with the operations for a CPU.

use candle_core::{Device, Tensor, Var};
use gtn_label::{Matcher, Proposer, UnitRows};
use ndarray::ArrayD;
use proptest::prelude::*;

use super::backend::{KernelArg, LaunchDims};
use super::{Gpu, TopKProposer};
use crate::{
    Adam, AdamSettings, Autoencoder, AutoencoderShape, AveragedWeights, Error, Mlp, MlpShape, Mode, NamedArrays, Ops,
    Parameters, ResidualMlp, ResidualShape, Streams, mean_squared_error, to_tensor,
};

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// A tensor of normal values.
fn normal_tensor(shape: &[usize], seed: u64) -> Tensor {
    let values = Streams::new(seed).normal("test", 0, 1, shape.iter().product());
    to_tensor(values.view(), &Device::Cpu).unwrap().reshape(shape).unwrap()
}

/// Adds noise to the weights, so that no bias, scale or statistic keeps its initial value of 0 or 1.
fn perturb(parameters: &Parameters, seed: u64) {
    let mut arrays = parameters.state_dict().unwrap();
    for (index, (name, array)) in arrays.iter_mut().enumerate() {
        let noise =
            ArrayD::from_shape_vec(array.shape(), values(&normal_tensor(array.shape(), seed + index as u64))).unwrap();
        let positive = name.ends_with("running_var");
        array.zip_mut_with(&noise, |value, noise| {
            *value = if positive { (1.0 + 0.3 * noise).abs() + 0.1 } else { *value + 0.1 * noise };
        });
    }
    parameters.load_state_dict(&arrays).unwrap();
}

#[track_caller]
fn assert_close(actual: &[f32], expected: &[f32], tolerance: f32, what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(1e-3_f32, |scale, value| scale.max(value.abs()));
    for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
        let error = (actual - expected).abs();
        assert!(error <= tolerance * scale, "{what} at {index}: {actual} instead of {expected} (scale {scale})");
    }
}

#[track_caller]
fn assert_all_close(actual: &NamedArrays, expected: &NamedArrays, tolerance: f32) {
    assert_eq!(actual.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, expected) in expected {
        assert_close(actual[name].as_slice().unwrap(), expected.as_slice().unwrap(), tolerance, name);
    }
}

/// The operations that are compared: actual, then expected.
const BOTH: [Ops; 2] = [Ops::Emulated, Ops::Fused];

fn settings() -> AdamSettings {
    AdamSettings { learning_rate: 1e-3, weight_decay: 1e-3, ..AdamSettings::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn h_matches_the_cpu(
        input in 1_usize..9, width in 1_usize..70, output in 1_usize..9, hidden_layers in 0_usize..4,
        max_norms in 0_usize..4, n in 2_usize..150, negative_slope in prop_oneof![Just(0.0), Just(0.5)], seed in 0_u64..1000,
    ) {
        let batch_norm_layers = max_norms.min(hidden_layers);
        let shape = MlpShape { input, hidden_layers, width, output, negative_slope, batch_norm_layers };
        let (x, target) = (normal_tensor(&[n, input], seed + 50), normal_tensor(&[n, output], seed + 51));
        let [actual, expected] = BOTH.map(|ops| {
            let h = Mlp::with_ops(&shape, &Streams::new(seed), &Device::Cpu, ops).unwrap();
            perturb(h.parameters(), seed + 1);
            let evaluated = values(&h.forward(&x, Mode::Evaluate).unwrap());
            let x = Var::from_tensor(&x).unwrap();
            let y = h.forward(x.as_tensor(), Mode::Train).unwrap();
            let loss = mean_squared_error(&y, &target).unwrap();
            let d_x = values(loss.backward().unwrap().get(x.as_tensor()).unwrap());
            let y = h.forward(x.as_tensor(), Mode::Train).unwrap();
            let gradients = h.parameters().gradients(&mean_squared_error(&y, &target).unwrap()).unwrap();
            (evaluated, values(&y), d_x, gradients, h.parameters().state_dict().unwrap())
        });
        assert_close(&actual.0, &expected.0, 1e-4, "output in evaluation mode");
        assert_close(&actual.1, &expected.1, 2e-4, "output");
        // For a unit that hardly varies over the batch, BatchNorm's gradient is a difference of large values.
        assert_close(&actual.2, &expected.2, 1e-2, "gradient of the input");
        assert_all_close(&actual.3, &expected.3, 1e-2);
        assert_all_close(&actual.4, &expected.4, 1e-4);
    }

    #[test]
    fn the_residual_network_matches_the_cpu(
        dim in 1_usize..9, condition in 0_usize..4, width in 1_usize..300, blocks in 1_usize..3, adds_input: bool,
        n in 1_usize..70, seed in 0_u64..1000,
    ) {
        let shape = ResidualShape { dim, condition, width, blocks, adds_input };
        let (x, target) = (normal_tensor(&[n, dim + condition], seed + 50), normal_tensor(&[n, dim], seed + 51));
        let [actual, expected] = BOTH.map(|ops| {
            let network = ResidualMlp::with_ops(&shape, "test", &Streams::new(seed), &Device::Cpu, ops).unwrap();
            perturb(network.parameters(), seed + 1);
            let evaluated = values(&network.forward(&x, Mode::Evaluate).unwrap());
            let x = Var::from_tensor(&x).unwrap();
            let loss = |network: &ResidualMlp| {
                mean_squared_error(&network.forward(x.as_tensor(), Mode::Train).unwrap(), &target).unwrap()
            };
            let d_x = values(loss(&network).backward().unwrap().get(x.as_tensor()).unwrap());
            let y = values(&network.forward(x.as_tensor(), Mode::Train).unwrap());
            // Gradients of two passes add up.
            let losses = (loss(&network) + loss(&network)).unwrap();
            (evaluated, y, d_x, network.parameters().gradients(&losses).unwrap())
        });
        assert_close(&actual.0, &expected.0, 1e-4, "output in evaluation mode");
        assert_close(&actual.1, &expected.1, 1e-4, "output");
        // If the units of a row hardly differ, LayerNorm's gradient is a difference of large values.
        assert_close(&actual.2, &expected.2, 2e-3, "gradient of the input");
        assert_all_close(&actual.3, &expected.3, 2e-3);
    }

    #[test]
    fn assignments_match_the_cpu(
        dim in 1_usize..20, n in 0_usize..120, extra_targets in 0_usize..60, max_scores in prop_oneof![Just(1), Just(3_000), Just(1 << 20)],
        keep in 1_usize..40, seed in 0_u64..1000,
    ) {
        let streams = Streams::new(seed);
        let (source, mut target) = (streams.normal("y", 0, n, dim), streams.normal("x", 0, n + extra_targets, dim));
        // Multiples of the first row: equal directions, and zero rows, which have no direction.
        for row in (0..target.nrows()).step_by(7) {
            let first = target.row(0).to_owned();
            target.row_mut(row).assign(&(first * ((row % 3) as f32)));
        }
        let expected = Matcher::new().match_rows(&source, &target).unwrap();
        let mut proposer = TopKProposer::new(Gpu::emulated()).with_max_scores(max_scores);
        let matcher = Matcher::new().candidates_per_row(keep).block_size(32).proposer(&mut proposer);
        let actual = { matcher }.match_rows(&source, &target).unwrap();
        prop_assert_eq!(actual.assignment(), expected.assignment());
        prop_assert_eq!(actual.similarity(), expected.similarity());
    }
}

#[test]
fn the_autoencoder_matches_the_cpu() {
    for (n, channels, side, dim, seed) in [(3, 3, 8, 5, 1), (2, 1, 12, 3, 2), (1, 2, 4, 1, 3)] {
        let shape = AutoencoderShape { channels, side, dim };
        let images = normal_tensor(&[n, channels, side, side], seed + 50);
        let [actual, expected] = BOTH.map(|ops| {
            let network = Autoencoder::with_ops(&shape, &Streams::new(seed), &Device::Cpu, ops).unwrap();
            perturb(network.parameters(), seed + 1);
            let latents = network.encoder().forward(&images).unwrap();
            let decoded = network.decoder().forward(&latents).unwrap();
            let x = Var::from_tensor(&images).unwrap();
            let output = network.reconstruct(x.as_tensor()).unwrap();
            let loss = mean_squared_error(&output, &images).unwrap();
            let d_x = values(loss.backward().unwrap().get(x.as_tensor()).unwrap());
            let output = network.reconstruct(&images).unwrap();
            let gradients = network.parameters().gradients(&mean_squared_error(&output, &images).unwrap()).unwrap();
            (values(&latents), values(&decoded), values(&output), d_x, gradients)
        });
        for (actual, expected) in [(&actual.0, &expected.0), (&actual.1, &expected.1), (&actual.2, &expected.2)] {
            assert_close(actual, expected, 1e-4, "outputs");
        }
        assert_close(&actual.3, &expected.3, 1e-3, "gradient of the images");
        assert_all_close(&actual.4, &expected.4, 1e-3);
    }
}

/// Trains with both kinds of operations, and compares the weights and moments.
fn assert_same_training(train: impl Fn(Ops) -> (NamedArrays, crate::Moments)) {
    let [actual, expected] = BOTH.map(train);
    assert_eq!(actual.1.steps, expected.1.steps);
    assert_all_close(&actual.0, &expected.0, 2e-3);
    assert_all_close(&actual.1.first, &expected.1.first, 2e-2);
    assert_all_close(&actual.1.second, &expected.1.second, 2e-2);
}

#[test]
fn twenty_training_steps_of_h_match_the_cpu() {
    let shape =
        MlpShape { input: 5, hidden_layers: 3, width: 40, output: 4, negative_slope: 0.5, batch_norm_layers: 2 };
    assert_same_training(|ops| {
        let h = Mlp::with_ops(&shape, &Streams::new(1), &Device::Cpu, ops).unwrap();
        let mut adam = Adam::with_ops(h.parameters(), settings(), ops).unwrap();
        for step in 0..20 {
            // The last batch of an epoch is smaller.
            let n = if step % 5 == 4 { 7 } else { 32 };
            let (x, target) = (normal_tensor(&[n, 5], 2 * step), normal_tensor(&[n, 4], 2 * step + 1));
            let loss = mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
            adam.backward_step(h.parameters(), &loss).unwrap();
            if step == 10 {
                let moments = adam.moments().unwrap();
                adam = Adam::with_ops(h.parameters(), settings(), ops).unwrap();
                adam.restore(&moments).unwrap();
            }
        }
        (h.parameters().state_dict().unwrap(), adam.moments().unwrap())
    });
}

#[test]
fn twenty_training_steps_of_the_residual_network_match_the_cpu() {
    let shape = ResidualShape { dim: 4, condition: 2, width: 40, blocks: 2, adds_input: true };
    let settings = AdamSettings { weight_decay: 0.1, decoupled: true, ..settings() };
    assert_same_training(|ops| {
        let network = ResidualMlp::with_ops(&shape, "test", &Streams::new(1), &Device::Cpu, ops).unwrap();
        let mut adam = Adam::with_ops(network.parameters(), settings, ops).unwrap();
        let mut averages = AveragedWeights::with_ops(network.parameters(), ops).unwrap();
        for step in 0..20 {
            // The last batch of an epoch is smaller.
            let n = if step % 5 == 4 { 7 } else { 32 };
            let (x, target) = (normal_tensor(&[n, 6], 2 * step), normal_tensor(&[n, 4], 2 * step + 1));
            let loss = mean_squared_error(&network.forward(&x, Mode::Train).unwrap(), &target).unwrap();
            adam.set_learning_rate(1e-3 / (step + 1) as f64);
            adam.backward_step(network.parameters(), &loss).unwrap();
            averages.update(network.parameters(), 0.9).unwrap();
        }
        averages.swap(network.parameters()).unwrap();
        (network.parameters().state_dict().unwrap(), adam.moments().unwrap())
    });
}

#[test]
fn twenty_training_steps_of_the_autoencoder_match_the_cpu() {
    let shape = AutoencoderShape { channels: 1, side: 8, dim: 3 };
    assert_same_training(|ops| {
        let network = Autoencoder::with_ops(&shape, &Streams::new(1), &Device::Cpu, ops).unwrap();
        let mut adam = Adam::with_ops(network.parameters(), settings(), ops).unwrap();
        for step in 0..20 {
            let images = normal_tensor(&[2 + step as usize % 2, 1, 8, 8], step);
            let loss = mean_squared_error(&network.reconstruct(&images).unwrap(), &images).unwrap();
            adam.backward_step(network.parameters(), &loss).unwrap();
        }
        (network.parameters().state_dict().unwrap(), adam.moments().unwrap())
    });
}

#[test]
fn gradients_from_candle_are_added() {
    let shape = MlpShape { input: 2, hidden_layers: 1, width: 3, output: 2, negative_slope: 0.5, batch_norm_layers: 0 };
    assert_same_training(|ops| {
        let h = Mlp::with_ops(&shape, &Streams::new(1), &Device::Cpu, ops).unwrap();
        let mut adam = Adam::with_ops(h.parameters(), settings(), ops).unwrap();
        for step in 0..3 {
            let (x, target) = (normal_tensor(&[8, 2], 2 * step), normal_tensor(&[8, 2], 2 * step + 1));
            let loss = mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
            let (_, weight) = h.parameters().trainable().find(|(name, _)| *name == "output.weight").unwrap();
            let penalty = weight.sqr().unwrap().sum_all().unwrap();
            let loss = (loss + penalty).unwrap();
            if step == 1 {
                adam.step(h.parameters(), &loss.backward().unwrap()).unwrap();
            } else {
                adam.backward_step(h.parameters(), &loss).unwrap();
            }
        }
        (h.parameters().state_dict().unwrap(), adam.moments().unwrap())
    });
}

#[test]
fn the_loss_matches_the_cpu() {
    for len in [1, 255, 100_000] {
        let (output, target) = (Var::from_tensor(&normal_tensor(&[len], 1)).unwrap(), normal_tensor(&[len], 2));
        let value_and_gradient = |loss: &Tensor| {
            let loss = (loss * 3.0).unwrap();
            let gradients = loss.backward().unwrap();
            (values(&loss), values(gradients.get(output.as_tensor()).unwrap()))
        };
        let actual =
            value_and_gradient(&super::mean_squared_error(&Gpu::emulated(), output.as_tensor(), &target).unwrap());
        let expected = value_and_gradient(&mean_squared_error(output.as_tensor(), &target).unwrap());
        assert_close(&actual.0, &expected.0, 1e-6, "loss");
        assert_close(&actual.1, &expected.1, 1e-6, "gradient");
    }
}

#[test]
fn wrong_shapes_are_errors() {
    let shape = MlpShape { input: 2, hidden_layers: 1, width: 3, output: 2, negative_slope: 0.5, batch_norm_layers: 0 };
    let h = Mlp::with_ops(&shape, &Streams::new(1), &Device::Cpu, Ops::Emulated).unwrap();
    assert!(matches!(h.forward(&normal_tensor(&[0, 2], 1), Mode::Train), Err(Error::Device(_))));
    assert_eq!(h.forward(&normal_tensor(&[0, 2], 1), Mode::Evaluate).unwrap().dims(), [0, 2]);
    let gpu = Gpu::emulated();
    assert!(super::mean_squared_error(&gpu, &normal_tensor(&[4], 1), &normal_tensor(&[2, 2], 1)).is_err());
    let shape = AutoencoderShape { channels: 1, side: 8, dim: 3 };
    let network = Autoencoder::with_ops(&shape, &Streams::new(1), &Device::Cpu, Ops::Emulated).unwrap();
    assert!(network.encoder().forward(&normal_tensor(&[2, 1, 4, 4], 1)).is_err());
    assert!(network.decoder().forward(&normal_tensor(&[2, 4], 1)).is_err());
}

#[test]
#[allow(unsafe_code, reason = "a kernel that does not exist reads nothing")]
fn an_unknown_kernel_is_an_error() {
    let dims = LaunchDims { grid: [1, 1], block: [1, 1] };
    // SAFETY: nothing runs.
    let error = unsafe { Gpu::emulated().launch("no_such_kernel", dims, &[KernelArg::I32(1)]) };
    assert!(error.unwrap_err().to_string().contains("no_such_kernel"));
}

#[test]
fn the_proposer_lists_the_top_k_and_bounds_the_rest() {
    let streams = Streams::new(3);
    let unit_rows = |name: &str, n: usize| {
        let mut rows = streams.normal(name, 0, n, 6);
        rows.rows_mut().into_iter().for_each(|mut row| {
            let norm = row.dot(&row).sqrt();
            row /= norm;
        });
        rows.into_raw_vec_and_offset().0
    };
    let (sources, targets) = (unit_rows("y", 5), unit_rows("x", 3000));
    let mut proposer = TopKProposer::new(Gpu::emulated());
    proposer.begin(UnitRows::new(&targets, 6)).unwrap();
    let removed: Vec<u32> = (0..3000).filter(|row| row % 5 == 0 || *row > 2900).collect();
    proposer.remove(&removed).unwrap();
    let mut lists = vec![gtn_label::Candidates::default(); 5];
    proposer.propose(UnitRows::new(&sources, 6), 16, &mut lists).unwrap();
    for (row, list) in lists.iter().enumerate() {
        let mut listed = vec![false; 3000];
        assert_eq!(list.listed().len(), 16);
        let cosine = |target: usize| -> f64 {
            let rows = sources[row * 6..][..6].iter().zip(&targets[target * 6..][..6]);
            rows.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        for candidate in list.listed() {
            assert!(
                !removed.contains(&candidate.target)
                    && !std::mem::replace(&mut listed[candidate.target as usize], true)
            );
            assert!((cosine(candidate.target as usize) - f64::from(candidate.score)).abs() <= f64::from(list.error()));
        }
        let others = (0..3000).filter(|&target| !listed[target] && !removed.contains(&(target as u32)));
        let best = others.map(cosine).fold(f64::NEG_INFINITY, f64::max);
        assert!(best <= f64::from(list.bound()) && best + 1e-5 >= f64::from(list.bound()), "{best} {}", list.bound());
    }
}
