//! A part of a network as one operation of Candle's graph, with a backward pass of its own, on the host.
//!
//! An operation of Candle's has at most three arguments, and a part has dozens of weights. So the weights come in pairs
//! before it, each pair an operation that joins a chain of empty nodes whose last one is the part's second argument. Backward,
//! the part comes first and leaves the gradients of its weights in their places; then the pairs hand them to Candle, unless
//! they are to stay in place.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp2, CustomOp3, DType, Device, Layout, Shape, Tensor, Var};

use super::weight::{Weight, lock, read, slice};
use crate::Result;

/// A part of a network on the host: from a batch to a batch.
pub(crate) trait Part: Debug + Send + Sync + 'static {
    /// What a forward pass keeps for the backward pass, and room for the work of both. It is used again and again.
    type Tape: Default + Send + Debug;

    const NAME: &'static str;

    /// All its weights.
    fn weights(&self) -> Vec<&Weight>;

    /// The shape of the output for an input of this shape.
    fn shape(&self, input: &[usize]) -> candle_core::Result<Vec<usize>>;

    /// The output for a batch `x` of `n` samples.
    fn forward(&self, x: &[f32], n: usize, tape: &mut Self::Tape) -> candle_core::Result<Vec<f32>>;

    /// The output when nothing is to be learned from it.
    fn evaluate(&self, x: &[f32], n: usize, tape: &mut Self::Tape) -> candle_core::Result<Vec<f32>> {
        self.forward(x, n, tape)
    }

    /// The gradient of the input, if that is wanted, from that of the output; leaves those of the weights. `y` is the output.
    fn backward(
        &self,
        batch: &Batch<'_>,
        tape: &mut Self::Tape,
        wants_input: bool,
    ) -> candle_core::Result<Option<Vec<f32>>>;
}

/// What a backward pass starts from.
pub(crate) struct Batch<'a> {
    pub(crate) n: usize,
    pub(crate) x: &'a [f32],
    pub(crate) y: &'a [f32],
    /// The gradient of the output.
    pub(crate) dy: &'a [f32],
}

/// A part with the tapes that are free.
#[derive(Debug)]
pub(crate) struct OnHost<P: Part> {
    part: Arc<P>,
    free: Arc<Mutex<Vec<P::Tape>>>,
    /// Where the chain of weights begins: a variable, so that Candle keeps what follows in its graph.
    anchor: Tensor,
}

impl<P: Part> Clone for OnHost<P> {
    fn clone(&self) -> Self {
        Self { part: self.part.clone(), free: self.free.clone(), anchor: self.anchor.clone() }
    }
}

/// Tapes that are kept for later use: one batch is trained on at a time.
const KEPT: usize = 1;

impl<P: Part> OnHost<P> {
    pub(crate) fn new(part: P) -> Result<Self> {
        let anchor = Var::zeros(1, DType::F32, &Device::Cpu)?;
        Ok(Self { part: Arc::new(part), free: Arc::default(), anchor: anchor.into_inner() })
    }

    /// The output for a batch, as a node of Candle's graph.
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if x.dim(0)? == 0 {
            return Err(candle_core::Error::Msg("a batch without samples has no loss".to_owned()).into());
        }
        // Backward passes take what they leave, unless one failed on the way.
        self.part.weights().into_iter().for_each(Weight::forget_gradient);
        let tape = lock(&self.free).pop().unwrap_or_default();
        let pass = Pass { of: self.clone(), tape: Mutex::new(tape) };
        let mut chain = self.anchor.clone();
        for pair in self.part.weights().chunks(2) {
            let (first, second) = (pair[0], pair[pair.len() - 1]);
            let link = Pair { first: first.clone(), second: second.clone() };
            chain = chain.apply_op3(first.tensor(), second.tensor(), link)?;
        }
        Ok(x.contiguous()?.apply_op2(&chain, pass)?)
    }

    /// The output for a batch, which nothing can be learned from.
    pub(crate) fn evaluate(&self, x: &Tensor) -> Result<Tensor> {
        let shape = self.part.shape(x.dims())?;
        let x = x.contiguous()?;
        let mut tape = lock(&self.free).pop().unwrap_or_default();
        let y = self.part.evaluate(&read(&x)?, x.dim(0)?, &mut tape);
        self.give_back(tape);
        Ok(Tensor::from_vec(y?, shape, x.device())?)
    }

    fn give_back(&self, tape: P::Tape) {
        let mut free = lock(&self.free);
        if free.len() < KEPT {
            free.push(tape);
        }
    }
}

/// One forward pass; its tape is free again when nobody can ask for the backward pass any more.
struct Pass<P: Part> {
    of: OnHost<P>,
    tape: Mutex<P::Tape>,
}

impl<P: Part> Drop for Pass<P> {
    fn drop(&mut self) {
        let tape = std::mem::take(&mut *lock(&self.tape));
        self.of.give_back(tape);
    }
}

impl<P: Part> CustomOp2 for Pass<P> {
    fn name(&self) -> &'static str {
        P::NAME
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let shape = self.of.part.shape(layout.dims())?;
        let n = layout.dims().first().copied().unwrap_or_default();
        let y = self.of.part.forward(slice(x, layout)?, n, &mut lock(&self.tape))?;
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
        let dx = self.of.part.backward(&batch, &mut lock(&self.tape), x.track_op())?;
        let dx = dx.map(|dx| Tensor::from_vec(dx, x.shape(), x.device())).transpose()?;
        // The weights hang on the chain, so its gradient must go on.
        Ok((dx, Some(empty(y)?)))
    }
}

/// A gradient that nobody uses.
fn empty(like: &Tensor) -> candle_core::Result<Tensor> {
    Tensor::zeros(1, DType::F32, like.device())
}

/// Hands the gradients of two weights to Candle after the part has left them. A part with an odd number of weights has its
/// last one twice, whose gradient is handed over once.
struct Pair {
    first: Weight,
    second: Weight,
}

impl CustomOp3 for Pair {
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
        Ok((Some(empty(chain)?), self.first.hand_over()?, self.second.hand_over()?))
    }
}
