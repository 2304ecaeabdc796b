//! Adam's step on a weight, its moments and its gradient, in one pass and in place.

use std::sync::Mutex;

use candle_core::{CpuStorage, InplaceOp1, Layout};
use rayon::prelude::*;

use super::lanes::{FEW, wide};
use super::weight::lock;

/// A step's numbers, rounded once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    /// 1 − β₁ and 1 − β₂, in f64 before they are rounded.
    pub(crate) rest1: f32,
    pub(crate) rest2: f32,
    /// Step size over the correction of the first moment.
    pub(crate) size: f32,
    /// 1 over the root of the correction of the second.
    pub(crate) root: f32,
    pub(crate) eps: f32,
    pub(crate) l2: f32,
}

/// A step on one weight.
pub(crate) struct Descent<'a> {
    pub(crate) rates: Rates,
    pub(crate) gradient: &'a [f32],
    /// First and second moment.
    pub(crate) moments: Mutex<(&'a mut [f32], &'a mut [f32])>,
}

#[inline(always)]
fn step(rates: Rates, weights: &mut [f32], gradient: &[f32], first: &mut [f32], second: &mut [f32]) {
    wide(|| {
        for (((weight, gradient), first), second) in weights.iter_mut().zip(gradient).zip(first).zip(second) {
            let gradient = gradient + rates.l2 * *weight;
            *first = rates.beta1 * *first + rates.rest1 * gradient;
            *second = rates.beta2 * *second + rates.rest2 * (gradient * gradient);
            *weight -= rates.size * (*first / (second.sqrt() * rates.root + rates.eps));
        }
    });
}

impl InplaceOp1 for Descent<'_> {
    fn name(&self) -> &'static str {
        "Adam"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            candle_core::bail!("Adam needs contiguous weights in f32");
        };
        let weights = &mut values[start..end];
        let mut moments = lock(&self.moments);
        let (first, second) = &mut *moments;
        if [self.gradient.len(), first.len(), second.len()] != [weights.len(); 3] {
            candle_core::bail!("a gradient of {} numbers for {}", self.gradient.len(), weights.len());
        }
        if weights.len() < FEW {
            step(self.rates, weights, self.gradient, first, second);
        } else {
            let moments = first.par_chunks_mut(FEW).zip(second.par_chunks_mut(FEW));
            let pairs = weights.par_chunks_mut(FEW).zip(self.gradient.par_chunks(FEW));
            pairs.zip(moments).for_each(|((weights, gradient), (first, second))| {
                step(self.rates, weights, gradient, first, second);
            });
        }
        Ok(())
    }
}
