//! One step of Adam on all weights of a network, as a single kernel.
#![allow(unsafe_code, reason = "the kernel takes a table of raw addresses, all of which come from borrowed tensors")]

use candle_core::{Result, Tensor};

use super::backend::Gpu;
use super::kernels::{ADAM_CHUNK, ADAM_TABLE_COLUMNS};
use crate::ops::AdamCoefficients;

/// A weight, its gradient, its first moments and its second moments.
pub(crate) type AdamTensors<'a> = [&'a Tensor; 4];

/// The kernel's table of addresses. It is copied to the GPU only when it changes.
#[derive(Debug, Default)]
pub(crate) struct AdamTable {
    rows: Vec<i64>,
    on_gpu: Option<Tensor>,
}

impl AdamTable {
    /// Updates all these weights and their moments.
    pub(crate) fn step(
        &mut self,
        gpu: &Gpu,
        coefficients: &AdamCoefficients,
        weights: &[AdamTensors<'_>],
    ) -> Result<()> {
        let mut rows = Vec::with_capacity(self.rows.len());
        for tensors in weights {
            let [weight, gradient, first, second] = tensors.map(|tensor| gpu.slice_of(tensor));
            let slices = [weight?, gradient?, first?, second?];
            let len = slices[0].len();
            if slices.iter().any(|slice| slice.len() != len) {
                let lengths = slices.map(|slice| slice.len());
                candle_core::bail!("Adam: weight, gradient and moments have {lengths:?} values; they must be as many");
            }
            for start in (0..len).step_by(ADAM_CHUNK) {
                let end = len.min(start + ADAM_CHUNK);
                rows.extend(slices.map(|slice| slice.slice(start..end).address.cast_signed()));
                rows.push((end - start) as i64);
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        let table = match &self.on_gpu {
            Some(table) if self.rows == rows => table.clone(),
            _ => Tensor::from_slice(&rows, rows.len(), &gpu.device())?,
        };
        debug_assert_eq!(rows.len() % ADAM_TABLE_COLUMNS, 0);
        // SAFETY: each row refers to a chunk of borrowed tensors, and states its length.
        unsafe { gpu.adam(gpu.slice_of(&table)?, coefficients)? };
        *self = Self { rows, on_gpu: Some(table) };
        Ok(())
    }
}
