//! A part of a network as one operation of Candle's graph, on a GPU.
//!
//! The gradients of its weights stay in places of their own, where Adam takes them, and never become Candle's: a node for each
//! weight would cost more than the work.

use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp2, DType, Layout, Shape, Tensor, Var};

use super::machine::{Gpu, Span};
use crate::Result;
use crate::ops::{Part, Weight, lock};

/// What a backward pass starts from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch<'a> {
    pub(super) n: usize,
    pub(super) x: Span<'a>,
    pub(super) y: Span<'a>,
    /// The gradient of the output.
    pub(super) dy: Span<'a>,
}

/// A part of a network on a GPU.
pub(crate) trait GpuPart: Part {
    /// What a forward pass keeps for the backward pass, and room for the work of both. It is used again and again.
    type Kept: Default + Send + std::fmt::Debug;

    /// Samples that are worked on at once when nothing is to be learned.
    const EVALUATED: usize;

    /// Writes the output for a batch `x` of `n` samples to `y`.
    fn forward_on(
        &self,
        gpu: &Gpu,
        x: Span<'_>,
        n: usize,
        y: Span<'_>,
        kept: &mut Self::Kept,
    ) -> candle_core::Result<()>;

    /// The same when nothing is to be learned from it.
    fn evaluate_on(
        &self,
        gpu: &Gpu,
        x: Span<'_>,
        n: usize,
        y: Span<'_>,
        kept: &mut Self::Kept,
    ) -> candle_core::Result<()> {
        self.forward_on(gpu, x, n, y, kept)
    }

    /// Leaves the gradients of the weights, and writes that of the input if it is wanted.
    fn backward_on(
        &self,
        gpu: &Gpu,
        batch: Batch<'_>,
        kept: &mut Self::Kept,
        dx: Option<Span<'_>>,
    ) -> candle_core::Result<()>;
}

/// A part on a GPU, with what is free of that which a pass keeps.
#[derive(Debug)]
pub(crate) struct OnGpu<P: GpuPart> {
    part: Arc<P>,
    gpu: Gpu,
    free: Arc<Mutex<Option<P::Kept>>>,
    /// A variable, so that Candle keeps what follows in its graph.
    anchor: Tensor,
}

impl<P: GpuPart> Clone for OnGpu<P> {
    fn clone(&self) -> Self {
        let Self { part, gpu, free, anchor } = self;
        Self { part: part.clone(), gpu: gpu.clone(), free: free.clone(), anchor: anchor.clone() }
    }
}

impl<P: GpuPart> OnGpu<P> {
    pub(crate) fn new(part: P, gpu: Gpu) -> Result<Self> {
        let anchor = Var::zeros(1, DType::F32, &gpu.device())?;
        Ok(Self { part: Arc::new(part), gpu, free: Arc::default(), anchor: anchor.into_inner() })
    }

    /// The output for a batch, as a node of Candle's graph.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // Backward passes take what they leave, unless one failed on the way.
        self.part.weights().into_iter().for_each(Weight::forget_gradient);
        let kept = Mutex::new(self.take());
        Ok(x.contiguous()?.apply_op2(&self.anchor, Pass { of: self.clone(), kept })?)
    }

    /// The output for a batch, which nothing can be learned from.
    pub(crate) fn evaluate(&self, x: &Tensor) -> Result<Tensor> {
        let shape = self.part.shape(x.dims())?;
        let (x, n) = (x.contiguous()?, x.dim(0)?);
        let y = self.gpu.empty(shape.iter().product(), DType::F32)?;
        let mut kept = self.take();
        let done = self.evaluate_in_parts(&x, n, &y, &mut kept);
        self.give_back(kept);
        done?;
        Ok(y.reshape(shape)?)
    }

    fn evaluate_in_parts(&self, x: &Tensor, n: usize, y: &Tensor, kept: &mut P::Kept) -> candle_core::Result<()> {
        let (x, y) = (self.gpu.span(x)?, self.gpu.span(y)?);
        for first in (0..n).step_by(P::EVALUATED) {
            let end = n.min(first + P::EVALUATED);
            let of = |span: Span<'_>| span.len() / n * first..span.len() / n * end;
            self.part.evaluate_on(&self.gpu, x.part(of(x)), end - first, y.part(of(y)), kept)?;
        }
        Ok(())
    }

    fn take(&self) -> P::Kept {
        lock(&self.free).take().unwrap_or_default()
    }

    fn give_back(&self, kept: P::Kept) {
        *lock(&self.free) = Some(kept);
    }
}

/// One forward pass; what it keeps is free again when nobody can ask for the backward pass any more.
struct Pass<P: GpuPart> {
    of: OnGpu<P>,
    kept: Mutex<P::Kept>,
}

impl<P: GpuPart> Drop for Pass<P> {
    fn drop(&mut self) {
        let kept = std::mem::take(&mut *lock(&self.kept));
        self.of.give_back(kept);
    }
}

impl<P: GpuPart> Pass<P> {
    /// The shape of the output, and how many samples are in the batch.
    fn sizes(&self, x: &Layout) -> candle_core::Result<(Shape, usize)> {
        match x.dims().first() {
            None | Some(0) => candle_core::bail!("a batch without samples has no loss"),
            Some(&n) => Ok((self.of.part.shape(x.dims())?.into(), n)),
        }
    }

    fn run(&self, x: Span<'_>, n: usize, y: Span<'_>) -> candle_core::Result<()> {
        self.of.part.forward_on(&self.of.gpu, x, n, y, &mut lock(&self.kept))
    }
}

impl<P: GpuPart> CustomOp2 for Pass<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    #[cfg(feature = "emulated-gpu")]
    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        use super::emulated::span_of;
        let (shape, n) = self.sizes(layout)?;
        let y = CpuStorage::F32(vec![f32::NAN; shape.elem_count()]);
        self.run(span_of(x)?.within(layout)?, n, span_of(&y)?)?;
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
        candle_core::bail!("{} runs on a GPU", P::NAME)
    }

    #[cfg(feature = "cuda")]
    fn cuda_fwd(
        &self,
        x: &candle_core::CudaStorage,
        layout: &Layout,
        _: &candle_core::CudaStorage,
        _: &Layout,
    ) -> candle_core::Result<(candle_core::CudaStorage, Shape)> {
        use super::cuda::{empty_storage, span_of};
        let (shape, n) = self.sizes(layout)?;
        let y = empty_storage(&x.device, shape.elem_count(), DType::F32)?;
        self.run(span_of(x)?.within(layout)?, n, span_of(&y)?)?;
        Ok((y, shape))
    }

    fn bwd(
        &self,
        x: &Tensor,
        _: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let gpu = &self.of.gpu;
        let dy = dy.contiguous()?;
        let dx = x.track_op().then(|| gpu.empty(x.elem_count(), DType::F32)).transpose()?;
        let batch = Batch { n: x.dim(0)?, x: gpu.span(x)?, y: gpu.span(y)?, dy: gpu.span(&dy)? };
        let into = dx.as_ref().map(|dx| gpu.span(dx)).transpose()?;
        self.of.part.backward_on(gpu, batch, &mut lock(&self.kept), into)?;
        Ok((dx.map(|dx| dx.reshape(x.shape())).transpose()?, None))
    }
}
