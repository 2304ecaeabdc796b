//! The residual network: matrix products, and between them the passes of [`layer_norm`](super::layer_norm) and
//! [`silu`](super::silu).

use candle_core::Result;

use super::gemm::{Matrix, MatrixMut, Threads, Write, multiply};
use super::host_op::{Batch, FusedModule};
use super::layer_norm::{
    Addends, LastColumns, LayerNorm, NormTape, add_and_normalize, add_last_columns, normalize_backward,
};
use super::linear::Linear;
use super::silu::{add_bias_and_silu, silu_and_derivative, silu_backward};
use super::simd::add;
use super::weight::Weight;

/// LayerNorm, linear, SiLU, linear; the result is added to the input.
#[derive(Debug)]
pub(crate) struct ResidualBlock {
    pub(crate) norm: LayerNorm,
    pub(crate) linear1: Linear,
    pub(crate) linear2: Linear,
}

/// The layers of a residual network.
#[derive(Debug)]
pub(crate) struct FusedResidual {
    pub(crate) input: Linear,
    pub(crate) blocks: Vec<ResidualBlock>,
    pub(crate) norm: LayerNorm,
    pub(crate) output: Linear,
    /// Whether the first columns of the input are added to the output.
    pub(crate) adds_input: bool,
}

/// What the forward pass saves of the hidden units of a block.
#[derive(Debug, Default)]
struct ActivationTape {
    /// Derivatives of SiLU.
    derivatives: Vec<f32>,
    /// Output of SiLU.
    s: Vec<f32>,
}

/// What the forward pass saves, and scratch memory of the backward pass.
#[derive(Debug, Default)]
pub(crate) struct Tape {
    /// Of the LayerNorm of each block, and of the last one.
    norms: Vec<NormTape>,
    activations: Vec<ActivationTape>,
    scratch: Scratch,
}

/// Scratch memory of the backward pass.
#[derive(Debug, Default)]
struct Scratch {
    /// Gradient of the residual sum.
    d: Vec<f32>,
    /// Gradient of what LayerNorm writes.
    d_normalized: Vec<f32>,
    /// Gradient of SiLU's output, and of its input.
    d_activation: Vec<f32>,
    group_sums: Vec<f32>,
}

/// Resizes a vector and borrows its values.
fn resized(values: &mut Vec<f32>, len: usize) -> &mut [f32] {
    values.resize(len, 0.0);
    values
}

impl FusedResidual {
    /// The bias that is added before LayerNorm number `index`, and this LayerNorm.
    pub(crate) fn norm(&self, index: usize) -> (&Weight, &LayerNorm) {
        let before = index.checked_sub(1).map_or(&self.input, |before| &self.blocks[before].linear2);
        (&before.bias, self.blocks.get(index).map_or(&self.norm, |block| &block.norm))
    }

    /// LayerNorm number `index` of what its tape holds plus bias and `rows`.
    fn normalize(
        &self,
        index: usize,
        tape: &mut NormTape,
        rows: Option<&[f32]>,
        condition: LastColumns<'_>,
    ) -> Result<()> {
        let (bias, norm) = self.norm(index);
        let addends = Addends { rows, bias: &bias.read()? };
        add_and_normalize(tape, addends, (&norm.gamma.read()?, &norm.beta.read()?), condition);
        Ok(())
    }

    /// The columns of the input that block number `index` sees as well. The output layer sees none.
    fn condition<'a>(&self, index: usize, x: &'a [f32]) -> Result<LastColumns<'a>> {
        let stride = self.input.size()?.1;
        let columns = if index < self.blocks.len() { stride - self.output.size()?.0 } else { 0 };
        Ok(LastColumns { rows: x, stride, columns })
    }

    /// The output for the last normalized rows `a`.
    fn output(&self, x: &[f32], a: &[f32], n: usize) -> Result<Vec<f32>> {
        let mut y = self.output.forward(a, n)?;
        if self.adds_input {
            let (dim, columns) = (self.output.size()?.0, self.input.size()?.1);
            y.chunks_exact_mut(dim).zip(x.chunks_exact(columns)).for_each(|(y, x)| add(y, &x[..dim]));
        }
        Ok(y)
    }
}

impl FusedModule for FusedResidual {
    type Tape = Tape;

    const NAME: &'static str = "residual perceptron";

    /// The rows of a batch stay in a cache from one layer to the next.
    const EVALUATION_BATCH_SIZE: usize = 512;

    fn weights(&self) -> Vec<&Weight> {
        let mut weights = vec![&self.input.weight, &self.input.bias];
        for ResidualBlock { norm, linear1, linear2 } in &self.blocks {
            weights.extend([&norm.gamma, &norm.beta, &linear1.weight, &linear1.bias, &linear2.weight, &linear2.bias]);
        }
        weights.extend([&self.norm.gamma, &self.norm.beta, &self.output.weight, &self.output.bias]);
        weights
    }

    fn shape(&self, input: &[usize]) -> Result<Vec<usize>> {
        let expected = self.input.size()?.1;
        match *input {
            [n, columns] if columns == expected => Ok(vec![n, self.output.size()?.0]),
            _ => candle_core::bail!("the residual network needs an input of shape (n, {expected}), not {input:?}"),
        }
    }

