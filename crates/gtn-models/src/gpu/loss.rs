//! Mean squared error, forward and backward. The loss stays on the GPU until it is read.

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor};

use super::backend::{DeviceSlice, Gpu};
use super::kernels::PARTIAL_SUMS;

/// The mean squared error of two tensors of the same shape. `target` gets no gradient.
pub(crate) fn mean_squared_error(gpu: &Gpu, output: &Tensor, target: &Tensor) -> Result<Tensor> {
    output.contiguous()?.apply_op2(&target.contiguous()?.detach(), MeanSquaredError(gpu.clone()))
}

struct MeanSquaredError(Gpu);

impl MeanSquaredError {
    fn run(&self, [output, target]: [(DeviceSlice<'_>, &Layout); 2], mean: DeviceSlice<'_>) -> Result<()> {
        if output.1.dims() != target.1.dims() {
            let (output, target) = (output.1.dims(), target.1.dims());
            candle_core::bail!(
                "mean squared error: output {output:?} and target {target:?} differ in shape; pass equal shapes"
            );
        }
        let (output, target) = (output.0.contiguous(output.1)?, target.0.contiguous(target.1)?);
        let partials = self.0.empty(PARTIAL_SUMS, DType::F32)?;
        self.0.mse_forward(output, target, self.0.slice_of(&partials)?, mean)
    }
}

impl CustomOp2 for MeanSquaredError {
    fn name(&self) -> &'static str {
        "mean squared error"
    }

    #[cfg(feature = "emulated-gpu")]
    fn cpu_fwd(
        &self,
        output: &CpuStorage,
        output_layout: &Layout,
        target: &CpuStorage,
        target_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        use super::emulated::storage_slice;
        let mean = CpuStorage::F32(vec![f32::NAN]);
        let arguments = [(storage_slice(output)?, output_layout), (storage_slice(target)?, target_layout)];
        self.run(arguments, storage_slice(&mean)?)?;
        Ok((mean, Shape::from(())))
    }

    #[cfg(not(feature = "emulated-gpu"))]
    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        candle_core::bail!(
            "this mean squared error needs tensors on a GPU, and these are on the CPU; move them to the GPU"
        )
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        output: &candle_core::CudaStorage,
        output_layout: &Layout,
        target: &candle_core::CudaStorage,
        target_layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use super::cuda::{empty_storage, storage_slice};
        let mean = empty_storage(&output.device, 1, DType::F32)?;
        let arguments = [(storage_slice(output)?, output_layout), (storage_slice(target)?, target_layout)];
        self.run(arguments, storage_slice(&mean)?)?;
        Ok((mean, Shape::from(())))
    }

    fn bwd(
        &self,
        output: &Tensor,
        target: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let gpu = &self.0;
        let d = gpu.empty(output.elem_count(), DType::F32)?;
        let gradient = gradient.contiguous()?;
        let gradient = gpu.slice_of(&gradient)?;
        gpu.mse_backward(gpu.slice_of(output)?, gpu.slice_of(target)?, gradient, gpu.slice_of(&d)?)?;
        Ok((Some(d.reshape(output.shape())?), None))
    }
}
