//! Layers with PyTorch's initialization and semantics.

use candle_core::{Module, Tensor};
use candle_nn::{BatchNorm, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Linear};

use crate::ops::{self, KERNEL};
use crate::{Mode, Parameters, Result, Streams};

const STRIDE: usize = 2;
const PADDING: usize = 1;

/// x Wᵀ + b.
pub(crate) fn linear(
    parameters: &mut Parameters,
    name: &str,
    (input, output): (usize, usize),
    streams: &Streams,
) -> Result<ops::Linear> {
    weights(parameters, name, &[output, input], output, input, streams)
}

/// Convolution of kernel 4, stride 2, padding 1: halves the side.
pub(crate) fn convolution(
    parameters: &mut Parameters,
    name: &str,
    (input, output): (usize, usize),
    streams: &Streams,
) -> Result<ops::Linear> {
    weights(parameters, name, &[output, input, KERNEL, KERNEL], output, input * KERNEL * KERNEL, streams)
}

/// Transposed convolution of kernel 4, stride 2, padding 1: doubles the side.
pub(crate) fn transposed_convolution(
    parameters: &mut Parameters,
    name: &str,
    (input, output): (usize, usize),
    streams: &Streams,
) -> Result<ops::Linear> {
    // PyTorch takes fan_in from the weight's second dimension, which here counts outputs.
    weights(parameters, name, &[input, output, KERNEL, KERNEL], output, output * KERNEL * KERNEL, streams)
}

fn weights(
    parameters: &mut Parameters,
    name: &str,
    shape: &[usize],
    biases: usize,
    fan_in: usize,
    streams: &Streams,
) -> Result<ops::Linear> {
    let weight = parameters.uniform(&format!("{name}.weight"), shape, fan_in, streams)?;
    let bias = parameters.uniform(&format!("{name}.bias"), &[biases], fan_in, streams)?;
    Ok(ops::Linear { weight, bias })
}

/// BatchNorm over the columns of a matrix: eps 1e-5, momentum 0.1.
pub(crate) fn batch_norm(parameters: &mut Parameters, name: &str, width: usize) -> Result<ops::Norm> {
    Ok(ops::Norm {
        mean: parameters.statistic(&format!("{name}.running_mean"), width, 0.0)?,
        variance: parameters.statistic(&format!("{name}.running_var"), width, 1.0)?,
        gamma: parameters.constant(&format!("{name}.weight"), width, 1.0)?,
        beta: parameters.constant(&format!("{name}.bias"), width, 0.0)?,
    })
}

/// A layer's weights as Candle's layers take them.
pub(crate) fn tensors(layer: &ops::Linear) -> (Tensor, Option<Tensor>) {
    (layer.weight.tensor().clone(), Some(layer.bias.tensor().clone()))
}

/// Candle's linear layer.
pub(crate) fn candle_linear(layer: &ops::Linear) -> Linear {
    let (weight, bias) = tensors(layer);
    Linear::new(weight, bias)
}

/// Candle's convolution.
pub(crate) fn candle_convolution(layer: &ops::Linear) -> Conv2d {
    let (weight, bias) = tensors(layer);
    Conv2d::new(weight, bias, Conv2dConfig { stride: STRIDE, padding: PADDING, ..Conv2dConfig::default() })
}

/// Candle's transposed convolution.
pub(crate) fn candle_transposed_convolution(layer: &ops::Linear) -> ConvTranspose2d {
    let (weight, bias) = tensors(layer);
    let config = ConvTranspose2dConfig { stride: STRIDE, padding: PADDING, ..ConvTranspose2dConfig::default() };
    ConvTranspose2d::new(weight, bias, config)
}

/// Candle's BatchNorm.
pub(crate) fn candle_batch_norm(norm: &ops::Norm) -> Result<BatchNorm> {
    let (mean, variance) = (norm.mean.as_tensor().clone(), norm.variance.as_tensor().clone());
    let (gamma, beta) = (norm.gamma.tensor().clone(), norm.beta.tensor().clone());
    Ok(BatchNorm::new(gamma.dim(0)?, mean, variance, gamma, beta, ops::EPS)?)
}

/// Runs BatchNorm in the given mode.
pub(crate) fn normalize(norm: &BatchNorm, x: &Tensor, mode: Mode) -> Result<Tensor> {
    match mode {
        Mode::Train => Ok(norm.forward_train(x)?),
        Mode::Evaluate => Ok(candle_nn::ModuleT::forward_t(norm, x, false)?),
    }
}

/// x for x > 0, `slope`·x otherwise, with the derivative `slope` at 0; a slope of 0 is ReLU.
///
/// Candle's own versions have the derivatives (1 + slope)/2 and 1 there.
pub(crate) fn leaky_relu(x: &Tensor, slope: f64) -> Result<Tensor> {
    let positive = x.detach().gt(0.0)?.to_dtype(x.dtype())?;
    let factor = positive.affine(1.0 - slope, slope)?;
    Ok((x * factor)?)
}

pub(crate) fn relu(x: &Tensor) -> Result<Tensor> {
    leaky_relu(x, 0.0)
}

/// Runs a layer without a mode.
pub(crate) fn apply(layer: &impl Module, x: &Tensor) -> Result<Tensor> {
    Ok(layer.forward(x)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn leaky_relu_has_its_slope_at_zero() {
        let x = Var::new(&[-2.0_f32, 0.0, 3.0], &Device::Cpu).unwrap();
        let y = leaky_relu(x.as_tensor(), 0.5).unwrap();
        assert_eq!(y.to_vec1::<f32>().unwrap(), [-1.0, 0.0, 3.0]);
        let gradients = y.sum_all().unwrap().backward().unwrap();
        assert_eq!(gradients.get(x.as_tensor()).unwrap().to_vec1::<f32>().unwrap(), [0.5, 0.5, 1.0]);
    }
}
