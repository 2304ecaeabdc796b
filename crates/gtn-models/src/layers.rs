//! Layers with PyTorch's initialization and semantics.

use candle_core::{Module, Tensor};
use candle_nn::{BatchNorm, Conv2d, Conv2dConfig, ConvTranspose2d, ConvTranspose2dConfig, Linear};

use crate::ops::{self, KERNEL};
use crate::{Mode, Parameters, Result, Streams, purpose};

const STRIDE: usize = 2;
const PADDING: usize = 1;

/// Adds layers with initial weights from `streams` to `parameters`.
pub(crate) struct LayerBuilder<'a> {
    pub(crate) parameters: Parameters,
    pub(crate) streams: &'a Streams,
    /// Keeps the streams of the weights of several networks apart.
    pub(crate) scope: Option<&'a str>,
}

impl LayerBuilder<'_> {
    /// A linear layer, x Wᵀ + b.
    pub(crate) fn linear(&mut self, name: &str, (input, output): (usize, usize)) -> Result<ops::Linear> {
        self.layer(name, &[output, input], output, input)
    }

    /// A convolution with kernel 4, stride 2, padding 1, which halves height and width.
    pub(crate) fn convolution(&mut self, name: &str, (input, output): (usize, usize)) -> Result<ops::Linear> {
        self.layer(name, &[output, input, KERNEL, KERNEL], output, input * KERNEL * KERNEL)
    }

    /// A transposed convolution with kernel 4, stride 2, padding 1, which doubles height and width.
    pub(crate) fn transposed_convolution(
        &mut self,
        name: &str,
        (input, output): (usize, usize),
    ) -> Result<ops::Linear> {
        // PyTorch computes fan_in from the second dimension of the weight, which here is the output channels.
        self.layer(name, &[input, output, KERNEL, KERNEL], output, output * KERNEL * KERNEL)
    }

    /// A layer with initial weights of this shape.
    fn layer(&mut self, name: &str, shape: &[usize], bias_len: usize, fan_in: usize) -> Result<ops::Linear> {
        let weight = self.uniform(&format!("{name}.weight"), shape, fan_in)?;
        let bias = self.uniform(&format!("{name}.bias"), &[bias_len], fan_in)?;
        Ok(ops::Linear { weight, bias })
    }

    /// A parameter with initial values from the stream of its name.
    fn uniform(&mut self, name: &str, shape: &[usize], fan_in: usize) -> Result<ops::Weight> {
        let purpose = self.scope.map_or_else(|| purpose::init(name), |scope| purpose::init_in(scope, name));
        self.parameters.uniform(name, shape, fan_in, &mut self.streams.stream(&purpose, 0))
    }

    /// A linear layer whose weights all start at 0, so that its first output is 0.
    pub(crate) fn zero_linear(&mut self, name: &str, (input, output): (usize, usize)) -> Result<ops::Linear> {
        let weight = self.parameters.constant(&format!("{name}.weight"), (output, input), 0.0)?;
        let bias = self.parameters.constant(&format!("{name}.bias"), output, 0.0)?;
        Ok(ops::Linear { weight, bias })
    }

    /// LayerNorm over the columns of a row.
    pub(crate) fn layer_norm(&mut self, name: &str, width: usize) -> Result<ops::LayerNorm> {
        let gamma = self.parameters.constant(&format!("{name}.weight"), width, 1.0)?;
        let beta = self.parameters.constant(&format!("{name}.bias"), width, 0.0)?;
        Ok(ops::LayerNorm { gamma, beta })
    }

    /// BatchNorm over the columns of a matrix, with eps 1e-5 and momentum 0.1.
    pub(crate) fn batch_norm(&mut self, name: &str, width: usize) -> Result<ops::Norm> {
        let parameters = &mut self.parameters;
        Ok(ops::Norm {
            mean: parameters.buffer(&format!("{name}.running_mean"), width, 0.0)?,
            variance: parameters.buffer(&format!("{name}.running_var"), width, 1.0)?,
            gamma: parameters.constant(&format!("{name}.weight"), width, 1.0)?,
            beta: parameters.constant(&format!("{name}.bias"), width, 0.0)?,
        })
    }
}

