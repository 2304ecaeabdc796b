//! Weights as the fused operations see them: slices of values, each with a buffer for its gradient.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use candle_core::{CpuStorage, Layout, Storage, StorageRef, Tensor};

use super::gemm::Write;

/// Read access to the values of a tensor on the host.
pub(crate) struct ReadGuard<'a> {
    storage: StorageRef<'a>,
    start: usize,
    end: usize,
}

impl Deref for ReadGuard<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match &*self.storage {
            Storage::Cpu(CpuStorage::F32(values)) => &values[self.start..self.end],
            _ => unreachable!("`read` checks this"),
        }
    }
}

/// Borrows the values of a contiguous f32 tensor on the host.
pub(crate) fn read(tensor: &Tensor) -> candle_core::Result<ReadGuard<'_>> {
    let (storage, layout) = tensor.storage_and_layout();
    let Storage::Cpu(cpu) = &*storage else {
        candle_core::bail!("the tensor is not on the CPU");
    };
    slice(cpu, layout)?;
    let (start, end) = layout.contiguous_offsets().unwrap_or_default();
    Ok(ReadGuard { storage, start, end })
}

/// Borrows the values of an operation's argument, which must be contiguous and f32.
pub(crate) fn slice<'a>(storage: &'a CpuStorage, layout: &Layout) -> candle_core::Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => candle_core::bail!("the operation needs a contiguous tensor"),
    }
}

/// A gradient that accumulates over backward passes until it is taken.
#[derive(Debug, Default)]
pub(crate) struct Gradient {
    values: Vec<f32>,
    /// The values on a GPU, if the weight is on one.
    #[cfg(gpu)]
    on_gpu: Option<Tensor>,
    /// Whether a backward pass has stored a gradient since the last one was taken.
    filled: bool,
}

impl Gradient {
    /// The buffer for a gradient of `len` values, and whether to overwrite it or to add to it. The caller must write all
    /// values.
    pub(crate) fn buffer(&mut self, len: usize) -> (&mut [f32], Write) {
        self.values.resize(len, 0.0);
        let write = if self.filled { Write::Add } else { Write::Set };
        self.filled = true;
        (&mut self.values, write)
    }

    /// Adds a gradient that was computed outside the buffer.
    pub(crate) fn accumulate(&mut self, gradient: impl ExactSizeIterator<Item = f32>) {
        let (values, write) = self.buffer(gradient.len());
        match write {
            Write::Set => values.iter_mut().zip(gradient).for_each(|(value, new)| *value = new),
            Write::Add => values.iter_mut().zip(gradient).for_each(|(value, new)| *value += new),
        }
    }

    /// The buffer on a GPU for a gradient of `len` values, and whether to add to its values.
    #[cfg(gpu)]
    pub(crate) fn buffer_on_gpu(&mut self, gpu: &crate::gpu::Gpu, len: usize) -> candle_core::Result<(Tensor, bool)> {
        let values = gpu.reserve_tensor(&mut self.on_gpu, len)?;
        Ok((values, std::mem::replace(&mut self.filled, true)))
    }

    /// Takes the gradient that backward passes have stored on a GPU.
    #[cfg(gpu)]
    pub(crate) fn take_from_gpu(&mut self) -> Option<Tensor> {
        self.on_gpu.clone().filter(|_| std::mem::take(&mut self.filled))
    }

    /// Takes the gradient that backward passes have stored.
    pub(crate) fn take(&mut self) -> Option<&[f32]> {
        std::mem::take(&mut self.filled).then_some(self.values.as_slice())
    }
}

/// A trainable parameter with the buffer for its gradient. A clone shares both.
#[derive(Debug, Clone)]
pub(crate) struct Weight {
    tensor: Tensor,
    gradient: Arc<Mutex<Gradient>>,
    /// Whether gradients stay in their buffers, from which an optimizer takes them, and are not passed to Candle.
    in_place: Arc<AtomicBool>,
}

impl Weight {
    pub(crate) fn new(tensor: Tensor, in_place: Arc<AtomicBool>) -> Self {
        Self { tensor, gradient: Arc::default(), in_place }
    }

    pub(crate) fn tensor(&self) -> &Tensor {
        &self.tensor
    }

    /// Borrows its values.
    pub(crate) fn read(&self) -> candle_core::Result<ReadGuard<'_>> {
        read(&self.tensor)
    }

    /// The buffer for its gradient.
    pub(crate) fn gradient(&self) -> MutexGuard<'_, Gradient> {
        lock(&self.gradient)
    }

    /// Discards the gradient that backward passes have stored.
    pub(crate) fn clear_gradient(&self) {
        self.gradient().filled = false;
    }

    /// Takes the gradient as a tensor, unless gradients stay in their buffers.
    pub(crate) fn take_gradient_tensor(&self) -> candle_core::Result<Option<Tensor>> {
        if self.in_place.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut gradient = self.gradient();
        let taken = gradient.take().map(|values| Tensor::from_slice(values, self.tensor.shape(), self.tensor.device()));
        taken.transpose()
    }
}

/// Locks a mutex even if it is poisoned: values that a panicking thread left are overwritten, or the run ends anyway.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
