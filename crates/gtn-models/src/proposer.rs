use candle_core::Device;
use gtn_label::Proposer;

use crate::Result;
#[cfg(gpu)]
use crate::gpu::{Gpu, TopKProposer};

/// A [`Proposer`] that searches for the candidates of Algorithm 1 on a GPU, or `None` on a CPU, where
/// `gtn-label` uses its own.
///
/// The assignment is exactly the same on every device.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) if the GPU fails.
pub fn proposer(device: &Device) -> Result<Option<Box<dyn Proposer>>> {
    #[cfg(gpu)]
    if let Some(gpu) = Gpu::from_device(device)? {
        return Ok(Some(Box::new(TopKProposer::new(gpu))));
    }
    let _ = device;
    Ok(None)
}