/// Weight and bias as the constructors of Candle's layers take them.
fn weight_and_bias(layer: &ops::Linear) -> (Tensor, Option<Tensor>) {
    (layer.weight.tensor().clone(), Some(layer.bias.tensor().clone()))
}

/// Candle's linear layer with these weights.
pub(crate) fn candle_linear(layer: &ops::Linear) -> Linear {
    let (weight, bias) = weight_and_bias(layer);
    Linear::new(weight, bias)
}

/// Candle's convolution with these weights.
pub(crate) fn candle_convolution(layer: &ops::Linear) -> Conv2d {
    let (weight, bias) = weight_and_bias(layer);
    Conv2d::new(weight, bias, Conv2dConfig { stride: STRIDE, padding: PADDING, ..Conv2dConfig::default() })
}

/// Candle's transposed convolution with these weights.
pub(crate) fn candle_transposed_convolution(layer: &ops::Linear) -> ConvTranspose2d {
    let (weight, bias) = weight_and_bias(layer);
    let config = ConvTranspose2dConfig { stride: STRIDE, padding: PADDING, ..ConvTranspose2dConfig::default() };
    ConvTranspose2d::new(weight, bias, config)
}

/// Candle's BatchNorm with these parameters and running statistics.
pub(crate) fn candle_batch_norm(norm: &ops::Norm) -> Result<BatchNorm> {
    let (mean, variance) = (norm.mean.as_tensor().clone(), norm.variance.as_tensor().clone());
    let (gamma, beta) = (norm.gamma.tensor().clone(), norm.beta.tensor().clone());
    Ok(BatchNorm::new(gamma.dim(0)?, mean, variance, gamma, beta, ops::EPS)?)
}

/// Candle's BatchNorm in the given mode.
pub(crate) fn apply_batch_norm(norm: &BatchNorm, x: &Tensor, mode: Mode) -> Result<Tensor> {
    match mode {
        Mode::Train => Ok(norm.forward_train(x)?),
        Mode::Evaluate => Ok(candle_nn::ModuleT::forward_t(norm, x, false)?),
    }
}

/// LeakyReLU: x for x > 0, `negative_slope`·x otherwise, with the derivative `negative_slope` at 0 as in PyTorch. With a
/// negative slope of 0 it is ReLU.
///
/// At 0, Candle's LeakyReLU and ReLU have the derivatives (1 + `negative_slope`)/2 and 1.
pub(crate) fn leaky_relu(x: &Tensor, negative_slope: f64) -> Result<Tensor> {
    let positive = x.detach().gt(0.0)?.to_dtype(x.dtype())?;
    let factor = positive.affine(1.0 - negative_slope, negative_slope)?;
    Ok((x * factor)?)
}

pub(crate) fn relu(x: &Tensor) -> Result<Tensor> {
    leaky_relu(x, 0.0)
}

/// The output of a network in this mode: in evaluation mode it is detached.
pub(crate) fn output_in(mode: Mode, y: Tensor) -> Tensor {
    if mode == Mode::Train { y } else { y.detach() }
}

/// The output of one of Candle's layers that has no mode.
pub(crate) fn apply(layer: &impl Module, x: &Tensor) -> Result<Tensor> {
    Ok(layer.forward(x)?)
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Var};

    use super::*;

    #[test]
    fn leaky_relu_has_the_negative_slope_at_zero() {
        let x = Var::new(&[-2.0_f32, 0.0, 3.0], &Device::Cpu).unwrap();
        let y = leaky_relu(x.as_tensor(), 0.5).unwrap();
        assert_eq!(y.to_vec1::<f32>().unwrap(), [-1.0, 0.0, 3.0]);
        let gradients = y.sum_all().unwrap().backward().unwrap();
        assert_eq!(gradients.get(x.as_tensor()).unwrap().to_vec1::<f32>().unwrap(), [0.5, 0.5, 1.0]);
    }
}
