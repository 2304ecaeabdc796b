//! This crate's own operations with their backward passes. Those here run on a CPU; those in `gpu` run on a GPU.
//!
//! Each module of a network (ĥ, the encoder, the decoder) is a single operation of Candle's graph ([`host_op`]). On a CPU, its
//! forward pass saves what the backward pass needs on a tape, which later batches reuse, and the gradients of its weights can
//! stay in buffers of the weights, from which [`Adam::backward_step`](crate::Adam::backward_step) takes them. Work is divided
//! in a way that does not depend on the number of threads, and so are the results.

mod adam_kernel;
mod conv_geometry;
mod decoder;
mod encoder;
pub(crate) mod gemm;
mod host_op;
mod linear;
mod linear_act_norm;
mod loss;
mod mlp;
mod placement;
mod shard;
mod simd;
mod weight;
mod winograd;

use std::fmt;
use std::str::FromStr;

pub(crate) use adam_kernel::{AdamCoefficients, AdamKernel};
pub(crate) use conv_geometry::{ConvGeometry, KERNEL};
pub(crate) use decoder::FusedDecoder;
pub(crate) use encoder::FusedEncoder;
#[cfg(gpu)]
pub(crate) use host_op::FusedModule;
pub(crate) use linear::Linear;
pub(crate) use linear_act_norm::EPS;
pub(crate) use loss::MeanSquaredError;
pub(crate) use mlp::{FusedMlp, HiddenLayer, Norm};
pub(crate) use placement::{ModuleOp, Placement};
#[cfg(gpu)]
pub(crate) use weight::lock;
pub(crate) use weight::{Weight, read};

/// Which operations a network consists of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ops {
    /// This crate's fused operations on a CPU and, with the feature `cuda`, on an NVIDIA GPU; Candle's on any other device.
    #[default]
    Fused,
    /// Candle's operations on every device: slower, for comparison.
    Candle,
    /// The operations for a GPU with their kernels emulated on the host: slow, for tests.
    #[cfg(feature = "emulated-gpu")]
    Emulated,
}

impl fmt::Display for Ops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ops::Fused => "fused",
            Ops::Candle => "candle",
            #[cfg(feature = "emulated-gpu")]
            Ops::Emulated => "emulated",
        })
    }
}

impl FromStr for Ops {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "fused" => Ok(Ops::Fused),
            "candle" => Ok(Ops::Candle),
            #[cfg(feature = "emulated-gpu")]
            "emulated" => Ok(Ops::Emulated),
            _ => Err(format!("unknown operations '{name}'; choose fused or candle")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_and_from_str_round_trip() {
        for ops in [Ops::Fused, Ops::Candle] {
            assert_eq!(ops.to_string().parse(), Ok(ops));
        }
        assert!("Fused".parse::<Ops>().is_err());
    }
}
