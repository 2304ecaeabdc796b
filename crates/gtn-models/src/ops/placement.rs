//! Which operations a network consists of, and whether they run on the host or on a GPU.

use std::sync::Arc;

use candle_core::Device;
use gtn_io::names;

use super::host_op::{FusedModule, HostOp};
use super::module::Layers;
use crate::Result;
#[cfg(gpu)]
use crate::gpu::{Gpu, GpuModule, GpuOp};

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

names! {
    Ops, "kind of operations",
    Fused => "fused",
    Candle => "candle",
    #[cfg(feature = "emulated-gpu")]
    Emulated => "emulated",
}

/// Where this crate's operations run.
#[derive(Debug, Clone)]
pub(crate) enum Placement {
    Host,
    #[cfg(gpu)]
    Gpu(Gpu),
}

impl Ops {
    /// Where these operations run for a network on this device, or `None` if they are Candle's.
    pub(crate) fn placement(self, device: &Device) -> Result<Option<Placement>> {
        Ok(match self {
            Ops::Candle => None,
            #[cfg(feature = "emulated-gpu")]
            Ops::Emulated => Some(Placement::Gpu(Gpu::emulated())),
            Ops::Fused if device.is_cpu() => Some(Placement::Host),
            #[cfg(gpu)]
            Ops::Fused => Gpu::from_device(device)?.map(Placement::Gpu),
            #[cfg(not(gpu))]
            Ops::Fused => None,
        })
    }
}

/// A module with operations for the host and for a GPU.
#[cfg(gpu)]
pub(crate) trait AnyModule: FusedModule + GpuModule {}
#[cfg(gpu)]
impl<M: FusedModule + GpuModule> AnyModule for M {}

/// A module with operations for the host, the only ones in this build.
#[cfg(not(gpu))]
pub(crate) trait AnyModule: FusedModule {}
#[cfg(not(gpu))]
impl<M: FusedModule> AnyModule for M {}

impl Placement {
    /// A module as one operation of Candle's graph.
    pub(crate) fn layers(&self, module: impl AnyModule) -> Result<Arc<dyn Layers>> {
        Ok(match self {
            Placement::Host => Arc::new(HostOp::new(module)?),
            #[cfg(gpu)]
            Placement::Gpu(gpu) => Arc::new(GpuOp::new(module, gpu.clone())?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_and_from_str_round_trip() {
        for &ops in Ops::ALL {
            assert_eq!(ops.to_string().parse(), Ok(ops));
        }
        assert!("Fused".parse::<Ops>().is_err());
    }
}
