use candle_core::{Device, Tensor};
use candle_nn::{BatchNorm, Linear};

use crate::layers::{apply, batch_norm, candle_batch_norm, candle_linear, leaky_relu, linear, normalize};
use crate::ops::{self, Fused, Ops, Perceptron};
use crate::{Error, Mode, Parameters, Result, Streams};

/// Sizes of ĥ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MlpShape {
    /// Columns of its input: the dimension of the normal vectors.
    pub input: usize,
    /// Number of hidden layers; 0 leaves a single linear layer.
    pub hidden_layers: usize,
    /// Units of a hidden layer.
    pub width: usize,
    /// Columns of its output: the dimension of the latents.
    pub output: usize,
    /// LeakyReLU's slope below 0.
    pub slope: f64,
    /// How many of the hidden layers, from the first, carry BatchNorm.
    pub batch_norm_layers: usize,
}

/// ĥ: hidden layers of linear, LeakyReLU, BatchNorm (in this order), then a linear layer.
#[derive(Debug)]
pub struct Mlp {
    shape: MlpShape,
    parameters: Parameters,
    layers: Layers,
}

#[derive(Debug)]
enum Layers {
    Fused(Fused<Perceptron>),
    Candle { hidden: Vec<(Linear, Option<BatchNorm>)>, output: Linear },
}

impl Mlp {
    /// ĥ with PyTorch's default initialization, drawn from `streams`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for sizes that no network has.
    pub fn new(shape: &MlpShape, streams: &Streams, device: &Device) -> Result<Self> {
        Self::with_ops(shape, streams, device, Ops::default())
    }

    /// The same, made of these operations.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] for sizes that no network has.
    pub fn with_ops(shape: &MlpShape, streams: &Streams, device: &Device, ops: Ops) -> Result<Self> {
        for (what, value) in [("input", shape.input), ("width", shape.width), ("output", shape.output)] {
            if value == 0 {
                return Err(Error::Shape { what, value, reason: "must be at least 1" });
            }
        }
        if shape.batch_norm_layers > shape.hidden_layers {
            return Err(Error::Shape {
                what: "batch_norm_layers",
                value: shape.batch_norm_layers,
                reason: "there are fewer hidden layers",
            });
        }
        let mut p = Parameters::new(device);
        let mut hidden = Vec::with_capacity(shape.hidden_layers);
        let mut input = shape.input;
        for layer in 0..shape.hidden_layers {
            let linear = linear(&mut p, &format!("hidden.{layer:03}.linear"), (input, shape.width), streams)?;
            let norm = (layer < shape.batch_norm_layers)
                .then(|| batch_norm(&mut p, &format!("hidden.{layer:03}.norm"), shape.width))
                .transpose()?;
            hidden.push(ops::Hidden { linear, norm });
            input = shape.width;
        }
        let output = linear(&mut p, "output", (input, shape.output), streams)?;
        let layers = if let Some(home) = ops.home(device)? {
            Layers::Fused(Fused::new(Perceptron { hidden, output, slope: shape.slope as f32 }, &home)?)
        } else {
            let of = |layer: &ops::Hidden| -> Result<_> {
                Ok((candle_linear(&layer.linear), layer.norm.as_ref().map(candle_batch_norm).transpose()?))
            };
            Layers::Candle { hidden: hidden.iter().map(of).collect::<Result<_>>()?, output: candle_linear(&output) }
        };
        Ok(Self { shape: *shape, parameters: p, layers })
    }

    /// Its sizes.
    #[must_use]
    pub fn shape(&self) -> &MlpShape {
        &self.shape
    }

    /// Its weights and running statistics.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// ĥ(y) for the rows y of `rows`, (n, `input`) to (n, `output`). In evaluation mode nothing can be learned from it: it has
    /// no gradient.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the rows have other columns, [`Error::BatchOfOne`] for a single row in training mode under
    /// BatchNorm.
    pub fn forward(&self, rows: &Tensor, mode: Mode) -> Result<Tensor> {
        let (n, columns) = rows.dims2()?;
        if columns != self.shape.input {
            return Err(Error::Columns { what: "the rows", found: columns, expected: self.shape.input });
        }
        if mode == Mode::Train && n < 2 && self.shape.batch_norm_layers > 0 {
            return Err(Error::BatchOfOne);
        }
        match &self.layers {
            Layers::Fused(fused) if mode == Mode::Train => fused.forward(rows),
            Layers::Fused(fused) => fused.evaluate(rows),
            Layers::Candle { hidden, output } => {
                let mut x = rows.clone();
                for (linear, norm) in hidden {
                    x = leaky_relu(&apply(linear, &x)?, self.shape.slope)?;
                    if let Some(norm) = norm {
                        x = normalize(norm, &x, mode)?;
                    }
                }
                let y = apply(output, &x)?;
                Ok(if mode == Mode::Train { y } else { y.detach() })
            }
        }
    }
}
