//! The GPU's operations, with their kernels on the host, against those of the host.

use candle_core::{Device, Tensor, Var};
use gtn_label::{Matcher, Proposer, UnitRows};
use ndarray::ArrayD;
use proptest::prelude::*;

use super::machine::{Argument, Extent};
use super::{Gpu, Nearest};
use crate::{
    Adam, AdamSettings, Autoencoder, AutoencoderShape, Error, Mlp, MlpShape, Mode, NamedArrays, Ops, Parameters,
    Streams, mean_squared_error, tensor_of,
};

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.flatten_all().unwrap().to_vec1().unwrap()
}

/// Normal numbers of any shape.
fn drawn(shape: &[usize], seed: u64) -> Tensor {
    let numbers = Streams::new(seed).normal("test", 0, 1, shape.iter().product());
    tensor_of(numbers.view(), &Device::Cpu).unwrap().reshape(shape).unwrap()
}

/// Moves the weights away from their start, so that no bias, factor or statistic is left at 0 or 1.
fn shake(parameters: &Parameters, seed: u64) {
    let mut arrays = parameters.snapshot().unwrap();
    for (index, (name, array)) in arrays.iter_mut().enumerate() {
        let noise = ArrayD::from_shape_vec(array.shape(), values(&drawn(array.shape(), seed + index as u64))).unwrap();
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

#[track_caller]
fn assert_all_close(found: &NamedArrays, expected: &NamedArrays, tolerance: f32) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    for (name, expected) in expected {
        assert_close(found[name].as_slice().unwrap(), expected.as_slice().unwrap(), tolerance, name);
    }
}

const BOTH: [Ops; 2] = [Ops::Emulated, Ops::Fused];

fn settings() -> AdamSettings {
    AdamSettings { learning_rate: 1e-3, l2: 1e-3, ..AdamSettings::default() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn h_is_what_the_host_makes_of_it(
        input in 1_usize..9, width in 1_usize..70, output in 1_usize..9, hidden_layers in 0_usize..4,
        norms in 0_usize..4, n in 2_usize..150, slope in prop_oneof![Just(0.0), Just(0.5)], seed in 0_u64..1000,
    ) {
        let batch_norm_layers = norms.min(hidden_layers);
        let shape = MlpShape { input, hidden_layers, width, output, slope, batch_norm_layers };
        let (x, target) = (drawn(&[n, input], seed + 50), drawn(&[n, output], seed + 51));
        let [found, expected] = BOTH.map(|ops| {
            let h = Mlp::with_ops(&shape, &Streams::new(seed), &Device::Cpu, ops).unwrap();
            shake(h.parameters(), seed + 1);
            let evaluated = values(&h.forward(&x, Mode::Evaluate).unwrap());
            let x = Var::from_tensor(&x).unwrap();
            let y = h.forward(x.as_tensor(), Mode::Train).unwrap();
            let loss = mean_squared_error(&y, &target).unwrap();
            let of_x = values(loss.backward().unwrap().get(x.as_tensor()).unwrap());
            let y = h.forward(x.as_tensor(), Mode::Train).unwrap();
            let gradients = h.parameters().gradients(&mean_squared_error(&y, &target).unwrap()).unwrap();
            (evaluated, values(&y), of_x, gradients, h.parameters().snapshot().unwrap())
        });
        assert_close(&found.0, &expected.0, 1e-4, "output in evaluation mode");
        assert_close(&found.1, &expected.1, 2e-4, "output");
        // A unit that hardly varies over the batch makes BatchNorm's gradient a difference of large numbers.
        assert_close(&found.2, &expected.2, 1e-2, "gradient of the input");
        assert_all_close(&found.3, &expected.3, 1e-2);
        assert_all_close(&found.4, &expected.4, 1e-4);
    }

    #[test]
    fn matchings_are_those_of_the_host(
        dim in 1_usize..20, n in 0_usize..120, more in 0_usize..60, most in prop_oneof![Just(1), Just(3_000), Just(1 << 20)],
        keep in 1_usize..40, seed in 0_u64..1000,
    ) {
        let streams = Streams::new(seed);
        let (source, mut target) = (streams.normal("y", 0, n, dim), streams.normal("x", 0, n + more, dim));
        // Rows that are alike, or have no direction.
        for row in (0..target.nrows()).step_by(7) {
            let first = target.row(0).to_owned();
            target.row_mut(row).assign(&(first * ((row % 3) as f32)));
        }
        let expected = Matcher::new().match_rows(&source, &target).unwrap();
        let mut nearest = Nearest::new(Gpu::emulated()).with_most(most);
        let matcher = Matcher::new().candidates(keep).block(32).proposer(&mut nearest);
        let found = { matcher }.match_rows(&source, &target).unwrap();
        prop_assert_eq!(found.matching(), expected.matching());
        prop_assert_eq!(found.similarity(), expected.similarity());
    }
}

#[test]
fn the_autoencoder_is_what_the_host_makes_of_it() {
    for (n, channels, side, dim, seed) in [(3, 3, 8, 5, 1), (2, 1, 12, 3, 2), (1, 2, 4, 1, 3)] {
        let shape = AutoencoderShape { channels, side, dim };
        let images = drawn(&[n, channels, side, side], seed + 50);
        let [found, expected] = BOTH.map(|ops| {
            let network = Autoencoder::with_ops(&shape, &Streams::new(seed), &Device::Cpu, ops).unwrap();
            shake(network.parameters(), seed + 1);
            let latents = network.encoder().forward(&images).unwrap();
            let decoded = network.decoder().forward(&latents).unwrap();
            let x = Var::from_tensor(&images).unwrap();
            let output = network.reconstruct(x.as_tensor()).unwrap();
            let loss = mean_squared_error(&output, &images).unwrap();
            let of_x = values(loss.backward().unwrap().get(x.as_tensor()).unwrap());
            let output = network.reconstruct(&images).unwrap();
            let gradients = network.parameters().gradients(&mean_squared_error(&output, &images).unwrap()).unwrap();
            (values(&latents), values(&decoded), values(&output), of_x, gradients)
        });
        for (found, expected) in [(&found.0, &expected.0), (&found.1, &expected.1), (&found.2, &expected.2)] {
            assert_close(found, expected, 1e-4, "outputs");
        }
        assert_close(&found.3, &expected.3, 1e-3, "gradient of the images");
        assert_all_close(&found.4, &expected.4, 1e-3);
    }
}

/// Weights and moments after some steps, of both kinds of operations.
fn trained(of: impl Fn(Ops) -> (NamedArrays, crate::Moments)) {
    let [found, expected] = BOTH.map(of);
    assert_eq!(found.1.steps, expected.1.steps);
    assert_all_close(&found.0, &expected.0, 2e-3);
    assert_all_close(&found.1.first, &expected.1.first, 2e-2);
    assert_all_close(&found.1.second, &expected.1.second, 2e-2);
}

#[test]
fn twenty_steps_of_h_are_those_of_the_host() {
    let shape = MlpShape { input: 5, hidden_layers: 3, width: 40, output: 4, slope: 0.5, batch_norm_layers: 2 };
    trained(|ops| {
        let h = Mlp::with_ops(&shape, &Streams::new(1), &Device::Cpu, ops).unwrap();
        let mut adam = Adam::with_ops(h.parameters(), settings(), ops).unwrap();
        for step in 0..20 {
            // The last batch of an epoch is smaller.
            let n = if step % 5 == 4 { 7 } else { 32 };
            let (x, target) = (drawn(&[n, 5], 2 * step), drawn(&[n, 4], 2 * step + 1));
            let loss = mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
            adam.minimize(h.parameters(), &loss).unwrap();
            if step == 10 {
                let moments = adam.moments().unwrap();
                adam = Adam::with_ops(h.parameters(), settings(), ops).unwrap();
                adam.restore(&moments).unwrap();
            }
        }
        (h.parameters().snapshot().unwrap(), adam.moments().unwrap())
    });
}

#[test]
fn twenty_steps_of_the_autoencoder_are_those_of_the_host() {
    let shape = AutoencoderShape { channels: 1, side: 8, dim: 3 };
    trained(|ops| {
        let network = Autoencoder::with_ops(&shape, &Streams::new(1), &Device::Cpu, ops).unwrap();
        let mut adam = Adam::with_ops(network.parameters(), settings(), ops).unwrap();
        for step in 0..20 {
            let images = drawn(&[2 + step as usize % 2, 1, 8, 8], step);
            let loss = mean_squared_error(&network.reconstruct(&images).unwrap(), &images).unwrap();
            adam.minimize(network.parameters(), &loss).unwrap();
        }
        (network.parameters().snapshot().unwrap(), adam.moments().unwrap())
    });
}

#[test]
fn what_comes_through_candle_is_added() {
    let shape = MlpShape { input: 2, hidden_layers: 1, width: 3, output: 2, slope: 0.5, batch_norm_layers: 0 };
    trained(|ops| {
        let h = Mlp::with_ops(&shape, &Streams::new(1), &Device::Cpu, ops).unwrap();
        let mut adam = Adam::with_ops(h.parameters(), settings(), ops).unwrap();
        for step in 0..3 {
            let (x, target) = (drawn(&[8, 2], 2 * step), drawn(&[8, 2], 2 * step + 1));
            let loss = mean_squared_error(&h.forward(&x, Mode::Train).unwrap(), &target).unwrap();
            let (_, weight) = h.parameters().trained().find(|(name, _)| *name == "output.weight").unwrap();
            let penalty = weight.as_tensor().sqr().unwrap().sum_all().unwrap();
            let loss = (loss + penalty).unwrap();
            if step == 1 {
                adam.step(h.parameters(), &loss.backward().unwrap()).unwrap();
            } else {
                adam.minimize(h.parameters(), &loss).unwrap();
            }
        }
        (h.parameters().snapshot().unwrap(), adam.moments().unwrap())
    });
}

#[test]
fn the_loss_is_that_of_the_host() {
    for len in [1, 255, 100_000] {
        let (output, target) = (Var::from_tensor(&drawn(&[len], 1)).unwrap(), drawn(&[len], 2));
        let of = |loss: &Tensor| {
            let loss = (loss * 3.0).unwrap();
            let gradients = loss.backward().unwrap();
            (values(&loss), values(gradients.get(output.as_tensor()).unwrap()))
        };
        let found = of(&super::mean_squared_error(&Gpu::emulated(), output.as_tensor(), &target).unwrap());
        let expected = of(&mean_squared_error(output.as_tensor(), &target).unwrap());
        assert_close(&found.0, &expected.0, 1e-6, "loss");
        assert_close(&found.1, &expected.1, 1e-6, "gradient");
    }
}

#[test]
fn wrong_shapes_are_errors() {
    let shape = MlpShape { input: 2, hidden_layers: 1, width: 3, output: 2, slope: 0.5, batch_norm_layers: 0 };
    let h = Mlp::with_ops(&shape, &Streams::new(1), &Device::Cpu, Ops::Emulated).unwrap();
    assert!(matches!(h.forward(&drawn(&[0, 2], 1), Mode::Train), Err(Error::Device(_))));
    assert_eq!(h.forward(&drawn(&[0, 2], 1), Mode::Evaluate).unwrap().dims(), [0, 2]);
    let gpu = Gpu::emulated();
    assert!(super::mean_squared_error(&gpu, &drawn(&[4], 1), &drawn(&[2, 2], 1)).is_err());
    let shape = AutoencoderShape { channels: 1, side: 8, dim: 3 };
    let network = Autoencoder::with_ops(&shape, &Streams::new(1), &Device::Cpu, Ops::Emulated).unwrap();
    assert!(network.encoder().forward(&drawn(&[2, 1, 4, 4], 1)).is_err());
    assert!(network.decoder().forward(&drawn(&[2, 4], 1)).is_err());
}

#[test]
#[allow(unsafe_code, reason = "a kernel that is not there reads nothing")]
fn a_kernel_that_is_not_there_is_an_error() {
    let extent = Extent { blocks: [1, 1], threads: [1, 1] };
    // SAFETY: nothing runs.
    let error = unsafe { Gpu::emulated().launch("no_such_kernel", extent, &[Argument::Int(1)]) };
    assert!(error.unwrap_err().to_string().contains("no_such_kernel"));
}

#[test]
fn the_best_are_listed_and_the_rest_is_bounded() {
    let streams = Streams::new(3);
    let unit = |name: &str, n: usize| {
        let mut rows = streams.normal(name, 0, n, 6);
        rows.rows_mut().into_iter().for_each(|mut row| {
            let norm = row.dot(&row).sqrt();
            row /= norm;
        });
        rows.into_raw_vec_and_offset().0
    };
    let (sources, targets) = (unit("y", 5), unit("x", 3000));
    let mut nearest = Nearest::new(Gpu::emulated());
    nearest.begin(UnitRows::new(&targets, 6)).unwrap();
    let removed: Vec<u32> = (0..3000).filter(|row| row % 5 == 0 || *row > 2900).collect();
    nearest.remove(&removed).unwrap();
    let mut lists = vec![gtn_label::Candidates::default(); 5];
    nearest.propose(UnitRows::new(&sources, 6), 16, &mut lists).unwrap();
    for (row, list) in lists.iter().enumerate() {
        let mut seen = vec![false; 3000];
        assert_eq!(list.listed().len(), 16);
        let cosine = |target: usize| -> f64 {
            let rows = sources[row * 6..][..6].iter().zip(&targets[target * 6..][..6]);
            rows.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
        };
        for candidate in list.listed() {
            assert!(
                !removed.contains(&candidate.target) && !std::mem::replace(&mut seen[candidate.target as usize], true)
            );
            assert!((cosine(candidate.target as usize) - f64::from(candidate.score)).abs() <= f64::from(list.error()));
        }
        let others = (0..3000).filter(|&target| !seen[target] && !removed.contains(&(target as u32)));
        let best = others.map(cosine).fold(f64::NEG_INFINITY, f64::max);
        assert!(best <= f64::from(list.bound()) && best + 1e-5 >= f64::from(list.bound()), "{best} {}", list.bound());
    }
}
