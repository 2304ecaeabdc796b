//! ĥ: matrix products, and between them the passes of [`linear_act_norm`](super::linear_act_norm).

use candle_core::{Result, Tensor, Var};

use super::host_op::{Batch, FusedModule};
use super::linear::Linear;
use super::linear_act_norm::{self, BatchStatistics};
use super::weight::{Weight, read};

/// BatchNorm's parameters and running statistics.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) gamma: Weight,
    pub(crate) beta: Weight,
    pub(crate) mean: Var,
    pub(crate) variance: Var,
}

/// A linear layer, LeakyReLU, and optionally BatchNorm.
#[derive(Debug)]
pub(crate) struct HiddenLayer {
    pub(crate) linear: Linear,
    pub(crate) norm: Option<Norm>,
}

/// The layers of ĥ.
#[derive(Debug)]
pub(crate) struct FusedMlp {
    pub(crate) hidden: Vec<HiddenLayer>,
    pub(crate) output: Linear,
    pub(crate) negative_slope: f32,
}

/// What the forward pass saves of one hidden layer.
#[derive(Debug, Default)]
pub(crate) struct LayerTape {
    /// Input of the activation.
    a: Vec<f32>,
    /// Output of the layer.
    y: Vec<f32>,
    statistics: BatchStatistics,
}

/// What the forward pass saves of all hidden layers, and scratch memory of the backward pass.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    layers: Vec<LayerTape>,
    /// Gradients of a layer's output and of its input.
    backpropagated: [Vec<f32>; 2],
}

impl Norm {
    /// Moves the running statistics toward those of a batch of `n` rows.
    fn update_running_statistics(&self, batch: &BatchStatistics, n: usize) -> Result<()> {
        let unbiased = n as f32 / (n as f32 - 1.0);
        let keep = 1.0 - linear_act_norm::MOMENTUM;
        let update = |var: &Var, new: &[f32], factor: f32| {
            let old = read(var.as_tensor())?;
            let updated = old.iter().zip(new).map(|(old, new)| keep * old + linear_act_norm::MOMENTUM * (factor * new));
            let updated: Vec<f32> = updated.collect();
            drop(old);
            var.set(&Tensor::from_vec(updated, var.shape(), var.device())?)
        };
        update(&self.mean, &batch.mean, 1.0)?;
        update(&self.variance, &batch.variance, unbiased)
    }
}

impl FusedModule for FusedMlp {
    type Tape = Tape;

    const NAME: &'static str = "perceptron";

    const EVALUATION_BATCH_SIZE: usize = usize::MAX;

    fn weights(&self) -> Vec<&Weight> {
        let mut weights: Vec<&Weight> = Vec::new();
        for layer in &self.hidden {
            weights.extend([&layer.linear.weight, &layer.linear.bias]);
            if let Some(norm) = &layer.norm {
                weights.extend([&norm.gamma, &norm.beta]);
            }
        }
        weights.extend([&self.output.weight, &self.output.bias]);
        weights
    }

    fn shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let first = self.hidden.first().map_or(&self.output, |layer| &layer.linear);
        match *input {
            [n, columns] if columns == first.size()?.1 => Ok(vec![n, self.output.size()?.0]),
            _ => candle_core::bail!("ĥ needs an input of shape (n, {}), not {input:?}", first.size()?.1),
        }
    }

    fn forward(&self, x: &[f32], n: usize, tape: &mut Tape) -> Result<Vec<f32>> {
        tape.layers.resize_with(self.hidden.len(), LayerTape::default);
        for (index, layer) in self.hidden.iter().enumerate() {
            let (before, rest) = tape.layers.split_at_mut(index);
            let (x, LayerTape { a, y, statistics }) = (before.last().map_or(x, |tape| &tape.y), &mut rest[0]);
            let (output, _) = layer.linear.size()?;
            a.resize(n * output, 0.0);
            y.resize(n * output, 0.0);
            layer.linear.product(x, n, a)?;
            let bias = layer.linear.bias.read()?;
            match &layer.norm {
                None => linear_act_norm::activate(a, &bias, self.negative_slope, y),
                Some(norm) => {
                    let parameters = (norm.gamma.read()?, norm.beta.read()?);
                    let parameters = (&*parameters.0, &*parameters.1);
                    linear_act_norm::activate_and_normalize(a, &bias, self.negative_slope, parameters, y, statistics);
                    norm.update_running_statistics(statistics, n)?;
                }
            }
        }
        self.output.forward(tape.layers.last().map_or(x, |tape| &tape.y), n)
    }

    /// BatchNorm with the running statistics is one multiplication and one addition per value.
    fn evaluate(&self, x: &[f32], n: usize, _: &mut Tape) -> Result<Vec<f32>> {
        let (mut current, mut next) = (Vec::new(), Vec::new());
        for (index, layer) in self.hidden.iter().enumerate() {
            let input = if index == 0 { x } else { &current };
            let (output, _) = layer.linear.size()?;
            next.resize(n * output, 0.0);
            layer.linear.product(input, n, &mut next)?;
            let (scale, shift) = match &layer.norm {
                None => (vec![1.0; output], vec![0.0; output]),
                Some(norm) => {
                    let (mean, variance) = (read(norm.mean.as_tensor())?, read(norm.variance.as_tensor())?);
                    linear_act_norm::fold_batch_norm(&norm.gamma.read()?, &norm.beta.read()?, &mean, &variance)
                }
            };
            linear_act_norm::activate_and_scale(
                &mut next,
                &layer.linear.bias.read()?,
                self.negative_slope,
                &scale,
                &shift,
            );
            std::mem::swap(&mut current, &mut next);
        }
        self.output.forward(if self.hidden.is_empty() { x } else { &current }, n)
    }

    fn backward(&self, batch: &Batch<'_>, tape: &mut Tape, needs_input_grad: bool) -> Result<Option<Vec<f32>>> {
        let Batch { n, x, dy, .. } = *batch;
        let Tape { layers, backpropagated: [d, next] } = tape;
        self.output.parameter_gradients(layers.last().map_or(x, |tape| &tape.y), n, dy)?;
        if self.hidden.is_empty() && !needs_input_grad {
            return Ok(None);
        }
        self.output.input_gradient(n, dy, d)?;
        for (index, layer) in self.hidden.iter().enumerate().rev() {
            let (before, rest) = layers.split_at_mut(index);
            let (x, LayerTape { a, statistics, .. }) = (before.last().map_or(x, |tape| &tape.y), &mut rest[0]);
            match &layer.norm {
                None => {
                    linear_act_norm::activate_backward(d, a, self.negative_slope);
                    layer.linear.parameter_gradients(x, n, d)?;
                }
                Some(norm) => {
                    let gradients =
                        linear_act_norm::normalize_backward(d, a, self.negative_slope, &norm.gamma.read()?, statistics);
                    layer.linear.bias.gradient().accumulate(gradients.bias.into_iter());
                    norm.gamma.gradient().accumulate(gradients.gamma.into_iter());
                    norm.beta.gradient().accumulate(gradients.beta.into_iter());
                    layer.linear.weight_gradient(x, n, d)?;
                }
            }
            if index > 0 || needs_input_grad {
                layer.linear.input_gradient(n, d, next)?;
                std::mem::swap(d, next);
            }
        }
        Ok(needs_input_grad.then(|| d.clone()))
    }
}
