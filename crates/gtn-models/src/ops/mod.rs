//! Operations of our own, with their own backward passes: here those on a CPU, in `gpu` those on a GPU.
//!
//! A part of a network (ĥ, the encoder, the decoder) is one operation of Candle's graph ([`fused`]): on a CPU its forward pass keeps
//! what the backward pass needs on a tape that the next batch uses again, and the gradients of its weights can stay in places of
//! their own, where [`Adam::minimize`](crate::Adam::minimize) takes them. Everything is divided in ways that the number of threads does not change, so
//! that results do not depend on it.

mod decoder;
mod descent;
mod encoder;
mod fused;
pub(crate) mod gemm;
mod grid;
mod hidden;
mod home;
mod lanes;
mod linear;
mod loss;
mod perceptron;
mod share;
mod weight;
mod winograd;

pub(crate) use decoder::Decoder;
pub(crate) use descent::{Descent, Rates};
pub(crate) use encoder::Encoder;
#[cfg(gpu)]
pub(crate) use fused::Part;
pub(crate) use grid::{Grid, KERNEL};
pub(crate) use hidden::EPS;
pub(crate) use home::{Fused, Home};
pub(crate) use linear::Linear;
pub(crate) use loss::MeanSquaredError;
pub(crate) use perceptron::{Hidden, Norm, Perceptron};
#[cfg(gpu)]
pub(crate) use weight::lock;
pub(crate) use weight::{Weight, read};

/// Which operations a network is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ops {
    /// Operations of this crate where the device has them (a CPU, or with the feature `cuda` an NVIDIA GPU), Candle's elsewhere.
    #[default]
    Fused,
    /// Candle's everywhere: slower, for comparison.
    Candle,
    /// The operations for a GPU, with their kernels on the host, which is slow: for tests.
    #[cfg(feature = "emulated-gpu")]
    Emulated,
}
