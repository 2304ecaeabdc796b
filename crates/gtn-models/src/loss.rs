use candle_core::{DType, Tensor};

use crate::Result;
#[cfg(gpu)]
use crate::gpu::Gpu;
use crate::ops::MeanSquaredError;

/// Mean squared error over all elements of two tensors of the same shape. `target` is detached: no gradient flows through it.
///
/// # Errors
///
/// [`Error::Device`](crate::Error::Device) if the shapes differ.
pub fn mean_squared_error(output: &Tensor, target: &Tensor) -> Result<Tensor> {
    if output.device().is_cpu() && output.dtype() == DType::F32 {
        return Ok(output.contiguous()?.apply_op2(&target.contiguous()?.detach(), MeanSquaredError)?);
    }
    #[cfg(gpu)]
    if output.dtype() == DType::F32
        && let Some(gpu) = Gpu::from_device(output.device())?
    {
        return Ok(crate::gpu::mean_squared_error(&gpu, output, target)?);
    }
    Ok(candle_nn::loss::mse(output, &target.detach())?)
}
