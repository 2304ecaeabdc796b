use std::sync::Arc;

use candle_core::{D, Device, Tensor};
use candle_nn::Linear;
use candle_nn::ops::layer_norm_slow;

use crate::error::{require, require_columns};
use crate::layers::{LayerBuilder, apply, candle_linear, output_in};
use crate::ops::{self, EPS, FusedResidual, Layers, Ops, ResidualBlock};
use crate::{Mode, Parameters, Result, Streams};

/// Architecture of a residual multilayer perceptron.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ResidualShape {
    /// Dimension d of the vectors: the columns of the output, and the first columns of the input.
    pub dim: usize,
    /// Further columns of the input, such as features of the time or the index of a component; may be 0.
    pub condition: usize,
    /// Number of units of each layer.
    pub width: usize,
    /// Number of residual blocks.
    pub blocks: usize,
    /// Whether the vectors of the input are added to the output.
    pub adds_input: bool,
}

impl ResidualShape {
    /// Checks all values, as [`ResidualMlp::new`] does.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`](crate::Error::Setting) if `dim`, `width` or `blocks` is 0.
    pub fn check(&self) -> Result<()> {
        for (what, value) in [("dim", self.dim), ("width", self.width), ("blocks", self.blocks)] {
            require(value > 0, what, value, "must be at least 1")?;
        }
        Ok(())
    }
}

/// A residual multilayer perceptron: the velocity of a flow, or a map ĥ near the identity.
///
/// The input are vectors x of `dim` columns, and beside them the `condition` columns c. The network computes
///
/// - h = W_in \[x, c\] + b_in,
/// - for each block h ← h + W₂ SiLU(W₁ \[LayerNorm(h), c\] + b₁) + b₂,
/// - g(x, c) = W_out LayerNorm(h) + b_out,
///
/// and returns x + g(x, c) if it `adds_input`, or else g(x, c). W_out and b_out start at 0, so that at first the network is the
/// identity or the velocity 0. The other layers start as PyTorch's linear layers do.
///
/// ```
/// use gtn_models::{Device, Mode, ResidualMlp, ResidualShape, Streams, to_array2, to_tensor};
///
/// let streams = Streams::new(1);
/// let shape = ResidualShape { dim: 2, condition: 0, width: 16, blocks: 2, adds_input: true };
/// let h = ResidualMlp::new(&shape, "h", &streams, &Device::Cpu)?;
/// let y = streams.normal("y", 0, 10, 2);
/// let x = h.forward(&to_tensor(y.view(), &Device::Cpu)?, Mode::Evaluate)?;
/// assert_eq!(to_array2(&x)?, y); // before the first step of training
/// # Ok::<(), gtn_models::Error>(())
/// ```
#[derive(Debug)]
pub struct ResidualMlp {
    shape: ResidualShape,
    parameters: Parameters,
    layers: Arc<dyn Layers>,
}

impl ResidualMlp {
    /// A network with initial weights from the streams [`purpose::init_in`](crate::purpose::init_in) of `scope`, which keeps
    /// several networks of a run apart.
    ///
    /// # Errors
    ///
    /// Those of [`ResidualShape::check`].
    pub fn new(shape: &ResidualShape, scope: &str, streams: &Streams, device: &Device) -> Result<Self> {
        Self::with_ops(shape, scope, streams, device, Ops::default())
    }

