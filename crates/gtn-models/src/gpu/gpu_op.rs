//! A module of a network (ĥ, the encoder, the decoder) as one operation of Candle's graph, on a GPU.
//!
//! The gradients of its weights stay in buffers of the network, where Adam reads them, and never enter Candle's
//! `GradStore`: a graph node for each weight would cost more time than the computation itself.

use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Shape, Tensor, Var};

use super::backend::{DeviceSlice, Gpu};
use crate::ops::{FusedModule, Layers, MemoryPool, PassMemory, Weight};
use crate::{Mode, Result};

/// What a forward pass reads and writes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch<'a> {
    /// Number of samples.
    pub(super) n: usize,
    pub(super) x: DeviceSlice<'a>,
    /// The output.
    pub(super) y: DeviceSlice<'a>,
}

/// What a backward pass reads and writes besides its batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Gradients<'a> {
    /// The gradient of the output.
    pub(super) dy: DeviceSlice<'a>,
    /// The gradient of the input, if it is wanted.
    pub(super) dx: Option<DeviceSlice<'a>>,
}

/// A module of a network that runs on a GPU.
pub(crate) trait GpuModule: FusedModule {
    /// What a forward pass saves for its backward pass, and scratch memory for both. Later passes reuse it.
    type Saved: Default + Send + std::fmt::Debug;

    /// Samples per batch in evaluation mode on a GPU.
    const GPU_EVALUATION_BATCH_SIZE: usize;

    /// Writes the output for a batch.
    fn forward_on_gpu(&self, gpu: &Gpu, batch: Batch<'_>, saved: &mut Self::Saved) -> candle_core::Result<()>;

    /// Like [`forward_on_gpu`](Self::forward_on_gpu), but in evaluation mode: there is no backward pass.
    fn evaluate_on_gpu(&self, gpu: &Gpu, batch: Batch<'_>, saved: &mut Self::Saved) -> candle_core::Result<()> {
        self.forward_on_gpu(gpu, batch, saved)
    }

    /// Stores the gradients of the weights in their buffers, and writes the gradient of the input if it is wanted.
    fn backward_on_gpu(
        &self,
        gpu: &Gpu,
        batch: Batch<'_>,
        gradients: Gradients<'_>,
        saved: &mut Self::Saved,
    ) -> candle_core::Result<()>;
}

/// A module on a GPU.
#[derive(Debug)]
pub(crate) struct GpuOp<M: GpuModule> {
    module: Arc<M>,
    gpu: Gpu,
    memory: MemoryPool<M::Saved>,
    /// A variable, so that Candle records the operation in its graph.
    anchor: Tensor,
}

impl<M: GpuModule> GpuOp<M> {
    pub(crate) fn new(module: M, gpu: Gpu) -> Result<Self> {
        let anchor = Var::zeros(1, DType::F32, &gpu.device())?;
        Ok(Self { module: Arc::new(module), gpu, memory: MemoryPool::default(), anchor: anchor.into_inner() })
    }

    fn evaluate(&self, x: &Tensor) -> Result<Tensor> {
        let shape = self.module.shape(x.dims())?;
        let (x, n, saved) = (x.contiguous()?, x.dim(0)?, self.memory.take());
        let output = self.gpu.empty(shape.iter().product(), DType::F32)?;
        let (x, y) = (self.gpu.slice_of(&x)?, self.gpu.slice_of(&output)?);
        for start in (0..n).step_by(M::GPU_EVALUATION_BATCH_SIZE) {
            let end = n.min(start + M::GPU_EVALUATION_BATCH_SIZE);
            let [x, y] = [x, y].map(|all| all.slice(all.len() / n * start..all.len() / n * end));
            self.module.evaluate_on_gpu(&self.gpu, Batch { n: end - start, x, y }, &mut saved.lock())?;
        }
        Ok(output.reshape(shape)?)
    }
}

impl<M: GpuModule> Layers for GpuOp<M> {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        if mode == Mode::Evaluate {
            return self.evaluate(x);
        }
        // A backward pass that failed may have left gradients that nobody has taken.
        self.module.weights().into_iter().for_each(Weight::clear_gradient);
        let pass = ForwardPass { module: self.module.clone(), gpu: self.gpu.clone(), saved: self.memory.take() };
        Ok(x.contiguous()?.apply_op2(&self.anchor, pass)?)
    }
}

/// One forward pass.
struct ForwardPass<M: GpuModule> {
    module: Arc<M>,
    gpu: Gpu,
    saved: PassMemory<M::Saved>,
}

impl<M: GpuModule> ForwardPass<M> {
    /// The shape of the output, and the number of samples in the batch.
    fn output_shape(&self, x: &Layout) -> candle_core::Result<(Shape, usize)> {
        match x.dims().first() {
            None | Some(0) => candle_core::bail!("cannot train on an empty batch; pass at least one sample"),
            Some(&n) => Ok((self.module.shape(x.dims())?.into(), n)),
        }
    }

    fn run(&self, x: DeviceSlice<'_>, n: usize, y: DeviceSlice<'_>) -> candle_core::Result<()> {
        self.module.forward_on_gpu(&self.gpu, Batch { n, x, y }, &mut self.saved.lock())
    }
}

impl<M: GpuModule> CustomOp2 for ForwardPass<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    #[cfg(feature = "emulated-gpu")]
    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        use super::emulated::storage_slice;
        let (shape, n) = self.output_shape(layout)?;
        let y = CpuStorage::F32(vec![f32::NAN; shape.elem_count()]);
        self.run(storage_slice(x)?.contiguous(layout)?, n, storage_slice(&y)?)?;
        Ok((y, shape))
    }

    #[cfg(not(feature = "emulated-gpu"))]
    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        candle_core::bail!(
            "this {} was built for a GPU, but its input is on the CPU; move the input to the GPU",
            M::NAME
        )
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &candle_core::CudaStorage,
        layout: &Layout,
        _: &candle_core::CudaStorage,
        _: &Layout,
    ) -> candle_core::Result<(candle_core::CudaStorage, Shape)> {
        use super::cuda::{empty_storage, storage_slice};
        let (shape, n) = self.output_shape(layout)?;
        let y = empty_storage(&x.device, shape.elem_count(), DType::F32)?;
        self.run(storage_slice(x)?.contiguous(layout)?, n, storage_slice(&y)?)?;
        Ok((y, shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        _: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let gpu = &self.gpu;
        let dy = dy.contiguous()?;
        let dx = x.track_op().then(|| gpu.empty(x.elem_count(), DType::F32)).transpose()?;
        let batch = Batch { n: x.dim(0)?, x: gpu.slice_of(x)?, y: gpu.slice_of(y)? };
        let dx_slice = dx.as_ref().map(|dx| gpu.slice_of(dx)).transpose()?;
        let gradients = Gradients { dy: gpu.slice_of(&dy)?, dx: dx_slice };
        self.module.backward_on_gpu(gpu, batch, gradients, &mut self.saved.lock())?;
        Ok((dx.map(|dx| dx.reshape(x.shape())).transpose()?, None))
    }
}
