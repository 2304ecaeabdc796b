//! Mean squared error in one pass, forward and backward.

use candle_core::{CpuStorage, CustomOp2, Layout, Shape, Tensor};
use rayon::prelude::*;

use super::lanes::{FEW, wide};
use super::weight::{read, slice};

/// The mean of the squared differences of two tensors of one shape. The second has no gradient.
pub(crate) struct MeanSquaredError;

/// Sums of so many numbers are formed together, whatever the number of threads.
const TOGETHER: usize = 4096;
const LANES: usize = 16;

fn squares(output: &[f32], target: &[f32]) -> f64 {
    let mut sums = [0.0_f32; LANES];
    wide(|| {
        let (outputs, last_output) = output.as_chunks::<LANES>();
        let (targets, last_target) = target.as_chunks::<LANES>();
        for (output, target) in outputs.iter().zip(targets) {
            for lane in 0..LANES {
                let difference = output[lane] - target[lane];
                sums[lane] += difference * difference;
            }
        }
        for ((sum, output), target) in sums.iter_mut().zip(last_output).zip(last_target) {
            *sum += (output - target) * (output - target);
        }
    });
    sums.iter().map(|sum| f64::from(*sum)).sum()
}

impl CustomOp2 for MeanSquaredError {
    fn name(&self) -> &'static str {
        "mean squared error"
    }

    fn cpu_fwd(
        &self,
        output: &CpuStorage,
        output_layout: &Layout,
        target: &CpuStorage,
        target_layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        if output_layout.dims() != target_layout.dims() {
            candle_core::bail!("an output of {:?} for {:?}", output_layout.dims(), target_layout.dims());
        }
        let (output, target) = (slice(output, output_layout)?, slice(target, target_layout)?);
        let parts: Vec<f64> = if output.len() < FEW {
            output
                .chunks(TOGETHER)
                .zip(target.chunks(TOGETHER))
                .map(|(output, target)| squares(output, target))
                .collect()
        } else {
            let pairs = output.par_chunks(TOGETHER).zip(target.par_chunks(TOGETHER));
            pairs.map(|(output, target)| squares(output, target)).collect()
        };
        let mean = parts.iter().sum::<f64>() / output.len() as f64;
        Ok((CpuStorage::F32(vec![mean as f32]), Shape::from(())))
    }

    fn bwd(
        &self,
        output: &Tensor,
        target: &Tensor,
        _: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let factor = 2.0 * gradient.to_scalar::<f32>()? / output.elem_count() as f32;
        let (outputs, targets) = (read(output)?, read(target)?);
        let mut found = vec![0.0_f32; outputs.len()];
        let work = |((found, output), target): ((&mut [f32], &[f32]), &[f32])| {
            wide(|| {
                let pairs = output.iter().zip(target);
                found.iter_mut().zip(pairs).for_each(|(found, (output, target))| *found = factor * (output - target));
            });
        };
        if found.len() < FEW {
            work(((&mut found, &outputs), &targets));
        } else {
            let parts = found.par_chunks_mut(FEW).zip(outputs.par_chunks(FEW)).zip(targets.par_chunks(FEW));
            parts.for_each(work);
        }
        drop((outputs, targets));
        Ok((Some(Tensor::from_vec(found, output.shape(), output.device())?), None))
    }
}
