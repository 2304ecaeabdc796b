//! ĥ forward and backward: products, and between them the passes of [`hidden`](super::hidden).

use candle_core::{Tensor, Var};

use super::fused::{Batch, Part};
use super::hidden::{self, Statistics};
use super::lanes::column_sums;
use super::linear::Linear;
use super::weight::{Weight, read};

/// BatchNorm's parameters and running statistics.
#[derive(Debug)]
pub(crate) struct Norm {
    pub(crate) gamma: Weight,
    pub(crate) beta: Weight,
    pub(crate) mean: Var,
    pub(crate) variance: Var,
}

/// A linear layer, LeakyReLU and BatchNorm, if it has one.
#[derive(Debug)]
pub(crate) struct Hidden {
    pub(crate) linear: Linear,
    pub(crate) norm: Option<Norm>,
}

/// All layers of ĥ.
#[derive(Debug)]
pub(crate) struct Perceptron {
    pub(crate) hidden: Vec<Hidden>,
    pub(crate) output: Linear,
    pub(crate) slope: f32,
}

/// What a forward pass keeps of one hidden layer.
#[derive(Debug, Default)]
pub(crate) struct LayerTape {
    /// The input of the activation.
    a: Vec<f32>,
    /// The output of the layer.
    y: Vec<f32>,
    statistics: Statistics,
}

/// What a forward pass keeps of all hidden layers.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    layers: Vec<LayerTape>,
    /// Gradients on their way down: of a layer's output, and of its input.
    down: [Vec<f32>; 2],
}

impl Norm {
    /// Moves the running statistics towards those of a batch of `n` rows.
    fn remember(&self, batch: &Statistics, n: usize) -> candle_core::Result<()> {
        let unbiased = n as f32 / (n as f32 - 1.0);
        let keep = 1.0 - hidden::MOMENTUM;
        let towards = |var: &Var, new: &[f32], factor: f32| {
            let now = read(var.as_tensor())?;
            let moved = now.iter().zip(new).map(|(now, new)| keep * now + hidden::MOMENTUM * (factor * new));
            let moved: Vec<f32> = moved.collect();
            drop(now);
            var.set(&Tensor::from_vec(moved, var.shape(), var.device())?)
        };
        towards(&self.mean, &batch.mean, 1.0)?;
        towards(&self.variance, &batch.variance, unbiased)
    }
}

impl Perceptron {
    /// ĥ(x) with the running statistics: BatchNorm is a factor and a summand of the activation.
    fn by_running_statistics(&self, x: &[f32], n: usize) -> candle_core::Result<Vec<f32>> {
        let (mut now, mut next) = (Vec::new(), Vec::new());
        for (index, layer) in self.hidden.iter().enumerate() {
            let input = if index == 0 { x } else { &now };
            let (output, _) = layer.linear.size()?;
            next.resize(n * output, 0.0);
            layer.linear.product(input, n, &mut next)?;
            let (scale, shift) = match &layer.norm {
                None => (vec![1.0; output], vec![0.0; output]),
                Some(norm) => {
                    let (mean, variance) = (read(norm.mean.as_tensor())?, read(norm.variance.as_tensor())?);
                    hidden::folded(&norm.gamma.read()?, &norm.beta.read()?, &mean, &variance)
                }
            };
            hidden::activate_and_scale(&mut next, &layer.linear.bias.read()?, self.slope, &scale, &shift);
            std::mem::swap(&mut now, &mut next);
        }
        self.output.forward(if self.hidden.is_empty() { x } else { &now }, n)
    }
}

impl Part for Perceptron {
    type Tape = Tape;

    const NAME: &'static str = "perceptron";

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

    fn shape(&self, input: &[usize]) -> candle_core::Result<Vec<usize>> {
        let first = self.hidden.first().map_or(&self.output, |layer| &layer.linear);
        match *input {
            [n, columns] if columns == first.size()?.1 => Ok(vec![n, self.output.size()?.0]),
            _ => candle_core::bail!("ĥ takes rows of {} columns, not {input:?}", first.size()?.1),
        }
    }

    fn forward(&self, x: &[f32], n: usize, tape: &mut Tape) -> candle_core::Result<Vec<f32>> {
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
                None => hidden::activate(a, &bias, self.slope, y),
                Some(norm) => {
                    let parameters = (norm.gamma.read()?, norm.beta.read()?);
                    let parameters = (&*parameters.0, &*parameters.1);
                    hidden::activate_and_normalize(a, &bias, self.slope, parameters, y, statistics);
                    norm.remember(statistics, n)?;
                }
            }
        }
        self.output.forward(tape.layers.last().map_or(x, |tape| &tape.y), n)
    }

    fn evaluate(&self, x: &[f32], n: usize, _: &mut Tape) -> candle_core::Result<Vec<f32>> {
        self.by_running_statistics(x, n)
    }

    fn backward(&self, batch: &Batch<'_>, tape: &mut Tape, wants_input: bool) -> candle_core::Result<Option<Vec<f32>>> {
        let Batch { n, x, dy, .. } = *batch;
        let Tape { layers, down: [d, next] } = tape;
        self.output.bias.gradient().put(column_sums(dy, self.output.size()?.0).into_iter());
        self.output.weight_gradient(layers.last().map_or(x, |tape| &tape.y), n, dy)?;
        if self.hidden.is_empty() && !wants_input {
            return Ok(None);
        }
        d.resize(n * self.output.size()?.1, 0.0);
        self.output.input_gradient(n, dy, d)?;
        for (index, layer) in self.hidden.iter().enumerate().rev() {
            let (before, rest) = layers.split_at_mut(index);
            let (x, LayerTape { a, statistics, .. }) = (before.last().map_or(x, |tape| &tape.y), &mut rest[0]);
            let (output, input) = layer.linear.size()?;
            match &layer.norm {
                None => {
                    hidden::activate_backward(d, a, self.slope);
                    layer.linear.bias.gradient().put(column_sums(d, output).into_iter());
                }
                Some(norm) => {
                    let found = hidden::normalize_backward(d, a, self.slope, &norm.gamma.read()?, statistics);
                    layer.linear.bias.gradient().put(found.bias.into_iter());
                    norm.gamma.gradient().put(found.gamma.into_iter());
                    norm.beta.gradient().put(found.beta.into_iter());
                }
            }
            layer.linear.weight_gradient(x, n, d)?;
            if index > 0 || wants_input {
                next.resize(n * input, 0.0);
                layer.linear.input_gradient(n, d, next)?;
                std::mem::swap(d, next);
            }
        }
        Ok(wants_input.then(|| d.clone()))
    }
}
