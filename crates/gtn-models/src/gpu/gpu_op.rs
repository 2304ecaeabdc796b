//! A module of a network (ĥ, the encoder, the decoder) as one operation of Candle's graph, on a GPU.
//!
//! The gradients of its weights stay in buffers of the network, where Adam reads them, and never enter Candle's
//! `GradStore`: a graph node for each weight would cost more time than the computation itself.

use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Shape, Tensor, Var};

use super::backend::{DeviceSlice, Gpu};
use crate::Result;
use crate::ops::{FusedModule, Weight, lock};

/// The inputs of a backward pass.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch<'a> {
    pub(super) n: usize,
    pub(super) x: DeviceSlice<'a>,
    pub(super) y: DeviceSlice<'a>,
    /// The gradient of the output.
    pub(super) dy: DeviceSlice<'a>,
}

/// A module of a network that runs on a GPU.
pub(crate) trait GpuModule: FusedModule {
    /// What a forward pass saves for its backward pass, and scratch memory for both. Later passes reuse it.
    type Saved: Default + Send + std::fmt::Debug;

    /// Samples per batch in evaluation mode.
    const EVALUATION_BATCH_SIZE: usize;

    /// Writes the output for a batch `x` of `n` samples to `y`.
    fn forward_on_gpu(
        &self,
        gpu: &Gpu,
        x: DeviceSlice<'_>,
        n: usize,
        y: DeviceSlice<'_>,
        saved: &mut Self::Saved,
    ) -> candle_core::Result<()>;

    /// Like [`forward_on_gpu`](Self::forward_on_gpu), but in evaluation mode: there is no backward pass.
    fn evaluate_on_gpu(
        &self,
        gpu: &Gpu,
        x: DeviceSlice<'_>,
        n: usize,
        y: DeviceSlice<'_>,
        saved: &mut Self::Saved,
    ) -> candle_core::Result<()> {
        self.forward_on_gpu(gpu, x, n, y, saved)
    }

    /// Stores the gradients of the weights in their buffers, and writes the gradient of the input to `dx` if there is
    /// one.
    fn backward_on_gpu(
        &self,
        gpu: &Gpu,
        batch: Batch<'_>,
        saved: &mut Self::Saved,
        dx: Option<DeviceSlice<'_>>,
    ) -> candle_core::Result<()>;
}

/// A module on a GPU, with the saved memory that no pass is using.
#[derive(Debug)]
pub(crate) struct GpuOp<M: GpuModule> {
    module: Arc<M>,
    gpu: Gpu,
    unused: Arc<Mutex<Option<M::Saved>>>,
    /// A variable, so that Candle records the operation in its graph.
    anchor: Tensor,
}

impl<M: GpuModule> Clone for GpuOp<M> {
    fn clone(&self) -> Self {
        let Self { module, gpu, unused, anchor } = self;
        Self { module: module.clone(), gpu: gpu.clone(), unused: unused.clone(), anchor: anchor.clone() }
    }
}

impl<M: GpuModule> GpuOp<M> {
    pub(crate) fn new(module: M, gpu: Gpu) -> Result<Self> {
        let anchor = Var::zeros(1, DType::F32, &gpu.device())?;
        Ok(Self { module: Arc::new(module), gpu, unused: Arc::default(), anchor: anchor.into_inner() })
    }

    /// The output for a batch, as a node of Candle's graph.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // A backward pass that failed may have left gradients that nobody has taken.
        self.module.weights().into_iter().for_each(Weight::clear_gradient);
        let saved = Mutex::new(self.take_saved());
        Ok(x.contiguous()?.apply_op2(&self.anchor, ForwardPass { op: self.clone(), saved })?)
    }

    /// The output for a batch, detached from Candle's graph.
    pub(crate) fn evaluate(&self, x: &Tensor) -> Result<Tensor> {
        let shape = self.module.shape(x.dims())?;
        let (x, n) = (x.contiguous()?, x.dim(0)?);
        let y = self.gpu.empty(shape.iter().product(), DType::F32)?;
        let mut saved = self.take_saved();
        let result = self.evaluate_in_batches(&x, n, &y, &mut saved);
        self.return_saved(saved);
        result?;
        Ok(y.reshape(shape)?)
    }

    fn evaluate_in_batches(&self, x: &Tensor, n: usize, y: &Tensor, saved: &mut M::Saved) -> candle_core::Result<()> {
        let (x, y) = (self.gpu.slice_of(x)?, self.gpu.slice_of(y)?);
        for start in (0..n).step_by(M::EVALUATION_BATCH_SIZE) {
            let end = n.min(start + M::EVALUATION_BATCH_SIZE);
            let range = |all: DeviceSlice<'_>| all.len() / n * start..all.len() / n * end;
            self.module.evaluate_on_gpu(&self.gpu, x.slice(range(x)), end - start, y.slice(range(y)), saved)?;
        }
        Ok(())
    }

    fn take_saved(&self) -> M::Saved {
        lock(&self.unused).take().unwrap_or_default()
    }

    fn return_saved(&self, saved: M::Saved) {
        *lock(&self.unused) = Some(saved);
    }
}

/// One forward pass. It returns its saved memory when Candle drops the graph node, after which there can be no backward
/// pass.
struct ForwardPass<M: GpuModule> {
    op: GpuOp<M>,
    saved: Mutex<M::Saved>,
}

impl<M: GpuModule> Drop for ForwardPass<M> {
    fn drop(&mut self) {
        let saved = std::mem::take(&mut *lock(&self.saved));
        self.op.return_saved(saved);
    }
}

impl<M: GpuModule> ForwardPass<M> {
    /// The shape of the output, and the number of samples in the batch.
    fn output_shape(&self, x: &Layout) -> candle_core::Result<(Shape, usize)> {
        match x.dims().first() {
            None | Some(0) => candle_core::bail!("cannot train on an empty batch; pass at least one sample"),
            Some(&n) => Ok((self.op.module.shape(x.dims())?.into(), n)),
        }
    }

    fn run(&self, x: DeviceSlice<'_>, n: usize, y: DeviceSlice<'_>) -> candle_core::Result<()> {
        self.op.module.forward_on_gpu(&self.op.gpu, x, n, y, &mut lock(&self.saved))
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
        let gpu = &self.op.gpu;
        let dy = dy.contiguous()?;
        let dx = x.track_op().then(|| gpu.empty(x.elem_count(), DType::F32)).transpose()?;
        let batch = Batch { n: x.dim(0)?, x: gpu.slice_of(x)?, y: gpu.slice_of(y)?, dy: gpu.slice_of(&dy)? };
        let dx_slice = dx.as_ref().map(|dx| gpu.slice_of(dx)).transpose()?;
        self.op.module.backward_on_gpu(gpu, batch, &mut lock(&self.saved), dx_slice)?;
        Ok((dx.map(|dx| dx.reshape(x.shape())).transpose()?, None))
    }
}
