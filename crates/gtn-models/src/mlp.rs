use std::sync::Arc;

use candle_core::{Device, Tensor};
use candle_nn::{BatchNorm, Linear};

use crate::error::{require, require_columns};
use crate::layers::{LayerBuilder, apply, apply_batch_norm, candle_batch_norm, candle_linear, leaky_relu, output_in};
use crate::ops::{self, FusedMlp, Layers, Ops};
use crate::{Error, Mode, Parameters, Result, Streams};

/// Architecture of ĥ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MlpShape {
    /// Columns of the input: the dimension of the normal vectors.
    pub input: usize,
    /// Number of hidden layers. With 0, ĥ is a single linear layer.
    pub hidden_layers: usize,
    /// Number of units of each hidden layer.
    pub width: usize,
    /// Columns of the output: the dimension of the latents.
    pub output: usize,
    /// Slope of LeakyReLU for negative inputs, as in `torch.nn.LeakyReLU`.
    pub negative_slope: f64,
    /// Number of hidden layers with BatchNorm: these are the first ones.
    pub batch_norm_layers: usize,
}

impl MlpShape {
    /// Checks all values, as [`Mlp::new`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if `input`, `width` or `output` is 0, `batch_norm_layers` exceeds `hidden_layers`, or `negative_slope`
    /// is not finite.
    pub fn check(&self) -> Result<()> {
        for (what, value) in [("input", self.input), ("width", self.width), ("output", self.output)] {
            require(value > 0, what, value, "must be at least 1")?;
        }
        let layers = self.batch_norm_layers;
        require(layers <= self.hidden_layers, "batch_norm_layers", layers, "must not exceed hidden_layers")?;
        require(self.negative_slope.is_finite(), "negative_slope", self.negative_slope, "must be a finite number")
    }
}

/// ĥ, the map from normal vectors to latents: a multilayer perceptron.
///
/// Each hidden layer is linear, LeakyReLU, BatchNorm, in this order; the output layer is linear.
#[derive(Debug)]
pub struct Mlp {
    shape: MlpShape,
    parameters: Parameters,
    layers: Arc<dyn Layers>,
}

/// ĥ with Candle's operations.
#[derive(Debug)]
struct CandleMlp {
    hidden: Vec<(Linear, Option<BatchNorm>)>,
    output: Linear,
    negative_slope: f64,
}

impl Layers for CandleMlp {
    fn forward(&self, rows: &Tensor, mode: Mode) -> Result<Tensor> {
        let mut x = rows.clone();
        for (linear, norm) in &self.hidden {
            x = leaky_relu(&apply(linear, &x)?, self.negative_slope)?;
            if let Some(norm) = norm {
                x = apply_batch_norm(norm, &x, mode)?;
            }
        }
        Ok(output_in(mode, apply(&self.output, &x)?))
    }
}

impl Mlp {
    /// ĥ with PyTorch's default initialization, drawn from `streams`.
    ///
    /// # Errors
    ///
    /// Those of [`MlpShape::check`].
    pub fn new(shape: &MlpShape, streams: &Streams, device: &Device) -> Result<Self> {
        Self::with_ops(shape, streams, device, Ops::default())
    }

    /// As [`new`](Self::new), but with these operations.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_ops(shape: &MlpShape, streams: &Streams, device: &Device, ops: Ops) -> Result<Self> {
        shape.check()?;
        let mut builder = LayerBuilder { parameters: Parameters::new(device), streams, scope: None };
        let mut hidden = Vec::with_capacity(shape.hidden_layers);
        let mut input = shape.input;
        for layer in 0..shape.hidden_layers {
            let linear = builder.linear(&format!("hidden.{layer:03}.linear"), (input, shape.width))?;
            let norm = (layer < shape.batch_norm_layers)
                .then(|| builder.batch_norm(&format!("hidden.{layer:03}.norm"), shape.width))
                .transpose()?;
            hidden.push(ops::HiddenLayer { linear, norm });
            input = shape.width;
        }
        let output = builder.linear("output", (input, shape.output))?;
        let layers: Arc<dyn Layers> = if let Some(placement) = ops.placement(device)? {
            placement.layers(FusedMlp { hidden, output, negative_slope: shape.negative_slope as f32 })?
        } else {
            let to_candle = |layer: &ops::HiddenLayer| -> Result<_> {
                Ok((candle_linear(&layer.linear), layer.norm.as_ref().map(candle_batch_norm).transpose()?))
            };
            Arc::new(CandleMlp {
                hidden: hidden.iter().map(to_candle).collect::<Result<_>>()?,
                output: candle_linear(&output),
                negative_slope: shape.negative_slope,
            })
        };
        Ok(Self { shape: *shape, parameters: builder.parameters, layers })
    }

    /// Its architecture.
    #[must_use]
    pub fn shape(&self) -> &MlpShape {
        &self.shape
    }

    /// Its parameters and running statistics.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// ĥ(y) for each row y, from shape (n, `input`) to (n, `output`). In evaluation mode the output is detached: no gradient
    /// flows through it.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`] if the rows do not have `input` columns, [`Error::BatchOfOne`] for a single row in training mode if
    /// there is BatchNorm.
    pub fn forward(&self, rows: &Tensor, mode: Mode) -> Result<Tensor> {
        let (n, columns) = rows.dims2()?;
        require_columns("the input of ĥ", columns, self.shape.input)?;
        if mode == Mode::Train && n < 2 && self.shape.batch_norm_layers > 0 {
            return Err(Error::BatchOfOne);
        }
        self.layers.forward(rows, mode)
    }
}
