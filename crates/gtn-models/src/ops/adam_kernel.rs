//! Adam's update of a parameter and its moments, in place and in one pass.

use std::sync::Mutex;

use candle_core::{CpuStorage, InplaceOp1, Layout};
use rayon::prelude::*;

use super::simd::{MIN_PARALLEL_LEN, vectorized};
use super::weight::lock;

/// Coefficients of a step, computed in f64 and rounded once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdamCoefficients {
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    pub(crate) one_minus_beta1: f32,
    pub(crate) one_minus_beta2: f32,
    /// Learning rate over the bias correction of the first moment.
    pub(crate) step_size: f32,
    pub(crate) inverse_bias_correction2_sqrt: f32,
    pub(crate) eps: f32,
    /// The L2 penalty.
    pub(crate) weight_decay: f32,
    /// What decoupled weight decay multiplies weights by; otherwise 1.
    pub(crate) shrinkage: f32,
}

/// The update of one parameter.
pub(crate) struct AdamKernel<'a> {
    pub(crate) coefficients: AdamCoefficients,
    pub(crate) gradient: &'a [f32],
    /// First and second moment.
    pub(crate) moments: Mutex<(&'a mut [f32], &'a mut [f32])>,
}

#[inline(always)]
fn update(
    coefficients: AdamCoefficients,
    weights: &mut [f32],
    gradient: &[f32],
    first: &mut [f32],
    second: &mut [f32],
) {
    vectorized(|| {
        for (((weight, gradient), first), second) in weights.iter_mut().zip(gradient).zip(first).zip(second) {
            let gradient = gradient + coefficients.weight_decay * *weight;
            *weight *= coefficients.shrinkage;
            *first = coefficients.beta1 * *first + coefficients.one_minus_beta1 * gradient;
            *second = coefficients.beta2 * *second + coefficients.one_minus_beta2 * (gradient * gradient);
            *weight -= coefficients.step_size
                * (*first / (second.sqrt() * coefficients.inverse_bias_correction2_sqrt + coefficients.eps));
        }
    });
}

impl InplaceOp1 for AdamKernel<'_> {
    fn name(&self) -> &'static str {
        "Adam"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> candle_core::Result<()> {
        let (CpuStorage::F32(values), Some((start, end))) = (storage, layout.contiguous_offsets()) else {
            candle_core::bail!("Adam needs contiguous f32 parameters");
        };
        let weights = &mut values[start..end];
        let mut moments = lock(&self.moments);
        let (first, second) = &mut *moments;
        if [self.gradient.len(), first.len(), second.len()] != [weights.len(); 3] {
            candle_core::bail!(
                "a gradient has {} values, but its parameter has {}",
                self.gradient.len(),
                weights.len()
            );
        }
        // Fewer values than that are a single chunk.
        let moments = first.par_chunks_mut(MIN_PARALLEL_LEN).zip(second.par_chunks_mut(MIN_PARALLEL_LEN));
        let pairs = weights.par_chunks_mut(MIN_PARALLEL_LEN).zip(self.gradient.par_chunks(MIN_PARALLEL_LEN));
        pairs.zip(moments).for_each(|((weights, gradient), (first, second))| {
            update(self.coefficients, weights, gradient, first, second);
        });
        Ok(())
    }
}
