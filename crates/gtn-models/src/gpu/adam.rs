//! Adam's step on all weights of a network by one kernel.
#![allow(
    unsafe_code,
    reason = "the kernel takes a table of addresses, which is made here from tensors that are at hand"
)]

use candle_core::{Result, Tensor};

use super::kernels::{CHUNK, ROW};
use super::machine::Gpu;
use crate::ops::Rates;

/// A weight, its gradient, and both its moments.
pub(crate) type Step<'a> = [&'a Tensor; 4];

/// Which weights were stepped on last, so that the next step need not tell it to the GPU again.
#[derive(Debug, Default)]
pub(crate) struct Table {
    rows: Vec<i64>,
    on_gpu: Option<Tensor>,
}

impl Table {
    /// Takes a step on all of these.
    pub(crate) fn descend(&mut self, gpu: &Gpu, rates: &Rates, steps: &[Step<'_>]) -> Result<()> {
        let mut rows = Vec::with_capacity(self.rows.len());
        for tensors in steps {
            let spans = tensors.map(|tensor| gpu.span(tensor));
            let [weight, gradient, first, second] = spans;
            let spans = [weight?, gradient?, first?, second?];
            let len = spans[0].len();
            if spans.iter().any(|span| span.len() != len) {
                candle_core::bail!("a gradient of {} numbers for {len}", spans[1].len());
            }
            for start in (0..len).step_by(CHUNK) {
                let end = len.min(start + CHUNK);
                rows.extend(spans.map(|span| span.part(start..end).address.cast_signed()));
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
        debug_assert_eq!(rows.len() % ROW, 0);
        // SAFETY: the rows are parts of the tensors at hand, each of as many numbers as said.
        unsafe { gpu.adam(gpu.span(&table)?, rates)? };
        *self = Self { rows, on_gpu: Some(table) };
        Ok(())
    }
}
