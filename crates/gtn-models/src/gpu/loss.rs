//! Mean squared error, forward and backward; the mean stays on the GPU until somebody reads it.

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Result, Shape, Tensor};

use super::kernels::PARTS;
use super::machine::{Gpu, Span};

/// The mean of the squared differences of two tensors of one shape. The second has no gradient.
pub(crate) fn mean_squared_error(gpu: &Gpu, output: &Tensor, target: &Tensor) -> Result<Tensor> {
    output.contiguous()?.apply_op2(&target.contiguous()?.detach(), MeanSquaredError(gpu.clone()))
}

struct MeanSquaredError(Gpu);

impl MeanSquaredError {
    fn run(&self, [output, target]: [(Span<'_>, &Layout); 2], mean: Span<'_>) -> Result<()> {
        if output.1.dims() != target.1.dims() {
            candle_core::bail!("an output of {:?} for {:?}", output.1.dims(), target.1.dims());
        }
        let (output, target) = (output.0.within(output.1)?, target.0.within(target.1)?);
        let parts = self.0.empty(PARTS, DType::F32)?;
        self.0.mean_of_squares(output, target, self.0.span(&parts)?, mean)
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
        use super::emulated::span_of;
        let mean = CpuStorage::F32(vec![f32::NAN]);
        let arguments = [(span_of(output)?, output_layout), (span_of(target)?, target_layout)];
        self.run(arguments, span_of(&mean)?)?;
        Ok((mean, Shape::from(())))
    }

    #[cfg(not(feature = "emulated-gpu"))]
    fn cpu_fwd(&self, _: &CpuStorage, _: &Layout, _: &CpuStorage, _: &Layout) -> Result<(CpuStorage, Shape)> {
        candle_core::bail!("this runs on a GPU")
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        output: &candle_core::CudaStorage,
        output_layout: &Layout,
        target: &candle_core::CudaStorage,
        target_layout: &Layout,
    ) -> Result<(candle_core::CudaStorage, Shape)> {
        use super::cuda::{empty_storage, span_of};
        let mean = empty_storage(&output.device, 1, DType::F32)?;
        let arguments = [(span_of(output)?, output_layout), (span_of(target)?, target_layout)];
        self.run(arguments, span_of(&mean)?)?;
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
        let (output_numbers, target) = (gpu.span(output)?, gpu.span(target)?);
        gpu.squares_backward(output_numbers, target, gpu.span(&gradient)?, gpu.span(&d)?)?;
        Ok((Some(d.reshape(output.shape())?), None))
    }
}
