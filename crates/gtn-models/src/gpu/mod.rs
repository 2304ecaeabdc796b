//! Networks, Adam, losses and matchings on a GPU: products of matrices by its library, everything else by kernels of this crate.
//!
//! What is done is written once, over a [`Machine`]: a GPU through CUDA, or for tests the same kernels on the host. All work goes
//! to one queue in its order, and nothing waits for it but who reads a result.

mod adam;
mod convolution;
#[cfg(feature = "cuda")]
mod cuda;
mod decoder;
#[cfg(feature = "emulated-gpu")]
mod emulated;
mod encoder;
mod kernels;
#[cfg(all(feature = "cuda", target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod libraries;
mod linear;
mod loss;
mod machine;
mod nearest;
mod part;
mod perceptron;
#[cfg(all(test, feature = "emulated-gpu"))]
mod tests;

pub(crate) use adam::Table;
#[cfg(feature = "cuda")]
pub(crate) use cuda::{allow_tf32, build, describe, open, poison};
pub(crate) use loss::mean_squared_error;
pub(crate) use machine::Gpu;
pub(crate) use nearest::Nearest;
pub(crate) use part::{GpuPart, OnGpu};

use candle_core::Device;

use crate::Result;

impl Gpu {
    /// The GPU that this device is.
    pub(crate) fn of(device: &Device) -> Result<Option<Self>> {
        #[cfg(feature = "cuda")]
        if let Device::Cuda(device) = device {
            return Ok(Some(cuda::gpu(device)?));
        }
        let _ = device;
        Ok(None)
    }

    /// The kernels on the host.
    #[cfg(feature = "emulated-gpu")]
    pub(crate) fn emulated() -> Self {
        Gpu::new(emulated::Host)
    }
}