    fn forward(&self, x: &[f32], n: usize, Tape { norms, activations, .. }: &mut Tape) -> Result<Vec<f32>> {
        let width = self.input.size()?.0;
        norms.resize_with(self.blocks.len() + 1, NormTape::default);
        activations.resize_with(self.blocks.len(), ActivationTape::default);
        self.input.product(x, n, resized(&mut norms[0].h, n * width))?;
        for (index, (block, activation)) in self.blocks.iter().zip(activations).enumerate() {
            let (before, rest) = norms.split_at_mut(index);
            let [tape, next, ..] = rest else { unreachable!("there is one more LayerNorm than blocks") };
            self.normalize(index, tape, before.last().map(|before| &*before.h), self.condition(index, x)?)?;
            let ActivationTape { derivatives, s } = activation;
            block.linear1.product(&tape.a, n, resized(derivatives, n * width))?;
            silu_and_derivative(derivatives, &block.linear1.bias.read()?, resized(s, n * width));
            block.linear2.product(s, n, resized(&mut next.h, n * width))?;
        }
        let index = self.blocks.len();
        let (before, last) = norms.split_at_mut(index);
        self.normalize(index, &mut last[0], before.last().map(|before| &*before.h), self.condition(index, x)?)?;
        self.output(x, &last[0].a, n)
    }

    /// Only one residual sum is kept, to which each block adds.
    fn evaluate(&self, x: &[f32], n: usize, Tape { norms, activations, .. }: &mut Tape) -> Result<Vec<f32>> {
        let width = self.input.size()?.0;
        norms.resize_with(norms.len().max(1), NormTape::default);
        activations.resize_with(activations.len().max(1), ActivationTape::default);
        let (tape, s) = (&mut norms[0], &mut activations[0].s);
        self.input.product(x, n, resized(&mut tape.h, n * width))?;
        for (index, block) in self.blocks.iter().enumerate() {
            self.normalize(index, tape, None, self.condition(index, x)?)?;
            block.linear1.product(&tape.a, n, resized(s, n * width))?;
            add_bias_and_silu(s, &block.linear1.bias.read()?);
            let weight = block.linear2.weight.read()?;
            let weight = Matrix::row_major(&weight, width, width).transposed();
            let sum = MatrixMut::row_major(&mut tape.h, n, width);
            multiply(sum, Write::Add, Matrix::row_major(s, n, width), weight, Threads::All);
        }
        let index = self.blocks.len();
        self.normalize(index, tape, None, self.condition(index, x)?)?;
        self.output(x, &tape.a, n)
    }

    fn backward(&self, batch: &Batch<'_>, tape: &mut Tape, needs_input_grad: bool) -> Result<Option<Vec<f32>>> {
        let Batch { n, x, dy, .. } = *batch;
        let Tape { norms, activations, scratch: Scratch { d, d_normalized, d_activation, group_sums } } = tape;
        let (width, columns) = self.input.size()?;
        let dim = self.output.size()?.0;
        let mut dx = vec![0.0; if needs_input_grad { n * columns } else { 0 }];
        let last = self.blocks.len();
        self.output.parameter_gradients(&norms[last].a, n, dy)?;
        self.output.input_gradient(n, dy, d_normalized)?;
        resized(d, n * width).fill(0.0);
        for (index, tape) in norms.iter().enumerate().rev() {
            let (bias, norm) = self.norm(index);
            let gradients = normalize_backward(d, d_normalized, tape, &norm.gamma.read()?, group_sums);
            norm.gamma.gradient().accumulate(gradients.gamma.into_iter());
            norm.beta.gradient().accumulate(gradients.beta.into_iter());
            bias.gradient().accumulate(gradients.bias.into_iter());
            if needs_input_grad && index < last {
                let condition =
                    LastColumns { rows: d_normalized, stride: width + columns - dim, columns: columns - dim };
                add_last_columns(&mut dx, columns, condition);
            }
            // `d` is now the gradient of what the block before has added to.
            let Some(before) = index.checked_sub(1) else { break };
            let (ResidualBlock { linear1, linear2, .. }, activation) = (&self.blocks[before], &activations[before]);
            linear2.weight_gradient(&activation.s, n, d)?;
            linear2.input_gradient(n, d, d_activation)?;
            let bias = silu_backward(d_activation, &activation.derivatives, width, group_sums);
            linear1.bias.gradient().accumulate(bias.into_iter());
            linear1.weight_gradient(&norms[before].a, n, d_activation)?;
            linear1.input_gradient(n, d_activation, d_normalized)?;
        }
        self.input.weight_gradient(x, n, d)?;
        if !needs_input_grad {
            return Ok(None);
        }
        if self.adds_input {
            dx.chunks_exact_mut(columns).zip(dy.chunks_exact(dim)).for_each(|(dx, dy)| add(&mut dx[..dim], dy));
        }
        self.input.input_gradient(n, d, d_activation)?;
        add(&mut dx, d_activation);
        Ok(Some(dx))
    }
}
