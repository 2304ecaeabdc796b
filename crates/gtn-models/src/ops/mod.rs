//! This crate's own operations with their backward passes. Those here run on a CPU; those in `gpu` run on a GPU.
//!
//! Each module of a network (ĥ, a residual network, the encoder, the decoder) is a single operation of Candle's graph ([`host_op`]). On a CPU, its
//! forward pass saves what the backward pass needs on a tape, which later batches reuse, and the gradients of its weights can
//! stay in buffers of the weights, from which [`Adam::backward_step`](crate::Adam::backward_step) takes them. Work is divided
//! in a way that does not depend on the number of threads, and so are the results.

mod adam_kernel;
mod averaging;
mod conv_geometry;
mod conv_layers;
mod decoder;
mod encoder;
pub(crate) mod gemm;
mod host_op;
mod layer_norm;
mod linear;
mod linear_act_norm;
mod local_spectrum;
mod loss;
mod mlp;
mod module;
mod placement;
mod residual;
mod shard;
mod silu;
mod simd;
mod weight;
mod winograd;

pub(crate) use adam_kernel::{AdamCoefficients, AdamKernel};
pub(crate) use averaging::MoveTowards;
pub(crate) use conv_geometry::{ConvGeometry, KERNEL};
pub(crate) use conv_layers::ConvLayers;
pub(crate) use decoder::FusedDecoder;
pub(crate) use encoder::FusedEncoder;
#[cfg(gpu)]
pub(crate) use host_op::FusedModule;
pub(crate) use layer_norm::LayerNorm;
pub(crate) use linear::Linear;
pub(crate) use linear_act_norm::EPS;
pub(crate) use local_spectrum::{
    EPSILON, FREQUENCIES, LocalSpectrumLoss, POOL, STRIDE, WINDOW, Windows, opponents, transform,
};
pub(crate) use loss::MeanSquaredError;
pub(crate) use mlp::{FusedMlp, HiddenLayer, Norm};
pub(crate) use module::Layers;
#[cfg(gpu)]
pub(crate) use module::{MemoryPool, PassMemory};
pub use placement::Ops;
pub(crate) use placement::Placement;
pub(crate) use residual::{FusedResidual, ResidualBlock};
pub(crate) use simd::vectorized;
#[cfg(feature = "cuda")]
pub(crate) use weight::lock;
pub(crate) use weight::{Weight, read};
