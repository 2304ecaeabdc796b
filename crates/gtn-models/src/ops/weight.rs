//! Weights as the operations of this module see them: slices to read, and a place for the gradient.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, Layout, Storage, StorageRef, Tensor};

use super::gemm::Write;

/// The numbers of a tensor on the host, for as long as they are read.
pub(crate) struct Reading<'a> {
    storage: StorageRef<'a>,
    start: usize,
    end: usize,
}

impl Deref for Reading<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.start..self.end],
            _ => unreachable!("`read` has looked"),
        }
    }
}

/// The numbers of a contiguous f32 tensor on the host.
pub(crate) fn read(tensor: &Tensor) -> candle_core::Result<Reading<'_>> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(cpu) = &*storage else {
        candle_core::bail!("the tensor is not on the CPU");
    };
    slice(cpu, layout)?;
    let (start, end) = layout.contiguous_offsets().unwrap_or_default();
    Ok(Reading { storage, start, end })
}

/// The same of an operation's argument.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> candle_core::Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => candle_core::bail!("the operation needs a contiguous tensor"),
    }
}

/// A gradient that backward passes add to until it is taken.
#[derive(Debug, Default)]
pub(crate) struct Gradient {
    values: Vec<f32>,
    /// The same on a GPU, if the weight lives on one.
    #[cfg(gpu)]
    on_gpu: Option<Tensor>,
    /// Whether a backward pass has left something since it was last taken.
    filled: bool,
}

impl Gradient {
    /// The place for a gradient of `len` numbers, and whether what it holds is to be replaced or added to. The caller writes
    /// all of it.
    pub(crate) fn fill(&mut self, len: usize) -> (&mut [f32], Write) {
        self.values.resize(len, 0.0);
        let write = if self.filled { Write::Add } else { Write::Set };
        self.filled = true;
        (&mut self.values, write)
    }

    /// Adds a gradient that was computed elsewhere.
    pub(crate) fn put(&mut self, gradient: impl ExactSizeIterator<Item = f32>) {
        let (values, write) = self.fill(gradient.len());
        match write {
            Write::Set => values.iter_mut().zip(gradient).for_each(|(value, new)| *value = new),
            Write::Add => values.iter_mut().zip(gradient).for_each(|(value, new)| *value += new),
        }
    }

    /// The place on a GPU for a gradient of `len` numbers, and whether what it holds is to be added to.
    #[cfg(gpu)]
    pub(crate) fn fill_on(&mut self, gpu: &crate::gpu::Gpu, len: usize) -> candle_core::Result<(Tensor, bool)> {
        let numbers = gpu.room(&mut self.on_gpu, len)?;
        Ok((numbers, std::mem::replace(&mut self.filled, true)))
    }

    /// What backward passes have left on a GPU, to be used once.
    #[cfg(gpu)]
    pub(crate) fn take_from_gpu(&mut self) -> Option<Tensor> {
        self.on_gpu.clone().filter(|_| std::mem::take(&mut self.filled))
    }

    /// What backward passes have left, to be used once.
    pub(crate) fn take(&mut self) -> Option<&[f32]> {
        std::mem::take(&mut self.filled).then_some(self.values.as_slice())
    }
}

/// A trained weight with the place for its gradient. A clone shares both.
#[derive(Debug, Clone)]
pub(crate) struct Weight {
    tensor: Tensor,
    gradient: Arc<Mutex<Gradient>>,
    /// Whether gradients stay in their places, for an optimizer that takes them from there, and are not handed to Candle.
    in_place: Arc<AtomicBool>,
}

impl Weight {
    pub(crate) fn new(tensor: Tensor, in_place: Arc<AtomicBool>) -> Self {
        Self { tensor, gradient: Arc::default(), in_place }
    }

    pub(crate) fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// Its numbers.
    pub(crate) fn read(&self) -> candle_core::Result<Reading<'_>> {
        read(&self.tensor)
    }

    /// The place for its gradient.
    pub(crate) fn gradient(&self) -> MutexGuard<'_, Gradient> {
        lock(&self.gradient)
    }

    /// Forgets what backward passes have left.
    pub(crate) fn forget_gradient(&self) {
        self.gradient().filled = false;
    }

    /// The gradient as a tensor, once, unless it stays in its place.
    pub(crate) fn hand_over(&self) -> candle_core::Result<Option<Tensor>> {
        if self.in_place.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut gradient = self.gradient();
        let taken = gradient.take().map(|values| Tensor::from_slice(values, self.tensor.shape(), self.tensor.device()));
        taken.transpose()
    }
}

/// The lock; a thread that died with it has left numbers that are overwritten or a run that ends anyway.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
