//! The network with Candle's operations, for GPUs and for comparison.

use candle_core::{Device, Tensor};

use super::architecture::{Block, Convolution, Layer, POOL_KERNEL, Pool, PoolKind};
use super::weights::Folded;
use crate::{Result, to_tensor};

/// A convolution with its weights, followed by ReLU.
#[derive(Debug)]
pub(super) struct GraphConvolution {
    shape: Convolution,
    weight: Tensor,
    /// (1, channels, 1, 1).
    bias: Tensor,
}

impl GraphConvolution {
    pub(super) fn new(folded: &Folded, device: &Device) -> Result<Self> {
        let bias = Tensor::from_slice(&folded.bias, (1, folded.shape.output, 1, 1), device)?;
        Ok(Self { shape: folded.shape.clone(), weight: to_tensor(folded.weight.view(), device)?, bias })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // Candle has the same padding in both directions.
        let (down, across) = self.shape.padding;
        let x = x.pad_with_zeros(2, down, down)?.pad_with_zeros(3, across, across)?;
        Ok(x.conv2d(&self.weight, 0, self.shape.stride, 1, 1)?.broadcast_add(&self.bias)?.relu()?)
    }
}

impl Pool {
    fn forward_in_graph(self, x: &Tensor) -> Result<Tensor> {
        let padded = x.pad_with_zeros(2, self.padding, self.padding)?.pad_with_zeros(3, self.padding, self.padding)?;
        if self.kind == PoolKind::Max {
            // The values are outputs of ReLU, so that zeros do not change a maximum.
            return Ok(padded.max_pool2d_with_stride(POOL_KERNEL, self.stride)?);
        }
        let means = padded.avg_pool2d_with_stride(POOL_KERNEL, self.stride)?;
        if self.kind == PoolKind::Average {
            return Ok(means);
        }
        // The fraction of each window that is inside.
        let (_, _, height, width) = x.dims4()?;
        let inside = Tensor::ones((1, 1, height, width), x.dtype(), x.device())?;
        let inside =
            inside.pad_with_zeros(2, self.padding, self.padding)?.pad_with_zeros(3, self.padding, self.padding)?;
        Ok(means.broadcast_div(&inside.avg_pool2d_with_stride(POOL_KERNEL, self.stride)?)?)
    }
}

impl Block<GraphConvolution> {
    /// The output of the block, (n, C, H, W).
    pub(super) fn forward_in_graph(&self, x: &Tensor) -> Result<Tensor> {
        forward(&self.layers, x)
    }
}

fn forward(layers: &[Layer<GraphConvolution>], x: &Tensor) -> Result<Tensor> {
    layers.iter().try_fold(x.clone(), |x, layer| match layer {
        Layer::Convolution(convolution) => convolution.forward(&x),
        Layer::Pool(pool) => pool.forward_in_graph(&x),
        Layer::Branches(branches) => {
            let outputs = branches.iter().map(|branch| forward(branch, &x)).collect::<Result<Vec<_>>>()?;
            Ok(Tensor::cat(&outputs, 1)?)
        }
    })
}
