//! A module as one operation of Candle's graph on the host, with its own backward pass.
//!
//! An operation of Candle has at most three arguments, but a module has dozens of weights. So each pair of weights is an
//! argument of another operation. These operations form a chain of nodes without a meaningful value, and the last one is the
//! second argument of the module. In the backward pass, the module comes first and stores the gradients of its weights in the
//! weights' buffers. Then the pairs pass them to Candle, unless they are to stay in place.

use std::fmt::Debug;
use std::sync::Arc;

use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Device, Layout, Shape, Tensor, Var};

use super::module::{Layers, MemoryPool, PassMemory};
use super::weight::{Weight, read, slice};
use crate::{Mode, Result};

/// A module of a network with a forward and a backward pass on the host.
pub(crate) trait FusedModule: Debug + Send + Sync + 'static {
    /// What the forward pass saves for the backward pass, and scratch memory of both. Tapes are reused.
    type Tape: Default + Send + Debug;

    const NAME: &'static str;

    /// Samples per batch in evaluation mode.
    const EVALUATION_BATCH_SIZE: usize;

    /// All weights of the module.
    fn weights(&self) -> Vec<&Weight>;

    /// The shape of the output for an input of this shape.
    fn shape(&self, input: &[usize]) -> candle_core::Result<Vec<usize>>;

    /// The output for a batch `x` of `n` samples.
    fn forward(&self, x: &[f32], n: usize, tape: &mut Self::Tape) -> candle_core::Result<Vec<f32>>;

    /// The output for a batch `x` of `n` samples in evaluation mode.
    fn evaluate(&self, x: &[f32], n: usize, tape: &mut Self::Tape) -> candle_core::Result<Vec<f32>> {
        self.forward(x, n, tape)
    }

    /// Computes gradients from the gradient of the output: stores those of the weights in their buffers, and returns that of
    /// the input if `needs_input_grad` is set.
    fn backward(
        &self,
        batch: &Batch<'_>,
        tape: &mut Self::Tape,
        needs_input_grad: bool,
    ) -> candle_core::Result<Option<Vec<f32>>>;
}

/// What a backward pass starts from: input, output, and gradient of the output for `n` samples.
pub(crate) struct Batch<'a> {
    pub(crate) n: usize,
    pub(crate) x: &'a [f32],
    pub(crate) y: &'a [f32],
    /// Gradient of the output.
    pub(crate) dy: &'a [f32],
}

/// A module as an operation on the host.
#[derive(Debug)]
pub(crate) struct HostOp<M: FusedModule> {
    module: Arc<M>,
    tapes: MemoryPool<M::Tape>,
    /// Start of the chain of weights. It is a variable, so that Candle tracks what depends on it.
    anchor: Tensor,
}

impl<M: FusedModule> HostOp<M> {
    pub(crate) fn new(module: M) -> Result<Self> {
        let anchor = Var::zeros(1, DType::F32, &Device::Cpu)?;
        Ok(Self { module: Arc::new(module), tapes: MemoryPool::default(), anchor: anchor.into_inner() })
    }

    fn train(&self, x: &Tensor) -> Result<Tensor> {
        if x.dim(0)? == 0 {
            return Err(candle_core::Error::Msg(
                "the batch is empty, so it has no loss; pass at least one sample".to_owned(),
            )
            .into());
        }
        // A backward pass that failed may have left gradients.
        self.module.weights().into_iter().for_each(Weight::clear_gradient);
        let pass = Pass { module: self.module.clone(), tape: self.tapes.take() };
        let mut chain = self.anchor.clone();
        for pair in self.module.weights().chunks(2) {
            let (first, second) = (pair[0], pair[pair.len() - 1]);
            let link = WeightPair { first: first.clone(), second: second.clone() };
            chain = chain.apply_op3(first.tensor(), second.tensor(), link)?;
        }
        Ok(x.contiguous()?.apply_op2(&chain, pass)?)
    }

    fn evaluate(&self, x: &Tensor) -> Result<Tensor> {
        let shape = self.module.shape(x.dims())?;
        let (x, tape) = (x.contiguous()?, self.tapes.take());
        let len = x.elem_count() / x.dim(0)?.max(1);
        let mut y = Vec::with_capacity(shape.iter().product());
        for x in read(&x)?.chunks(M::EVALUATION_BATCH_SIZE.saturating_mul(len).max(1)) {
            y.extend(self.module.evaluate(x, x.len() / len, &mut tape.lock())?);
        }
        Ok(Tensor::from_vec(y, shape, x.device())?)
    }
}

impl<M: FusedModule> Layers for HostOp<M> {
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor> {
        match mode {
            Mode::Train => self.train(x),
            Mode::Evaluate => self.evaluate(x),
        }
    }
}

/// One forward pass.
struct Pass<M: FusedModule> {
    module: Arc<M>,
    tape: PassMemory<M::Tape>,
}

impl<M: FusedModule> CustomOp2 for Pass<M> {
    fn name(&self) -> &'static str {
        M::NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape = self.module.shape(layout.dims())?;
        let n = layout.dims().first().copied().unwrap_or_default();
        let y = self.module.forward(slice(x, layout)?, n, &mut self.tape.lock())?;
        Ok((CpuStorage::F32(y), shape.into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        _: &Tensor,
        y: &Tensor,
        dy: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let dy = dy.contiguous()?;
        let (x_values, y_values, dy_values) = (read(x)?, read(y)?, read(&dy)?);
        let batch = Batch { n: x.dim(0)?, x: &x_values, y: &y_values, dy: &dy_values };
        let dx = self.module.backward(&batch, &mut self.tape.lock(), x.track_op())?;
        let dx = dx.map(|dx| Tensor::from_vec(dx, x.shape(), x.device())).transpose()?;
        // The chain needs a gradient, or Candle would not run the backward pass of the weights.
        Ok((dx, Some(unused_gradient(y)?)))
    }
}

/// A gradient of the chain, whose value is never used.
fn unused_gradient(like: &Tensor) -> candle_core::Result<Tensor> {
    Tensor::zeros(1, DType::F32, like.device())
}

/// Passes the gradients of two weights to Candle after the backward pass of the module. If the number of weights is odd, the
/// last one appears twice, and its gradient is passed once.
struct WeightPair {
    first: Weight,
    second: Weight,
}

impl CustomOp3 for WeightPair {
    fn name(&self) -> &'static str {
        "weights"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        Ok((CpuStorage::F32(vec![0.0]), Shape::from(1)))
    }

    fn bwd(
        &self,
        chain: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
        _: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        Ok((Some(unused_gradient(chain)?), self.first.take_gradient_tensor()?, self.second.take_gradient_tensor()?))
    }
}
