//! What the operations for the host and for a GPU have in common.

use std::fmt::Debug;
use std::sync::{Arc, Mutex, MutexGuard};

use candle_core::Tensor;

use super::weight::lock;
use crate::{Mode, Result};

/// A network or a part of it.
pub(crate) trait Layers: Debug + Send + Sync {
    /// The output for a batch: in training mode a node of Candle's graph, in evaluation mode detached from it.
    fn forward(&self, x: &Tensor, mode: Mode) -> Result<Tensor>;
}

/// The memory of passes of a module. The last memory that is returned is kept for reuse: training uses one batch at a time.
#[derive(Debug, Default)]
pub(crate) struct MemoryPool<T>(Arc<Mutex<Option<T>>>);

impl<T: Default> MemoryPool<T> {
    /// The memory for one pass.
    pub(crate) fn take(&self) -> PassMemory<T> {
        let memory = lock(&self.0).take().unwrap_or_default();
        PassMemory { pool: self.0.clone(), memory: Mutex::new(memory) }
    }
}

/// The memory of one pass. It returns to its pool when it is dropped, after which there can be no backward pass.
pub(crate) struct PassMemory<T: Default> {
    pool: Arc<Mutex<Option<T>>>,
    memory: Mutex<T>,
}

impl<T: Default> PassMemory<T> {
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        lock(&self.memory)
    }
}

impl<T: Default> Drop for PassMemory<T> {
    fn drop(&mut self) {
        let memory = std::mem::take(&mut *self.lock());
        *lock(&self.pool) = Some(memory);
    }
}
