//! Networks, Adam, averages of weights, losses and Algorithm 1's candidate search on a GPU: cuBLAS computes the matrix
//! products, and kernels of this crate everything else.
//!
//! All of it is written once, over a [`Backend`](backend::Backend): CUDA, or for tests the same kernels on the host.
//! All work is queued on one stream and runs in order; the host waits only when it reads a result.

mod adam;
mod backend;
mod convolution;
#[cfg(feature = "cuda")]
mod cuda;
#[cfg(all(feature = "cuda", target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod cuda_libraries;
mod decoder;
#[cfg(feature = "emulated-gpu")]
mod emulated;
mod encoder;
mod gpu_op;
mod kernels;
mod linear;
mod loss;
mod mlp;
mod residual;
#[cfg(all(test, feature = "emulated-gpu"))]
mod tests;
mod top_k;

pub(crate) use adam::AdamTable;
pub(crate) use backend::Gpu;
#[cfg(feature = "cuda")]
pub(crate) use cuda::{allow_tf32, build_info, describe, open, poison_memory};
pub(crate) use gpu_op::{GpuModule, GpuOp};
pub(crate) use loss::mean_squared_error;
pub(crate) use top_k::TopKProposer;

use candle_core::Device;

use crate::Result;

impl Gpu {
    /// The GPU behind a device; `None` if the device is not a GPU.
    pub(crate) fn from_device(device: &Device) -> Result<Option<Self>> {
        #[cfg(feature = "cuda")]
        if let Device::Cuda(device) = device {
            return Ok(Some(cuda::gpu_for(device)?));
        }
        let _ = device;
        Ok(None)
    }

    /// The emulated GPU: the kernels run on the host.
    #[cfg(feature = "emulated-gpu")]
    pub(crate) fn emulated() -> Self {
        Gpu::new(emulated::EmulatedGpu)
    }
}