    /// As [`new`](Self::new), but with these operations.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn with_ops(shape: &ResidualShape, scope: &str, streams: &Streams, device: &Device, ops: Ops) -> Result<Self> {
        shape.check()?;
        let ResidualShape { dim, condition, width, blocks, adds_input } = *shape;
        let mut builder = LayerBuilder { parameters: Parameters::new(device), streams, scope: Some(scope) };
        let input = builder.linear("input", (dim + condition, width))?;
        let mut block = |index: usize| -> Result<ResidualBlock> {
            Ok(ResidualBlock {
                norm: builder.layer_norm(&format!("block.{index:03}.norm"), width)?,
                linear1: builder.linear(&format!("block.{index:03}.linear1"), (width + condition, width))?,
                linear2: builder.linear(&format!("block.{index:03}.linear2"), (width, width))?,
            })
        };
        let blocks = (0..blocks).map(&mut block).collect::<Result<Vec<_>>>()?;
        let norm = builder.layer_norm("norm", width)?;
        let output = builder.zero_linear("output", (width, dim))?;
        let fused = FusedResidual { input, blocks, norm, output, adds_input };
        let layers: Arc<dyn Layers> = match ops.placement(device)? {
            Some(placement) => placement.layers(fused)?,
            None => Arc::new(CandleResidual::new(&fused, *shape)),
        };
        Ok(Self { shape: *shape, parameters: builder.parameters, layers })
    }

    /// Its architecture.
    #[must_use]
    pub fn shape(&self) -> &ResidualShape {
        &self.shape
    }

    /// Its parameters.
    #[must_use]
    pub fn parameters(&self) -> &Parameters {
        &self.parameters
    }

    /// The output for each row, from shape (n, `dim` + `condition`) to (n, `dim`). In evaluation mode the output is detached: no
    /// gradient flows through it.
    ///
    /// # Errors
    ///
    /// [`Error::Columns`](crate::Error::Columns) if the rows do not have `dim` + `condition` columns,
    /// [`Error::Device`](crate::Error::Device) if there are no rows in training mode.
    pub fn forward(&self, rows: &Tensor, mode: Mode) -> Result<Tensor> {
        let (_, columns) = rows.dims2()?;
        require_columns("the input of the residual network", columns, self.shape.dim + self.shape.condition)?;
        self.layers.forward(rows, mode)
    }
}

/// LayerNorm of Candle's operations: scale and shift.
#[derive(Debug)]
struct CandleNorm(Tensor, Tensor);

impl CandleNorm {
    fn new(norm: &ops::LayerNorm) -> Self {
        Self(norm.gamma.tensor().clone(), norm.beta.tensor().clone())
    }

    fn apply(&self, x: &Tensor) -> Result<Tensor> {
        // Candle's fast version has no backward pass.
        Ok(layer_norm_slow(x, &self.0, &self.1, EPS as f32)?)
    }
}

/// The network with Candle's operations.
#[derive(Debug)]
struct CandleResidual {
    shape: ResidualShape,
    input: Linear,
    blocks: Vec<(CandleNorm, Linear, Linear)>,
    norm: CandleNorm,
    output: Linear,
}

impl CandleResidual {
    fn new(network: &FusedResidual, shape: ResidualShape) -> Self {
        let block = |block: &ResidualBlock| {
            (CandleNorm::new(&block.norm), candle_linear(&block.linear1), candle_linear(&block.linear2))
        };
        Self {
            shape,
            input: candle_linear(&network.input),
            blocks: network.blocks.iter().map(block).collect(),
            norm: CandleNorm::new(&network.norm),
            output: candle_linear(&network.output),
        }
    }
}

impl Layers for CandleResidual {
    fn forward(&self, rows: &Tensor, mode: Mode) -> Result<Tensor> {
        let ResidualShape { dim, condition, adds_input, .. } = self.shape;
        let condition = (condition > 0).then(|| rows.narrow(D::Minus1, dim, condition)).transpose()?;
        let mut h = apply(&self.input, rows)?;
        for (norm, linear1, linear2) in &self.blocks {
            let mut a = norm.apply(&h)?;
            if let Some(condition) = &condition {
                a = Tensor::cat(&[&a, condition], D::Minus1)?;
            }
            h = (h + apply(linear2, &apply(linear1, &a)?.silu()?)?)?;
        }
        let mut y = apply(&self.output, &self.norm.apply(&h)?)?;
        if adds_input {
            y = (y + rows.narrow(D::Minus1, 0, dim)?)?;
        }
        Ok(output_in(mode, y))
    }
}
