//! Where this crate's operations run.

use candle_core::{Device, Tensor};

use super::Ops;
use super::fused::{OnHost, Part};
use crate::Result;
#[cfg(gpu)]
use crate::gpu::{Gpu, GpuPart, OnGpu};

/// Where operations of this crate run.
#[derive(Debug, Clone)]
pub(crate) enum Home {
    Host,
    #[cfg(gpu)]
    Gpu(Gpu),
}

impl Ops {
    /// Where a network of these operations on this device has its home; `None` if it is made of Candle's.
    pub(crate) fn home(self, device: &Device) -> Result<Option<Home>> {
        Ok(match self {
            Ops::Candle => None,
            #[cfg(feature = "emulated-gpu")]
            Ops::Emulated => Some(Home::Gpu(Gpu::emulated())),
            Ops::Fused if device.is_cpu() => Some(Home::Host),
            #[cfg(gpu)]
            Ops::Fused => Gpu::of(device)?.map(Home::Gpu),
            #[cfg(not(gpu))]
            Ops::Fused => None,
        })
    }
}

/// A part that has both kinds of operations.
#[cfg(gpu)]
pub(crate) trait AnyPart: Part + GpuPart {}
#[cfg(gpu)]
impl<P: Part + GpuPart> AnyPart for P {}

/// A part that has operations for the host; no other are built.
#[cfg(not(gpu))]
pub(crate) trait AnyPart: Part {}
#[cfg(not(gpu))]
impl<P: Part> AnyPart for P {}

/// A part of a network as one operation of Candle's graph, at home on the host or on a GPU.
#[derive(Debug)]
pub(crate) enum Fused<P: AnyPart> {
    Host(OnHost<P>),
    #[cfg(gpu)]
    Gpu(OnGpu<P>),
}

impl<P: AnyPart> Clone for Fused<P> {
    fn clone(&self) -> Self {
        match self {
            Fused::Host(part) => Fused::Host(part.clone()),
            #[cfg(gpu)]
            Fused::Gpu(part) => Fused::Gpu(part.clone()),
        }
    }
}

impl<P: AnyPart> Fused<P> {
    pub(crate) fn new(part: P, home: &Home) -> Result<Self> {
        Ok(match home {
            Home::Host => Fused::Host(OnHost::new(part)?),
            #[cfg(gpu)]
            Home::Gpu(gpu) => Fused::Gpu(OnGpu::new(part, gpu.clone())?),
        })
    }

    /// The output for a batch, as a node of Candle's graph.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Fused::Host(part) => part.forward(x),
            #[cfg(gpu)]
            Fused::Gpu(part) => part.forward(x),
        }
    }

    /// The output for a batch, which nothing can be learned from.
    pub(crate) fn evaluate(&self, x: &Tensor) -> Result<Tensor> {
        match self {
            Fused::Host(part) => part.evaluate(x),
            #[cfg(gpu)]
            Fused::Gpu(part) => part.evaluate(x),
        }
    }
}
